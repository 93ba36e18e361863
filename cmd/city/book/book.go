// Package book is the truth of the city: who owes what to whom on a given day.
// Facts are functions of the seed and the date; payments and changes made later
// are entries added to them. The creditors encode what the book says, and the
// book never looks at what they sent, so it can testify against them: its
// receipts say what was booked, doubles included.
//
// Each creditor keeps its own rules. The tax office takes any part of an
// instalment, and a year's tax less its discount when the money was authorised
// in time, whenever it is booked. The police take a fine's exact amount, the
// reduced one by the same rule, and the amount on a report that is not
// registered yet. The water company takes everything: what is exactly one
// bill's goes to that bill, anything else to the oldest bills first, and the
// rest is a credit. The others take any part of a bill and nothing above it.
//
// All amounts are bani, all dates civil days in Bucharest.
package book

import (
	"slices"

	"racord/cmd/city/calendar"
	"racord/cmd/city/memo"
	"racord/cmd/city/people"
)

// Creditor names one of the creditors of the city.
type Creditor string

// The creditors, by the names their manifests use.
const (
	Ditl        Creditor = "ditl"
	Fines       Creditor = "fines"
	Water       Creditor = "water"
	Heating     Creditor = "heating"
	Waste       Creditor = "waste"
	Electricity Creditor = "electricity"
	Parking     Creditor = "parking"
	Roadfines   Creditor = "roadfines"
	Transport   Creditor = "transport"
	Hoa         Creditor = "associations"
	Gas         Creditor = "gas"
)

// Creditors lists all creditors in a fixed order.
func Creditors() []Creditor {
	return []Creditor{
		Ditl, Fines, Water, Heating, Waste, Electricity,
		Parking,
		Roadfines,
		Transport,
		Hoa,
		Gas,
	}
}

// Utilities lists the creditors that find a customer by client code only.
func Utilities() []Creditor { return []Creditor{Water, Heating, Waste, Electricity, Gas, Hoa} }

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
	tills  map[Creditor]*till
	lens   lens
	memos  *memos
}

// memos are answers about each person or household.
type memos struct {
	taxes memo.Memo[[]Role]
	fines memo.Memo[[]Fine]
	bills map[Creditor]*memo.Memo[[]Invoice]
}

// forgetful memos have room for nothing.
func forgetful() *memos {
	m := &memos{bills: map[Creditor]*memo.Memo[[]Invoice]{}}
	for _, c := range Utilities() {
		m.bills[c] = &memo.Memo[[]Invoice]{}
	}
	return m
}

// remembered is the largest city whose answers are kept once computed.
const remembered = 60_000

// New opens the book of a population.
func New(everybody *people.Registry) *Book {
	b := &Book{people: everybody, seed: everybody.Seed(), tills: map[Creditor]*till{}, memos: forgetful()}
	for _, c := range Creditors() {
		b.tills[c] = newTill()
	}
	if everybody.Len() <= remembered {
		b.memos.taxes.Size(everybody.Len())
		b.memos.fines.Size(everybody.Len())
		for _, bills := range b.memos.bills {
			bills.Size(everybody.Houses())
		}
	}
	return b
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
	case Parking:
		return b.parkingDebts(person, on)
	case Roadfines:
		return b.roadFineDebts(person, on)
	case Transport:
		return b.penaltyDebts(person, on)
	default:
		return b.billDebts(c, person, on)
	}
}

// Knows reports whether a creditor has a person on file that it may have nothing
// to show about.
func (b *Book) Knows(c Creditor, person int, on calendar.Day) bool {
	known := false
	switch c {
	case Fines:
		_, known = b.Fines(person, on)
	case Parking:
		_, known = b.Dues(person, on)
	case Roadfines:
		_, known = b.RoadFines(person, on)
	case Transport:
		_, known = b.Penalties(person, on)
	}
	return known
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
