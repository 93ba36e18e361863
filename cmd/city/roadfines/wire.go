package roadfines

import (
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

type query struct {
	Code string `json:"code"` // CNP, or a company's CUI
}

type page struct {
	Person  who      `json:"person"`
	Reports []report `json:"reports"`
	AsOf    string   `json:"as_of"`
}

type who struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

type report struct {
	Series       string   `json:"series"`
	Issued       string   `json:"issued_on"`
	Communicated string   `json:"communicated_on"`
	Offence      string   `json:"offence"`
	Subject      string   `json:"subject"`
	Applied      int64    `json:"applied_bani"`
	Paid         int64    `json:"paid_bani"`
	Outstanding  int64    `json:"outstanding_bani"`
	Options      []option `json:"options"`
	State        string   `json:"state"`
}

type option struct {
	Kind   string `json:"kind"`
	Amount int64  `json:"amount_bani"`
	Basis  string `json:"legal_basis,omitempty"`
	Until  string `json:"until,omitempty"`
}

func reports(fines []book.RoadFine) []report {
	list := make([]report, len(fines))
	for i, f := range fines {
		list[i] = report{
			Series: f.ID, Issued: f.Issued.ISO(), Communicated: f.Communicated.ISO(), Offence: f.Kind, Subject: f.Subject,
			Applied: f.Applied, Paid: f.Paid, Outstanding: f.Outstanding, Options: options(f), State: f.Status,
		}
		if f.Elsewhere && f.Outstanding > 0 {
			list[i].State = "other_uat"
		}
	}
	return list
}

func options(f book.RoadFine) []option {
	switch full := (option{Kind: "full", Amount: f.Outstanding}); {
	case f.Outstanding <= 0 || f.Elsewhere:
		return []option{}
	case f.Reduced == 0:
		return []option{full}
	default:
		return []option{{Kind: "reduced", Amount: f.Reduced, Basis: f.Basis, Until: f.Until.ISO()}, full}
	}
}

// order is a payment as a caller sends it.
type order struct {
	Reference string    `json:"reference"`
	Series    string    `json:"series"`
	Amount    int64     `json:"amount_bani"`
	PaidAt    time.Time `json:"paid_at"`
}

// maxReference is how long a caller's reference may be.
const maxReference = 64

func (o order) complete(now time.Time) bool {
	return o.Reference != "" && len(o.Reference) <= maxReference && o.Series != "" && o.Amount > 0 &&
		!o.PaidAt.IsZero() && !o.PaidAt.After(now.Add(24*time.Hour))
}

type receipt struct {
	Number    string `json:"number"`
	Reference string `json:"reference"`
	Series    string `json:"series"`
	Amount    int64  `json:"amount_bani"`
	PaidAt    string `json:"paid_at"`
	BookedAt  string `json:"booked_at"`
	Reversed  bool   `json:"reversed"`
}

func tell(r book.Receipt) receipt {
	return receipt{
		Number: r.Number, Reference: r.Reference, Series: r.ExternalID, Amount: r.Amount,
		PaidAt: r.EffectiveAt.In(calendar.Bucharest).Format(time.RFC3339), BookedAt: r.BookedAt.Format(time.RFC3339Nano), Reversed: r.Reversed(),
	}
}

func tellAll(all []book.Receipt) []receipt {
	list := make([]receipt, len(all))
	for i, r := range all {
		list[i] = tell(r)
	}
	return list
}
