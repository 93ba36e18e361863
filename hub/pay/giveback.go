package pay

import (
	"context"
	"time"

	"racord/hub"
)

// wishLife is how long a wish to give money back waits for a second person; then
// it has to be asked for anew.
const wishLife = 7 * 24 * time.Hour

// Refundable gives a payment of which one of the staff wants to see a line: whoever
// has money given back sees first how much can be, and afterwards what became of
// it. CodeNotFound for a payment or a line that is not there.
func (s *Service) Refundable(ctx context.Context, id hub.PaymentID, line int) (*hub.Payment, error) {
	p, err := s.Store.Payment(ctx, id)
	if err == nil && p.Line(line) == nil {
		return nil, hub.Errorf(hub.CodeNotFound, "The payment has no such line.")
	}
	return p, err
}

// GiveBack takes a booked line back at its creditor and then refunds it; of one
// that the creditor is yet to be told of, it is not told any more. What is
// above Conf.Alone only is noted: nothing moves until somebody else confirms it.
// The caller says how much it believes can be refunded of the line: CodeConflict
// when that is not so any more or it was asked for already, CodeNotFound for a
// line that is not there, CodeUnsupported when the creditor cannot take it back.
func (s *Service) GiveBack(ctx context.Context, by hub.Login, id hub.PaymentID, line int, expected hub.Money) (*hub.Payment, error) {
	return s.givingBack(ctx, id, line, expected, func(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
		now := s.Clock.Now()
		if waits(l, now) {
			return hub.Errorf(hub.CodeConflict, "Giving this line back was asked for already: somebody else has to confirm it.")
		}
		l.GivenBack = &hub.GivenBack{AskedBy: by, AskedAt: now}
		if l.Amount.Minor > s.conf.Alone.Minor {
			return nil
		}
		return s.giveLineBack(tx, p, l)
	})
}

// ConfirmGiveBack is the second person's word. It fails as GiveBack does, with
// CodeConflict when nothing waits, and with CodeForbidden for whoever asked.
func (s *Service) ConfirmGiveBack(ctx context.Context, by hub.Login, id hub.PaymentID, line int, expected hub.Money) (*hub.Payment, error) {
	return s.givingBack(ctx, id, line, expected, func(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
		if !waits(l, s.Clock.Now()) {
			return hub.Errorf(hub.CodeConflict, "Nobody asked to give this line back.")
		}
		if l.GivenBack.AskedBy == by {
			return hub.Errorf(hub.CodeForbidden, "Somebody else than who asked has to confirm this.")
		}
		l.GivenBack.ConfirmedBy = by
		return s.giveLineBack(tx, p, l)
	})
}

// GivingBackWaits tells whether giving the line back waits for a second person.
func (s *Service) GivingBackWaits(l *hub.Line) bool { return waits(l, s.Clock.Now()) }

func waits(l *hub.Line, now time.Time) bool {
	g := l.GivenBack
	return g != nil && l.Refundable().Minor > 0 && g.ConfirmedBy == (hub.Login{}) && now.Before(g.AskedAt.Add(wishLife))
}

// givingBack changes a line of which as much can be given back as is expected.
func (s *Service) givingBack(ctx context.Context, id hub.PaymentID, line int, expected hub.Money, how func(hub.PaymentTx, *hub.Payment, *hub.Line) error) (*hub.Payment, error) {
	if s.Stopped(hub.BarrierOpen) {
		return nil, errStopped()
	}
	return s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		l := p.Line(line)
		switch {
		case l == nil:
			return hub.Errorf(hub.CodeNotFound, "The payment has no such line.")
		case l.Refundable().Minor == 0, expected != l.Refundable():
			return hub.Errorf(hub.CodeConflict, "The line cannot be refunded in its present state.")
		}
		if c := p.ChargeOf(line); c != nil && c.State == hub.ChargeDisputed {
			return hub.Errorf(hub.CodeConflict, "The payer's bank takes this money back: it cannot be refunded as well.")
		}
		if c := s.connector(l.Creditor); l.State == hub.LinePosted && (c == nil || c.Reverser == nil) {
			return hub.Errorf(hub.CodeUnsupported, "The creditor's system cannot take a booking back.")
		}
		return how(tx, p, l)
	})
}

// giveLineBack begins with the creditor, or with the provider where nothing is
// booked.
func (s *Service) giveLineBack(tx hub.PaymentTx, p *hub.Payment, l *hub.Line) error {
	if l.State != hub.LinePosted {
		tx.Done(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor})
		return s.reject(tx, p, p.ChargeOf(l.No), l, "asked_by_operator")
	}
	l.SentAt = tx.Now() // from when it is tried
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
	return l.Move(hub.LineReversing)
}
