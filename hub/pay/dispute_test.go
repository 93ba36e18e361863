package pay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// wholeDisputed is how a provider tells that a bank took money back: it says so of
// the whole order, whatever it gave back before.
var wholeDisputed = hub.ChargeFacts{Disputed: 2 * 1037}

// contest has the payer's bank take an order's money back.
func (s *scene) contest(t *testing.T, p *hub.Payment, said hub.ChargeFacts, event string) {
	t.Helper()
	s.manual.say(p.Charge(1).Order, said)
	s.fact(t, "manual", p.Charge(1).Order, event)
	s.settle(t, time.Minute)
}

// twoLines pays a line of alpha, which refuses it, and one of beta.
func (s *scene) twoLines(t *testing.T) *hub.Payment {
	t.Helper()
	p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
	if err != nil {
		t.Fatal(err)
	}
	s.offices["alpha"].refuses["D1"] = true
	s.authorise(p)
	s.settle(t, time.Minute)
	return p
}

// TestADisputeAfterARefundIsTheOtherCreditors has a bank take back what is left of
// a charge after one of its lines was refunded.
func TestADisputeAfterARefundIsTheOtherCreditors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p := s.twoLines(t)
		s.contest(t, p, wholeDisputed, "disputed")
		p = s.mustEnd(t, p.ID, hub.PaymentDisputed)
		s.mustHave(t, map[string]int64{
			hub.AccountDispute("alpha"): 0, hub.AccountDispute("beta"): 1037, hub.AccountClearing("manual"): 0, hub.AccountRefund(p.ID): 0,
		})
		s.mustAgree(t)
		s.mustHear(t, "line.disputed", "beta")
		r, err := s.ReceiptOf(p, 0)
		if err != nil || r.Lines[0].State != hub.ReceiptRefunded || r.Lines[1].State != hub.ReceiptDisputed || r.Refunded != hub.Bani(1037) {
			t.Errorf("got the receipt %+v (%v), want the first line refunded and the second disputed", r, err)
		}
		s.contest(t, p, hub.ChargeFacts{Won: 2 * 1037}, "won")
		s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		s.mustHave(t, map[string]int64{hub.AccountDispute("beta"): 0, hub.AccountClearing("manual"): 1037})
		s.mustAgree(t)
		s.mustHear(t, "line.dispute_won", "beta")
	})
}

// mustHear makes sure that of all creditors this one alone is told, and once.
func (s *scene) mustHear(t *testing.T, event string, creditor hub.Name) {
	t.Helper()
	var told []hub.Name
	for _, e := range s.ledger.Events() {
		if e.Type == event {
			told = append(told, e.Creditor)
		}
	}
	if !slices.Equal(told, []hub.Name{creditor}) {
		t.Errorf("%s: %v were told, want %s", event, told, creditor)
	}
}

// TestADisputeThatWasWonMayBeginAgain has the payer's bank take the money back
// once more after it had to give it up: the provider tells of the last time alone.
func TestADisputeThatWasWonMayBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p := s.twoLines(t)
		facts := &s.manual.orders[p.Charge(1).Order].facts
		for range 3 {
			facts.Won = 0
			s.contest(t, p, wholeDisputed, hub.NewID())
			s.mustEnd(t, p.ID, hub.PaymentDisputed)
			s.mustHave(t, map[string]int64{hub.AccountDispute("beta"): 1037, hub.AccountClearing("manual"): 0})
			s.mustAgree(t)
			s.contest(t, p, hub.ChargeFacts{Won: 2 * 1037}, hub.NewID())
			s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
			s.mustHave(t, map[string]int64{hub.AccountDispute("beta"): 0, hub.AccountClearing("manual"): 1037})
			s.mustAgree(t)
		}
	})
}

// TestADisputeThatBeginsAgainUnnoticedHoldsARefundBack has the payer's bank take the
// money back once more with no word of it from the provider, and staff give the line
// back: the payer would have it twice.
func TestADisputeThatBeginsAgainUnnoticedHoldsARefundBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		s.contest(t, p, hub.ChargeFacts{Disputed: 1037}, "disputed")
		s.contest(t, p, hub.ChargeFacts{Won: 1037}, "won")
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		order := s.manual.orders[p.Charge(1).Order]
		order.facts.Won = 0 // it tells of the new dispute alone
		order.now()
		if _, err := s.GiveBack(t.Context(), clerk, p.ID, 1, hub.Bani(1037)); err != nil {
			t.Fatal(err)
		}
		s.settle(t, 10*time.Minute)
		p = s.mustEnd(t, p.ID, hub.PaymentDisputed)
		if r := p.Refund(1); r.State != hub.RefundFailed || order.facts.Refunded != 0 {
			t.Fatalf("got a refund %s of %d, want none", r.State, order.facts.Refunded)
		}
		s.mustAgree(t)
		s.contest(t, p, hub.ChargeFacts{Won: 1037}, "won again")
		s.settle(t, 5*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		if order.facts.Refunded != 1037 {
			t.Errorf("got %d given back once the dispute was won, want 1037", order.facts.Refunded)
		}
		s.mustAgree(t)
	})
}

// settles has a settlement tell of money of the payment that its payer's bank moved.
// It took so many bani or, below 0, gave them back again.
func (s *scene) settles(t *testing.T, p *hub.Payment, payout string, bani int64) {
	t.Helper()
	item := hub.SettledCharge{Order: p.Charge(1).Order, Refund: bani > 0, Dispute: true, PayoutRef: payout}
	debit, credit := hub.AccountClearing("manual"), hub.AccountBank("beta", "main")
	if bani < 0 {
		debit, credit = credit, debit
	}
	booking := hub.TransferBooking(hub.SettledName("manual", "M", &item)+":1", "settled", p.ID, debit, credit, hub.Bani(max(bani, -bani)))
	if err := s.ledger.Book(t.Context(), booking); err != nil {
		t.Fatal(err)
	}
	if err := s.Disputed(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
}

// TestASettlementTellsOfADispute pays through a provider that does not say in any
// other way that a payer's bank took money back.
func TestASettlementTellsOfADispute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		for _, payout := range []string{"P1", "P2"} {
			s.settles(t, p, payout, 1037)
			s.mustEnd(t, p.ID, hub.PaymentDisputed)
			if _, err := s.GiveBack(t.Context(), clerk, p.ID, 1, hub.Bani(1037)); hub.CodeOf(err) != hub.CodeConflict {
				t.Errorf("giving it back besides: got %v, want a conflict", err)
			}
			s.settle(t, time.Minute) // the provider says that it took it, and no more
			s.mustEnd(t, p.ID, hub.PaymentDisputed)
			s.mustHave(t, map[string]int64{hub.AccountDispute("beta"): 1037})
			s.settles(t, p, payout, -1037)
			s.mustEnd(t, p.ID, hub.PaymentSettled)
			s.mustHave(t, map[string]int64{hub.AccountDispute("beta"): 0})
		}
	})
}

// TestADisputeMayGrowAndBeWonInParts has settlements tell of a dispute bit by bit: what
// creditors owe is what they say, and each hears of its own line once.
func TestADisputeMayGrowAndBeWonInParts(t *testing.T) {
	const all = 2 * 1037
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		for i, step := range []struct {
			bani, alpha, beta int64
			ends              hub.PaymentState
			heard             string
		}{
			{600, 600, 0, hub.PaymentDisputed, "alpha disputed"},
			{900, 1037, 463, hub.PaymentDisputed, "beta disputed"},
			{-1100, 0, 400, hub.PaymentDisputed, "alpha dispute_won"},
			{200, 200, 400, hub.PaymentDisputed, "alpha disputed"},
			{-600, 0, 0, hub.PaymentSettled, "alpha dispute_won, beta dispute_won"},
			{all, 1037, 1037, hub.PaymentDisputed, "alpha disputed, beta disputed"},
			{-1, 1036, 1037, hub.PaymentDisputed, ""},
			{1 - all, 0, 0, hub.PaymentSettled, "alpha dispute_won, beta dispute_won"},
		} {
			before := len(s.ledger.Events())
			s.settles(t, p, fmt.Sprint("P", i), step.bani)
			s.settle(t, time.Minute)
			s.mustEnd(t, p.ID, step.ends)
			s.mustHave(t, map[string]int64{
				hub.AccountDispute("alpha"): step.alpha, hub.AccountDispute("beta"): step.beta, hub.AccountClearing("manual"): all,
			})
			var heard []string
			for _, e := range s.ledger.Events()[before:] {
				if what, of := strings.CutPrefix(e.Type, "line."); of && strings.HasPrefix(what, "disput") {
					heard = append(heard, string(e.Creditor)+" "+what)
				}
			}
			if got := strings.Join(heard, ", "); got != step.heard {
				t.Errorf("%d: got %q heard, want %q", step.bani, got, step.heard)
			}
		}
	})
}

// TestADisputedChargeIsNotRefunded lets a refund become due of a charge that the
// payer's bank takes back: the payer would have the money twice. When the dispute
// is won it is given back after all, also when staff took the bank's word before.
func TestADisputedChargeIsNotRefunded(t *testing.T) {
	for name, tc := range map[string]struct {
		before bool // the refund failed before the bank took the money back
		ended  bool // staff said that the bank gave it back
	}{
		"the creditor refuses later":                    {false, false},
		"the creditor refuses later, staff end it":      {false, true},
		"the refund failed before":                      {true, false},
		"the refund failed before, and staff end it so": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				if tc.before {
					s.unable(pay.Conf{})
				} else {
					s.offices["alpha"].away = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away"))
				}
				p := s.twoLines(t)
				s.contest(t, p, wholeDisputed, "disputed")
				s.Service, s.offices["alpha"].away = pay.New(s.parts(), pay.Conf{}), nil
				s.settle(t, 10*time.Minute)
				p = s.mustEnd(t, p.ID, hub.PaymentDisputed)
				order := s.manual.orders[p.Charge(1).Order]
				if p.Refund(1).State != hub.RefundFailed || order.facts.Refunded != 0 {
					t.Fatalf("got a refund %s of %d, want none", p.Refund(1).State, order.facts.Refunded)
				}
				s.mustAgree(t)
				if tc.ended {
					if _, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), hub.EndByBank); err != nil {
						t.Fatal(err)
					}
					s.mustHave(t, map[string]int64{
						hub.AccountDispute("alpha"): 0, hub.AccountDispute("beta"): 1037, hub.AccountClearing("manual"): 0, hub.AccountRefund(p.ID): 0,
					})
					s.mustAgree(t)
				}
				s.contest(t, p, hub.ChargeFacts{Won: 2 * 1037}, "won")
				if tc.before && !tc.ended {
					if _, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), hub.EndAgain); err != nil {
						t.Fatal(err)
					}
				}
				s.settle(t, 5*time.Minute)
				p = s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
				if order.facts.Refunded != 1037 || p.Line(1).State != hub.LineRefunded {
					t.Errorf("got %d given back, the line is %s", order.facts.Refunded, p.Line(1).State)
				}
				s.mustHave(t, map[string]int64{
					hub.AccountDispute("alpha"): 0, hub.AccountDispute("beta"): 0, hub.AccountClearing("manual"): 1037, hub.AccountRefund(p.ID): 0,
				})
				s.mustAgree(t)
			})
		})
	}
}

// TestARefundThatHappenedLateIsNotAskedForAfterTheDispute loses a refund on its way to a
// bank that does it only after the payer's bank took the money back: nothing is known
// of it until the dispute is won.
func TestARefundThatHappenedLateIsNotAskedForAfterTheDispute(t *testing.T) {
	for name, happened := range map[string]bool{"it happened late": true, "it never happened": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts, amounts, lose := s.parts(), []int64{}, true
				withPSPs(&parts, func(psp *hub.PSP) { psp.Refunder = lossy{psp.Refunder, &amounts, &lose} })
				s.Service = pay.New(parts, pay.Conf{})
				p := s.twoLines(t)
				s.contest(t, p, wholeDisputed, "disputed")
				s.settle(t, time.Hour)
				if r := s.refundOf(t, p.ID, 1); r.State != hub.RefundFailed || len(amounts) != 1 {
					t.Fatalf("got a refund %s, asked for %d times, want one that failed after once", r.State, len(amounts))
				}
				lose = false
				if happened {
					s.manual.say(p.Charge(1).Order, hub.ChargeFacts{Refunded: 1037})
				}
				s.contest(t, p, hub.ChargeFacts{Won: 2 * 1037}, "won")
				s.settle(t, time.Hour)
				p = s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
				if got := s.manual.orders[p.Charge(1).Order].facts.Refunded; got != 1037 {
					t.Errorf("got %d given back, want 1037", got)
				}
				s.mustAgree(t)
			})
		})
	}
}

// TestABanksWordEndsNoRefundOfAnUndisputedCharge takes no bank's word where none
// spoke.
func TestABanksWordEndsNoRefundOfAnUndisputedCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p := s.refused(t, pay.Conf{})
		if _, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), hub.EndByBank); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("got %v, want a conflict", err)
		}
	})
}

// TestARefundThatIsRefusedAgainAndAgainFails has a provider say no for days, without
// saying that it is for good.
func TestARefundThatIsRefusedAgainAndAgainFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		parts := s.parts()
		withPSPs(&parts, func(p *hub.PSP) { p.Refunder = unwilling{} })
		s.Service = pay.New(parts, pay.Conf{})
		p := s.twoLines(t)
		s.settle(t, time.Hour)
		time.Sleep(69 * time.Hour) // nobody works meanwhile: it is cheaper to test
		s.settle(t, time.Hour)
		if got := s.refundOf(t, p.ID, 1).State; got != hub.RefundRequested {
			t.Errorf("got %s before three days are over", got)
		}
		time.Sleep(time.Hour)
		s.settle(t, time.Hour)
		if got := s.refundOf(t, p.ID, 1).State; got != hub.RefundFailed {
			t.Errorf("got %s after three days, want a person to look", got)
		}
	})
}

// unwilling is a provider that gives nothing back.
type unwilling struct{}

func (unwilling) Refund(context.Context, hub.ChargeRef, hub.Money, []hub.Split, string) error {
	return hub.NotDone(hub.Errorf(hub.CodeConflict, "no"))
}
