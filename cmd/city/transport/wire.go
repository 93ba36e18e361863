package transport

import (
	"encoding/json"
	"fmt"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// question is what any question may hold.
type question struct {
	CNP       string      `json:"cnp"`
	Page      int         `json:"pagina"`
	Reference string      `json:"referinta"`
	Penalty   string      `json:"sanctiune"`
	Amount    json.Number `json:"suma"`
	PaidAt    string      `json:"data"`
	Number    string      `json:"numar"`
}

type page struct {
	OK        int       `json:"ok"`
	Passenger passenger `json:"calator"`
	Date      string    `json:"data"`
	Penalties []penalty `json:"sanctiuni"`
}

type passenger struct {
	CNP  string `json:"cnp"`
	Name string `json:"nume"`
}

type penalty struct {
	ID     string          `json:"id"`
	Line   string          `json:"linia"`
	Stop   string          `json:"statia"`
	Issued string          `json:"constatat"`
	Due    string          `json:"scadent"`
	Amount json.RawMessage `json:"suma"`
	Paid   json.RawMessage `json:"achitat"` // null for nothing
	Left   json.RawMessage `json:"rest"`
	State  string          `json:"stare"` // N not paid, A paid, X cancelled
	IBAN   string          `json:"cont"`
}

var null = json.RawMessage("null")

// tell writes a penalty; one of even number has its amounts as texts.
func tell(p book.Penalty, nothing bool) penalty {
	asText := (p.ID[len(p.ID)-1]-'0')%2 == 0
	told := penalty{
		ID: p.ID, Line: p.Line, Stop: p.Stop, IBAN: book.TransportIBAN, State: "N",
		Issued: fmt.Sprintf("%s %02d:%02d:00", p.Issued.ISO(), p.Hour, p.Minute), Due: p.Due.ISO() + " 00:00:00",
		Amount: loose(p.Outstanding+p.Paid, asText), Left: loose(p.Outstanding, !asText), Paid: null,
	}
	if p.Paid > 0 {
		told.Paid = loose(p.Paid, asText)
	}
	switch {
	case p.Void:
		told.State = "X"
	case p.Outstanding <= 0:
		told.State = "A"
	}
	if nothing {
		told.Amount, told.Left = null, null
	}
	return told
}

type receipt struct {
	Number    string          `json:"numar"`
	Reference string          `json:"referinta"`
	Penalty   string          `json:"sanctiune"`
	Amount    json.RawMessage `json:"suma"`
	BookedAt  string          `json:"inregistrat"`
	Reversed  string          `json:"stornat"` // D or N
}

func tellReceipt(r book.Receipt) receipt {
	told := receipt{
		Number: r.Number, Reference: r.Reference, Penalty: r.ExternalID, Amount: loose(r.Amount, r.Amount%500 == 0),
		BookedAt: r.BookedAt.In(calendar.Bucharest).Format(naive), Reversed: "N",
	}
	if r.Reversed() {
		told.Reversed = "D"
	}
	return told
}

func tellReceipts(all []book.Receipt) []receipt {
	told := make([]receipt, len(all))
	for i, r := range all {
		told[i] = tellReceipt(r)
	}
	return told
}
