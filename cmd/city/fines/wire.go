package fines

import (
	"encoding/base64"
	"strconv"
	"strings"

	"racord/cmd/city/book"
)

type query struct {
	CNP    string `json:"cnp"` // a company's CUI goes here too
	Cursor string `json:"cursor"`
	Limit  int    `json:"limit"`
}

type page struct {
	Person     who     `json:"person"`
	Debts      []debt  `json:"debts"`
	NextCursor *string `json:"next_cursor"`
}

type who struct {
	CNP  string `json:"cnp"`
	Name string `json:"name"`
}

type debt struct {
	ID          string   `json:"id"`
	PV          report   `json:"pv"`
	Kind        string   `json:"kind"`
	Subject     string   `json:"subject"`
	Applied     int64    `json:"applied_bani"`
	Paid        int64    `json:"paid_bani"`
	Outstanding int64    `json:"outstanding_bani"`
	Options     []option `json:"options"`
	Account     account  `json:"account"`
	Status      string   `json:"status"`
}

type report struct {
	Series       string `json:"series"`
	Number       string `json:"number"`
	Issued       string `json:"issued_on"`
	Communicated string `json:"communicated_on"`
}

type option struct {
	Kind   string `json:"kind"`
	Amount int64  `json:"amount_bani"`
	Basis  string `json:"legal_basis,omitempty"`
	Until  string `json:"until,omitempty"`
}

type account struct {
	IBAN    string `json:"iban"`
	Revenue string `json:"revenue_code"`
}

func debts(fines []book.Fine) []debt {
	list := make([]debt, len(fines))
	for i, f := range fines {
		list[i] = debt{
			ID: f.ID, PV: report{f.Series, f.Number, f.Issued.ISO(), f.Communicated.ISO()},
			Kind: f.Kind, Subject: f.Subject, Applied: f.Applied, Paid: f.Paid, Outstanding: f.Outstanding,
			Options: options(f), Account: account{book.FineIBAN, book.FineRevenue}, Status: f.Status,
		}
	}
	return list
}

func options(f book.Fine) []option {
	if f.Outstanding <= 0 {
		return []option{}
	}
	full := option{Kind: "full", Amount: f.Outstanding}
	if f.Reduced == 0 {
		return []option{full}
	}
	return []option{{Kind: "reduced", Amount: f.Reduced, Basis: f.Basis, Until: f.Until.ISO()}, full}
}

// cursor is where the next page starts, nil after the last.
func cursor(next, total int) *string {
	if next >= total {
		return nil
	}
	c := base64.RawURLEncoding.EncodeToString([]byte("from:" + strconv.Itoa(next)))
	return &c
}

func position(cursor string, total int) (from int, ok bool) {
	if cursor == "" {
		return 0, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	number, found := strings.CutPrefix(string(raw), "from:")
	n, bad := strconv.Atoi(number)
	if err != nil || !found || bad != nil || n < 0 || n > total {
		return 0, false
	}
	return n, true
}
