package pay

import (
	"context"
	"errors"
	"time"

	"racord/hub"
)

// underWay lists the payments of a backup that may have gone on since: those that
// are not final, and those that ended without money so late that a payer's page
// was still looked at when the backup was made.
func underWay(ctx context.Context, books Archive) (open []hub.PaymentID, err error) {
	newest := time.Time{}
	err = books.EachPayment(ctx, func(p *hub.Payment) error {
		if p.ExpiresAt.After(newest) {
			newest = p.ExpiresAt
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = books.EachPayment(ctx, func(p *hub.Payment) error {
		if !p.State().Final() || p.ExpiresAt.Add(lateFor).After(newest) && unpaid(p) {
			open = append(open, p.ID)
		}
		return nil
	})
	return open, err
}

// unpaid tells whether a charge of the payment ended without money.
func unpaid(p *hub.Payment) bool {
	for i := range p.Charges {
		switch p.Charges[i].State {
		case hub.ChargeFailed, hub.ChargeCancelled, hub.ChargeExpired:
			return true
		}
	}
	return false
}

// knownOrders asks the providers how the orders of payments stand.
func (s *Service) knownOrders(ctx context.Context, open []hub.PaymentID) (known []foundOrder, err error) {
	for _, id := range open {
		p, err := s.Store.Payment(ctx, id)
		if err != nil {
			return nil, err
		}
		for i := range p.Charges {
			c := &p.Charges[i]
			facts, err := s.ask(ctx, c)
			if hub.CodeOf(err) == hub.CodeNotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			o := foundOrder{psp: s.psp(c.PSP), merchant: c.Merchant, known: true}
			o.Order, o.Amount, o.Facts = c.Order, c.Amount, facts
			o.manifest.payment, o.manifest.charge = id, c.No
			for _, l := range linesOf(p, c) {
				o.manifest.lines = append(o.manifest.lines, *l)
			}
			known = append(known, o)
		}
	}
	return known, nil
}

// takeOn goes on with a charge of the backup whose money was taken since. What
// the lost hub had decided to take is told by what was taken, and by what
// creditors have booked.
func (s *Service) takeOn(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, o *foundOrder, there heard) error {
	c := p.Charge(o.manifest.charge)
	c.Restored = true
	assumed := assumed(p, c, o)
	if c.Manual && c.Take.Minor == 0 {
		if err := s.retake(tx, p, c, o.Facts.Captured, there); err != nil {
			return err
		}
	}
	err := s.fold(ctx, tx, p, c, word{ChargeFacts: o.Facts})
	if err != nil || !assumed {
		return err
	}
	return s.perhapsTaken(ctx, tx, p, c, there)
}

// assumed tells whether the sum that a provider says it took is only what was
// ordered, of which a part may have been taken.
func assumed(p *hub.Payment, c *hub.Charge, o *foundOrder) bool {
	inParts := len(c.Lines) > 1 && p.Policy == hub.BestEffort && o.psp.Traits.PartialCapture
	return c.Manual && c.Take.Minor == 0 && inParts && o.psp.Traits.AssumesAmounts
}

// perhapsTaken leaves to a person what no creditor has booked of a charge of which
// perhaps a part was taken.
func (s *Service) perhapsTaken(ctx context.Context, tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, there heard) error {
	clear := true
	for _, l := range linesOf(p, c) {
		if _, booked := there.booked[l.No]; booked || !undecided(l) || p.ChargeOf(l.No).No != c.No {
			continue
		}
		clear = false
		if err := s.stuckAgain(ctx, tx, p, l); err != nil {
			return err
		}
	}
	if !clear {
		tx.Anomaly("rebuilt_unclear", "the provider does not say how much it took, and not all is booked: "+c.Order)
	}
	return nil
}

// retake fixes what a charge took: the lines that are booked, and of the others
// as many as were paid for.
func (s *Service) retake(tx hub.PaymentTx, p *hub.Payment, c *hub.Charge, sum int64, there heard) error {
	c.Take = hub.Bani(sum)
	for no := range there.booked {
		sum -= p.Line(no).Amount.Minor
	}
	for _, l := range linesOf(p, c) {
		if p.ChargeOf(l.No).No != c.No {
			continue
		}
		_, kept := there.booked[l.No]
		if !kept && sum >= l.Amount.Minor {
			kept = true
			sum -= l.Amount.Minor
		}
		var err error
		switch {
		case kept && l.State == hub.LineDropped:
			err = l.Move(hub.LineHeld)
		case !kept && l.State == hub.LineHeld:
			err = s.drop(tx, p, l, "not_taken")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wake makes everybody be asked about a payment of the backup. A line that is
// due, or was being told, may have been told since.
func (s *Service) wake(tx hub.PaymentTx, p *hub.Payment) error {
	for i := range p.Charges {
		if c := &p.Charges[i]; !c.State.Final() {
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: c.No}, 0)
		}
	}
	for i := range p.Lines {
		l := &p.Lines[i]
		if !undecided(l) {
			continue
		}
		if err := s.maybeTold(tx, l); err != nil {
			return err
		}
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, 0)
	}
	return nil
}

// maybeTold marks a line as one that may have arrived just now: it is looked up,
// or told again where that does no harm.
func (s *Service) maybeTold(tx hub.PaymentTx, l *hub.Line) error {
	l.SentAt, l.SentOn = tx.Now(), hub.DateOf(s.Clock.Now())
	if l.FirstSent.IsZero() {
		l.FirstSent = l.SentAt
	}
	if l.State == hub.LinePostUnknown {
		return nil
	}
	return errors.Join(l.Move(hub.LinePosting), l.Move(hub.LinePostUnknown))
}
