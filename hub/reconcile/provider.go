package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

const (
	overlap    = 2 * time.Hour // that each comparison goes back beyond the last
	firstTime  = 48 * time.Hour
	gapNumbers = 200 // order numbers in which payments that are gone are looked for
	aheadTries = 10  // order numbers that are looked up beyond the last
	recallFor  = 8 * time.Second
	enough     = 20 // questions without an answer, after which a merchant account is asked no more
)

// providers compares what providers took and gave back with our charges and
// refunds that changed since each merchant account was last compared.
func (s *Service) providers(ctx context.Context, t *turn) error {
	pulse, err := s.Store.Pulse(ctx)
	if err != nil {
		return err
	}
	before := pulse.At.Add(overlap - firstTime)
	if !t.run.Succeeded.IsZero() {
		before = t.run.Succeeded
	}
	open, err := s.open(ctx, hub.JobProvider)
	if err != nil {
		return err
	}
	c := &comparison{Service: s, turn: t, asked: askedOf(t.run.Cursor), now: pulse.At}
	for _, psp := range s.PSPs {
		w := s.window(psp, open[psp.Name], c.now)
		w.begin(c.asked, before)
		c.windows = append(c.windows, w)
	}
	return c.whole(ctx)
}

// order compares one order. What does not agree is looked at once more, both
// sides anew: a listing is a moment old.
func (w *window) order(ctx context.Context, name string) (*hub.Difference, error) {
	merchant, order, _ := strings.Cut(name, "/")
	id, no, err := w.Store.PaymentOfOrder(ctx, w.psp.Name, order)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return w.unknown(ctx, merchant, order)
	}
	if err != nil {
		return nil, err
	}
	if listed, told := w.told[name]; told {
		p, err := w.Store.Payment(ctx, id)
		if err != nil {
			return nil, err
		}
		if d, _ := compareCharge(p, p.Charge(no), listed.Facts, false); d == nil {
			return nil, nil
		}
	}
	return w.lookUp(ctx, id, no)
}

// lookUp asks the provider about a charge of ours and compares.
func (w *window) lookUp(ctx context.Context, id hub.PaymentID, no int) (*hub.Difference, error) {
	p, err := w.Store.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	c := p.Charge(no)
	if c.State == hub.ChargeCreated {
		return nil, nil
	}
	facts, err := w.psp.Charger.Lookup(ctx, hub.ChargeRef{Order: c.Order, Ref: c.Ref, Merchant: c.Merchant, Amount: c.Amount, Take: c.Take})
	missing := hub.CodeOf(err) == hub.CodeNotFound
	if err != nil && !missing {
		return nil, err
	}
	if p, err = w.Store.Payment(ctx, id); err != nil {
		return nil, err
	}
	d, ask := compareCharge(p, p.Charge(no), facts, missing)
	if ask {
		_, err = w.Store.ChangePayment(ctx, id, nil, func(tx hub.PaymentTx, _ *hub.Payment) error {
			tx.Schedule(hub.Work{Payment: id, Kind: hub.WorkCharge, No: no}, 0)
			return nil
		})
	}
	return d, err
}

// compareCharge tells what a provider's word and our charge do not agree about,
// and whether the provider should be asked by who carries payments out. A charge
// or refund under way is not compared: it is being asked about.
func compareCharge(p *hub.Payment, c *hub.Charge, facts hub.ChargeFacts, missing bool) (d *hub.Difference, ask bool) {
	if !c.State.Final() || slices.ContainsFunc(p.Refunds, func(r hub.Refund) bool { return r.Charge == c.No && !r.State.Final() }) {
		return nil, false
	}
	believed, given := int64(0), p.RefundedOf(c.No)
	if c.State == hub.ChargeCaptured || c.State == hub.ChargeDisputed {
		believed = c.Facts.Captured
	}
	refunded := facts.Refunded
	if facts.RefundedSome && refunded == 0 {
		refunded = max(given, 1) // how much is not told
	}
	switch {
	case missing && believed > 0:
		return &hub.Difference{Kind: "missing_there", Amount: -believed, Detail: "the provider does not know an order that it took money for"}, false
	case missing:
		return nil, false
	case facts.Captured != believed:
		return &hub.Difference{Kind: "other_capture", Amount: facts.Captured - believed, Detail: "our charge is " + string(c.State)}, true
	case refunded != given:
		return &hub.Difference{Kind: "other_refund", Amount: given - refunded, Detail: "our charge is " + string(c.State)}, false
	case facts.Disputed > facts.Won && c.State != hub.ChargeDisputed:
		return &hub.Difference{Kind: "disputed_there", Amount: facts.Won - facts.Disputed, Detail: "the payer's bank took it back"}, true
	}
	return nil, false
}

// unknown is about an order that no payment here has.
func (w *window) unknown(ctx context.Context, merchant, order string) (*hub.Difference, error) {
	name := merchant + "/" + order
	listed, told := w.told[name]
	vague := w.vague[name]
	if !told {
		var err error
		listed, err = w.psp.Recall(ctx, merchant, order, recallFor)
		vague = hub.CodeOf(err) == hub.CodeUnsupported
		switch {
		case hub.CodeOf(err) == hub.CodeNotFound:
			return nil, nil
		case err != nil && !vague:
			return nil, err
		}
	}
	last, err := w.Store.LastOrder(ctx, w.psp.Name, merchant)
	if err != nil {
		return nil, err
	}
	if _, _, err := w.Store.PaymentOfOrder(ctx, w.psp.Name, order); err == nil {
		return nil, nil // it was opened meanwhile
	}
	for n := last + 1; n <= last+gapNumbers; n++ {
		if w.Store.Order(w.psp.Name, merchant, n) == order {
			w.isAhead(order)
		}
	}
	if vague {
		return &hub.Difference{Kind: "missing_here", Detail: "the provider has money for an order that is not known here, and does not say how much"}, nil
	}
	has := listed.Facts.Captured - listed.Facts.Refunded - listed.Facts.Disputed + listed.Facts.Won
	if has <= 0 {
		return nil, nil
	}
	return &hub.Difference{Kind: "missing_here", Amount: has, Detail: "money was taken for an order that is not known here"}, nil
}

// isAhead notes an order beyond our numbers.
func (w *window) isAhead(order string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead = order
}
