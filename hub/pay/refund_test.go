package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// unable lets no provider of the scene give money back.
func (s *scene) unable(conf pay.Conf) {
	parts := s.parts()
	withPSPs(&parts, func(p *hub.PSP) { p.Refunder = nil })
	s.Service = pay.New(parts, conf)
}

// refused pays a line that its creditor refuses then, at a provider that cannot
// give it back.
func (s *scene) refused(t *testing.T, conf pay.Conf) *hub.Payment {
	t.Helper()
	s.unable(conf)
	p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
	if err != nil {
		t.Fatal(err)
	}
	s.offices["alpha"].refuses["D1"] = true
	s.authorise(p)
	s.settle(t, time.Hour)
	if p = s.mustEnd(t, p.ID, hub.PaymentCaptured); p.Line(1).State != hub.LineRejected || p.Refund(1).State != hub.RefundFailed {
		t.Fatalf("got a line %s and a refund %s, want a refund that failed", p.Line(1).State, p.Refund(1).State)
	}
	return p
}

// TestADebtWhoseRefundFailedIsPaidAgain opens the debt of a line that its creditor
// refused, and whose money the provider does not give back.
func TestADebtWhoseRefundFailedIsPaidAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.refused(t, pay.Conf{})
		s.offices["alpha"].refuses["D1"] = false
		again, err := s.open(t.Context(), "again", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(again)
		s.settle(t, time.Hour)
		s.mustEnd(t, again.ID, hub.PaymentSettled)
	})
}

// TestADebtIsPaidAgainWhileItsRefundIsLookedFor opens the debt of a refused line
// whose refund nobody knows the end of yet.
func TestADebtIsPaidAgainWhileItsRefundIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.manual.vague, s.manual.loses = true, true
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.offices["alpha"].refuses["D1"], s.offices["beta"].refuses["D1"] = true, true
		s.authorise(p)
		s.settle(t, time.Hour)
		if p = s.mustEnd(t, p.ID, hub.PaymentCaptured); p.Refund(2).State != hub.RefundUnknown {
			t.Fatalf("got %s, want a refund that nobody knows of", p.Refund(2).State)
		}
		if _, err := s.open(t.Context(), "again", s.owe(1, p.Line(p.Refund(2).Line).Creditor), hub.BestEffort); err != nil {
			t.Error(err)
		}
	})
}

// lostRefunds loses the answer to the first refund, and notes all.
type lostRefunds struct {
	hub.Refunder
	amounts *[]int64
}

func (l lostRefunds) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	*l.amounts = append(*l.amounts, amount.Minor)
	err := l.Refunder.Refund(ctx, r, amount, from, key)
	if len(*l.amounts) == 1 {
		return lost.after()
	}
	return err
}
