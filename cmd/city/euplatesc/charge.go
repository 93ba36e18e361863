package euplatesc

import (
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// outcome is what a card leads to.
type outcome struct{ action, message string }

// Outcomes. Messages are those of the published list of test cards; of the
// actions only "0" is published.
var (
	approved = outcome{"0", "Approved"}
	declined = outcome{"1", "Transaction declined"}
	noFunds  = outcome{"2", "Not sufficient funds"}
	expired  = outcome{"3", "Expired card"}
	invalid  = outcome{"4", "Invalid response"}
	unproven = outcome{"5", "Authentication failed"}
	fraud    = outcome{"6", "Fraud suspected"}

	messages = map[string]string{
		approved.action: approved.message, declined.action: declined.message, noFunds.action: noFunds.message,
		expired.action: expired.message, invalid.action: invalid.message, unproven.action: unproven.message,
	}
)

// TestCard is approved after 3-D Secure, as all test cards ask for it.
const (
	TestCard    = "4000640000000005"
	NoFundsCard = "4444333322221111"
)

// judge looks at a card as its bank would.
func judge(typed string) (pspbook.Card, outcome) {
	card, ok := pspbook.ReadCard(typed)
	if !ok {
		return card, invalid
	}
	for number, o := range map[string]outcome{
		TestCard: approved, "5500000000000004": approved,
		"4111111111111111": unproven, "5454545454545454": unproven,
		NoFundsCard: noFunds, "5555555555554444": noFunds,
		"4000020000000000": declined, "2222400010000008": declined,
		"4400000000000008": expired, "2222400030000004": expired,
		"4607000000000009": invalid, "5100060000000002": invalid,
	} {
		if card.Is(number) {
			return card, o
		}
	}
	return card, declined
}

// holdLife is how long an authorisation is good.
const holdLife = 7 * 24 * time.Hour

// challenge begins 3-D Secure for a card. What the bank will say of it waits in
// the order's code; nothing is decided yet.
func (p *Provider) challenge(id, typed string) (pspbook.Order, error) {
	card, found := judge(typed)
	return p.book.Change(id, func(o *pspbook.Order, _ time.Time) error {
		if o.State != pspbook.Opened {
			return refusedState
		}
		o.State, o.Code = pspbook.Challenged, found.action
		if found != invalid {
			o.Card = card.Mask()
		}
		return nil
	})
}

// authenticate ends 3-D Secure and tells the merchant.
func (p *Provider) authenticate(id string, proven bool) (pspbook.Order, error) {
	o, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Challenged {
			return refusedState
		}
		if !proven {
			o.Code = unproven.action
		}
		return p.decide(o, now)
	})
	if err != nil {
		return o, err
	}
	if o.State == pspbook.Review {
		p.review(o)
	} else {
		p.tell(o, "", "")
	}
	return o, nil
}

// decide writes the bank's word down.
func (p *Provider) decide(o *pspbook.Order, now time.Time) error {
	o.Message = messages[o.Code]
	if o.Code != approved.action {
		o.State = pspbook.Declined
		return nil
	}
	o.Authorise(now, pspbook.Hex(3), pspbook.Hex(6))
	if _, hit := p.gate.DrawFor("review "+o.ID, gate.FraudReview); hit {
		o.State = pspbook.Review
		return nil
	}
	return p.taken(o, now)
}

// taken captures at once where the merchant wants it so.
func (p *Provider) taken(o *pspbook.Order, now time.Time) error {
	if p.captures(o.Merchant) {
		return o.Capture(now, o.Amount)
	}
	return nil
}

// Values of sec_status.
const (
	secWaiting = "3" // somebody looks at it
	secFraud   = "5"
	secGood    = "8"
)

// reviewTime is how long the fraud department takes.
const reviewTime = 2 * time.Hour

// review tells that somebody looks at the order, and comes back to it.
func (p *Provider) review(o pspbook.Order) {
	p.tell(o, secWaiting, "")
	f, _ := p.gate.On(gate.FraudReview)
	p.notifier.Later(f.DelayOr(reviewTime), func() { _ = p.Release(o.ID, true) })
}

// Release ends the review of an order: it stands, or it is called fraud.
func (p *Provider) Release(id string, paid bool) error {
	word := secGood
	o, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Review {
			return refusedState
		}
		if !paid {
			word = secFraud
			o.State, o.Code, o.Message, o.Authorised = pspbook.Declined, fraud.action, fraud.message, 0
			return nil
		}
		o.State = pspbook.Authorised
		return p.taken(o, now)
	})
	if err == nil {
		p.tell(o, "", word)
	}
	return err
}

// capture takes an amount; 0 means all.
func (p *Provider) capture(id string, amount int64) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		switch {
		case o.State == pspbook.Review:
			return refusedReview
		case o.State != pspbook.Authorised:
			return refusedState
		case now.Sub(o.AuthorisedAt) > holdLife:
			return refusedExpired
		case amount > o.Authorised:
			return refusedAmount
		case amount == 0:
			amount = o.Authorised
		}
		return o.Capture(now, amount)
	})
	return err
}

// Dispute begins a charge-back. EuPlătesc tells nobody.
func (p *Provider) Dispute(id string) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, _ time.Time) error { return o.Dispute() })
	return err
}

// ChargeBack takes money back from the merchant; 0 means all. It is seen on the
// next invoice.
func (p *Provider) ChargeBack(id string, amount int64) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error { return o.ChargeBack(now, amount) })
	return err
}

// Represent returns a charge-back that the merchant won.
func (p *Provider) Represent(id string) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error { return o.Represent(now) })
	return err
}

// Reverse undoes an authorisation.
func (p *Provider) Reverse(id string) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Authorised && o.State != pspbook.Review {
			return refusedState
		}
		o.Message = "Reversed"
		return o.Void(now)
	})
	return err
}

// Refund gives back a part of what was captured, or all.
func (p *Provider) Refund(id string, amount int64, reason string, from ...pspbook.Split) error {
	_, err := p.book.Change(id, func(o *pspbook.Order, now time.Time) error {
		if o.State != pspbook.Captured {
			return refusedState
		}
		if amount <= 0 || amount > o.Owed() {
			return refusedAmount
		}
		return o.Refund(now, amount, reason, from...)
	})
	return err
}
