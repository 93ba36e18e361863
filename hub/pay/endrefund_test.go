package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/judge"
	"racord/hub/pay"
)

var chief = hub.Login{Issuer: clerk.Issuer, Subject: "chief"}

// TestAFailedRefundIsEndedByStaff has a person say how the money of a refund that
// failed went back: all books agree afterwards.
func TestAFailedRefundIsEndedByStaff(t *testing.T) {
	for how, atProvider := range map[hub.RefundEnd]bool{hub.EndAtProvider: true, hub.EndByTransfer: false} {
		t.Run(string(how), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p := s.refused(t, pay.Conf{})
				c := p.Charge(1)
				if atProvider { // in its console
					s.manual.say(c.Order, hub.ChargeFacts{Refunded: 1037})
				}
				if _, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), how); err != nil {
					t.Fatal(err)
				}
				p = s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
				if p.Line(1).State != hub.LineRefunded || p.Refund(1).State != hub.RefundRefunded {
					t.Errorf("got a line %s and a refund %s, want both refunded", p.Line(1).State, p.Refund(1).State)
				}
				receipt, err := s.ReceiptOf(p, 0)
				if err != nil || receipt.Refunded != hub.Bani(1037) || receipt.Lines[0].State != hub.ReceiptRefunded {
					t.Errorf("got the receipt %+v (%v), want all refunded", receipt, err)
				}
				s.mustAgree(t)
				s.mustHave(t, map[string]int64{
					hub.AccountRefund(p.ID): 0, hub.AccountClearing("manual"): map[bool]int64{true: 0, false: 1037}[atProvider],
					hub.AccountBank("alpha", "main"):  map[bool]int64{true: 0, false: -(1037 - 1037/3)}[atProvider],
					hub.AccountBank("alpha", "other"): map[bool]int64{true: 0, false: -1037 / 3}[atProvider],
				})
			})
		})
	}
}

// mustAgree lets the judge compare all books of the scene.
func (s *scene) mustAgree(t *testing.T) {
	t.Helper()
	tn := town{scene: s, t: t, promises: map[string]*judge.Promise{}}
	v, err := judge.Judge(t.Context(), tn.evidence())
	if err != nil {
		t.Fatal(err)
	}
	mustBeGood(t, "the books", v)
}

// mustHave looks at balances of the journal: debits less credits.
func (s *scene) mustHave(t *testing.T, want map[string]int64) {
	t.Helper()
	got, err := s.ledger.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for account, balance := range want {
		if got[account] != balance {
			t.Errorf("%s has %d, want %d", account, got[account], balance)
		}
	}
}

// TestAFailedRefundIsTriedAgain has a provider that could not give money back do
// so the second time.
func TestAFailedRefundIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p := s.refused(t, pay.Conf{})
		again := func() error {
			_, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), hub.EndAgain)
			return err
		}
		if err := again(); hub.CodeOf(err) != hub.CodeUnsupported {
			t.Errorf("at a provider that cannot refund: got %v", err)
		}
		s.Service = pay.New(s.parts(), pay.Conf{})
		if err := again(); err != nil {
			t.Fatal(err)
		}
		if err := again(); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("while it is under way: got %v", err)
		}
		s.settle(t, time.Minute)
		p = s.mustEnd(t, p.ID, hub.PaymentSettledPartly)
		if got := s.manual.orders[p.Charge(1).Order].facts.Refunded; got != 1037 {
			t.Errorf("the provider gave %d back", got)
		}
		s.audit(t)
		s.mustAgree(t)
	})
}

// TestEndingALargeRefundTakesTwoPersons ends a refund of more than one of the staff
// may decide about alone.
func TestEndingALargeRefundTakesTwoPersons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conf := newScene(1, 0, pay.Conf{}), pay.Conf{Alone: hub.Bani(1036)}
		p := s.refused(t, conf)
		id, by, is := p.ID, hub.EndByTransfer, hub.Bani(1037)
		for _, step := range []struct {
			what    string
			confirm bool
			who     hub.Login
			id      hub.PaymentID
			no      int
			amount  hub.Money
			how     hub.RefundEnd
			want    hub.Code
			later   time.Duration
		}{
			{"no such payment", false, clerk, "absent", 1, is, by, hub.CodeNotFound, 0},
			{"no such refund", false, clerk, id, 2, is, by, hub.CodeNotFound, 0},
			{"another amount", false, clerk, id, 1, hub.Bani(1036), by, hub.CodeConflict, 0},
			{"confirming what nobody said", true, chief, id, 1, is, by, hub.CodeConflict, 0},
			{"saying it", false, clerk, id, 1, is, by, "", 0},
			{"another saying it", false, chief, id, 1, is, by, hub.CodeConflict, 0},
			{"confirming after a week", true, chief, id, 1, is, by, hub.CodeConflict, 8 * 24 * time.Hour},
			{"saying it anew", false, clerk, id, 1, is, by, "", 0},
			{"confirming one's own", true, clerk, id, 1, is, by, hub.CodeForbidden, 0},
			{"confirming something else", true, chief, id, 1, is, hub.EndAtProvider, hub.CodeConflict, 0},
			{"confirming", true, chief, id, 1, is, by, "", 0},
			{"confirming twice", true, chief, id, 1, is, by, hub.CodeConflict, 0},
			{"saying it of what is refunded", false, clerk, id, 1, is, by, hub.CodeConflict, 0},
		} {
			s.clock.Advance(step.later)
			do := s.EndRefund
			if step.confirm {
				do = s.ConfirmEndRefund
			}
			if _, err := do(t.Context(), step.who, step.id, step.no, step.amount, step.how); hub.CodeOf(err) != step.want {
				t.Errorf("%s: got %v, want %q", step.what, err, step.want)
			}
		}
		end := s.mustEnd(t, id, hub.PaymentSettledPartly).Refund(1).Ending
		if end == nil || end.AskedBy != clerk || end.ConfirmedBy != chief || end.How != by {
			t.Errorf("got %+v, want who said it and who confirmed it", end)
		}
		s.mustAgree(t)
	})
}

// TestRefundsOfAChargeFollowEachOther tries a failed refund again while a later one
// of the same charge is being looked for: the provider's sum tells of one at a time.
func TestRefundsOfAChargeFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.unable(pay.Conf{})
		s.authorise(p)
		s.offices["alpha"].refuses["D1"] = true
		s.settle(t, time.Minute)
		parts, amounts := s.parts(), []int64{}
		withPSPs(&parts, func(psp *hub.PSP) { psp.Refunder = lostRefunds{psp.Refunder, &amounts} })
		s.Service = pay.New(parts, pay.Conf{})
		_, err = s.ledger.ChangePayment(t.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			p.Refunds = append(p.Refunds, hub.Refund{No: 2, Charge: 1, Line: 0, Amount: hub.Bani(37), Reason: "unwanted", State: hub.RefundRequested})
			tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkRefund, No: 2}, 0)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.settle(t, 3*time.Second)
		if got := s.refundOf(t, p.ID, 2).State; got != hub.RefundUnknown {
			t.Fatalf("got %s, want the second refund under way", got)
		}
		if _, err := s.EndRefund(t.Context(), clerk, p.ID, 1, hub.Bani(1037), hub.EndAgain); err != nil {
			t.Fatal(err)
		}
		s.settle(t, 3*time.Second)
		if len(amounts) != 1 {
			t.Errorf("refunds of %v were asked for at the same time", amounts)
		}
		s.settle(t, 2*time.Hour)
		if len(amounts) < 2 || amounts[len(amounts)-1] != 1037 || s.refundOf(t, p.ID, 1).State != hub.RefundRefunded {
			t.Errorf("got refunds of %v, and the first %s", amounts, s.refundOf(t, p.ID, 1).State)
		}
	})
}

func (s *scene) refundOf(t *testing.T, id hub.PaymentID, no int) *hub.Refund {
	t.Helper()
	p, err := s.ledger.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p.Refund(no)
}
