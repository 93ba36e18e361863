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

// asked is a provider whose look-ups are counted.
type asked struct {
	hub.Charger
	lookups atomic.Int32
}

func (c *asked) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	c.lookups.Add(1)
	return c.Charger.Lookup(ctx, r)
}

// TestWhoHasPaidIsNotSentToPayAgain lets a payer come back from the page with
// nobody at work and no notification.
func TestWhoHasPaidIsNotSentToPayAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		did    hub.ChargeFacts
		page   bool
		review bool
	}{
		"paid":             {did: hub.ChargeFacts{Authorised: 1037}},
		"did nothing":      {page: true},
		"is looked at":     {did: hub.ChargeFacts{Review: true}, review: true},
		"was declined":     {did: hub.ChargeFacts{Declined: true}},
		"paid, taken, too": {did: hub.ChargeFacts{Authorised: 1037, Captured: 1037}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts := s.parts()
				bank := &asked{Charger: parts.PSPs[0].Charger}
				parts.PSPs[0].Charger = bank
				s.Service = pay.New(parts, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil || pay.NextAction(p) == "" {
					t.Fatalf("got %+v (%v), want a page", p, err)
				}
				s.manual.say(p.Charges[0].Order, tc.did)
				for range 5 {
					if p, err = s.Resume(t.Context(), who, p.ID); err != nil {
						t.Fatal(err)
					}
					if got := pay.NextAction(p); tc.page != (got != "") || pay.InReview(p) != tc.review {
						t.Errorf("got page %q, in review %v; want %+v", got, pay.InReview(p), tc)
					}
				}
				if n := bank.lookups.Load(); n != 1 {
					t.Errorf("the provider was asked %d times at once", n)
				}
				time.Sleep(3 * time.Second)
				if _, err = s.Resume(t.Context(), who, p.ID); err != nil || bank.lookups.Load() != 2 {
					t.Errorf("got %v, %d look-ups; want one more a while later", err, bank.lookups.Load())
				}
			})
		})
	}
}

// TestNobodyIsSentToAPageWhoseTimeIsOver leaves a payment to a review that lasts
// longer than the payer has.
func TestNobodyIsSentToAPageWhoseTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.manual.say(p.Charges[0].Order, hub.ChargeFacts{Review: true})
		s.settle(t, time.Hour)
		if p, err = s.ledger.Payment(t.Context(), p.ID); err != nil || p.State() != hub.PaymentAwaitingPayer || !pay.InReview(p) {
			t.Fatalf("got %+v (%v), want it looked at", p, err)
		}
		if page := pay.NextAction(p); page != "" {
			t.Errorf("the payer is sent to %s", page)
		}
		p.Charges[0].Facts.Review = false
		if page := pay.NextAction(p); page != "" {
			t.Errorf("the payer is sent to %s after his time", page)
		}
		s.manual.pay(p.Charges[0].Order, s.clock.Now())
		s.settle(t, 10*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
	})
}
