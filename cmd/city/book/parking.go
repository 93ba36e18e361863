package book

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/dice"
	"racord/cmd/city/people"
)

// Due is what somebody owes the parking company, as of a day.
type Due struct {
	ID          string
	Plate       string // "CJ 01 ABC"
	Place       string // of parking
	Kind        string // subscription or overstay
	Issued      calendar.Day
	Due         calendar.Day
	Amount      int64
	Paid        int64
	Outstanding int64 // negative when one was cancelled after it was paid
	Void        bool
}

// ParkingIBAN is where parking is paid.
const ParkingIBAN = "RO81SBXB0000999900000021"

// Dues returns what the parking company shows of a person on a day. known is
// false for people it has no car of.
func (b *Book) Dues(person int, on calendar.Day) (dues []Due, known bool) {
	p := b.people.Person(person)
	n := b.parked(p)
	for k := range n {
		if due, shown := b.due(p, k, on); shown {
			dues = append(dues, due)
		}
	}
	return dues, n > 0
}

// plateLetters are those of number plates; I, O and Q are given to nobody here.
const plateLetters = "ABCDEFGHJKLMNPRSTUVWXYZ"

// Plate is the number plate of a person's car. No two people have one.
func Plate(person int) string {
	const n = len(plateLetters)
	serial := person / 99
	return fmt.Sprintf("CJ %02d %c%c%c", 1+person%99, plateLetters[serial/n/n%n], plateLetters[serial/n%n], plateLetters[serial%n])
}

// Rights returns the parking place that belongs to a plate, if any.
func (b *Book) Rights(plate string) (place string, ok bool) {
	var number int
	var letters string
	if n, err := fmt.Sscanf(plate, "CJ %02d %3s", &number, &letters); n != 2 || err != nil || len(letters) != 3 {
		return "", false
	}
	serial := 0
	for i := range letters {
		serial = serial*len(plateLetters) + strings.IndexByte(plateLetters, letters[i])
	}
	person := serial*99 + number - 1
	if person < 0 || person >= b.people.Len() || Plate(person) != plate || b.parked(b.people.Person(person)) == 0 {
		return "", false
	}
	return placeOf(person), true
}

// parked is how many dues a person gets: a subscription each year, and what
// parking too long costs. Most people have no place of the company's.
func (b *Book) parked(p people.Person) int {
	d := dice.New(b.seed, "parking", p.Index)
	switch {
	case p.Named():
		return 3
	case !d.Chance(220):
		return 0
	}
	return 1 + d.Intn(4)
}

// perCar is how many numbers of dues are set aside for each person.
const perCar = 10

func placeOf(person int) string { return fmt.Sprintf("P-%03d", person%600) }

// due is the k-th due of a person; it is shown until two months after it was
// settled.
func (b *Book) due(p people.Person, k int, on calendar.Day) (due Due, shown bool) {
	d := dice.New(b.seed, "due", p.Index, k)
	due = Due{
		ID: fmt.Sprintf("PK-%07d", p.Index*perCar+k), Plate: Plate(p.Index), Place: placeOf(p.Index),
		Kind: "overstay", Issued: anchor - calendar.Day(d.Between(3, 120)), Amount: int64(d.Between(48, 192)) * 50,
	}
	switch {
	case p.Named(): // everybody's example: owed at the start
		due.Issued = anchor - calendar.Day(10*k)
	case d.Chance(150): // they come in the next weeks
		due.Issued += 160
	}
	if due.Due = due.Issued + 15; k == 0 {
		due.subscribe(p)
	}
	end := due.Issued + calendar.Day(d.Between(5, 40))
	b.settleDue(&due, !p.Named() && d.Chance(450), end, on)
	return due, due.Issued <= on && (due.Outstanding != 0 || on < end+60)
}

// subscribe makes it the price of a place for a year.
func (due *Due) subscribe(p people.Person) {
	due.Kind, due.Issued, due.Due, due.Amount = "subscription", calendar.Date(2026, time.January, 15), calendar.Date(2026, time.March, 31), 113_00
	if p.Kind == people.Company {
		due.Amount = 800_00
	}
}

// settleDue fills in what was paid by a day. What came in since the city was
// generated is not paid a second time.
func (b *Book) settleDue(due *Due, pays bool, end, on calendar.Day) {
	past := b.history(Parking, due.ID)
	due.Amount += past.adjust
	due.Paid, due.Void = past.paid, past.cancelled
	if pays && on >= end && past.bookedBefore(end) == 0 && !past.cancelled {
		due.Paid += due.Amount
	}
	if due.Outstanding = due.Amount - due.Paid; due.Void {
		due.Outstanding = -due.Paid
	}
}

// allotDue takes exactly what is owed.
func (b *Book) allotDue(p Payment, on calendar.Day) (allotment, error) {
	person, k, ok := b.dueOwner(p.Debt)
	if !ok {
		return allotment{}, ErrUnknownDebt
	}
	due, _ := b.due(b.people.Person(person), k, on)
	switch {
	case due.Issued > on:
		return allotment{}, ErrUnknownDebt
	case due.Void:
		return allotment{}, ErrCancelled
	case due.Outstanding <= 0:
		return allotment{}, ErrAlreadyPaid
	case p.Amount != due.Outstanding:
		return allotment{}, ErrAmountChanged
	}
	return allotment{parts: []Part{{ExternalID: p.Debt, Amount: p.Amount}}, thing: person}, nil
}

// dueOwner finds whose due a number is, and which of the person's it is.
func (b *Book) dueOwner(id string) (person, k int, ok bool) {
	number, isOurs := strings.CutPrefix(id, "PK-")
	n, err := strconv.Atoi(number)
	if !isOurs || err != nil || len(number) != 7 || n < 0 || n/perCar >= b.people.Len() {
		return 0, 0, false
	}
	person, k = n/perCar, n%perCar
	return person, k, k < b.parked(b.people.Person(person))
}

func (b *Book) parkingDebts(person int, on calendar.Day) (debts []Debt) {
	dues, _ := b.Dues(person, on)
	for _, due := range dues {
		debts = append(debts, Debt{
			Creditor: Parking, ExternalID: due.ID, Kind: "parking." + due.Kind, Total: due.Outstanding + due.Paid, Paid: due.Paid,
			Outstanding: due.Outstanding, DueOn: due.Due.ISO(), Reachable: "cnp",
		})
	}
	return debts
}
