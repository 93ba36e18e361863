package pay

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"racord/hub"
)

const (
	returnedFor  = 90 * 24 * time.Hour // how much older than the newest a payment is at most of which it is asked
	mostReturned = 10_000              // charges that are asked about, the newest first
)

// endedCharge is a charge whose money was taken, of a payment that had ended.
type endedCharge struct {
	payment hub.PaymentID
	no      int
	at      time.Time
}

// findReturned finds what was given back since the backup of payments that had
// ended in it: by staff in the provider's own console, or by the lost hub. It is
// noted for a person: for which line it was, and why, the provider does not say.
func (s *Service) findReturned(ctx context.Context, books Archive, r *Rebuilt) error {
	ended, rest, err := endedCharges(ctx, books)
	if err != nil {
		return err
	}
	r.NotAsked = rest
	for block := range slices.Chunk(ended, probesAt) {
		facts, errs := make([]hub.ChargeFacts, len(block)), make([]error, len(block))
		var asked sync.WaitGroup
		for i, e := range block {
			asked.Go(func() { facts[i], errs[i] = s.askEnded(ctx, e) })
		}
		asked.Wait()
		for i, e := range block {
			if errs[i] != nil { // a provider that is silent does not keep the hub closed
				r.NotAsked++
				continue
			}
			if err := s.noteReturned(ctx, e, facts[i], r); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// endedCharges lists what is asked about, the newest first, and counts the rest.
func endedCharges(ctx context.Context, books Archive) (ended []endedCharge, rest int, err error) {
	err = books.EachPayment(ctx, func(p *hub.Payment) error {
		for i := range p.Charges {
			if c := &p.Charges[i]; c.State == hub.ChargeCaptured && p.State().Final() {
				ended = append(ended, endedCharge{p.ID, c.No, p.ExpiresAt})
			}
		}
		return nil
	})
	slices.SortFunc(ended, func(a, b endedCharge) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.payment, b.payment), cmp.Compare(a.no, b.no))
	})
	keep := min(len(ended), mostReturned)
	for keep > 0 && ended[0].at.Sub(ended[keep-1].at) > returnedFor {
		keep--
	}
	return ended[:keep], len(ended) - keep, err
}

func (s *Service) askEnded(ctx context.Context, e endedCharge) (hub.ChargeFacts, error) {
	p, err := s.Store.Payment(ctx, e.payment)
	if err != nil {
		return hub.ChargeFacts{}, err
	}
	return s.ask(ctx, p.Charge(e.no))
}

// noteReturned notes, once, that more was given back of a charge than is known
// here. The facts stay with the charge: they count when the provider and its
// settlements are compared.
func (s *Service) noteReturned(ctx context.Context, e endedCharge, facts hub.ChargeFacts, r *Rebuilt) error {
	note := ""
	_, err := s.Store.ChangePayment(ctx, e.payment, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		c := p.Charge(e.no)
		note = ""
		switch more := facts.Refunded - max(c.Facts.Refunded, p.RefundedOf(c.No)); {
		case more > 0:
			note = c.PSP + "/" + c.Order + ": " + hub.Bani(more).String()
		case facts.RefundedSome && !c.Facts.RefundedSome && p.RefundedOf(c.No) == 0:
			note = c.PSP + "/" + c.Order
		default:
			return nil
		}
		s.learn(tx, p, c, facts)
		c.Restored = true // whoever gives that line back here gives no money again
		tx.Anomaly("refund_not_ours", "more was given back than is known here: "+note)
		return nil
	})
	if err == nil && note != "" {
		r.Returned = append(r.Returned, note)
	}
	return err
}
