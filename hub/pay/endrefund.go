package pay

import (
	"context"
	"slices"

	"racord/hub"
)

// EndRefund says what becomes of a refund that failed: how it was given back by
// hand, or that it is tried again. For more than Conf.Alone it only is noted, until
// somebody else says the same. The caller says of how much it believes the refund
// to be: CodeConflict when that is not so, when the refund has not failed or
// somebody spoke already; CodeNotFound for a refund that is not there,
// CodeUnsupported when the provider cannot be asked again or is not known any more.
func (s *Service) EndRefund(ctx context.Context, by hub.Login, id hub.PaymentID, no int, amount hub.Money, how hub.RefundEnd) (*hub.Payment, error) {
	return s.ending(ctx, id, no, amount, how, func(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
		if s.EndingWaits(r) {
			return hub.Errorf(hub.CodeConflict, "Somebody said already what becomes of this refund: somebody else has to confirm it.")
		}
		r.Ending = &hub.RefundSaid{How: how, AskedBy: by, AskedAt: s.Clock.Now()}
		if r.Amount.Minor > s.conf.Alone.Minor {
			return nil
		}
		return s.endRefund(tx, p, r)
	})
}

// ConfirmEndRefund is the second person's word. It fails as EndRefund does, with
// CodeConflict when nothing waits or something else was said, and with
// CodeForbidden for whoever said it.
func (s *Service) ConfirmEndRefund(ctx context.Context, by hub.Login, id hub.PaymentID, no int, amount hub.Money, how hub.RefundEnd) (*hub.Payment, error) {
	return s.ending(ctx, id, no, amount, how, func(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
		switch {
		case !s.EndingWaits(r) || r.Ending.How != how:
			return hub.Errorf(hub.CodeConflict, "Nobody said this of the refund.")
		case r.Ending.AskedBy == by:
			return hub.Errorf(hub.CodeForbidden, "Somebody else than who said it has to confirm this.")
		}
		r.Ending.ConfirmedBy = by
		return s.endRefund(tx, p, r)
	})
}

// EndingWaits tells whether what was said of a failed refund waits for a second
// person.
func (s *Service) EndingWaits(r *hub.Refund) bool {
	e := r.Ending
	return e != nil && r.State == hub.RefundFailed && r.Amount.Minor > s.conf.Alone.Minor &&
		e.ConfirmedBy == (hub.Login{}) && s.Clock.Now().Before(e.AskedAt.Add(wishLife))
}

// ending changes a failed refund of the amount that is expected.
func (s *Service) ending(ctx context.Context, id hub.PaymentID, no int, amount hub.Money, how hub.RefundEnd, do func(hub.PaymentTx, *hub.Payment, *hub.Refund) error) (*hub.Payment, error) {
	if s.Stopped(hub.BarrierOpen) {
		return nil, errStopped()
	}
	return s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		r := p.Refund(no)
		switch {
		case r == nil:
			return hub.Errorf(hub.CodeNotFound, "The payment has no such refund.")
		case r.State != hub.RefundFailed || amount != r.Amount:
			return hub.Errorf(hub.CodeConflict, "The refund has not failed, or is of another amount.")
		}
		if how == hub.EndByBank && !byBank(p.Charge(r.Charge), r.Line) {
			return hub.Errorf(hub.CodeConflict, "The payer's bank has not taken this money back.")
		}
		psp := s.psp(p.Charge(r.Charge).PSP)
		if psp == nil || psp.Refunder == nil && how == hub.EndAgain {
			return hub.Errorf(hub.CodeUnsupported, "The payment provider cannot be asked to give it back.")
		}
		return do(tx, p, r)
	})
}

// byBank tells whether the payer's bank may have given all of a line back.
func byBank(c *hub.Charge, line int) bool {
	wonInPart := slices.ContainsFunc(c.Shares, func(s hub.DisputeShare) bool { return s.Line == line && s.Won > 0 })
	return c.State == hub.ChargeDisputed && !wonInPart
}

// endRefund does what was said of a failed refund.
func (s *Service) endRefund(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
	c := p.Charge(r.Charge)
	if r.Ending.How == hub.EndAgain {
		return s.retryRefund(tx, p, r)
	}
	if err := r.Move(hub.RefundRefunded); err != nil {
		return err
	}
	switch r.Ending.How {
	case hub.EndByTransfer:
		s.bookTransferred(tx, p, s.psp(c.PSP), c, r)
	case hub.EndByBank:
		s.bookTakenBack(tx, p, c, r, false)
	default:
		s.atProvider(tx, p, c, r)
	}
	return s.paidBack(tx, p, c, r)
}
