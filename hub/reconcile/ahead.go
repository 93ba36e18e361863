package reconcile

import (
	"context"

	"racord/hub"
)

// Ahead raises the barrier against new payments when a provider knows order
// numbers that were not given out here yet: then the books are older than they
// should be. A provider that does not answer tells nothing.
func (s *Service) Ahead(ctx context.Context) (ahead bool, err error) {
	for _, psp := range s.PSPs {
		for _, merchant := range psp.Accounts() {
			last, err := s.Store.LastOrder(ctx, psp.Name, merchant)
			if err != nil {
				return ahead, err
			}
			for n := last + 1; n <= last+3; n++ {
				order := s.Store.Order(psp.Name, merchant, n)
				if _, err := psp.Recall(ctx, merchant, order, recallFor); err != nil && hub.CodeOf(err) != hub.CodeUnsupported {
					continue
				}
				if now, err := s.Store.LastOrder(ctx, psp.Name, merchant); err != nil || now >= n {
					continue // another replica gave it out meanwhile
				}
				ahead = true
				if err := s.tooOld(ctx, psp.Name, order); err != nil {
					return ahead, err
				}
				break
			}
		}
	}
	return ahead, nil
}

// tooOld stops new payments and says so to whoever restored old books: an order
// that was not given out here yet was given out by a hub that had newer ones.
func (s *Service) tooOld(ctx context.Context, psp, order string) error {
	s.Log.Error("these books are older than the provider's: nobody can begin to pay. After an old backup, stop every hub and run racord recover",
		"operation", "reconcile", "psp", psp, "order", order)
	return s.Store.RaiseBarrier(ctx, hub.BarrierOpen, "the order numbers at "+psp+" are ahead of ours: "+order)
}
