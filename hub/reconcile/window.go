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

// window is what is compared with one provider.
type window struct {
	*Service
	psp    *hub.PSP
	now    time.Time                   // the store's
	since  map[string]time.Time        // when each merchant account is compared from
	open   []hub.Difference            // what is open
	orders map[string]bool             // merchant/order that are looked at whether they changed or not
	told   map[string]hub.ListedCharge // what the provider listed, by merchant/order
	vague  map[string]bool             // of those, of which it has money and does not say how much
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
		told: map[string]hub.ListedCharge{}, vague: map[string]bool{}, unasked: map[string]bool{}, silent: map[string]int{},
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
