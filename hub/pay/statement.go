package pay

import (
	"context"

	"racord/hub"
)

// Booked takes a creditor's statement as its word about a line that was told and
// of which nobody knew whether it arrived, or that waited for a person. A line
// that is booked already stays so. It fails with CodeConflict for a line that
// cannot have been booked, and with CodeNotFound.
func (s *Service) Booked(ctx context.Context, id hub.PaymentID, line int, receipt hub.Receipt) error {
	_, err := s.Store.ChangePayment(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(line)
		if l == nil {
			return hub.Errorf(hub.CodeNotFound, "The payment has no such line.")
		}
		if l.State == hub.LineDue && l.Tries > 0 { // told before, and due again because it seemed not to have arrived
			if err := l.Move(hub.LinePosting); err != nil {
				return err
			}
		}
		c := s.connector(l.Creditor)
		if c == nil {
			return hub.Errorf(hub.CodeUnavailable, "The creditor is not connected any more.")
		}
		return s.posted(tx, p, l, c, receipt)
	})
	return err
}
