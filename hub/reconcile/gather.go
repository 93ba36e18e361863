package reconcile

import (
	"context"
	"errors"
	"time"

	"racord/hub"
)

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
		name := merchant + "/" + order
		w.orders[name], w.told[name], w.vague[name] = true, listed, err != nil
		return nil
	}
	return err
}
