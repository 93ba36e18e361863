package pay_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// called tells how often a person was called for something of a kind.
func (s *scene) called(t *testing.T, kind string) (times int) {
	t.Helper()
	all, err := s.ledger.Anomalies(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Kind == kind {
			times++
		}
	}
	return times
}

// stubborn is a provider that neither takes what it reserved nor gives it back.
type stubborn struct {
	hub.Capturer
	asked *atomic.Int64
}

func (p stubborn) Capture(context.Context, hub.ChargeRef, hub.Money, string) error {
	p.asked.Add(1)
	return hub.NotDone(hub.Errorf(hub.CodeConflict, "the reservation has lapsed"))
}

func (p stubborn) Void(context.Context, hub.ChargeRef, string) error {
	p.asked.Add(1)
	return hub.NotDone(hub.Errorf(hub.CodeConflict, "the reservation has lapsed"))
}

// TestAProviderThatDoesNothingIsAskedSeldom has a provider refuse for hours what it
// reserved itself: it is not asked every other second, and a person is called.
func TestAProviderThatDoesNothingIsAskedSeldom(t *testing.T) {
	for kind, wanted := range map[string]bool{"capture_unknown": true, "void_unknown": false} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				if !wanted {
					s.offices["alpha"].debts["D1"] = 0 // paid at the counter
				}
				var asked atomic.Int64
				parts := s.parts()
				withPSPs(&parts, func(p *hub.PSP) {
					if p.Capturer != nil {
						p.Capturer = stubborn{p.Capturer, &asked}
					}
				})
				s.Service = pay.New(parts, pay.Conf{})
				s.authorise(p)
				s.settle(t, 3*time.Hour)
				if n := asked.Load(); n < 60 || n > 200 {
					t.Errorf("it was asked %d times in three hours, want about once a minute", n)
				}
				if n := s.called(t, kind); n < 3 || n > 5 {
					t.Errorf("a person was called %d times, want every half hour from the first hour on", n)
				}
			})
		})
	}
}

// takenAtOnce pays one line at a provider that takes money at once.
func (s *scene) takenAtOnce(t *testing.T) *hub.Payment {
	t.Helper()
	s.prefer = []string{"auto"}
	s.Service = pay.New(s.parts(), pay.Conf{})
	p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
	if err != nil {
		t.Fatal(err)
	}
	s.authorise(p)
	return p
}

// TestMoneyThatIsTakenOnceMoreGoesBack has a payer pay an order in two attempts, of
// which the second is told only when the first is with the creditor.
func TestMoneyThatIsTakenOnceMoreGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p := s.takenAtOnce(t)
		s.settle(t, time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.auto.say(p.Charges[0].Order, hub.ChargeFacts{Authorised: 2 * 1037, Captured: 2 * 1037})
		for _, event := range []string{"paid again", "told again"} {
			s.fact(t, "auto", p.Charges[0].Order, event)
			s.settle(t, time.Minute)
		}
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		if back := s.auto.orders[p.Charges[0].Order].facts.Refunded; back != 1037 {
			t.Errorf("%d went back, want what was taken once more", back)
		}
		s.mustHave(t, map[string]int64{hub.AccountClearing("auto"): 1037, hub.AccountRefund(p.ID): 0})
		if n := s.called(t, "taken_again"); n != 1 {
			t.Errorf("a person was called %d times", n)
		}
	})
}

// TestMoneyThatWasGivenBackBeforeReachesNobody has staff give an order back in the
// provider's console before the hub hears that it was paid.
func TestMoneyThatWasGivenBackBeforeReachesNobody(t *testing.T) {
	for name, opened := range map[string]time.Duration{"while the payer may pay": time.Second, "after the payer's time": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.prefer = []string{"auto"}
				s.Service = pay.New(s.parts(), pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.settle(t, opened)
				s.authorise(p)
				s.auto.say(p.Charges[0].Order, hub.ChargeFacts{Refunded: 1037})
				s.fact(t, "auto", p.Charges[0].Order, "refunded")
				s.settle(t, time.Hour)
				if n := len(s.offices["alpha"].entries); n != 0 {
					t.Errorf("the creditor has booked %d postings of money that the payer has", n)
				}
				if back := s.auto.orders[p.Charges[0].Order].facts.Refunded; back != 1037 {
					t.Errorf("%d went back of 1037", back)
				}
				if p, err = s.ledger.Payment(t.Context(), p.ID); err != nil || !p.State().Final() {
					t.Errorf("got a payment %s (%v), want it over: %+v", p.State(), err, p)
				}
				s.mustAgree(t)
				s.mustHave(t, map[string]int64{hub.AccountClearing("auto"): 0, hub.AccountRefund(p.ID): 0})
				if s.called(t, "given_back_before") != 1 {
					t.Error("nobody was called")
				}
			})
		})
	}
}
