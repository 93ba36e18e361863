package parking

import (
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// money is google.type.Money in JSON.
type money struct {
	Currency string `json:"currencyCode"`
	Units    int64  `json:"units,string"`
	Nanos    int64  `json:"nanos"`
}

// nanosPerBan is a hundredth of a unit.
const nanosPerBan = 10_000_000

func lei(bani int64) money { return money{"RON", bani / 100, bani % 100 * nanosPerBan} }

// bani is the amount; ok is false when it is not a whole number of bani.
func (m money) bani() (bani int64, ok bool) {
	const most = 1_000_000_000
	return m.Units*100 + m.Nanos/nanosPerBan, m.Currency == "RON" && m.Nanos%nanosPerBan == 0 && m.Units < most && m.Units > -most
}

// date is google.type.Date in JSON.
type date struct {
	Year  int `json:"year"`
	Month int `json:"month"`
	Day   int `json:"day"`
}

func dated(d calendar.Day) date {
	y, m, day := d.YMD()
	return date{y, int(m), day}
}

func (d date) day() calendar.Day { return calendar.Date(d.Year, time.Month(d.Month), d.Day) }

type duesQuestion struct {
	Holder string `json:"holderCode"`
}

type due struct {
	ID     string `json:"id"`
	Plate  string `json:"plate"`
	Amount money  `json:"amount"`
	Due    date   `json:"due"`
	State  any    `json:"state"` // a name, or a number the contract does not have
	Place  string `json:"placeId"`
	Holder string `json:"holderCode"`
	Paid   money  `json:"paid"`
	Issued date   `json:"issued"`
	Kind   string `json:"kind"`
}

func tellDue(d book.Due, holder string) due {
	told := due{
		ID: d.ID, Plate: d.Plate, Amount: lei(d.Outstanding), Due: dated(d.Due), State: "OPEN", Place: d.Place,
		Holder: holder, Paid: lei(d.Paid), Issued: dated(d.Issued), Kind: "OVERSTAY",
	}
	if d.Kind == "subscription" {
		told.Kind = "SUBSCRIPTION"
	}
	switch {
	case d.Void:
		told.State = "VOID"
	case d.Outstanding <= 0:
		told.State = "PAID"
	}
	return told
}

type payQuestion struct {
	Key    string    `json:"key"`
	Due    string    `json:"dueId"`
	Amount money     `json:"amount"`
	PaidAt time.Time `json:"paidAt"`
}

type findQuestion struct {
	Key string `json:"key"`
}

type cancelQuestion struct {
	Number string `json:"number"`
}

type dayQuestion struct {
	Day date `json:"day"`
}

type plateQuestion struct {
	Plate string `json:"plate"`
}

type right struct {
	Plate string `json:"plate"`
	Place string `json:"placeId"`
	Until date   `json:"until"`
}

type healthQuestion struct{}

type health struct {
	Serving bool `json:"serving"`
}

type receipt struct {
	Number    string `json:"number"`
	Key       string `json:"key"`
	Due       string `json:"dueId"`
	Amount    money  `json:"amount"`
	BookedAt  string `json:"bookedAt"`
	Cancelled bool   `json:"cancelled"`
}

func tell(r book.Receipt) receipt {
	return receipt{
		Number: r.Number, Key: r.Reference, Due: r.ExternalID, Amount: lei(r.Amount),
		BookedAt: r.BookedAt.UTC().Format(time.RFC3339Nano), Cancelled: r.Reversed(),
	}
}

func tellAll(all []book.Receipt) []receipt {
	list := make([]receipt, len(all))
	for i, r := range all {
		list[i] = tell(r)
	}
	return list
}
