// Package book is the truth of the city: who owes what to whom on a given day.
// Facts are functions of the seed and the date; payments made later are added
// to them. The creditors encode what the book says, and the book never looks at
// what they sent, so it can testify against them.
//
// All amounts are bani, all dates civil days in Bucharest.
package book

import (
	"slices"

	"racord/cmd/city/calendar"
	"racord/cmd/city/memo"
	"racord/cmd/city/people"
)

// Creditor names one of the six creditors of the city.
type Creditor string

// The creditors, by the names their manifests use.
const (
	Ditl        Creditor = "ditl"
	Fines       Creditor = "fines"
	Water       Creditor = "water"
	Heating     Creditor = "heating"
	Waste       Creditor = "waste"
	Electricity Creditor = "electricity"
)

// Creditors lists all creditors in a fixed order.
func Creditors() []Creditor { return []Creditor{Ditl, Fines, Water, Heating, Waste, Electricity} }

// Utilities lists the creditors that find a customer by client code only.
func Utilities() []Creditor { return []Creditor{Water, Heating, Waste, Electricity} }

// Debt is one record a creditor shows about somebody, settled ones included.
// Total − Paid = Outstanding; a negative Outstanding is a credit.
type Debt struct {
	Creditor    Creditor `json:"creditor"`
	ExternalID  string   `json:"external_id"`
	Kind        string   `json:"kind"` // tax.building, fine.parking, water.bill …
	Total       int64    `json:"total_bani"`
	Paid        int64    `json:"paid_bani"`
	Outstanding int64    `json:"outstanding_bani"`
	DueOn       string   `json:"due_on"`    // YYYY-MM-DD
	Account     string   `json:"account"`   // client code or role number; empty for fines
	Reachable   string   `json:"reachable"` // cnp, role or code: what finds it
}

// Proof is what a stranger to an account cannot know: its last bill.
type Proof struct {
	Invoice    string `json:"invoice"`     // number as printed
	AmountBani int64  `json:"amount_bani"` // of that bill alone, without older balances and penalties
}

// Account is a customer's account at a creditor.
type Account struct {
	Code   string `json:"code"`
	Scheme string `json:"scheme"` // ro:rol, or "<creditor>:client"
	Proof  Proof  `json:"proof"`
}

// Book holds the truth. It is safe for concurrent use; what it returns must
// not be changed by the caller.
type Book struct {
	people *people.Registry
	seed   int64
	till   till
	taxes  memo.Memo[[]Role]
	fines  memo.Memo[[]Fine]
	bills  map[Creditor]*memo.Memo[[]Invoice]
}

// remembered is the largest city whose answers are kept once computed.
const remembered = 60_000

// New opens the book of a population.
func New(everybody *people.Registry) *Book {
	b := &Book{people: everybody, seed: everybody.Seed(), bills: map[Creditor]*memo.Memo[[]Invoice]{}}
	parties, houses := everybody.Len(), everybody.Houses()
	if parties > remembered {
		parties, houses = 0, 0
	}
	b.taxes.Size(parties)
	b.fines.Size(parties)
	for _, c := range Utilities() {
		b.bills[c] = &memo.Memo[[]Invoice]{}
		b.bills[c].Size(houses)
	}
	return b
}

// State names what the book says on a day: answers made from the book stay
// true while it is the same.
func (b *Book) State(on calendar.Day) memo.State {
	return memo.State{Day: on, Payments: b.till.count.Load()}
}

// People returns the population the book is about.
func (b *Book) People() *people.Registry { return b.people }

// Truth returns what one creditor shows about a person on a day.
func (b *Book) Truth(c Creditor, person int, on calendar.Day) []Debt {
	switch c {
	case Ditl:
		return b.taxDebts(person, on)
	case Fines:
		return b.fineDebts(person, on)
	default:
		return b.billDebts(c, person, on)
	}
}

// Accounts returns the accounts a person has at a creditor on a day. Fines
// have none: they are found by personal code.
func (b *Book) Accounts(c Creditor, person int, on calendar.Day) []Account {
	switch {
	case c == Ditl:
		return b.roleAccounts(person, on)
	case slices.Contains(Utilities(), c):
		return b.clientAccounts(c, person, on)
	default:
		return nil
	}
}
