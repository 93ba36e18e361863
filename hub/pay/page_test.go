package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
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
