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

// TestARefundIsNotAskedForAgainWhileABankMayBeAtIt loses the answer to a refund
// that the provider shows as late as 25 seconds after it was done.
func TestARefundIsNotAskedForAgainWhileABankMayBeAtIt(t *testing.T) {
	for name, dies := range map[string]bool{"the answer is lost": false, "the replica dies over it": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.manual.tells(25*time.Second, false)
				parts, amounts := s.parts(), []int64{}
				withPSPs(&parts, func(psp *hub.PSP) { psp.Refunder = lostRefunds{psp.Refunder, &amounts} })
				s.Service = pay.New(parts, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.offices["alpha"].refuses["D1"] = true
				s.authorise(p)
				for range 60 {
					s.settle(t, time.Second)
					if r := s.refundOf(t, p.ID, 1); dies && r != nil && r.State == hub.RefundUnknown {
						s.forget(t, p.ID)
						break
					}
				}
				s.settle(t, time.Hour)
				s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
				if got := s.manual.orders[p.Charge(1).Order].facts.Refunded; got != 1037 || len(amounts) != 1 {
					t.Errorf("%d were given back, asked for were %v", got, amounts)
				}
			})
		})
	}
}

// forget leaves the first refund as a replica does that dies before it hears the
// answer.
func (s *scene) forget(t *testing.T, id hub.PaymentID) {
	t.Helper()
	_, err := s.ledger.ChangePayment(t.Context(), id, nil, func(_ hub.PaymentTx, p *hub.Payment) error {
		p.Refund(1).State = hub.RefundRefunding
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestARefundThatDidNotHappenIsAskedForAgain loses a refund on its way to the
// provider: once the time is over in which it could still be done, it is done.
func TestARefundThatDidNotHappenIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		parts, amounts, lose := s.parts(), []int64{}, true
		withPSPs(&parts, func(psp *hub.PSP) { psp.Refunder = lossy{psp.Refunder, &amounts, &lose} })
		conf := pay.Conf{RefundAgain: 5 * time.Minute}
		s.Service = pay.New(parts, conf)
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.offices["alpha"].refuses["D1"] = true
		s.authorise(p)
		s.settle(t, 4*time.Minute)
		if len(amounts) != 1 {
			t.Errorf("after 4 minutes it was asked for %d times", len(amounts))
		}
		s.settle(t, 5*time.Minute) // and 5 more from the second time
		if len(amounts) != 2 {
			t.Errorf("after 9 minutes it was asked for %d times", len(amounts))
		}
		lose = false
		s.settle(t, 5*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		s.audit(t)
	})
}

// lossy is a way to a provider on which refunds are lost.
type lossy struct {
	hub.Refunder
	amounts *[]int64
	lose    *bool
}

func (l lossy) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	*l.amounts = append(*l.amounts, amount.Minor)
	if *l.lose {
		return refused.before()
	}
	return l.Refunder.Refund(ctx, r, amount, from, key)
}

// TestANoToTheSecondTimeSaysNothingOfTheFirst loses the answer to a refund that is
// done and shows late, and has the provider be busy when it is asked again.
func TestANoToTheSecondTimeSaysNothingOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := pay.Conf{RefundAgain: time.Minute}
		s := newScene(1, 0, conf)
		s.manual.tells(90*time.Second, false)
		parts, asked := s.parts(), 0
		withPSPs(&parts, func(psp *hub.PSP) { psp.Refunder = busyThen{psp.Refunder, &asked} })
		s.Service = pay.New(parts, conf)
		p := s.twoLines(t)
		s.settle(t, time.Hour)
		s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		if got := s.manual.orders[p.Charge(1).Order].facts.Refunded; got != 1037 || asked != 2 {
			t.Errorf("%d were given back, it was asked for %d times", got, asked)
		}
	})
}

// busyThen loses the answer to the first refund, and is busy afterwards.
type busyThen struct {
	hub.Refunder
	asked *int
}

func (b busyThen) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	if *b.asked++; *b.asked > 1 {
		return hub.NotDone(hub.Errorf(hub.CodeBusy, "later"))
	}
	_ = b.Refunder.Refund(ctx, r, amount, from, key)
	return lost.after()
}
