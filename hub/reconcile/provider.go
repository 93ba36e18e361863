package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
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

// window is what is compared with one provider.
type window struct {
	*Service
	psp    *hub.PSP
	now    time.Time                   // the store's
	since  map[string]time.Time        // when each merchant account is compared from
	open   []hub.Difference            // what is open
	orders map[string]bool             // merchant/order that are looked at whether they changed or not
	told   map[string]hub.ListedCharge // what the provider listed, by merchant/order
	lost   bool                        // what was found last is not stored

	mu      sync.Mutex      // many look-ups are under way at once
	ahead   string          // an order of ours that we do not know, beyond our numbers
	unasked map[string]bool // merchant/order about which there was no answer
	silent  map[string]int  // questions without an answer, by merchant account
}

// window begins with what was open.
func (s *Service) window(psp *hub.PSP, open []hub.Difference, now time.Time) *window {
	w := &window{
		Service: s, psp: psp, now: now, since: map[string]time.Time{}, open: open, orders: map[string]bool{},
		told: map[string]hub.ListedCharge{}, unasked: map[string]bool{}, silent: map[string]int{},
	}
	for _, d := range open {
		w.orders[d.Name] = true
	}
	return w
}

// begin notes when each merchant account is compared from, and adds what could not be
// asked about.
func (w *window) begin(asked accountsAsked, before time.Time) {
	for _, merchant := range w.psp.Accounts() {
		who := w.psp.Name + "/" + merchant
		w.since[merchant] = asked.begin(who, before, w.now)
		for _, name := range asked[who].Orders {
			w.orders[name] = true
		}
	}
}

// unchanged compares what is looked at whether it changed here or not: what was open,
// what could not be asked about, and what the provider tells of.
func (w *window) unchanged(ctx context.Context) error {
	failed := w.gather(ctx)
	return errors.Join(failed, w.compare(ctx, slices.Sorted(maps.Keys(w.orders))))
}

// ordersOf chooses the orders to look at from payments that changed, up to a place.
func (w *window) ordersOf(page []*hub.Payment, until hub.Changed) (names []string) {
	for _, p := range page {
		for i := range p.Charges {
			if c := &p.Charges[i]; c.PSP == w.psp.Name && c.Order != "" && !until.At.Before(w.since[c.Merchant]) {
				names = append(names, c.Merchant+"/"+c.Order)
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return w.orders[name] || !w.answers(name) })
}

// compare compares some orders, and stores what was found. What was open about all
// others still is.
func (w *window) compare(ctx context.Context, names []string) error {
	found, failed := w.compareOrders(ctx, names)
	if err := ctx.Err(); err != nil {
		w.lost = true
		return errors.Join(err, failed)
	}
	found = append(found, w.besides(names)...)
	err := w.keep(ctx, found)
	w.open, w.lost = found, err != nil
	return errors.Join(failed, err)
}

// keep stores what is open now.
func (w *window) keep(ctx context.Context, found []hub.Difference) error {
	if err := w.bookUnknown(ctx, w.open, found); err != nil {
		return err
	}
	if w.ahead != "" {
		if err := w.tooOld(ctx, w.psp.Name, w.ahead); err != nil {
			return err
		}
		w.ahead = ""
	}
	return w.Store.Compared(ctx, hub.JobProvider, w.psp.Name, found)
}

// compareOrders compares orders, many at once.
func (w *window) compareOrders(ctx context.Context, names []string) ([]hub.Difference, error) {
	found, errs := make([][]hub.Difference, len(names)), make([]error, len(names))
	sideBySide(len(names), func(i int) { found[i], errs[i] = w.compareOrder(ctx, names[i]) })
	return slices.Concat(found...), errors.Join(errs...)
}

// compareOrder compares one order. What was open about one that could not be asked
// about still is: it hides no other.
func (w *window) compareOrder(ctx context.Context, name string) (found []hub.Difference, err error) {
	if !w.answers(name) {
		return w.before(name), nil
	}
	d, err := w.order(ctx, name)
	if d != nil {
		d.Name = name
		found = append(found, *d)
	}
	if err != nil {
		return append(found, w.before(name)...), w.noAnswer(name, err)
	}
	return found, nil
}

// deaf tells whether a merchant account gives no answers and is asked no more.
func (w *window) deaf(merchant string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent[merchant] >= enough
}

// answers tells whether an order, given as merchant/order, can be asked about.
func (w *window) answers(name string) bool {
	merchant, _, _ := strings.Cut(name, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.unasked[name] && w.silent[merchant] < enough
}

// noAnswer notes that a question about a merchant account or an order of it was not
// answered. One that is refused would be refused again.
func (w *window) noAnswer(name string, err error) error {
	if err == nil {
		return nil
	}
	merchant, _, _ := strings.Cut(name, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unasked[name] = true
	w.silent[merchant]++
	if hub.CodeOf(err) == hub.CodeAuth {
		w.silent[merchant] = enough
	}
	return about(name, err)
}

// before gives what was open about an order.
func (w *window) before(name string) (open []hub.Difference) {
	for _, d := range w.open {
		if d.Name == name {
			open = append(open, d)
		}
	}
	return open
}

// besides gives what is open about all orders but some.
func (w *window) besides(names []string) []hub.Difference {
	looked := map[string]bool{}
	for _, name := range names {
		looked[name] = true
	}
	return slices.DeleteFunc(slices.Clone(w.open), func(d hub.Difference) bool { return looked[d.Name] })
}

// gather finds the orders to look at: by the provider's list, or, where it has
// none, among the numbers that are missing here and beyond the last. The orders of
// an account whose list cannot be read are left for another time: asking about
// each would take too long.
func (w *window) gather(ctx context.Context) (failed error) {
	listed := map[string]bool{}
	for _, merchant := range w.psp.Accounts() {
		if w.psp.Lister == nil {
			failed = errors.Join(failed, w.probe(ctx, merchant))
			continue
		}
		if err := w.list(ctx, merchant, listed); err != nil {
			failed = errors.Join(failed, about(merchant, err))
			w.silent[merchant] = enough
		}
	}
	return failed
}

// list notes what the provider lists of a merchant account. A split order is listed
// at each of its accounts.
func (w *window) list(ctx context.Context, merchant string, listed map[string]bool) error {
	now := w.Clock.Now()
	list, err := w.psp.Lister.List(ctx, merchant, now.Add(-w.now.Sub(w.since[merchant])), now.Add(time.Minute))
	if err != nil {
		return err
	}
	for _, l := range list {
		if listed[l.Order] {
			continue
		}
		listed[l.Order] = true
		taker, err := w.takerOf(ctx, l.Order, merchant)
		if err != nil {
			return err
		}
		name := taker + "/" + l.Order
		w.orders[name], w.told[name] = true, l
	}
	return nil
}

// takerOf gives the merchant account that took an order: as our charge says, else
// that which lists it.
func (w *window) takerOf(ctx context.Context, order, lister string) (string, error) {
	id, no, err := w.Store.PaymentOfOrder(ctx, w.psp.Name, order)
	if err == nil {
		var p *hub.Payment
		if p, err = w.Store.Payment(ctx, id); err == nil {
			return p.Charge(no).Merchant, nil
		}
	}
	if hub.CodeOf(err) == hub.CodeNotFound {
		return lister, nil
	}
	return "", err
}

// probe looks up order numbers that no payment here has, many at once.
func (w *window) probe(ctx context.Context, merchant string) error {
	last, err := w.Store.LastOrder(ctx, w.psp.Name, merchant)
	if err != nil {
		return w.noAnswer(merchant, err)
	}
	from := max(1, last-gapNumbers)
	errs := make([]error, last+aheadTries+1-from)
	sideBySide(len(errs), func(i int) {
		order := w.Store.Order(w.psp.Name, merchant, from+int64(i))
		if name := merchant + "/" + order; w.answers(name) {
			errs[i] = w.noAnswer(name, w.probeOrder(ctx, merchant, order))
		}
	})
	return errors.Join(errs...)
}

// probeOrder looks up one order number, if no payment here has it.
func (w *window) probeOrder(ctx context.Context, merchant, order string) error {
	_, _, err := w.Store.PaymentOfOrder(ctx, w.psp.Name, order)
	if hub.CodeOf(err) != hub.CodeNotFound {
		return err
	}
	listed, err := w.psp.Recall(ctx, merchant, order, recallFor)
	switch hub.CodeOf(err) {
	case hub.CodeNotFound:
		return nil
	case "", hub.CodeUnsupported: // there is such an order; how much it is for may not be told
		w.mu.Lock()
		defer w.mu.Unlock()
		w.orders[merchant+"/"+order], w.told[merchant+"/"+order] = true, listed
		return nil
	}
	return err
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
	listed, told := w.told[merchant+"/"+order]
	if !told {
		var err error
		listed, err = w.psp.Recall(ctx, merchant, order, recallFor)
		switch hub.CodeOf(err) {
		case "", hub.CodeUnsupported:
		case hub.CodeNotFound:
			return nil, nil
		default:
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
