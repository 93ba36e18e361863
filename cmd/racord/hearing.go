package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	"racord/hub"
	"racord/hub/judge"
)

// hearing asks everybody about payments, beside hubs that may be at work. What was
// said of a payment stands beside the payment as it was then, and counts when it
// had not changed before the last answer came; else everybody is asked again.
type hearing struct {
	store   hub.Store
	ask     func(ctx context.Context, p *hub.Payment, t *testimony)
	log     io.Writer
	heard   map[hub.PaymentID]*testimony
	nobodys []hub.Booking // those of no payment
	reached hub.Changed   // how far the order of changes was walked
	told    time.Time
}

// testimony is what was said of a payment.
type testimony struct {
	dossier                      hub.Dossier
	orders                       []judge.Order
	entries                      []judge.Entry
	asked, postings              int // orders and postings that were asked about
	silentOrders, silentPostings []string
	restless                     bool // it changed every time
}

const (
	hearingPage   = 20               // payments that are read at once
	hearingRounds = 5                // how often is looked for payments that changed meanwhile
	askAgain      = 3                // how often everybody is asked about one that changes
	tellProgress  = 10 * time.Second // how often is told how far it came
)

func newHearing(store hub.Store, log io.Writer, ask func(context.Context, *hub.Payment, *testimony)) *hearing {
	return &hearing{store: store, ask: ask, log: log, heard: map[hub.PaymentID]*testimony{}, told: time.Now()}
}

// walk asks about all payments that changed since, in the order in which they
// changed: one that changes meanwhile comes again.
func (h *hearing) walk(ctx context.Context, since time.Time) (err error) {
	if h.nobodys, err = h.store.Bookings(ctx, ""); err != nil {
		return err
	}
	h.reached = hub.Changed{At: since}
	for range hearingRounds {
		asked, err := h.round(ctx)
		if err != nil || asked == 0 {
			return err
		}
		if back := h.reached.At.Add(-time.Minute); back.After(since) { // a change under way may come to stand before others
			h.reached = hub.Changed{At: back}
		} else {
			h.reached = hub.Changed{At: since}
		}
	}
	return nil
}

// round goes to the end of the order of changes.
func (h *hearing) round(ctx context.Context) (asked int, err error) {
	for {
		page, next, err := h.store.ChangedSince(ctx, h.reached, hearingPage)
		if err != nil {
			return asked, err
		}
		for _, p := range page {
			if h.knows(p) {
				continue
			}
			if err := h.about(ctx, p.ID); err != nil {
				return asked, err
			}
			asked++
		}
		h.reached = next
		h.progress()
		if len(page) < hearingPage {
			return asked, nil
		}
	}
}

// knows tells whether the payment is the one that was asked about.
func (h *hearing) knows(p *hub.Payment) bool {
	t := h.heard[p.ID]
	return t != nil && !t.restless && reflect.DeepEqual(t.dossier.Payment, p)
}

// about asks everybody about a payment until it stood still meanwhile.
func (h *hearing) about(ctx context.Context, id hub.PaymentID) error {
	for range askAgain {
		d, err := h.store.Dossier(ctx, id)
		if err != nil {
			return err
		}
		t := &testimony{dossier: d}
		h.ask(ctx, d.Payment, t)
		if err := ctx.Err(); err != nil {
			return err // who was silent may only have had no time
		}
		now, err := h.store.Payment(ctx, id)
		if err != nil {
			return err
		}
		h.heard[id] = t
		if t.restless = !reflect.DeepEqual(now, d.Payment); !t.restless {
			return nil
		}
	}
	return nil
}

// progress tells now and then how far the walk came.
func (h *hearing) progress() {
	if time.Since(h.told) >= tellProgress {
		h.told = time.Now()
		fmt.Fprintf(h.log, "asked about %d payments, up to those that changed at %s\n", len(h.heard), h.reached.At.Format(time.RFC3339))
	}
}

// evidence is all that was said, and the hub's own books beside it.
func (h *hearing) evidence() judge.Evidence {
	books := &ownBooks{bookings: map[hub.PaymentID][]hub.Booking{"": h.nobodys}, balances: map[string]int64{}}
	e := judge.Evidence{Hub: books}
	for _, id := range slices.Sorted(maps.Keys(h.heard)) {
		t := h.heard[id]
		if t.restless {
			continue
		}
		books.add(t.dossier)
		e.Orders, e.Entries = append(e.Orders, t.orders...), append(e.Entries, t.entries...)
	}
	return e
}

// restless lists the payments that never stood still.
func (h *hearing) restless() (found []judge.Finding) {
	for _, id := range slices.Sorted(maps.Keys(h.heard)) {
		if h.heard[id].restless {
			found = append(found, judge.Finding{Rule: "I7", Name: string(id), Detail: "it changed each time that it was asked about"})
		}
	}
	return found
}

// silent lists what was asked about without an answer.
func (h *hearing) silent() (orders, postings []string) {
	for _, id := range slices.Sorted(maps.Keys(h.heard)) {
		orders, postings = append(orders, h.heard[id].silentOrders...), append(postings, h.heard[id].silentPostings...)
	}
	return orders, postings
}
