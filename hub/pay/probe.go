package pay

import (
	"context"
	"sync"

	"racord/hub"
)

const (
	mostMisses = 1000 // order numbers in a row that a provider does not know: then there are no more
	probesAt   = 16   // look-ups at once
)

// foundOrder is an order that a provider knows and we do not, or not all of.
type foundOrder struct {
	known    bool // its payment and charge are here
	psp      *hub.PSP
	merchant string
	hub.ListedCharge
	manifest manifestWords
}

// lostOrders finds the orders at a provider that no payment here has: the numbers
// that were given out and are missing here, and those after the last, until so
// many in a row are not known there. No number up to the last that was tried is
// given out again: a payer may still have the page of one.
func (s *Service) lostOrders(ctx context.Context, books Archive, psp *hub.PSP) (found []foundOrder, err error) {
	for _, merchant := range psp.Accounts() {
		last, err := books.LastOrder(ctx, psp.Name, merchant)
		if err != nil {
			return nil, err
		}
		misses, n := 0, max(1, last-mostMisses)
		for ; n <= last || misses < mostMisses; n += probesAt {
			block, err := s.probe(ctx, books, psp, merchant, n)
			if err != nil {
				return nil, err
			}
			for i, o := range block {
				if n+int64(i) <= last || o != nil {
					misses = -1
				}
				misses++
				if o != nil && o.Order != "" {
					found = append(found, *o)
				}
			}
		}
		if err := books.SkipOrders(ctx, psp.Name, merchant, n); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// probe looks a block of order numbers up. What stands at a place is nil for a
// number that the provider does not know, and without an order for one that is
// known here.
func (s *Service) probe(ctx context.Context, books Archive, psp *hub.PSP, merchant string, from int64) ([]*foundOrder, error) {
	found, errs := make([]*foundOrder, probesAt), make([]error, probesAt)
	var asked sync.WaitGroup
	for i := range found {
		asked.Go(func() {
			order := books.Order(psp.Name, merchant, from+int64(i))
			_, _, err := books.PaymentOfOrder(ctx, psp.Name, order)
			if err == nil {
				found[i] = &foundOrder{}
				return
			}
			if hub.CodeOf(err) == hub.CodeNotFound {
				found[i], errs[i] = s.recall(ctx, psp, merchant, order)
				return
			}
			errs[i] = err
		})
	}
	asked.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// recall asks for all that a provider keeps of an order.
func (s *Service) recall(ctx context.Context, psp *hub.PSP, merchant, order string) (*foundOrder, error) {
	kept, err := psp.Recall(ctx, merchant, order, s.conf.CallFor)
	switch hub.CodeOf(err) {
	case "":
	case hub.CodeNotFound:
		return nil, nil
	case hub.CodeUnsupported: // there is such an order, and how much it is for is not told
	default:
		return nil, err
	}
	o := &foundOrder{psp: psp, merchant: merchant, ListedCharge: kept}
	o.Order = order
	o.manifest, _ = readManifest(o.Manifest) // of one that cannot be read whole nothing is believed
	return o, nil
}
