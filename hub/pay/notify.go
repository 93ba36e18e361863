package pay

import (
	"context"
	"net/http"

	"racord/hub"
)

// Notify takes a provider's notification: verified, stored, and only then
// acknowledged. It moves no money state: it makes the provider be asked. It
// fails with CodeNotFound for a provider that is not configured, and with what
// the provider's Notifier and the store fail with.
func (s *Service) Notify(ctx context.Context, psp string, header http.Header, body []byte) error {
	p := s.psp(psp)
	if p == nil || p.Notifier == nil {
		return hub.Errorf(hub.CodeNotFound, "There is no such payment provider.")
	}
	fact, err := p.Notifier.Read(ctx, header, body)
	if err == nil {
		fact.PSP = psp
		_, err = s.Store.ReceiveFact(ctx, fact)
	}
	s.Meter.Notified(psp, hub.CodeOf(err))
	if err == nil {
		s.bell.ring(hub.WorkCharge, "")
	}
	return err
}

// Reply answers a notification in the provider's own words.
func (s *Service) Reply(psp string, w http.ResponseWriter, err error) {
	if p := s.psp(psp); p != nil && p.Notifier != nil {
		p.Notifier.Reply(w, err)
		return
	}
	http.Error(w, "no such payment provider", http.StatusNotFound)
}

// Cancel gives a payment up, as long as no money was reserved for it: its claims
// are free at once. Should the payer pay on a page that is still open, the money
// is given back. It fails with CodeConflict once money was reserved.
func (s *Service) Cancel(ctx context.Context, who hub.Login, id hub.PaymentID) (*hub.Payment, error) {
	if _, err := s.Payment(ctx, who, id); err != nil {
		return nil, err
	}
	return s.giveUp(ctx, id)
}

func (s *Service) giveUp(ctx context.Context, id hub.PaymentID) (*hub.Payment, error) {
	if s.Stopped(hub.BarrierOpen) {
		return nil, errStopped()
	}
	return s.alter(ctx, id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		for i := range p.Charges {
			switch p.Charges[i].State {
			case hub.ChargeCreated, hub.ChargeStarting, hub.ChargeAwaiting, hub.ChargeFailed, hub.ChargeExpired, hub.ChargeCancelled:
			default:
				return hub.Errorf(hub.CodeConflict, "The payment cannot be given up any more: money is reserved or taken already.")
			}
		}
		p.Cancelled = true
		for i := range p.Charges {
			if err := s.end(tx, p, &p.Charges[i], hub.ChargeCancelled, "cancelled"); err != nil {
				return err
			}
			if p.Charges[i].URL != "" { // the page may still be open
				tx.Schedule(hub.Work{Payment: id, Kind: hub.WorkCharge, No: p.Charges[i].No}, s.conf.LookUpEvery)
			}
		}
		return nil
	})
}
