package pay

import (
	"context"
	"errors"
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
}

// Rebuild makes the books whole again from those of providers and creditors,
// after an old backup was restored. Nothing must be paid meanwhile. It may be
// done again at any time: what is there stays.
//
// A payment that is not here is made from its order's manifest; what of it was
// booked is its creditors' word. What they have not booked is for a person,
// because a manifest names no debt. A line of the backup that may have been told
// to its creditor since is looked up before it is told again.
func (s *Service) Rebuild(ctx context.Context, books Archive) (*Rebuilt, error) {
	r := &Rebuilt{}
	if err := s.wakeAll(ctx, books, r); err != nil {
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
	said, err := s.statementsSince(ctx, lost)
	if err != nil {
		return r, err
	}
	for i := range lost {
		if err := s.rebuild(ctx, &lost[i], said, r); err != nil {
			return r, fmt.Errorf("%s/%s: %w", lost[i].psp.Name, lost[i].Order, err)
		}
	}
	return r, nil
}

// wakeAll makes everybody be asked about the payments of the backup that are not
// final. A line that is due may have been told since.
func (s *Service) wakeAll(ctx context.Context, books Archive, r *Rebuilt) error {
	var open []hub.PaymentID
	err := books.EachPayment(ctx, func(p *hub.Payment) error {
		if !p.State().Final() {
			open = append(open, p.ID)
		}
		return nil
	})
	for i := 0; i < len(open) && err == nil; i++ {
		if err = s.suspect(ctx, books, open[i]); err == nil {
			_, err = s.Store.ChangePayment(ctx, open[i], nil, s.wake)
		}
		r.Woken++
	}
	return err
}

// suspect looks a payment's charges up, so that money that was taken since the
// backup is here before any creditor is told of it.
func (s *Service) suspect(ctx context.Context, _ Archive, id hub.PaymentID) error {
	p, err := s.Store.Payment(ctx, id)
	if err != nil {
		return err
	}
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State.Final() || c.State == hub.ChargeCreated {
			continue
		}
		facts, err := s.ask(ctx, c)
		if hub.CodeOf(err) == hub.CodeNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if facts.Captured == 0 {
			continue // whoever carries payments out brings it on
		}
		if _, err := s.Store.ChangePayment(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			return s.fold(ctx, tx, p, p.Charge(c.No), facts, false)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) wake(tx hub.PaymentTx, p *hub.Payment) error {
	for i := range p.Charges {
		if c := &p.Charges[i]; !c.State.Final() {
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, 0)
		}
	}
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.State == hub.LineDue {
			if err := s.maybeTold(tx, l); err != nil {
				return err
			}
		}
		if l.State == hub.LinePosting || l.State == hub.LinePostUnknown {
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
		}
	}
	return nil
}

// maybeTold marks a due line as one that may have arrived: it is looked up, or
// told again where that does no harm.
func (s *Service) maybeTold(tx hub.PaymentTx, l *hub.Line) error {
	l.SentAt = tx.Now()
	if l.FirstSent.IsZero() {
		l.FirstSent = l.SentAt
	}
	return errors.Join(l.Move(hub.LinePosting), l.Move(hub.LinePostUnknown))
}

// rebuild brings one order into the books.
func (s *Service) rebuild(ctx context.Context, o *foundOrder, said map[hub.PostingID]hub.BookedPosting, r *Rebuilt) error {
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
	booked, err := s.bookedOf(ctx, o, said)
	if err != nil {
		return err
	}
	p, err := s.Store.ChangePayment(ctx, o.manifest.payment, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.restoreCharge(tx, p, o)
	})
	if err != nil || o.Facts.Captured == 0 {
		return err
	}
	r.Taken += o.Facts.Captured
	for _, step := range []func(context.Context, hub.PaymentTx, *hub.Payment, *foundOrder, map[int]hub.BookedPosting) error{
		s.takeAgain, s.settleAgain, s.refundAgain,
	} {
		if p, err = s.Store.ChangePayment(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error { return step(ctx, tx, p, o, booked) }); err != nil {
			return err
		}
	}
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
// paid later, is given back.
func (s *Service) restoreCharge(tx hub.PaymentTx, p *hub.Payment, o *foundOrder) error {
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
	if c.State == hub.ChargeCreated {
		c.URL = rebuilt // the payer may still have the page
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.LookUpEvery)
		return c.Move(hub.ChargeStarting)
	}
	return nil
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

// takeAgain books the money that an order took, and marks its lines as told.
func (s *Service) takeAgain(_ context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, booked map[int]hub.BookedPosting) error {
	c := p.Charge(o.manifest.charge)
	c.Facts = c.Facts.Fold(o.Facts)
	c.Take = hub.Bani(c.Facts.Captured)
	if c.State == hub.ChargeCaptured {
		return nil
	}
	if err := c.Move(hub.ChargeCaptured); err != nil {
		return err
	}
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
	s.bookCapture(tx, p, c)
	rest := c.Facts.Captured
	for no := range booked {
		rest -= p.Line(no).Amount.Minor
	}
	for _, l := range linesOf(p, c) {
		_, there := booked[l.No]
		if l.State != hub.LineHeld {
			continue
		}
		if !there && rest < l.Amount.Minor { // nothing was taken for it
			if err := s.drop(tx, p, l, "not_taken"); err != nil {
				return err
			}
			continue
		}
		if !there {
			rest -= l.Amount.Minor
		}
		s.bookAllocation(tx, p, c, l)
		l.PaidAt = s.paidAt(c)
		if err := l.Move(hub.LineDue); err != nil {
			return err
		}
	}
	if rest != 0 {
		tx.Anomaly("rebuilt_unclear", "what was taken is no sum of the order's lines: "+c.Order)
	}
	s.emit(tx, p, "payment.captured", 0)
	return nil
}

// settleAgain draws the consequence of what creditors have booked, and of what
// was given back.
func (s *Service) settleAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, booked map[int]hub.BookedPosting) error {
	c := p.Charge(o.manifest.charge)
	back := o.Facts.Refunded
	for _, l := range linesOf(p, c) {
		if l.State != hub.LineDue {
			continue
		}
		row, there := booked[l.No]
		var err error
		switch {
		case there:
			err = s.postedAgain(tx, p, l, row)
		case back >= l.Amount.Minor:
			back -= l.Amount.Minor
			err = s.refusedAgain(tx, p, c, l)
		case l.ExternalID != "" || l.Reference != "": // a line of the backup
			err = s.maybeTold(tx, l)
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
		default:
			err = s.stuckAgain(ctx, tx, p, l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refundAgain ends the refunds that the provider had carried out.
func (s *Service) refundAgain(_ context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, _ map[int]hub.BookedPosting) error {
	c := p.Charge(o.manifest.charge)
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.Charge == c.No && r.Reason == rebuilt && r.State == hub.RefundRequested {
			if err := s.refunded(tx, p, c, r); err != nil {
				return err
			}
		}
	}
	if p.State().Final() && len(p.Refunds) == 0 {
		s.emit(tx, p, "payment."+string(p.State()), 0)
	}
	return nil
}

// rebuilt is why a line or refund is what it is.
const rebuilt = "rebuilt"

// refusedAgain is for a line whose money the provider gave back before.
func (s *Service) refusedAgain(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) error {
	l.Reason = rebuilt
	s.bookRefusal(tx, p, l)
	p.Refunds = append(p.Refunds, hub.Refund{
		No: len(p.Refunds) + 1, Charge: c.No, Line: l.No, Amount: l.Amount, Reason: rebuilt, State: hub.RefundRequested,
	})
	return l.Move(hub.LineRejected)
}

// stuckAgain is for a line whose money was taken, that its creditor has not
// booked, and whose debt nobody knows any more.
func (s *Service) stuckAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	l.Reason = rebuilt
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	tx.Anomaly("line_stuck", string(p.PostingID(l.No))+" at "+string(l.Creditor)+": taken before the backup was restored, and not booked")
	return errors.Join(l.Move(hub.LinePosting), l.Move(hub.LineStuck))
}

// postedAgain is posted for a line whose creditor booked it before the restore.
// That its debt is not shown any more is not proved once more.
func (s *Service) postedAgain(tx hub.PaymentTx, p *hub.Payment, l *hub.Line, row hub.BookedPosting) error {
	if row.ExternalID != "" {
		l.ExternalID, l.Obligation = row.ExternalID, hub.NewObligationID(l.Creditor, row.ExternalID)
	}
	if err := errors.Join(l.Move(hub.LinePosting), l.Move(hub.LinePosted)); err != nil {
		return err
	}
	now := s.Clock.Now()
	l.Receipt, l.BookedAt, l.ClearBy, l.ClearedAt = row.Number, l.PaidAt, now, now
	s.bookPosted(tx, p, l)
	s.emit(tx, p, "line.posted", l.No)
	return nil
}

// statementsSince reads what creditors booked since the first of the lost orders.
func (s *Service) statementsSince(ctx context.Context, lost []foundOrder) (map[hub.PostingID]hub.BookedPosting, error) {
	said := map[hub.PostingID]hub.BookedPosting{}
	first := time.Time{}
	for i := range lost {
		if at := lost[i].Facts.AuthorisedAt; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() {
		return said, nil
	}
	for _, c := range s.Roster.OnDuty() {
		if c.Statement == nil {
			continue
		}
		for day := hub.DateOf(first); day <= hub.DateOf(s.Clock.Now()); day = hub.DateOf(day.End().Add(12 * time.Hour)) {
			rows, err := c.Statement.Statement(ctx, day)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Creditor.Name, err)
			}
			for _, row := range rows {
				if !row.Reversed {
					said[row.ID] = row
				}
			}
		}
	}
	return said, nil
}

// bookedOf gives the lines of an order that their creditors have booked, by
// number. A creditor without statements is asked about each.
func (s *Service) bookedOf(ctx context.Context, o *foundOrder, said map[hub.PostingID]hub.BookedPosting) (map[int]hub.BookedPosting, error) {
	booked := map[int]hub.BookedPosting{}
	for _, l := range o.manifest.lines {
		id := (&hub.Payment{ID: o.manifest.payment}).PostingID(l.No)
		if row, there := said[id]; there {
			booked[l.No] = row
			continue
		}
		c := s.connector(l.Creditor)
		if o.Facts.Captured == 0 || c == nil || c.Finder == nil {
			continue
		}
		found, receipt, err := c.Finder.Find(ctx, hub.Posting{ID: id, Creditor: l.Creditor, Amount: l.Amount, PaidAt: o.Facts.AuthorisedAt})
		if err != nil {
			return nil, err
		}
		if found == hub.FoundBooked {
			booked[l.No] = hub.BookedPosting{ID: id, Number: receipt.Number, Amount: l.Amount}
		}
	}
	return booked, nil
}
