package judge

import (
	"slices"

	"racord/hub"
)

// money holds what providers took for a payment against where it went.
func (t *trial) money(p *hub.Payment) {
	for i := range p.Charges {
		t.charge(p, &p.Charges[i])
	}
	taken := int64(0)
	for _, o := range t.ordersOf(p.ID) {
		t.order(p, o)
		taken += o.Captured - o.Refunded
	}
	t.balance(p, taken)
}

// order looks at a provider's order by itself.
func (t *trial) order(p *hub.Payment, o *Order) {
	switch {
	case o.Captures > 1:
		t.takenTwice("I4", o.name(), "money was taken %d times", o.Captures)
	case o.Authorised > 0 && o.Captured > o.Authorised:
		t.takenTwice("I4", o.name(), "%d was taken of %d that the payer authorised", o.Captured, o.Authorised)
	}
	if o.Refunded > o.Captured {
		t.wrong("I8", o.name(), "%d was refunded of %d", o.Refunded, o.Captured)
	}
	if !hasCharge(p, o) && o.Captured > o.Refunded {
		t.takenTwice("I1", o.name(), "%d was taken by an order the hub does not know, for payment %s", o.Captured-o.Refunded, p.ID)
	}
	if o.Open && Finished(p) {
		t.unfinished("I7", o.name(), "%d is still reserved of the payer's money", o.Authorised)
	}
}

func hasCharge(p *hub.Payment, o *Order) bool {
	for i := range p.Charges {
		if p.Charges[i].PSP == o.PSP && p.Charges[i].Order == o.Number {
			return true
		}
	}
	return false
}

// charge holds what the hub believes of a charge against the provider's order.
func (t *trial) charge(p *hub.Payment, c *hub.Charge) {
	o := t.byNumber[c.PSP+"/"+c.Order]
	captured, refunded := int64(0), int64(0)
	if o != nil {
		captured, refunded = o.Captured, o.Refunded
	}
	believed := c.Facts.Captured
	if c.State != hub.ChargeCaptured && c.State != hub.ChargeDisputed {
		believed = 0
	}
	name := c.PSP + "/" + c.Order
	switch {
	case !c.State.Final() || captured == believed:
	case captured > believed:
		t.lost("I1", name, "the provider took %d, the hub says %d (%s)", captured, believed, c.State)
	default:
		t.lost("I1", name, "the hub says that %d was taken, the provider %d", believed, captured)
	}
	if c.Manual && captured > 0 && c.Take.Minor > 0 && captured != c.Take.Minor {
		t.wrong("I1", name, "%d was taken, %d was to be", captured, c.Take.Minor)
	}
	if given := p.RefundedOf(c.No); given != refunded && Finished(p) {
		t.wrong("I8", name, "the hub says that %d was given back, the provider %d", given, refunded)
	}
}

// balance tells whether what was taken and not given back is what creditors
// booked, and what a person has to look at.
func (t *trial) balance(p *hub.Payment, taken int64) {
	kept, all := int64(0), int64(0)
	for i := range p.Lines {
		l := &p.Lines[i]
		all += l.Amount.Minor
		if booked := len(t.entries[p.PostingID(l.No)]) > 0; booked || l.State == hub.LineStuck {
			kept += l.Amount.Minor
		}
	}
	for i := range p.Refunds {
		r := &p.Refunds[i]
		if r.State == hub.RefundFailed {
			t.waits("I7", p.ID, "a refund of %d was refused by the provider", r.Amount.Minor)
		}
		if r.State == hub.RefundFailed || r.State == hub.RefundRefunded && !r.AtProvider() { // a creditor was paid what it gives back itself
			kept += r.Amount.Minor
		}
	}
	switch {
	case taken > all:
		t.takenTwice("I2", p.ID, "%d is taken for lines worth %d", taken, all)
	case !Finished(p) || taken == kept:
	case taken > kept:
		t.lost("I2", p.ID, "%d is taken, and only %d has reached creditors (%s)", taken, kept, p.State())
	default:
		t.lost("I2", p.ID, "creditors have booked %d, and only %d is taken (%s)", kept, taken, p.State())
	}
}

// Finished tells whether nothing more happens by itself: the payment is final,
// or all that is not waits for a person. A disputed one is final in name: its lines
// and refunds go on.
func Finished(p *hub.Payment) bool {
	state := p.State()
	if state.Final() && state != hub.PaymentDisputed {
		return true
	}
	stuck := false
	for i := range p.Lines {
		switch l := &p.Lines[i]; {
		case l.State == hub.LineStuck, l.State == hub.LineRejected && refundFailed(p, l):
			stuck = true
		case !l.State.Final():
			return false
		}
	}
	for i := range p.Charges {
		if !p.Charges[i].State.Final() {
			return false
		}
	}
	for i := range p.Refunds {
		if !p.Refunds[i].State.Final() {
			return false
		}
	}
	return stuck || state.Final()
}

// refundFailed tells whether a person has to see to it that a refused line's money
// goes back.
func refundFailed(p *hub.Payment, l *hub.Line) bool {
	return slices.ContainsFunc(p.Refunds, func(r hub.Refund) bool { return r.Line == l.No && r.State == hub.RefundFailed })
}

// strangers are orders and entries that no payment of the hub's stands behind.
func (t *trial) strangers() {
	for i := range t.orders {
		if o := &t.orders[i]; t.known[o.Payment] == nil && o.Captured > o.Refunded {
			t.lost("I1", o.name(), "%d was taken for a payment the hub does not know", o.Captured-o.Refunded)
		}
	}
	for id, entries := range t.entries {
		if t.lineOf[id] == nil {
			t.lost("I3", id, "%s has booked %d for a line the hub does not know", entries[0].Creditor, entries[0].Amount)
		}
	}
}
