package pay

import (
	"context"
	"time"

	"racord/hub"
)

// back asks the provider how it stands when a payer comes back from its page:
// whoever has paid is not sent there again because a notification is late. It asks
// so often at most as a charge is looked up that an answer is missing of, however
// often it is called. What the provider says is kept, and moves nothing by itself:
// the charge's work is due at once.
func (s *Service) back(ctx context.Context, p *hub.Payment, no int) (*hub.Payment, error) {
	if s.Stopped(hub.BarrierOpen) || !s.mayLook(p.Charge(no), time.Now()) {
		return p, nil
	}
	mine := false
	p, err := s.alter(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(no)
		if mine = s.mayLook(c, tx.Now()); mine {
			c.LookedAt, c.Tries = tx.Now(), 0
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: no}, s.conf.LookUpEvery)
		}
		return nil
	})
	if err != nil || !mine {
		return p, err
	}
	said, err := s.ask(ctx, p.Charge(no))
	if err != nil || p.Charge(no).Facts.Fold(said) == p.Charge(no).Facts {
		return p, nil // it is looked up again soon
	}
	return s.alter(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(no)
		if c.State == hub.ChargeAwaiting { // else it was told what to take since, and this may be another sum
			c.Facts = c.Facts.Fold(said)
		}
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: no}, 0)
		return nil
	})
}

// mayLook tells whether a payer's return is a reason to ask the provider now.
func (s *Service) mayLook(c *hub.Charge, now time.Time) bool {
	return c.State == hub.ChargeAwaiting && now.Sub(c.LookedAt) >= s.conf.LookUpEvery
}
