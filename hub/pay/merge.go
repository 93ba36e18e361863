package pay

import (
	"context"
	"errors"

	"racord/hub"
)

// mergeStep is a part of merging that is stored before the next begins.
type mergeStep func(context.Context, hub.PaymentTx, *hub.Payment, *foundOrder, heard) error

// merge lays what the provider and the creditors say of an order over what its
// payment says.
func (s *Service) merge(ctx context.Context, o *foundOrder, said map[hub.PostingID]bookedRow) error {
	there, err := s.hear(ctx, o, said)
	if err != nil {
		return err
	}
	for _, step := range []mergeStep{s.restoreCharge, s.takeMoney, s.settleAgain, s.refundAgain} {
		_, err := s.Store.ChangePayment(ctx, o.manifest.payment, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			return step(ctx, tx, p, o, there)
		})
		if err != nil || o.Facts.Captured == 0 {
			return err
		}
	}
	return nil
}

// takeMoney books the money that an order took. A payment that was made anew, maybe
// by a rebuilding that broke off, has no decision of its own to go on with.
func (s *Service) takeMoney(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	if c := p.Charge(o.manifest.charge); c.State == hub.ChargeCreated {
		if err := c.Move(hub.ChargeStarting); err != nil {
			return err
		}
	}
	if o.known && p.Portal != rebuilt {
		return s.takeOn(ctx, tx, p, o, there)
	}
	return s.takeAgain(ctx, tx, p, o, there)
}

// takeAgain books the money that an order took, and marks its lines as told.
func (s *Service) takeAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	c := p.Charge(o.manifest.charge)
	s.learn(tx, p, c, o.Facts)
	c.Restored = true
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
	for no := range there.booked {
		rest -= p.Line(no).Amount.Minor
	}
	for _, l := range linesOf(p, c) {
		if l.State != hub.LineHeld {
			continue
		}
		bring := s.lineTaken
		if _, booked := there.booked[l.No]; !booked {
			if rest < l.Amount.Minor {
				bring = s.lineNotTaken
			} else {
				rest -= l.Amount.Minor
			}
		}
		if err := bring(ctx, tx, p, c, l); err != nil {
			return err
		}
	}
	if rest != 0 {
		tx.Anomaly("rebuilt_unclear", "what was taken is no sum of the order's lines: "+c.Order)
	}
	s.emit(tx, p, "payment.captured", 0)
	return nil
}

func (s *Service) lineTaken(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) error {
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	s.bookAllocation(tx, p, c, l)
	l.PaidAt = s.paidAt(c)
	return l.Move(hub.LineDue)
}

func (s *Service) lineNotTaken(_ context.Context, tx hub.PaymentTx, p *hub.Payment, _ *hub.Charge, l *hub.Line) error {
	return s.drop(tx, p, l, "not_taken")
}

// settleAgain draws the consequence of what creditors have booked, and of what
// was given back.
func (s *Service) settleAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	c := p.Charge(o.manifest.charge)
	back, clear := returned(p, c, o.Facts.Refunded, there)
	for _, l := range linesOf(p, c) {
		if !undecided(l) || p.ChargeOf(l.No).No != c.No {
			continue
		}
		row, isBooked := there.booked[l.No]
		var err error
		switch {
		case isBooked:
			err = s.postedAgain(tx, p, l, row)
		case back[l.No]:
			err = s.refusedAgain(tx, p, c, l)
		case clear && (l.ExternalID != "" || l.Reference != ""): // a line of the backup
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

// undecided tells whether a creditor's word about a line is still to come.
func undecided(l *hub.Line) bool {
	switch l.State {
	case hub.LineDue, hub.LinePosting, hub.LinePostUnknown:
		return true
	}
	return false
}

// returned tells which lines the provider gave the money back for, of a sum of
// which a part may be known already: all that nobody booked, if it is enough for
// all, else those of which their creditors say so. A line of exactly this
// amount comes first. It is not clear when something of the sum is left.
func returned(p *hub.Payment, c *hub.Charge, sum int64, there heard) (back map[int]bool, clear bool) {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.Charge == c.No && (r.AtProvider() || !r.State.Final()) {
			sum -= r.Amount.Minor
		}
	}
	var open, absent []*hub.Line
	all := int64(0)
	for _, l := range linesOf(p, c) {
		if _, isBooked := there.booked[l.No]; isBooked || !undecided(l) {
			continue
		}
		all += l.Amount.Minor
		open = append(open, l)
		if there.absent[l.No] {
			absent = append(absent, l)
		}
	}
	if sum < all {
		open = absent
	}
	back = map[int]bool{}
	for _, fits := range []func(amount int64) bool{
		func(amount int64) bool { return amount == sum },
		func(amount int64) bool { return amount <= sum },
	} {
		for _, l := range open {
			if !back[l.No] && fits(l.Amount.Minor) {
				back[l.No] = true
				sum -= l.Amount.Minor
			}
		}
	}
	return back, sum <= 0
}

// refundAgain ends the refunds that the provider had carried out, and has the
// others looked up before they are asked for: the lost hub may have been about to.
func (s *Service) refundAgain(_ context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, _ heard) error {
	c := p.Charge(o.manifest.charge)
	for i := range p.Refunds {
		r := &p.Refunds[i]
		if r.Charge != c.No || r.State != hub.RefundRequested {
			continue
		}
		if err := s.doubt(tx, p, r); err != nil {
			return err
		}
		if o.Facts.Refunded >= r.Before+r.Amount.Minor {
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

// doubt has a refund looked up before it is asked for: the lost hub may have.
func (s *Service) doubt(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
	r.Before, r.AskedAt, r.AskedOn = 0, tx.Now(), hub.DateOf(s.Clock.Now())
	for i := range p.Refunds {
		if o := &p.Refunds[i]; o.No != r.No && o.Charge == r.Charge && (o.AtProvider() || o.No < r.No && !o.State.Final()) {
			r.Before += o.Amount.Minor
		}
	}
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: r.No}, 0)
	return errors.Join(r.Move(hub.RefundRefunding), r.Move(hub.RefundUnknown))
}

// refusedAgain is for a line whose money the provider gave back before.
func (s *Service) refusedAgain(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line) error {
	l.Reason = rebuilt
	tx.Release(l)
	s.bookRefusal(tx, p, l)
	p.Refunds = append(p.Refunds, hub.Refund{
		No: len(p.Refunds) + 1, Charge: c.No, Line: l.No, Amount: l.Amount, Reason: rebuilt, State: hub.RefundRequested, WantedAt: tx.Now(),
	})
	return l.Move(hub.LineRejected)
}

// stuckAgain is for a line whose money was taken, that its creditor has not
// booked, and whose debt nobody knows any more, or whose money may be given back.
func (s *Service) stuckAgain(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	l.Reason = rebuilt
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	tx.Anomaly("line_stuck", string(p.PostingID(l.No))+" at "+string(l.Creditor)+": taken before the backup was restored, and not booked")
	if l.State == hub.LineDue {
		if err := l.Move(hub.LinePosting); err != nil {
			return err
		}
	}
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor})
	return l.Move(hub.LineStuck)
}

// postedAgain is posted for a line whose creditor booked it before the restore.
// Where nobody knows any more whom it was shown to, that it is not shown any more
// is not proved.
func (s *Service) postedAgain(tx hub.PaymentTx, p *hub.Payment, l *hub.Line, row bookedRow) error {
	if row.ExternalID != "" {
		l.ExternalID, l.Obligation = row.ExternalID, hub.NewObligationID(l.Creditor, row.ExternalID)
	}
	if l.State == hub.LineDue {
		if err := l.Move(hub.LinePosting); err != nil {
			return err
		}
	}
	if c := s.connector(l.Creditor); c != nil && l.Asked != (hub.Whom{}) {
		return s.posted(tx, p, l, c, hub.Receipt{Number: row.Number, BookedAt: row.at})
	}
	if err := l.Move(hub.LinePosted); err != nil {
		return err
	}
	now := s.Clock.Now()
	l.Receipt, l.BookedAt, l.ClearBy, l.ClearedAt = row.Number, row.at, now, now
	if l.BookedAt.IsZero() {
		l.BookedAt = l.PaidAt
	}
	s.bookPosted(tx, p, l)
	s.emit(tx, p, "line.posted", l.No)
	return nil
}
