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

// counting is a store that counts what costs a round trip each.
type counting struct {
	pay.Store
	leases, claims atomic.Int64 // of charges; calls, however many lines
}

func (c *counting) LeaseWork(ctx context.Context, q hub.WorkQuery) ([]hub.Lease, error) {
	leases, err := c.Store.LeaseWork(ctx, q)
	if q.Kind == hub.WorkCharge {
		c.leases.Add(int64(len(leases)))
	}
	return leases, err
}

func (c *counting) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	return c.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) { return build(countingTx{tx, c}) })
}

func (c *counting) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	return c.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error { return change(countingTx{tx, c}, p) })
}

type countingTx struct {
	hub.PaymentTx
	*counting
}

func (c countingTx) Hold(ctx context.Context, p hub.PaymentID, l *hub.Line, until time.Time) (bool, hub.PaymentID, time.Time, error) {
	c.claims.Add(1)
	return c.PaymentTx.Hold(ctx, p, l, until)
}

func (c countingTx) HoldAll(ctx context.Context, p hub.PaymentID, lines []*hub.Line, until time.Time) ([]hub.Held, error) {
	c.claims.Add(1)
	return c.PaymentTx.HoldAll(ctx, p, lines, until)
}

// TestClaimsOfSeveralChargesAreAskedForAtOnce decides two charges in one change:
// asked for one after the other, in the order of the charges, two payments could
// wait for each other.
func TestClaimsOfSeveralChargesAreAskedForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		parts, store := s.parts(), &counting{Store: s.ledger}
		parts.Store = store
		s.Service = pay.New(parts, pay.Conf{})
		s.merchantByMerchant()
		p, err := s.open(t.Context(), "k1", s.owe(1, "beta", "alpha"), hub.AllOrNothing)
		if err != nil || len(p.Charges) != 2 {
			t.Fatalf("got %+v (%v), want two charges", p, err)
		}
		s.authorise(p)
		if p, err = s.Resume(t.Context(), who, p.ID); err != nil {
			t.Fatal(err)
		}
		s.settle(t, 20*time.Second)
		if p, err = s.Resume(t.Context(), who, p.ID); err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, 20*time.Second)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		if got := store.claims.Load(); got != 4 {
			t.Errorf("got %d questions for claims, want one to open, one before the captures and one after each", got)
		}
	})
}

func TestAChargeOfManyLinesAsksNoMoreThanOneOfOne(t *testing.T) {
	for name, creditors := range map[string][]hub.Name{"one": {"alpha"}, "three": {"alpha", "beta", "gamma"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts, store := s.parts(), &counting{Store: s.ledger}
				parts.Store = store
				s.Service = pay.New(parts, pay.Conf{})
				p, err := s.open(t.Context(), "k1", s.owe(1, creditors...), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 20*time.Second) // before anybody looks whether a debt is cleared
				s.mustEnd(t, p.ID, hub.PaymentSettled)
				if got := store.leases.Load(); got != 1 {
					t.Errorf("got %d leases, want one from the look-up to the captured money", got)
				}
				if got := store.claims.Load(); got != 3 {
					t.Errorf("got %d questions for claims, want one to open, one before the capture and one after", got)
				}
			})
		})
	}
}
