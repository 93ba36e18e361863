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

// bothRefused opens and authorises a payment of two lines that their creditors
// will refuse.
func (s *scene) bothRefused(t *testing.T) *hub.Payment {
	t.Helper()
	p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
	if err != nil {
		t.Fatal(err)
	}
	s.offices["alpha"].refuses["D1"], s.offices["beta"].refuses["D1"] = true, true
	s.authorise(p)
	return p
}

// settlementTells books that so many bani of the payment were given back.
func (s *scene) settlementTells(t *testing.T, p *hub.Payment, bani int64) {
	t.Helper()
	item := hub.SettledCharge{Order: p.Charges[0].Order, Refund: true, PayoutRef: "P1"}
	booking := hub.TransferBooking(hub.SettledName("manual", "M", &item)+":1", "settled", p.ID,
		hub.AccountClearing("manual"), hub.AccountBank("alpha", "main"), hub.Bani(bani))
	if err := s.ledger.Book(t.Context(), booking); err != nil {
		t.Fatal(err)
	}
}

// TestASettlementTellsWhatWasGivenBack pays two lines that are both refused, at a
// provider that does not say how much it gave back; its answer about the second
// is lost.
func TestASettlementTellsWhatWasGivenBack(t *testing.T) {
	for name, tc := range map[string]struct {
		settled int64 // bani that the settlement tells, on the second day
		lost    bool  // the second was never done
		mute    bool  // the answer about the first is lost as well
		want    hub.RefundState
	}{
		"the second was given back":                     {2 * 1037, false, false, hub.RefundRefunded},
		"nobody knows":                                  {1037, true, false, hub.RefundFailed},
		"both were given back, and neither answered":    {2 * 1037, false, true, hub.RefundRefunded},
		"the first was given back, and nobody answered": {1037, true, true, hub.RefundFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.manual.vague, s.manual.loses, s.manual.mute = true, tc.lost, tc.mute
				p := s.bothRefused(t)
				s.settle(t, time.Hour)
				second := func() hub.RefundState {
					p, err := s.ledger.Payment(t.Context(), p.ID)
					if err != nil || len(p.Refunds) != 2 {
						t.Fatalf("got %+v (%v), want two refunds", p, err)
					}
					return p.Refunds[1].State
				}
				if got := second(); got != hub.RefundUnknown {
					t.Fatalf("got %s before any settlement", got)
				}
				s.settlementTells(t, p, tc.settled)
				s.clock.Advance(24 * time.Hour)
				s.settle(t, 2*time.Hour)
				s.clock.Advance(12 * 24 * time.Hour)
				s.settle(t, 2*time.Hour)
				if got := second(); got != tc.want {
					t.Errorf("got %s, want %s", got, tc.want)
				}
			})
		})
	}
}

// TestSettlementsAreHeardAtOnce has a refund whose outcome nobody knows for a day
// looked at when settlements tell of it, or are over and do not, and not when it is
// its turn.
func TestSettlementsAreHeardAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		settled int64
		passes  time.Duration
		want    hub.RefundState
	}{
		"one tells":             {2 * 1037, 0, hub.RefundRefunded},
		"none tells yet":        {1037, 24 * time.Hour, hub.RefundUnknown},
		"all are over, in vain": {1037, 12 * 24 * time.Hour, hub.RefundFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.manual.vague = true
				p := s.bothRefused(t)
				s.settle(t, 5*time.Hour)
				if got := s.refundOf(t, p.ID, 2).State; got != hub.RefundUnknown {
					t.Fatalf("got %s before any settlement", got)
				}
				s.settlementTells(t, p, tc.settled)
				s.clock.Advance(tc.passes)
				if err := s.Settled(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.settle(t, 10*time.Second)
				if got := s.refundOf(t, p.ID, 2).State; got != tc.want {
					t.Errorf("got %s ten seconds after the settlement, want %s", got, tc.want)
				}
			})
		})
	}
}

// unread are settlements that cannot be read, until all of them are.
type unread struct{ all atomic.Bool }

func (u *unread) Read(context.Context, string, string, hub.Date, hub.Date) (bool, error) {
	return u.all.Load(), nil
}

// TestARefundWaitsForSettlementsThatCannotBeRead leaves the settlements in which a
// refund stands unread for longer than they may come late.
func TestARefundWaitsForSettlementsThatCannotBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		read bool // in the end
		days int  // after which somebody looks again
		want hub.RefundState
	}{
		"they are read, and say nothing": {read: true, days: 2, want: hub.RefundFailed},
		"they are not read yet":          {days: 2, want: hub.RefundUnknown},
		"they are never read":            {days: 60, want: hub.RefundFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.manual.vague, s.manual.loses = true, true
				settlements, parts := &unread{}, s.parts()
				parts.Settlements = settlements
				s.Service = pay.New(parts, pay.Conf{})
				p := s.bothRefused(t)
				s.settle(t, time.Hour)
				s.clock.Advance(12 * 24 * time.Hour)
				s.settle(t, 2*time.Hour)
				if got := s.refundOf(t, p.ID, 2).State; got != hub.RefundUnknown {
					t.Fatalf("got %s before the settlements were read", got)
				}
				settlements.all.Store(tc.read)
				s.clock.Advance(time.Duration(tc.days) * 24 * time.Hour)
				s.settle(t, 2*time.Hour)
				if got := s.refundOf(t, p.ID, 2).State; got != tc.want {
					t.Errorf("got %s, want %s", got, tc.want)
				}
			})
		})
	}
}

// TestWhatWasGivenBackBeforeIsNoRefundOfOurs has staff give money back in the
// console of a provider that does not say how much; a refund that is asked for
// afterwards, and never done, is not taken for that.
func TestWhatWasGivenBackBeforeIsNoRefundOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.manual.vague = true
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.offices["alpha"].refuses["D1"] = true
		s.offices["alpha"].away = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away"))
		s.authorise(p)
		s.settle(t, time.Minute)
		s.manual.say(p.Charges[0].Order, hub.ChargeFacts{Refunded: 100})
		s.offices["alpha"].away = nil
		parts := s.parts()
		withPSPs(&parts, func(p *hub.PSP) { p.Refunder = deaf{} })
		s.Service = pay.New(parts, pay.Conf{})
		s.settle(t, time.Hour)
		if got := s.refundOf(t, p.ID, 1).State; got != hub.RefundUnknown {
			t.Errorf("got %s, want a refund of which nobody knows", got)
		}
	})
}

// deaf is a provider that neither gives money back nor says so.
type deaf struct{}

func (deaf) Refund(context.Context, hub.ChargeRef, hub.Money, []hub.Split, string) error {
	return refused.before()
}
