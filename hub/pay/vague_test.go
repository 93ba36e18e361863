package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestASettlementTellsWhatWasGivenBack pays two lines that are both refused, at a
// provider that does not say how much it gave back; its answer about the second
// is lost.
func TestASettlementTellsWhatWasGivenBack(t *testing.T) {
	for name, tc := range map[string]struct {
		settled int64 // bani that the settlement tells, on the second day
		lost    bool  // the second was never done
		want    hub.RefundState
	}{
		"the second was given back": {2 * 1037, false, hub.RefundRefunded},
		"nobody knows":              {1037, true, hub.RefundFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.manual.vague, s.manual.loses = true, tc.lost
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.offices["alpha"].refuses["D1"], s.offices["beta"].refuses["D1"] = true, true
				s.authorise(p)
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
				order := p.Charges[0].Order
				booking := hub.TransferBooking(hub.SettledName("manual", "M", "P1", order, true)+":1", "settled", p.ID,
					hub.AccountClearing("manual"), hub.AccountBank("alpha", "main"), hub.Bani(tc.settled))
				if err := s.ledger.Book(t.Context(), booking); err != nil {
					t.Fatal(err)
				}
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
