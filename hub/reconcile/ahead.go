package reconcile

import (
	"cmp"
	"context"
	"slices"
	"time"

	"racord/hub"
)

// A city has hundreds of merchant accounts, and no provider is to be flooded
// whenever a hub starts.
const (
	aheadAtOnce  = 8           // accounts of a provider asked about without a pause
	aheadPause   = time.Second // before each of the others
	aheadAtStart = 3           // order numbers beyond the last: one may never have reached the provider
)

// Ahead raises the barrier against new payments when a provider knows order
// numbers that were not given out here yet: then the books are older than they
// should be. A provider that does not answer tells nothing.
func (s *Service) Ahead(ctx context.Context) (ahead bool, err error) {
	atOnce, later, err := s.busiest(ctx)
	if err != nil {
		return false, err
	}
	for i, m := range slices.Concat(atOnce, later) {
		if i >= len(atOnce) && !hub.Sleep(ctx, aheadPause) {
			return ahead, ctx.Err()
		}
		order, err := s.beyond(ctx, m)
		if err == nil && order != "" {
			ahead, err = true, s.tooOld(ctx, m.psp.Name, order)
		}
		if err != nil {
			return ahead, err
		}
	}
	return ahead, nil
}

// busiest gives the accounts of each provider with most orders, which something
// was paid to since any backup, and the others.
func (s *Service) busiest(ctx context.Context) (atOnce, later []merchant, err error) {
	for _, psp := range s.PSPs {
		last, err := s.Store.LastOrders(ctx, psp.Name)
		if err != nil {
			return nil, nil, err
		}
		accounts := psp.Accounts()
		slices.SortStableFunc(accounts, func(a, b string) int { return cmp.Compare(last[b], last[a]) })
		for i, id := range accounts {
			if i < aheadAtOnce {
				atOnce = append(atOnce, merchant{psp, id})
			} else {
				later = append(later, merchant{psp, id})
			}
		}
	}
	return atOnce, later, nil
}

// beyond gives an order that a provider knows and that was not given out here, ""
// when it knows none.
func (s *Service) beyond(ctx context.Context, m merchant) (string, error) {
	last, err := s.Store.LastOrder(ctx, m.psp.Name, m.id)
	if err != nil {
		return "", err
	}
	for n := last + 1; n <= last+aheadAtStart; n++ {
		order := s.Store.Order(m.psp.Name, m.id, n)
		if _, err := m.psp.Recall(ctx, m.id, order, recallFor); err != nil && hub.CodeOf(err) != hub.CodeUnsupported {
			continue
		}
		if now, err := s.Store.LastOrder(ctx, m.psp.Name, m.id); err != nil || now < n {
			return order, err
		} // another replica gave it out meanwhile
	}
	return "", nil
}

// tooOld stops new payments and says so to whoever restored old books: an order
// that was not given out here yet was given out by a hub that had newer ones.
func (s *Service) tooOld(ctx context.Context, psp, order string) error {
	s.Log.Error("these books are older than the provider's: nobody can begin to pay. After an old backup, stop every hub and run racord recover",
		"operation", "reconcile", "psp", psp, "order", order)
	return s.Store.RaiseBarrier(ctx, hub.BarrierOpen, "the order numbers at "+psp+" are ahead of ours: "+order)
}
