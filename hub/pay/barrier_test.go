package pay_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// walled is a scene with a barrier that may be raised.
func walled() (*scene, *atomic.Value) {
	s, up := newScene(1, 0, pay.Conf{}), &atomic.Value{}
	up.Store(hub.Barrier(""))
	parts := s.parts()
	parts.Stopped = func(b hub.Barrier) bool { return up.Load() == b }
	s.Service = pay.New(parts, pay.Conf{})
	return s, up
}

func TestBehindABarrierNobodyBeginsToPay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up := walled()
		items := s.owe(1, "alpha")
		for _, barrier := range []hub.Barrier{hub.BarrierOpen, hub.BarrierCapture} {
			up.Store(barrier)
			if p, err := s.open(t.Context(), "k", items, hub.BestEffort); hub.CodeOf(err) != hub.CodeUnavailable || hub.RetryAfterOf(err) == 0 {
				t.Errorf("%s: got %v, %v, want unavailable and when to come back", barrier, p, err)
			}
		}
		if n := len(s.manual.orders) + len(s.auto.orders); n != 0 {
			t.Errorf("got %d orders at providers, want none to be asked", n)
		}
		up.Store(hub.Barrier(""))
		if _, err := s.open(t.Context(), "k", items, hub.BestEffort); err != nil {
			t.Errorf("got %v after the barrier fell", err)
		}
	})
}

// TestAnAuthorisedPaymentWaitsBehindTheBarrier raises the barrier between the
// payer's yes and the taking.
func TestAnAuthorisedPaymentWaitsBehindTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up := walled()
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		up.Store(hub.BarrierCapture)
		s.settle(t, 5*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentAuthorised)
		up.Store(hub.Barrier(""))
		s.settle(t, 5*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
	})
}

// TestNoPageThatTakesAtOnceOpensBehindTheBarrier raises it between two charges of a
// basket whose provider takes the money when the payer pays.
func TestNoPageThatTakesAtOnceOpensBehindTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, up := walled()
		s.prefer = []string{"auto"}
		parts := s.parts()
		parts.Stopped = func(b hub.Barrier) bool { return up.Load() == b }
		s.Service = pay.New(parts, pay.Conf{})
		s.merchantByMerchant()
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		up.Store(hub.BarrierCapture)
		s.settle(t, time.Minute)
		if _, err := s.Resume(t.Context(), who, p.ID); hub.CodeOf(err) != hub.CodeUnavailable || hub.RetryAfterOf(err) == 0 {
			t.Errorf("got %v, want unavailable and when to come back", err)
		}
		if n := len(s.auto.orders); n != 1 {
			t.Errorf("got %d orders at the provider, want the first alone", n)
		}
		up.Store(hub.Barrier(""))
		if p, err = s.Resume(t.Context(), who, p.ID); err != nil || pay.NextAction(p) == "" {
			t.Errorf("after the barrier fell: got %v, want the second page", err)
		}
	})
}

// TestAStatementsWordCountsForALineOfWhichNobodyKnew loses a creditor's answer
// that can be asked for nowhere, and brings its statement.
func TestAStatementsWordCountsForALineOfWhichNobodyKnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "gamma"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		if err := s.Booked(t.Context(), p.ID, 1, hub.Receipt{Number: "N"}); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("got %v for a line whose money was not taken, want a conflict", err)
		}
		s.settle(t, 2*time.Minute)
		_, err = s.ledger.ChangePayment(t.Context(), p.ID, nil, func(_ hub.PaymentTx, p *hub.Payment) error {
			p.Line(1).State, p.Line(1).Receipt = hub.LineStuck, "" // as if its answer had been lost
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Booked(t.Context(), p.ID, 1, hub.Receipt{Number: "N1"}); err != nil {
				t.Fatal(err)
			}
		}
		if l := s.mustEnd(t, p.ID, hub.PaymentSettled).Line(1); l.Receipt != "N1" {
			t.Errorf("got receipt %q, want the statement's", l.Receipt)
		}
		if err := s.Booked(t.Context(), p.ID, 7, hub.Receipt{}); hub.CodeOf(err) != hub.CodeNotFound {
			t.Errorf("got %v for a line that is none", err)
		}
	})
}
