package pay_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestAPageThatDiedWithItsReplicaIsReplaced kills the replica that opens the
// provider's page, before the provider hears of it and after: the payer gets
// another page while he waits, and everything is paid.
func TestAPageThatDiedWithItsReplicaIsReplaced(t *testing.T) {
	for _, at := range []moment{beforeCall, afterEffect} {
		t.Run(string(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trap{at: point{"Charger.Start", at}, nth: 1, harm: crash, passed: map[point]int{}}
				tn := newTown(t, 1, 0, 0, nil)
				tn.least = time.Minute
				tn.befall(tr.fate)
				tn.birth()
				defer tn.end()
				begun := time.Now()
				p := tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort})
				if took := time.Since(begun); p == nil || took > 30*time.Second {
					t.Fatalf("the payer got %v after %s", p, took)
				}
				mustBeGood(t, "the books", tn.judged(30*time.Minute))
				if now, err := tn.ledger.Payment(context.Background(), p.ID); err != nil || now.State() != hub.PaymentSettled {
					t.Errorf("the payment is %v (%v)", now.State(), err)
				}
				if tr.sprung == 0 {
					t.Error("nobody died")
				}
			})
		})
	}
}

// TestDyingReplicasUseNoProviderUp kills one replica after the other that opens the
// page of the only provider: that did nothing wrong, and the payer gets his page.
func TestDyingReplicasUseNoProviderUp(t *testing.T) {
	for _, at := range []moment{beforeCall, afterEffect} {
		t.Run(string(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const deaths = 3
				var died atomic.Int64
				tn := newTown(t, 1, 0, 0, nil)
				tn.prefer, tn.least = []string{"manual"}, time.Minute
				tn.befall(func(p point) harm {
					if p == (point{"Charger.Start", at}) && died.Add(1) <= deaths {
						return crash
					}
					return unharmed
				})
				tn.birth()
				defer tn.end()
				p := tn.pay(basket{key: "k", items: tn.owe(1, "alpha", "beta"), policy: hub.BestEffort})
				if p == nil || died.Load() <= deaths {
					t.Fatalf("the payer got %v after %d tries", p, died.Load())
				}
				mustBeGood(t, "the books", tn.judged(30*time.Minute))
				if now, err := tn.ledger.Payment(context.Background(), p.ID); err != nil || now.State() != hub.PaymentSettled {
					t.Errorf("the payment is %v (%v)", now.State(), err)
				}
			})
		})
	}
}

// hesitant is a provider that takes its time to open a page.
type hesitant struct{ hub.Charger }

func (h hesitant) Start(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	select {
	case <-time.After(2 * time.Second):
		return h.Charger.Start(ctx, o)
	case <-ctx.Done():
		return hub.Session{}, ctx.Err()
	}
}

// TestAClientThatDoesNotWaitEndsNoPayment lets a portal hang up while the only
// provider opens the page: the key leads to that page.
func TestAClientThatDoesNotWaitEndsNoPayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.prefer = []string{"manual"}
		parts := s.parts()
		parts.PSPs[0].Charger = hesitant{parts.PSPs[0].Charger}
		s.Service = pay.New(parts, pay.Conf{})
		q, err := s.Quote(t.Context(), who, "portal", s.owe(1, "alpha"))
		if err != nil {
			t.Fatal(err)
		}
		order := pay.Order{Key: "k", Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
		impatient, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		_, _ = s.Open(impatient, who, "portal", order) // nobody reads that answer
		p, err := s.Open(t.Context(), who, "portal", order)
		if err != nil || p.State() != hub.PaymentAwaitingPayer || pay.NextAction(p) == "" {
			t.Fatalf("the key again: got %+v (%v), want the page", p, err)
		}
	})
}

// TestAPaymentWithoutAPageIsOver lets the only provider be down: the key is told
// the same again, and a new quote can be paid.
func TestAPaymentWithoutAPageIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.prefer = []string{"manual"}
		parts := s.parts()
		well := parts.PSPs[0].Charger
		parts.PSPs[0].Charger = bentStarter{well}
		s.Service = pay.New(parts, pay.Conf{})
		items := s.owe(1, "alpha")
		q, err := s.Quote(t.Context(), who, "portal", items)
		if err != nil {
			t.Fatal(err)
		}
		order := pay.Order{Key: "k", Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
		for range 2 {
			if _, err := s.Open(t.Context(), who, "portal", order); !errors.Is(err, pay.ErrNotStarted) || hub.CodeOf(err) != hub.CodeUnavailable {
				t.Fatalf("got %v, want to be told that nothing was started", err)
			}
		}
		parts.PSPs[0].Charger = well
		if p, err := s.open(t.Context(), "k2", items, hub.BestEffort); err != nil || pay.NextAction(p) == "" {
			t.Errorf("a new quote: got %v (%v), want a page", p, err)
		}
	})
}
