package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// flagged is a provider that tells that it took money and not how much: that is
// what it was asked for or, as long as nobody says so, all.
type flagged struct{ hub.Charger }

func (f flagged) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	facts, err := f.Charger.Lookup(ctx, r)
	if facts.Captured == 0 {
		return facts, err
	}
	if facts.Captured = r.Take.Minor; facts.Captured == 0 {
		facts.Captured = r.Amount.Minor
	}
	return facts, err
}

// slow is a provider that takes its time over the first look-up, and over the
// answer to a capture.
type slow struct {
	hub.Charger
	hub.Capturer
	asked          bool
	lookUp, answer chan struct{}
}

func (s *slow) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	if !s.asked {
		s.asked = true
		<-s.lookUp
	}
	return s.Charger.Lookup(ctx, r)
}

func (s *slow) Capture(ctx context.Context, r hub.ChargeRef, amount hub.Money, key string) error {
	err := s.Capturer.Capture(ctx, r, amount, key)
	<-s.answer
	return err
}

// TestWhatAPayersReturnFindsOutLateSaysNothing lets the look-up that a payer's return
// causes be answered after a part of what was asked for then is being taken.
func TestWhatAPayersReturnFindsOutLateSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		parts, late := s.parts(), &slow{lookUp: make(chan struct{}), answer: make(chan struct{})}
		late.Charger, late.Capturer = flagged{parts.PSPs[0].Charger}, parts.PSPs[0].Capturer
		parts.PSPs[0].Charger, parts.PSPs[0].Capturer = late, late
		s.Service = pay.New(parts, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = s.Resume(t.Context(), who, p.ID) }()
		synctest.Wait()
		s.offices["alpha"].debts["D1"] = 0 // paid elsewhere meanwhile
		s.authorise(p)
		go func() {
			time.Sleep(5 * time.Second)
			close(late.lookUp)
			time.Sleep(time.Second)
			close(late.answer)
		}()
		s.settle(t, 5*time.Minute)
		p = s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		if c := p.Charge(1); c.Facts.Captured != 1037 || len(p.Refunds) != 0 {
			t.Errorf("got %d taken and the refunds %+v, want 1037 and none", c.Facts.Captured, p.Refunds)
		}
		s.audit(t)
	})
}
