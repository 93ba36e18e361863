package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"racord/hub"
)

// unknownKind is of bookings about money that nobody knows.
const unknownKind = "unknown_money"

// bookUnknown keeps the journal's account of money that nobody knows in step with
// what was found. What is booked already the journal itself says, so that a hub
// that dies before it writes down what it found books nothing twice. It is
// long, and so read only when something else was found than before.
func (w *window) bookUnknown(ctx context.Context, before, found []hub.Difference) error {
	has := unknownMoney(found)
	if maps.Equal(unknownMoney(before), has) {
		return nil
	}
	booked, err := w.inSuspense(ctx)
	if err != nil {
		return err
	}
	for name := range has {
		booked[name] = cmp.Or(booked[name], &suspended{})
	}
	var bookings []hub.Booking
	for _, name := range slices.Sorted(maps.Keys(booked)) {
		if _, known := has[name]; !known && !w.answers(name) {
			continue // it may still be so
		}
		bookings = append(bookings, w.becomes(name, booked[name], has[name])...)
	}
	if len(bookings) == 0 {
		return nil
	}
	return w.Store.Book(ctx, bookings...)
}

// unknownMoney gives the bani of each order that nobody knows.
func unknownMoney(list []hub.Difference) map[string]int64 {
	of := map[string]int64{}
	for _, d := range list {
		if d.Kind == "missing_here" {
			of[d.Name] = d.Amount
		}
	}
	return of
}

// suspended is what the journal says about an order that nobody knows, or knew.
type suspended struct {
	amount int64 // bani that nobody knows
	times  int   // how often something was booked about it
}

// inSuspense reads what the journal says, by merchant/order.
func (w *window) inSuspense(ctx context.Context) (map[string]*suspended, error) {
	all, err := w.Store.Bookings(ctx, "")
	if err != nil {
		return nil, err
	}
	of := map[string]*suspended{}
	for _, b := range all {
		name, ok := w.unknownName(b)
		if !ok {
			continue
		}
		of[name] = cmp.Or(of[name], &suspended{})
		of[name].times++
		for _, leg := range b.Legs {
			if leg.Account == hub.AccountSuspense(w.psp.Name) {
				of[name].amount += leg.Credit - leg.Debit
			}
		}
	}
	return of, nil
}

// becomes books an order's money anew. The names of bookings are used once for
// ever, so those after the first carry their number.
func (w *window) becomes(name string, now *suspended, amount int64) (bookings []hub.Booking) {
	clearing, suspense := hub.AccountClearing(w.psp.Name), hub.AccountSuspense(w.psp.Name)
	id := func(word string, amount int64) string {
		now.times++
		id := word + ":" + w.psp.Name + ":" + name + ":" + hub.Bani(amount).String()
		if now.times > 1 {
			id += fmt.Sprintf(":%d", now.times)
		}
		return id
	}
	if now.amount == amount {
		return nil
	}
	if now.amount > 0 {
		bookings = append(bookings, hub.TransferBooking(id("known", now.amount), unknownKind, "", suspense, clearing, hub.Bani(now.amount)))
	}
	if amount > 0 {
		bookings = append(bookings, hub.TransferBooking(id("unknown", amount), unknownKind, "", clearing, suspense, hub.Bani(amount)))
	}
	return bookings
}

// unknownName takes merchant/order out of the name that becomes gave a booking of
// this provider.
func (w *window) unknownName(b hub.Booking) (name string, ok bool) {
	_, rest, _ := strings.Cut(b.ID, ":")
	rest, ok = strings.CutPrefix(rest, w.psp.Name+":")
	if !ok || b.Kind != unknownKind || len(b.Legs) == 0 {
		return "", false
	}
	amount := hub.Bani(b.Legs[0].Debit + b.Legs[0].Credit).String()
	end := strings.LastIndex(rest, ":"+amount)
	return rest[:max(0, end)], end > 0
}
