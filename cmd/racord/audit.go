package main

import (
	"context"
	"errors"
	"slices"

	"racord/hub"
	"racord/hub/judge"
	"racord/hub/reconcile"
)

// auditOf judges the hub's own books by what they say themselves: providers and
// creditors are taken to have done what the payments say. Each payment is read as
// of one moment, so that a hub at work gives no false alarm. An error ends the
// reading; what was read by then is judged.
func auditOf(store hub.Store) reconcile.Audit {
	return func(ctx context.Context, some []hub.PaymentID) ([]hub.Difference, string, error) {
		a := &audited{}
		var failed error
		for _, id := range some {
			if failed = a.read(ctx, store, id); failed != nil {
				break
			}
		}
		return a.found, a.broken, errors.Join(a.judge(ctx), failed)
	}
}

// audited are payments that are judged, and what is found of them.
type audited struct {
	dossiers []hub.Dossier
	found    []hub.Difference
	broken   string // why the journal cannot be trusted; "" = it can
}

// read reads one payment. It fails with what has nothing to do with the payment.
func (a *audited) read(ctx context.Context, store hub.Store, id hub.PaymentID) error {
	d, err := store.Dossier(ctx, id)
	if errors.Is(err, hub.ErrSealed) || hub.CodeOf(err) == hub.CodeNotFound {
		a.found = append(a.found, hub.Difference{Scope: string(id), Kind: "unreadable", Name: string(id), Detail: "it is damaged, or not there"})
		return nil
	}
	if err == nil {
		a.dossiers = append(a.dossiers, d)
	}
	return err
}

// judge judges each payment alone, so that it is known which one a finding is about,
// and then all together, for debts that several of them paid.
func (a *audited) judge(ctx context.Context) error {
	for _, d := range a.dossiers {
		verdict, err := judgeThemselves(ctx, d)
		if err != nil {
			return err
		}
		for _, f := range verdict.Findings() {
			a.add(d.Payment, f)
		}
	}
	verdict, err := judgeThemselves(ctx, a.dossiers...)
	if err != nil {
		return err
	}
	for _, f := range verdict.Findings() {
		for _, d := range a.dossiers {
			if pays(d.Payment, f.Name) {
				a.add(d.Payment, f)
			}
		}
	}
	return nil
}

// pays tells whether a payment has a line for a debt, as findings name it.
func pays(p *hub.Payment, debt string) bool {
	return slices.ContainsFunc(p.Lines, func(l hub.Line) bool { return string(l.Creditor)+"/"+l.ExternalID == debt })
}

func (a *audited) add(p *hub.Payment, f judge.Finding) {
	d := hub.Difference{Scope: string(p.ID), Kind: f.Rule, Name: f.Name, Detail: f.Detail}
	if f.Rule == "I7" || slices.Contains(a.found, d) { // I7: a hub at work
		return
	}
	a.found = append(a.found, d)
	if f.Rule == "I5" && a.broken == "" {
		a.broken = f.String()
	}
}

// wholeJournal finds what is wrong with the journal that no payment shows.
func wholeJournal(ctx context.Context, store hub.Store) ([]judge.Finding, error) {
	off, err := store.JournalOff(ctx)
	if err != nil || off == 0 {
		return nil, err
	}
	return []judge.Finding{{Rule: "I5", Name: "journal", Detail: "it is off by " + hub.Bani(off).String()}}, nil
}

func judgeThemselves(ctx context.Context, dossiers ...hub.Dossier) (*judge.Verdict, error) {
	books := &ownBooks{bookings: map[hub.PaymentID][]hub.Booking{}, balances: map[string]int64{}}
	e := judge.Evidence{Hub: books}
	for _, d := range dossiers {
		books.add(d)
		e.Orders = append(e.Orders, ordersOf(d.Payment)...)
		e.Entries = append(e.Entries, entriesOf(d.Payment)...)
	}
	return judge.Judge(ctx, e)
}

// ownBooks are some payments, each as of one moment.
type ownBooks struct {
	payments []*hub.Payment
	bookings map[hub.PaymentID][]hub.Booking
	balances map[string]int64
	claims   []hub.Claim
}

func (b *ownBooks) add(d hub.Dossier) {
	b.payments = append(b.payments, d.Payment)
	b.bookings[d.Payment.ID] = d.Bookings
	b.claims = append(b.claims, d.Claims...)
	for _, booking := range d.Bookings {
		for _, leg := range booking.Legs {
			b.balances[leg.Account] += leg.Debit - leg.Credit
		}
	}
}

func (b *ownBooks) EachPayment(_ context.Context, each func(*hub.Payment) error) error {
	for _, p := range b.payments {
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (b *ownBooks) Bookings(_ context.Context, id hub.PaymentID) ([]hub.Booking, error) {
	return b.bookings[id], nil
}

func (b *ownBooks) Balances(context.Context) (map[string]int64, error) { return b.balances, nil }

func (b *ownBooks) Claims(context.Context) ([]hub.Claim, error) { return b.claims, nil }

// ordersOf is what providers did if the payment is right.
func ordersOf(p *hub.Payment) (all []judge.Order) {
	for i := range p.Charges {
		c := &p.Charges[i]
		o := judge.Order{PSP: c.PSP, Number: c.Order, Payment: p.ID, Authorised: max(c.Facts.Authorised, c.Facts.Captured), Refunded: p.RefundedOf(c.No)}
		if c.State == hub.ChargeCaptured || c.State == hub.ChargeDisputed {
			o.Captured, o.Disputed = c.Facts.Captured, max(0, c.Facts.Disputed-c.Facts.Won)
		}
		all = append(all, o)
	}
	return all
}

// entriesOf is what creditors booked if the payment is right.
func entriesOf(p *hub.Payment) (all []judge.Entry) {
	for i := range p.Lines {
		if l := &p.Lines[i]; l.State == hub.LinePosted || l.State == hub.LineReversing {
			all = append(all, judge.Entry{Creditor: l.Creditor, ID: p.PostingID(l.No), ExternalID: l.ExternalID, Amount: l.Amount.Minor})
		}
	}
	return all
}
