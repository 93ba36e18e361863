package pay

import (
	"context"

	"racord/hub"
)

// reverse takes a booked line back at its creditor. Reversing twice is harmless,
// so that a lost answer is asked for again. What nothing is said of for longer than
// a posting is tried is for a person.
func (s *Service) reverse(ctx context.Context, lease *hub.Lease, p *hub.Payment, l *hub.Line, c *hub.Connector) error {
	err := error(hub.Errorf(hub.CodeUnsupported, "The creditor's system cannot take a booking back."))
	if c.Reverser != nil {
		err = c.Reverser.Reverse(ctx, p.Posting(l), l.Receipt)
	}
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(lease.No)
		l.Tries++
		switch {
		case err == nil:
			tx.Done(lease.Work)
			s.bookReversal(tx, p, l)
			return s.reject(tx, p, p.ChargeOf(l.No), l, "asked_by_operator")
		case hub.Certainly(err) && refusal(err):
			tx.Done(lease.Work)
			tx.Anomaly("reversal_refused", string(p.PostingID(l.No))+" at "+string(l.Creditor))
			return s.staysBooked(tx, p, l)
		case tx.Now().Sub(l.SentAt) > c.Traits.Paying.Window():
			return s.perhapsReversed(ctx, tx, lease, p, l)
		}
		tx.Schedule(lease.Work, max(hub.RetryAfterOf(err), backoff(l.Tries)))
		return nil
	})
}

// staysBooked returns a line to what it was before somebody asked to give it back.
func (s *Service) staysBooked(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	l.GivenBack = nil
	if l.ClearedAt.IsZero() { // looking for it may have ended meanwhile
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkClear, No: l.No}, firstLook)
	}
	return l.Move(hub.LinePosted)
}

// perhapsReversed is for a line whose creditor may have given it up or not. Whoever
// looks says that it is booked, or gives it back.
func (s *Service) perhapsReversed(ctx context.Context, tx hub.PaymentTx, lease *hub.Lease, p *hub.Payment, l *hub.Line) error {
	l.GivenBack = nil
	if _, _, _, err := tx.Hold(ctx, p.ID, l, tx.Now().Add(forever)); err != nil {
		return err
	}
	s.bookReversal(tx, p, l)
	return s.stuck(tx, lease, p, l, "not_taken_back")
}
