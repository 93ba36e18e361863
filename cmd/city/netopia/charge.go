package netopia

import (
	"errors"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// errLate is told of an order that is not open any more.
var errLate = errors.New("netopia: the order is not open")

// charge tries a card on an open order and returns what became of it.
func (p *Provider) charge(id, number, secret string) pspbook.Order {
	card, ok := pspbook.ReadCard(number)
	found := unknownNumber
	if ok {
		found = judge(card, secret)
	}
	o, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Opened {
			return errLate
		}
		if ok {
			o.Card = card.Mask()
		}
		if found.threeD {
			o.State = pspbook.Challenged
			return nil
		}
		return p.decide(o, now, found)
	})
	if err != nil {
		return o
	}
	if found.threeD {
		p.sessions.challenge(id)
		return o
	}
	p.decided(o)
	return o
}

// authenticate ends 3-D Secure.
func (p *Provider) authenticate(id string, proven bool) pspbook.Order {
	found := approved
	if !proven {
		found = notAuthentic
	}
	o, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Challenged {
			return errLate
		}
		return p.decide(o, now, found)
	})
	if err == nil {
		p.decided(o)
	}
	return o
}

// decide writes the bank's word down. What is approved is captured at once,
// unless the fraud department wants to look at it.
func (p *Provider) decide(o *pspbook.Order, now time.Time, found outcome) error {
	o.Code, o.Message = found.code, found.message
	if found.code != approved.code {
		o.State = pspbook.Declined
		return nil
	}
	o.Authorise(now, pspbook.Hex(3), pspbook.Hex(6))
	if _, hit := p.gate.DrawFor("review "+o.ID, gate.FraudReview); hit || found.review {
		o.State = pspbook.Review
		return nil
	}
	return o.Capture(now, o.Amount)
}

// reviewTime is how long the fraud department takes.
const reviewTime = 2 * time.Hour

// decided tells the merchant, and comes back to what is under review.
func (p *Provider) decided(o pspbook.Order) {
	p.tell(o, p.Status(o), o.Amount)
	if o.State == pspbook.Review {
		f, _ := p.gate.On(gate.FraudReview)
		p.notifier.Later(f.DelayOr(reviewTime), func() { _ = p.Release(o.ID, true) })
	}
}

// Release ends the review of an order: it is paid, or declined.
func (p *Provider) Release(id string, paid bool) error {
	return p.step(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Review {
			return errLate
		}
		if !paid {
			o.State, o.Code, o.Message = pspbook.Declined, "33", "Fraud suspected"
			o.Authorised = 0
			return nil
		}
		o.State = pspbook.Authorised
		return o.Capture(now, o.Amount)
	})
}

// Dispute begins a charge-back (9).
func (p *Provider) Dispute(id string) error {
	return p.step(id, func(o *pspbook.Order, _ time.Time) error { return o.Dispute() })
}

// ChargeBack takes money back from the merchant (10); 0 means all.
func (p *Provider) ChargeBack(id string, amount int64) error {
	return p.step(id, func(o *pspbook.Order, now time.Time) error { return o.ChargeBack(now, amount) })
}

// Represent returns a charge-back that the merchant won (16).
func (p *Provider) Represent(id string) error {
	return p.step(id, func(o *pspbook.Order, now time.Time) error { return o.Represent(now) })
}

// Reverse undoes an order (17).
func (p *Provider) Reverse(id string) error {
	return p.step(id, func(o *pspbook.Order, now time.Time) error { return o.Void(now) })
}

// Refund gives back a part, or all (8), as from the merchant's own console.
func (p *Provider) Refund(id string, amount int64, reason string, from ...pspbook.Split) error {
	o, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error { return o.Refund(now, amount, reason, from...) })
	if err == nil {
		p.tell(o, statusCredit, amount)
	}
	return err
}

// step lets something happen to an order and tells the merchant.
func (p *Provider) step(id string, what func(*pspbook.Order, time.Time) error) error {
	o, err := p.book.Change(id, what)
	if err == nil {
		p.tell(o, p.Status(o), o.Amount)
	}
	return err
}
