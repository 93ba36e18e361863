package associations

import (
	"fmt"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

type flat struct {
	Code        string      `json:"code"`
	Owner       string      `json:"owner"`
	Address     string      `json:"address"`
	Association association `json:"association"`
	AsOf        string      `json:"asOf"`
	Day         string      `json:"day"`
	ValidUntil  string      `json:"validUntil"` // penalties grow every midnight
	Lists       []list      `json:"lists"`
	Next        *string     `json:"next"`
}

type association struct {
	Number int     `json:"number"`
	Name   string  `json:"name"`
	IBAN   *string `json:"iban"`
}

func tenant(t book.Tenant) association {
	told := association{Number: t.Number, Name: t.Name}
	if t.IBAN != "" {
		told.IBAN = &t.IBAN
	}
	return told
}

// list is what a flat owes for a month.
type list struct {
	Number   string `json:"number"`
	Month    string `json:"month"` // 03.2026
	Posted   string `json:"postedOn"`
	Reposted bool   `json:"reposted"`
	Due      string `json:"dueOn"`
	Growing  bool   `json:"growing"` // the penalty is more tomorrow
	Items    []item `json:"items"`
	Penalty  int64  `json:"penaltyBani"`
	Total    int64  `json:"totalBani"`
	Paid     int64  `json:"paidBani"`
	Left     int64  `json:"leftBani"` // negative: the association owes the flat
}

type item struct {
	Label string `json:"label"`
	Bani  int64  `json:"bani"`
}

// shares of a list in per cent; what is left is the last item's.
var shares = [...]struct {
	label   string
	percent int64
}{
	{"Apă rece și canalizare", 19}, {"Încălzire și apă caldă", 34}, {"Energie electrică, părți comune", 6},
	{"Curățenie", 9}, {"Salarii și indemnizații", 14}, {"Fond de reparații", 0},
}

func tell(inv book.Invoice, today calendar.Day) list {
	year, month, _ := inv.From.YMD()
	told := list{
		Number: inv.Number, Month: fmt.Sprintf("%02d.%d", month, year), Posted: inv.Issued.ISO(), Reposted: inv.Reposted, Due: inv.Due.ISO(),
		Growing: inv.Penalty > 0 && inv.Outstanding() > 0 && today > inv.Due, Penalty: inv.Penalty,
		Total: inv.Amount + inv.Penalty, Paid: inv.Paid, Left: inv.Outstanding(),
	}
	left := inv.Amount
	for i, share := range shares {
		one := inv.Amount * share.percent / 100
		if i == len(shares)-1 {
			one = left
		}
		left -= one
		told.Items = append(told.Items, item{share.label, one})
	}
	return told
}

type receipt struct {
	Number    string `json:"number"`
	ID        string `json:"id"`
	Flat      string `json:"flat"`
	List      string `json:"list"`
	Bani      int64  `json:"bani"`
	BookedAt  string `json:"bookedAt"`
	Cancelled bool   `json:"cancelled"`
}

func tellReceipt(r book.Receipt) receipt {
	return receipt{r.Number, r.Reference, r.Account, r.ExternalID, r.Amount, r.BookedAt.Format(time.RFC3339Nano), r.Reversed()}
}
