package pay_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// bills lets alpha show three bills, D1 inside D2 and D2 inside D3, of 10, 20 and 30
// lei in all. It takes off what is paid when it is told to, and not before.
func (s *scene) bills() *office {
	o := s.offices["alpha"]
	o.debts = map[string]int64{"D1": 1000, "D2": 2000, "D3": 3000}
	o.inside = map[string]string{"D2": "D1", "D3": "D2"}
	o.forgets = true
	return o
}

// bill is an item for alpha's bill.
func bill(external string) pay.Item {
	return pay.Item{Creditor: "alpha", Wanted: hub.Wanted{Obligation: hub.NewObligationID("alpha", external)}}
}

// refusals gives why each line of a quote is refused, "" where it is confirmed.
func refusals(q *pay.Quote) (list []string) {
	for _, l := range q.Lines {
		list = append(list, l.Reason)
	}
	return list
}

// paidWith is why a line is refused that another one of its basket pays.
const paidWith = "This is part of another bill in this basket, and is paid with that."

// wantQuote quotes a basket and wants a total, and a reason for each line that is refused.
func (s *scene) wantQuote(t *testing.T, basket []pay.Item, total int64, reasons []string) {
	t.Helper()
	q, err := s.Quote(t.Context(), who, "portal", basket)
	if err != nil {
		t.Fatal(err)
	}
	if q.Total.Minor != total || !slices.Equal(refusals(q), reasons) {
		t.Errorf("got %d in all and %q, want %d and %q", q.Total.Minor, refusals(q), total, reasons)
	}
}

func TestABasketPaysABillInsideAnotherOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		basket []string
		gone   string
		total  int64
		want   []string
	}{
		"a bill and the one inside it":   {[]string{"D2", "D1"}, "", 2000, []string{"", paidWith}},
		"the inner first":                {[]string{"D1", "D2"}, "", 2000, []string{paidWith, ""}},
		"one inside the one inside":      {[]string{"D1", "D3"}, "", 3000, []string{paidWith, ""}},
		"all of them":                    {[]string{"D1", "D2", "D3"}, "", 3000, []string{paidWith, paidWith, ""}},
		"the inner alone":                {[]string{"D1"}, "", 1000, []string{""}},
		"the outer is not owed any more": {[]string{"D1", "D2"}, "D2", 1000, []string{"", "The creditor does not list this debt any more."}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				delete(s.bills().debts, tc.gone)
				items := []pay.Item{}
				for _, external := range tc.basket {
					items = append(items, bill(external))
				}
				s.wantQuote(t, items, tc.total, tc.want)
			})
		})
	}
}

// TestABillIsNotPaidAgainInsideOrAroundAnother pays one of the bills, whose creditor is
// slow to take it off.
func TestABillIsNotPaidAgainInsideOrAroundAnother(t *testing.T) {
	for name, tc := range map[string]struct {
		pays  string
		says  map[string]string
		later map[string]int64 // what the creditor shows once it took it off
	}{
		"the innermost": {"D1", map[string]string{"D1": hub.PaidHere, "D2": hub.PartPaidHere, "D3": hub.PartPaidHere}, map[string]int64{"D2": 1000, "D3": 2000}},
		"the middle":    {"D2", map[string]string{"D1": hub.PaidHere, "D2": hub.PaidHere, "D3": hub.PartPaidHere}, map[string]int64{"D3": 1000}},
		"the outermost": {"D3", map[string]string{"D1": hub.PaidHere, "D2": hub.PaidHere, "D3": hub.PaidHere}, map[string]int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				alpha := s.bills()
				old := map[string]*pay.Quote{}
				for _, external := range []string{"D1", "D2", "D3"} {
					q, err := s.Quote(t.Context(), who, "portal", []pay.Item{bill(external)})
					if err != nil {
						t.Fatal(err)
					}
					old[external] = q
				}
				p, err := s.open(t.Context(), "k1", []pay.Item{bill(tc.pays)}, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, time.Minute)
				s.mustEnd(t, p.ID, hub.PaymentSettled)
				for external, why := range tc.says {
					q, err := s.Quote(t.Context(), who, "portal", []pay.Item{bill(external)})
					if err != nil {
						t.Fatal(err)
					}
					if q.Lines[0].Code != hub.CodeNotPayable || q.Lines[0].Reason != why {
						t.Errorf("%s: got %q %q, want %q", external, q.Lines[0].Code, q.Lines[0].Reason, why)
					}
					order := pay.Order{Key: "old " + external, Token: old[external].Token, Policy: hub.BestEffort, ReturnURL: p.ReturnURL}
					if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
						t.Errorf("%s with an old quote: got %v, want a conflict", external, err)
					}
				}
				alpha.mu.Lock()
				alpha.debts = maps.Clone(tc.later)
				alpha.mu.Unlock()
				s.settle(t, 5*time.Minute)
				for external, bani := range tc.later {
					p, err := s.open(t.Context(), "k2 "+external, []pay.Item{bill(external)}, hub.BestEffort)
					if err != nil {
						t.Fatalf("once it is taken off, %s: %v", external, err)
					}
					if got := p.Lines[0].Amount.Minor; got != bani {
						t.Errorf("once it is taken off, %s: got %d to pay, want %d", external, got, bani)
					}
					if _, err := s.Cancel(t.Context(), who, p.ID); err != nil {
						t.Fatal(err)
					}
				}
				s.audit(t)
			})
		})
	}
}

// TestTwoOpenPaymentsDoNotShareABill opens a payment for a bill while another one
// for the bill inside or around it is open.
func TestTwoOpenPaymentsDoNotShareABill(t *testing.T) {
	for name, tc := range map[string]struct{ first, second string }{
		"the inner, then the outer": {"D1", "D3"},
		"the outer, then the inner": {"D3", "D1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.bills()
				first, err := s.open(t.Context(), "k1", []pay.Item{bill(tc.first)}, hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.open(t.Context(), "k2", []pay.Item{bill(tc.second)}, hub.BestEffort)
				var e *hub.Error
				if !errors.As(err, &e) || e.Code != hub.CodeConflict || e.Payment != first.ID {
					t.Fatalf("got %v, want a conflict with the first payment", err)
				}
				if _, err := s.Cancel(t.Context(), who, first.ID); err != nil {
					t.Fatal(err)
				}
				s.settle(t, 10*time.Second)
				second, err := s.open(t.Context(), "k3", []pay.Item{bill(tc.second)}, hub.BestEffort)
				if err != nil {
					t.Fatalf("once the first is given up: %v", err)
				}
				claims, err := s.ledger.Claims(t.Context())
				if err != nil || len(claims) != 1 || claims[0].Payment != second.ID || claims[0].Obligation != second.Lines[0].Obligation {
					t.Errorf("got claims %v (%v), want the one of the second payment's bill", claims, err)
				}
			})
		})
	}
}

// TestALatePayerPaysNothingTwice pays on a page whose time was over, after another
// payment took the bill around.
func TestALatePayerPaysNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{PageLife: 5 * time.Minute})
		s.bills()
		late, err := s.open(t.Context(), "k1", []pay.Item{bill("D1")}, hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Minute)
		p, err := s.open(t.Context(), "k2", []pay.Item{bill("D3")}, hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.authorise(late)
		s.settle(t, 5*time.Minute)
		if got := s.manual.orders[late.Charges[0].Order].facts.Captured; got != 0 {
			t.Errorf("got %d taken of the late payer, want nothing", got)
		}
		s.audit(t)
	})
}
