package book

import (
	"fmt"
	"strconv"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// Penalty is what a passenger without a ticket owes the public transport company,
// as of a day.
type Penalty struct {
	ID          string
	Line        string // "25", "E1"
	Stop        string
	Issued      calendar.Day
	Hour        int // of the day it was issued
	Minute      int
	Due         calendar.Day
	Amount      int64
	Paid        int64
	Outstanding int64 // negative when one was cancelled after it was paid
	Void        bool
}

// TransportIBAN is where penalties are paid.
const TransportIBAN = "RO05SBXB0000999900000031"

// lines of the company.
var lines = [...]string{"1", "7", "9", "24B", "25", "43", "101", "E1"}

// Penalties returns the penalties the company shows of a person on a day. known
// is false for people who were never caught.
func (b *Book) Penalties(person int, on calendar.Day) (penalties []Penalty, known bool) {
	p := b.people.Person(person)
	n := b.caught(p)
	for k := range n {
		if one, shown := b.penalty(p, k, on); shown {
			penalties = append(penalties, one)
		}
	}
	return penalties, n > 0
}

// caught is how many penalties a person gets. Companies buy no tickets.
func (b *Book) caught(p people.Person) int {
	d := dice.New(b.seed, "transport", p.Index)
	switch {
	case p.Named():
		return 3
	case p.Kind == people.Company || !d.Chance(160):
		return 0
	}
	return 1 + d.Intn(5)
}

// perRider is how many numbers of penalties are set aside for each person.
const perRider = 10

// penalty is the k-th penalty of a person; it is shown until two months after it
// was settled.
func (b *Book) penalty(p people.Person, k int, on calendar.Day) (one Penalty, shown bool) {
	d := dice.New(b.seed, "penalty", p.Index, k)
	one = Penalty{
		ID: fmt.Sprintf("TC-%07d", p.Index*perRider+k), Line: lines[d.Intn(len(lines))], Stop: b.people.House(d.Intn(b.people.Houses())).Street,
		Issued: anchor - calendar.Day(d.Between(1, 130)), Hour: d.Between(5, 23), Minute: d.Intn(60),
		Amount: int64(d.Between(20, 50)) * 250, // 50 to 125 lei, in halves of five
	}
	switch {
	case p.Named(): // everybody's example: owed at the start
		one.Issued = anchor - calendar.Day(4+9*k)
	case d.Chance(150): // they come in the next weeks
		one.Issued += 160
	}
	one.Due = one.Issued + 15
	end := one.Issued + calendar.Day(d.Between(2, 30))
	past := b.history(Transport, one.ID)
	one.Amount += past.adjust
	one.Paid, one.Void = past.paid, past.cancelled
	if pays := !p.Named() && d.Chance(500); pays && on >= end && past.bookedBefore(end) == 0 && !one.Void {
		one.Paid += one.Amount
	}
	if one.Outstanding = one.Amount - one.Paid; one.Void {
		one.Outstanding = -one.Paid
	}
	return one, one.Issued <= on && (one.Outstanding != 0 || on < end+60)
}

// allotPenalty takes exactly what is owed.
func (b *Book) allotPenalty(p Payment, on calendar.Day) (allotment, error) {
	person, k, ok := b.penaltyOwner(p.Debt)
	if !ok {
		return allotment{}, ErrUnknownDebt
	}
	one, _ := b.penalty(b.people.Person(person), k, on)
	switch {
	case one.Issued > on:
		return allotment{}, ErrUnknownDebt
	case one.Void:
		return allotment{}, ErrCancelled
	case one.Outstanding <= 0:
		return allotment{}, ErrAlreadyPaid
	case p.Amount != one.Outstanding:
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{{ExternalID: p.Debt, Amount: p.Amount}}, thing: person}, nil
}

// penaltyOwner finds whose penalty a number is, and which of the person's it is.
func (b *Book) penaltyOwner(id string) (person, k int, ok bool) {
	number, isOurs := strings.CutPrefix(id, "TC-")
	n, err := strconv.Atoi(number)
	if !isOurs || err != nil || len(number) != 7 || n < 0 || n/perRider >= b.people.Len() {
		return 0, 0, false
	}
	person, k = n/perRider, n%perRider
	return person, k, k < b.caught(b.people.Person(person))
}

func (b *Book) penaltyDebts(person int, on calendar.Day) (debts []Debt) {
	penalties, _ := b.Penalties(person, on)
	for _, one := range penalties {
		debts = append(debts, Debt{
			Creditor: Transport, ExternalID: one.ID, Kind: "transport.penalty", Total: one.Outstanding + one.Paid, Paid: one.Paid,
			Outstanding: one.Outstanding, DueOn: one.Due.ISO(), Reachable: "cnp",
		})
	}
	return debts
}
