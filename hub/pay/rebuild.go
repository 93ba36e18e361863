package pay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"racord/hub"
)

// Archive is what rebuilding needs of the store.
type Archive interface {
	hub.Archive
	EachPayment(ctx context.Context, each func(p *hub.Payment) error) error
}

// Rebuilt is what was found after a restore.
type Rebuilt struct {
	Orders   int      // at providers that were not known here
	Payments int      // made anew from them
	Taken    int64    // bani taken by these orders
	Posted   int      // their lines that creditors have booked
	Waiting  int      // their lines that a person must look at
	Woken    int      // payments of the backup that were not final: everybody is asked about them again
	Unknown  []string // orders that do not say which payment they are of
	Returned []string // orders of ended payments of which more was given back than is known here: for a person
	NotAsked int      // ended payments' charges that could not be asked about, or are too many or too old
}

// Rebuild makes the books whole again from those of providers and creditors,
// after an old backup was restored. Nothing must be paid meanwhile. It may be
// done again at any time: what is there stays. It waits until what the lost hub
// told last can be seen.
//
// A payment that is not here is made from its order's manifest; what of it was
// booked is its creditors' word. What they have not booked is for a person,
// because a manifest names no debt. Providers and creditors are asked, too, what
// became of the payments that were under way in the backup; a line that may have
// been told to its creditor since is looked up before it is told again. For payments
// that had ended, providers are asked whether money was given back since.
func (s *Service) Rebuild(ctx context.Context, books Archive) (*Rebuilt, error) {
	r := &Rebuilt{}
	hub.Sleep(ctx, s.lastDeeds())
	open, err := underWay(ctx, books)
	if err != nil {
		return r, err
	}
	known, err := s.knownOrders(ctx, open)
	if err != nil {
		return r, err
	}
	var lost []foundOrder
	for _, psp := range s.PSPs {
		found, err := s.lostOrders(ctx, books, psp)
		if err != nil {
			return r, fmt.Errorf("%s: %w", psp.Name, err)
		}
		lost = append(lost, found...)
	}
	said, err := s.statementsSince(ctx, slices.Concat(known, lost))
	if err != nil {
		return r, err
	}
	for i := range known {
		if err := s.merge(ctx, &known[i], said); err != nil {
			return r, fmt.Errorf("%s/%s: %w", known[i].psp.Name, known[i].Order, err)
		}
	}
	for i := range lost {
		if err := s.rebuild(ctx, &lost[i], said, r); err != nil {
			return r, fmt.Errorf("%s/%s: %w", lost[i].psp.Name, lost[i].Order, err)
		}
	}
	for _, id := range open {
		if _, err := s.Store.ChangePayment(ctx, id, nil, s.wake); err != nil {
			return r, err
		}
		r.Woken++
	}
	return r, s.findReturned(ctx, books, r)
}

// lastDeeds is how long it may take until what the lost hub asked of providers
// and creditors last is done and can be seen.
func (s *Service) lastDeeds() time.Duration {
	longest := s.settleFor()
	for _, c := range s.Roster.OnDuty() {
		if c.Traits.Paying.Class == hub.ClassB {
			longest = max(longest, s.visible(c)+answerFor(c))
		}
	}
	return longest
}

// rebuild brings one order into the books.
func (s *Service) rebuild(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow, r *Rebuilt) error {
	r.Orders++
	if o.manifest.payment == "" {
		if o.Facts.Captured > 0 || o.Facts == (hub.ChargeFacts{}) {
			r.Unknown = append(r.Unknown, o.psp.Name+"/"+o.Order)
		}
		return nil
	}
	made, err := s.remake(ctx, o)
	if err != nil {
		return err
	}
	if made {
		r.Payments++
	}
	if err := s.merge(ctx, o, said); err != nil || o.Facts.Captured == 0 {
		return err
	}
	p, err := s.Store.Payment(ctx, o.manifest.payment)
	if err != nil {
		return err
	}
	r.Taken += o.Facts.Captured
	for i := range o.manifest.lines {
		switch l := p.Line(o.manifest.lines[i].No); l.State {
		case hub.LinePosted:
			r.Posted++
		case hub.LineStuck, hub.LinePostUnknown:
			r.Waiting++
		}
	}
	return nil
}

// remake opens the payment of an order that is not here, with what its manifest
// says. It belongs to nobody: whose it was, is not said.
func (s *Service) remake(ctx context.Context, o *foundOrder) (made bool, err error) {
	id := o.manifest.payment
	if _, err := s.Store.Payment(ctx, id); err == nil || hub.CodeOf(err) != hub.CodeNotFound {
		return false, err
	}
	at := o.Facts.AuthorisedAt
	if at.IsZero() {
		at = s.Clock.Now()
	}
	key := hub.RequestKey{Portal: rebuilt, Route: "rebuild", Key: string(id)}
	_, made, err = s.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		return &hub.Payment{
			ID: id, Portal: rebuilt, Quote: hub.QuoteID(rebuilt + "-" + string(id)), Policy: hub.BestEffort,
			OpenedAt: at, ExpiresAt: tx.Now(), Cancelled: true,
		}, nil
	})
	return made, err
}

// restoreCharge adds the order's charge and lines to its payment. What comes of a
// charge that was not captured is the usual: money that is still reserved, or
// paid later, is given back. With one that was, nobody goes on before its money is
// booked: without that it would be taken for one that the payer gave up.
func (s *Service) restoreCharge(_ context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, _ heard) error {
	var numbers []int
	for _, known := range o.manifest.lines {
		numbers = append(numbers, known.No)
		if p.Line(known.No) == nil {
			p.Lines = append(p.Lines, s.rebuiltLine(p.PostingID(known.No), known))
		}
	}
	slices.SortFunc(p.Lines, func(a, b hub.Line) int { return a.No - b.No })
	if p.Charge(o.manifest.charge) == nil {
		amount := o.Amount
		if amount.Currency == "" {
			amount = hub.Bani(max(o.Facts.Authorised, o.Facts.Captured))
		}
		p.Charges = append(p.Charges, hub.Charge{
			No: o.manifest.charge, PSP: o.psp.Name, Merchant: o.merchant, Order: o.Order, Ref: o.Facts.Ref, Lines: numbers,
			Amount: amount, Take: hub.Bani(0), Manual: o.psp.Capturer != nil, State: hub.ChargeCreated,
		})
		slices.SortFunc(p.Charges, func(a, b hub.Charge) int { return a.No - b.No })
	}
	c := p.Charge(o.manifest.charge)
	if c.State != hub.ChargeCreated {
		return nil
	}
	c.URL = rebuilt // the payer may still have the page
	if o.Facts.Captured > 0 {
		return nil
	}
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.LookUpEvery)
	return c.Move(hub.ChargeStarting)
}

func (s *Service) rebuiltLine(posting hub.PostingID, known hub.Line) hub.Line {
	l := hub.Line{
		No: known.No, Creditor: known.Creditor, Obligation: hub.NewObligationID(known.Creditor, rebuilt+" "+string(posting)), Amount: known.Amount, Owed: known.Amount, Label: rebuilt, Option: rebuilt,
		Verified: hub.VerifiedSnapshot, State: hub.LineHeld,
	}
	if c := s.connector(known.Creditor); c != nil {
		l.Class = c.Traits.Paying.Class
	}
	return l
}

// rebuilt is why a line or refund is what it is.
const rebuilt = "rebuilt"
