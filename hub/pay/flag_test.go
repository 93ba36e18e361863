package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

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
		s.manual.terse = true
		parts := s.parts()
		late := &slow{Charger: s.manual, Capturer: s.manual, lookUp: make(chan struct{}), answer: make(chan struct{})}
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

// TestAPartThatWasTakenIsNotHeldForAll restores books of before a part of a basket
// was taken, at a provider that does not say how much it took. What a creditor
// booked was; whether the rest was, is a person's to find out.
func TestAPartThatWasTakenIsNotHeldForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFenced(t, 1, 0)
		f.manual.terse = true
		f.birth()
		old := f.ledger
		p := f.pay(basket{key: "k", items: f.owe(1, "alpha", "beta"), policy: hub.BestEffort, meanwhile: func(*hub.Payment) {
			old = f.ledger.Backup()
			f.change("alpha", external(1), 0)
		}})
		time.Sleep(time.Second)
		f.halt()
		found := f.restore(old, time.Minute)
		f.end()
		now, err := f.ledger.Payment(t.Context(), p.ID)
		if err != nil || now.Line(1).State != hub.LineStuck || now.Line(2).State != hub.LinePosted || len(now.Refunds) != 0 {
			t.Errorf("got %+v, refunds %+v (%v), want a booked line and one for a person", now.Lines, now.Refunds, err)
		}
		if f.called(t, "rebuilt_unclear") != 1 {
			t.Errorf("got %+v, and nobody is told that it is not clear what was taken", found)
		}
	})
}
