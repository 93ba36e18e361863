package pay

import (
	"context"
	"time"

	"racord/hub"
)

// forever is the end of a claim that a captured line keeps until its creditor
// was seen not to show the debt any more.
const forever = 10 * 365 * 24 * time.Hour

// decide asks the creditors once more about an authorised charge, fixes for ever
// what is taken, and takes it: each line whole, or not at all. When nothing is
// left to take, or all was wanted, the reservation is given back.
func (s *Service) decide(ctx context.Context, lease *hub.Lease, p *hub.Payment, c *hub.Charge) error {
	if !c.Manual {
		return s.lookUp(ctx, lease, p, c)
	}
	if !s.together(p) || s.Stopped(hub.BarrierCapture) {
		return s.later(ctx, lease, s.conf.LookUpEvery)
	}
	said := s.askAgain(ctx, linesOf(p, c))
	p, err := s.alter(ctx, p.ID, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		return s.intend(ctx, tx, p, p.Charge(lease.No), said)
	})
	if err != nil {
		return err
	}
	return s.carryOut(ctx, lease, p, p.Charge(lease.No))
}

// together tells whether a charge may be decided: in an all-or-nothing basket
// once all charges are authorised.
func (s *Service) together(p *hub.Payment) bool {
	if p.Policy != hub.AllOrNothing {
		return true
	}
	for i := range p.Charges {
		switch p.Charges[i].State {
		case hub.ChargeCreated, hub.ChargeStarting, hub.ChargeAwaiting:
			return false
		}
	}
	return true
}

func linesOf(p *hub.Payment, c *hub.Charge) []*hub.Line {
	lines := make([]*hub.Line, len(c.Lines))
	for i, no := range c.Lines {
		lines[i] = p.Line(no)
	}
	return lines
}

// intend stores what is to be taken: the lines that are still owed, and whose
// claims the payment has now.
func (s *Service) intend(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said []error) error {
	if c.State != hub.ChargeAuthorised {
		return nil
	}
	take := int64(0)
	for i, l := range linesOf(p, c) {
		why, err := s.keep(ctx, tx, p, c, l, said[i])
		if err != nil {
			return err
		}
		if why == "" {
			take += l.Amount.Minor
			continue
		}
		if err := s.leaveOut(tx, p, c, l, why); err != nil {
			return err
		}
	}
	s.settleTake(p, c, take)
	c.AskedAt = tx.Now()
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.CallFor+s.conf.LookUpEvery)
	if c.Take.Minor == 0 {
		return s.giveBack(tx, p, c)
	}
	return c.Move(hub.ChargeCapturing)
}

// settleTake decides between taking a part and taking nothing.
func (s *Service) settleTake(p *hub.Payment, c *hub.Charge, take int64) {
	psp := s.psp(c.PSP)
	short := take < c.Amount.Minor
	switch {
	case p.Cancelled, c.Facts.Authorised < take,
		short && p.Policy == hub.AllOrNothing, broken(p),
		short && (psp == nil || !psp.Traits.PartialCapture):
		take = 0
	}
	c.Take = hub.Bani(take)
}

// broken tells whether an all-or-nothing basket has lost one of its charges.
func broken(p *hub.Payment) bool {
	if p.Policy != hub.AllOrNothing {
		return false
	}
	for i := range p.Lines {
		if p.Lines[i].State == hub.LineDropped {
			return true
		}
	}
	return false
}

// keep tells why a line is not taken, or "" and holds its claim for good. A
// creditor that is silent does not undo what it confirmed, if its word was still
// good when the payer authorised.
func (s *Service) keep(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, said error) (string, error) {
	if said != nil && (verdict(said) || !s.goodAtAuthorisation(p, c, l)) {
		return string(hub.CodeOf(said)), nil
	}
	if p.ChargeOf(l.No).No != c.No {
		return "paid_by_another_charge", nil
	}
	held, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever))
	if err != nil {
		return "", err
	}
	if !held {
		return "claimed_by_another", nil
	}
	if l.State == hub.LineDropped { // the payer's time was over, and the debt is free again
		if err := l.Move(hub.LineHeld); err != nil {
			return "", err
		}
	}
	l.PaidAt = s.paidAt(c)
	return "", nil
}

// goodAtAuthorisation tells whether the creditor's word held when the payer
// authorised.
func (s *Service) goodAtAuthorisation(_ *hub.Payment, c *hub.Charge, l *hub.Line) bool {
	return l.ValidUntil.IsZero() || s.paidAt(c).Before(l.ValidUntil)
}

// paidAt is the business time at which the payer authorised: creditors count
// from it.
func (s *Service) paidAt(c *hub.Charge) time.Time {
	if at := c.Facts.AuthorisedAt; !at.IsZero() {
		return at
	}
	return s.Clock.Now()
}

func (s *Service) leaveOut(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, why string) error {
	if l.State != hub.LineHeld || p.ChargeOf(l.No).No != c.No {
		return nil
	}
	if err := s.drop(tx, p, l, why); err != nil {
		return err
	}
	s.emit(tx, p, "line.dropped", l.No)
	return nil
}

// giveBack turns to returning the reservation. Lines that were kept are let go.
func (s *Service) giveBack(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	for _, l := range linesOf(p, c) {
		if err := s.leaveOut(tx, p, c, l, "not_taken"); err != nil {
			return err
		}
	}
	return c.Move(hub.ChargeVoiding)
}

// carryOut asks the provider for what was decided.
func (s *Service) carryOut(ctx context.Context, lease *hub.Lease, p *hub.Payment, c *hub.Charge) error {
	psp := s.psp(c.PSP)
	if psp == nil || psp.Capturer == nil {
		return hub.Errorf(hub.CodeUnavailable, "The payment provider is not configured any more.")
	}
	call, cancel := context.WithTimeout(ctx, s.conf.CallFor)
	defer cancel()
	switch c.State {
	case hub.ChargeCapturing:
		err := psp.Capturer.Capture(call, refOf(c), c.Take, key(p, "capture", c.No))
		return s.answered(ctx, lease, err, hub.ChargeCaptureUnknown, hub.ChargeFacts{Captured: c.Take.Minor})
	case hub.ChargeVoiding:
		err := psp.Capturer.Void(call, refOf(c), key(p, "void", c.No))
		return s.answered(ctx, lease, err, hub.ChargeVoidUnknown, hub.ChargeFacts{Voided: true})
	}
	return nil
}

// answered stores how the provider answered. After anything but a yes the charge
// is looked up before anything else.
func (s *Service) answered(ctx context.Context, lease *hub.Lease, err error, unknown hub.ChargeState, yes hub.ChargeFacts) error {
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(lease.No)
		if err == nil {
			return s.fold(ctx, tx, p, c, yes, false)
		}
		if moved := c.Move(unknown); moved != nil {
			return nil // it was found out meanwhile
		}
		s.Meter.Charged(c.PSP, c.State, c.Amount)
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.LookUpEvery)
		return nil
	})
}

// recapture lets a capture that the provider says did not happen be repeated: it
// was looked up, and an order is captured once at most.
func (s *Service) recapture(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.CallFor+s.patience(c))
	if tx.Now().Sub(c.AskedAt) > time.Hour && c.Tries%60 == 0 {
		tx.Anomaly("capture_unknown", "the provider neither captures nor gives up: "+c.Order)
	}
	return c.Move(hub.ChargeCapturing)
}

// revoid lets giving a reservation back be repeated.
func (s *Service) revoid(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, s.conf.CallFor+s.conf.LookUpEvery)
	return c.Move(hub.ChargeVoiding)
}

// captured books money that was taken and turns the lines over to their
// creditors. What the payer cannot have meant any more is given back.
func (s *Service) captured(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	work := hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}
	tx.Done(work)
	switch c.State {
	case hub.ChargeCaptured:
		return nil
	case hub.ChargeDisputed:
		return s.won(tx, p, c)
	}
	from := c.State
	if err := c.Move(hub.ChargeCaptured); err != nil {
		tx.Anomaly("illegal_step", err.Error()+": "+c.Order)
		return nil
	}
	s.Meter.Charged(c.PSP, c.State, hub.Bani(c.Facts.Captured))
	s.bookCapture(tx, p, c)
	for _, l := range linesOf(p, c) {
		if err := s.owe(ctx, tx, p, c, l, from); err != nil {
			return err
		}
	}
	s.bookRest(tx, p, c)
	s.emit(tx, p, "payment.captured", 0)
	return nil
}

// owe turns a line whose money was taken over to its creditor, or to a refund
// when the payment lost the right to pay it.
func (s *Service) owe(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, from hub.ChargeState) error {
	if c.Manual && l.State == hub.LineDropped && c.Take.Minor > 0 {
		return nil // it was left out of what was taken
	}
	if p.ChargeOf(l.No).No != c.No || l.State != hub.LineHeld && l.State != hub.LineDropped {
		return nil // another charge pays it: bookRest gives this one's money back
	}
	late := c.Manual && c.Take.Minor == 0 || from == hub.ChargeCancelled || p.Cancelled
	held := false
	if !late {
		var err error
		if held, _, _, err = tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
			return err
		}
	}
	s.bookAllocation(tx, p, c, l)
	if !held {
		return s.reject(tx, p, c, l, "too_late")
	}
	if l.State == hub.LineDropped {
		if err := l.Move(hub.LineHeld); err != nil {
			return err
		}
	}
	if l.PaidAt.IsZero() {
		l.PaidAt = s.paidAt(c)
	}
	if err := l.Move(hub.LineDue); err != nil {
		return err
	}
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
	return nil
}

// reject gives a line's money back: its creditor refused it for certain, or it
// came too late.
func (s *Service) reject(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, l *hub.Line, why string) error {
	if err := l.Move(hub.LineRejected); err != nil {
		return err
	}
	l.Reason = why
	s.Meter.Lined(l.Creditor, l.State, l.Amount)
	s.bookRefusal(tx, p, l)
	s.refundLater(tx, p, c.No, l.No, l.Amount, why)
	s.emit(tx, p, "line.rejected", l.No)
	return nil
}
