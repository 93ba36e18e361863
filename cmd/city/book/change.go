package book

import (
	"fmt"
	"slices"
	"time"

	"racord/cmd/city/calendar"
)

// Pay enters a payment of amount bani towards one of the person's debts, as if
// made at the creditor's counter. It fails when the creditor shows no such debt
// that day; the amount may exceed what is owed, which leaves a credit.
func (b *Book) Pay(c Creditor, person int, externalID string, amount int64, at time.Time) error {
	debt, err := b.debt(c, person, externalID, calendar.Of(at))
	if err != nil {
		return err
	}
	defer b.tills[c].hold(held(debt.Account, externalID))()
	b.counter(c, person, debt, amount, at)
	return nil
}

// PayOff pays at the counter what a debt still owes; it fails when that is
// nothing.
func (b *Book) PayOff(c Creditor, person int, externalID string, at time.Time) error {
	debt, err := b.debt(c, person, externalID, calendar.Of(at))
	if err != nil {
		return err
	}
	defer b.tills[c].hold(held(debt.Account, externalID))()
	debt, err = b.debt(c, person, externalID, calendar.Of(at))
	switch {
	case err != nil:
		return err
	case debt.Outstanding <= 0:
		return ErrAlreadyPaid
	}
	b.counter(c, person, debt, debt.Outstanding, at)
	return nil
}

// counter enters a payment made at the creditor's own counter.
func (b *Book) counter(c Creditor, person int, debt Debt, amount int64, at time.Time) {
	part := Part{ExternalID: debt.ExternalID, Amount: amount}
	switch c {
	case Fines:
		part.Waived = b.waived(person, debt.ExternalID, amount, calendar.Of(at))
	case Roadfines:
		part.Waived = b.waivedOnRoad(debt.ExternalID, amount, calendar.Of(at))
	}
	b.tills[c].add(&Receipt{
		Creditor: c, Account: debt.Account, ExternalID: debt.ExternalID, Amount: amount, Parts: []Part{part},
		EffectiveAt: at, BookedAt: at, thing: b.thing(c, person),
	}, false)
}

// debt is one of a person's debts as shown on a day.
func (b *Book) debt(c Creditor, person int, id string, on calendar.Day) (Debt, error) {
	if !slices.Contains(Creditors(), c) {
		return Debt{}, fmt.Errorf("book: unknown creditor %q", c)
	}
	all := b.Truth(c, person, on)
	i := slices.IndexFunc(all, func(d Debt) bool { return d.ExternalID == id })
	if i < 0 {
		return Debt{}, fmt.Errorf("book: %s shows no debt %q of this person", c, id)
	}
	return all[i], nil
}

// thing is what entries about a person's debts are filed under.
func (b *Book) thing(c Creditor, person int) int {
	if slices.Contains(Utilities(), c) {
		return b.people.Person(person).House
	}
	return person
}

// Change makes a debt owe another amount from now on.
func (b *Book) Change(c Creditor, person int, externalID string, outstanding int64, at time.Time) error {
	return b.alter(c, person, externalID, at, func(d Debt) entry {
		return entry{adjust: outstanding - d.Outstanding, at: at}
	})
}

// Cancel makes a debt owe nothing; what was paid for it becomes a credit.
func (b *Book) Cancel(c Creditor, person int, externalID string, at time.Time) error {
	return b.alter(c, person, externalID, at, func(Debt) entry { return entry{cancelled: true, at: at} })
}

func (b *Book) alter(c Creditor, person int, id string, at time.Time, how func(Debt) entry) error {
	debt, err := b.debt(c, person, id, calendar.Of(at))
	if err != nil {
		return err
	}
	defer b.tills[c].hold(held(debt.Account, id))()
	if debt, err = b.debt(c, person, id, calendar.Of(at)); err != nil { // paid or changed meanwhile
		return err
	}
	b.tills[c].change(id, b.thing(c, person), how(debt))
	return nil
}
