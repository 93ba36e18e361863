package pay

import (
	"context"

	"racord/hub"
)

// disputed notes that the payer's bank took money back, or that it has more of it, or
// less, than it had.
func (s *Service) disputed(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said word) error {
	tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No})
	if c.State == hub.ChargeDisputed {
		s.disputeMoved(tx, p, c)
		return nil
	}
	if c.State != hub.ChargeCaptured {
		if err := s.captured(ctx, tx, p, c, said); err != nil {
			return err
		}
	}
	if err := c.Move(hub.ChargeDisputed); err != nil {
		return err
	}
	s.Meter.Charged(c.PSP, c.State, c.Amount)
	c.Shares, c.Contested = nil, 0
	s.emit(tx, p, "payment.disputed", 0)
	s.bankTook(tx, p, c, c.Facts.Disputed-c.Facts.Won)
	return nil
}

// disputeMoved follows a dispute that goes on: only a provider's word on how much the
// bank has moves anything, whatever becomes of the lines.
func (s *Service) disputeMoved(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) {
	asBooked(p, c)
	switch more := c.Facts.Disputed - c.Facts.Won - c.Contested; {
	case more > 0:
		s.bankTook(tx, p, c, more)
	case more < 0:
		s.bankGave(tx, p, c, -more)
	}
}

// bankTook books what the payer's bank took back, and tells whose it was.
func (s *Service) bankTook(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, sum int64) {
	shares := disputedShares(p, c, sum)
	c.Contested += sum
	c.Disputes++
	s.bookDispute(tx, p, c, shares)
	for _, share := range shares {
		if shareOf(c, share.Line) == 0 {
			s.emit(tx, p, "line.disputed", share.Line)
		}
		shareIn(c, share.Line).Amount += share.Amount
	}
}

// bankGave books what the payer's bank gave back of a dispute that goes on. A creditor
// is told once it has its whole line again.
func (s *Service) bankGave(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, sum int64) {
	won := wonShares(p, c, sum)
	s.bookWon(tx, p, c, won)
	c.Contested -= sum
	c.Disputes++
	for _, part := range won {
		shareIn(c, part.Line).Won += part.Amount
		if shareOf(c, part.Line) == 0 {
			s.emit(tx, p, "line.dispute_won", part.Line)
		}
	}
}

// reopen has a charge follow what is said of a dispute that begins, also after one
// that was won: there are providers that tell of the last one alone.
func reopen(c *hub.Charge, said hub.ChargeFacts) {
	c.WonBefore += max(0, c.Facts.Won-said.Won)
	c.Facts.Disputed, c.Facts.Won = said.Disputed, said.Won
}

// won notes that the creditors keep the money after all.
func (s *Service) won(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	if err := c.Move(hub.ChargeCaptured); err != nil {
		return err
	}
	s.Meter.Charged(c.PSP, c.State, c.Amount)
	asBooked(p, c)
	rest := openShares(c)
	s.bookWon(tx, p, c, rest)
	c.Contested = 0
	s.emit(tx, p, "payment.dispute_won", 0)
	for _, share := range rest {
		s.emit(tx, p, "line.dispute_won", share.Line)
	}
	return s.refundAfterAll(tx, p, c)
}

// Disputed has a payment's charges follow what settlements say that the payer's bank
// took back, or gave back again. A provider that tells of it is asked, and so is one
// of which it is not known yet that it took the money.
func (s *Service) Disputed(ctx context.Context, id hub.PaymentID) error {
	bookings, err := s.Store.Bookings(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		for i := range p.Charges {
			c := &p.Charges[i]
			if err := s.settledDispute(ctx, tx, p, c, hub.SettledDispute(bookings, c.PSP, c.Order)); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (s *Service) settledDispute(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, said hub.ChargeFacts) error {
	psp := s.psp(c.PSP)
	taken := c.State == hub.ChargeCaptured || c.State == hub.ChargeDisputed
	switch {
	case c.Facts.Fold(said) == c.Facts:
		return nil
	case !taken || psp == nil || psp.Traits.TellsDisputes:
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, 0)
		return nil
	}
	return s.fold(ctx, tx, p, c, word{ChargeFacts: said})
}

// refundAfterAll gives back what was not, because the payer's bank had the money.
func (s *Service) refundAfterAll(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge) error {
	for i := range p.Refunds {
		r := &p.Refunds[i]
		byBank := r.State == hub.RefundRefunded && r.Ending != nil && r.Ending.How == hub.EndByBank
		if waits := r.State == hub.RefundFailed && r.Failed == contested; r.Charge != c.No || !byBank && !waits {
			continue
		}
		if l := p.Line(r.Line); byBank && l != nil {
			if err := l.Move(hub.LineRejected); err != nil {
				return err
			}
		}
		if byBank {
			s.bookTakenBack(tx, p, c, r, true)
		}
		r.Ending = nil
		if err := s.askAfterAll(tx, p, r); err != nil {
			return err
		}
	}
	return nil
}

// askAfterAll has a refund asked for. One that was before may have happened late, and
// is looked up first.
func (s *Service) askAfterAll(tx hub.PaymentTx, p *hub.Payment, r *hub.Refund) error {
	if err := s.retryRefund(tx, p, r); err != nil || r.AskedAt.IsZero() {
		return err
	}
	return s.doubt(tx, p, r)
}
