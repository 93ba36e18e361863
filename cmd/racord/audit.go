package main

import (
	"context"

	"racord/hub"
	"racord/hub/judge"
	"racord/hub/reconcile"
)

// auditPage is how many payments are judged at once.
const auditPage = 1000

// auditOf judges the hub's own books by what they say themselves: providers and
// creditors are taken to have done what the payments say. Each payment is read as
// of one moment, so that a hub at work gives no false alarm.
func auditOf(store hub.Store) reconcile.Audit {
	return func(ctx context.Context, from hub.Changed) (found []hub.Difference, broken string, next hub.Changed, err error) {
		next = from
		for {
			page, reached, err := store.ChangedSince(ctx, next, auditPage)
			if err != nil {
				return nil, "", next, err
			}
			verdict, err := judgeThemselves(ctx, store, page)
			if err != nil {
				return nil, "", next, err
			}
			for _, f := range verdict.Findings() {
				if f.Rule == "I7" {
					continue // a hub at work
				}
				found = append(found, hub.Difference{Kind: f.Rule, Name: f.Name, Detail: f.Detail})
				if f.Rule == "I5" && broken == "" {
					broken = f.String()
				}
			}
			if next = reached; len(page) < auditPage {
				break
			}
		}
		off, err := store.JournalOff(ctx)
		if off != 0 {
			broken = "the journal is off by " + hub.Bani(off).String()
			found = append(found, hub.Difference{Kind: "I5", Name: "journal", Amount: off, Detail: broken})
		}
		return found, broken, next, err
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

func judgeThemselves(ctx context.Context, store hub.Store, page []*hub.Payment) (*judge.Verdict, error) {
	books := &ownBooks{bookings: map[hub.PaymentID][]hub.Booking{}, balances: map[string]int64{}}
	e := judge.Evidence{Hub: books}
	for _, p := range page {
		d, err := store.Dossier(ctx, p.ID)
		if err != nil {
			return nil, err
		}
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
