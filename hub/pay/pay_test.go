package pay_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// settle runs the workers for a while of (fake) time.
func (s *scene) settle(t *testing.T, forLong time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	time.Sleep(forLong)
	stop()
	<-ended
}

func TestABasketReachesEveryCreditorOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k1", s.owe(1, "alpha", "beta", "gamma"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		if p.State() != hub.PaymentAwaitingPayer || pay.NextAction(p) == "" || len(p.Charges) != 1 {
			t.Fatalf("got %s, %q, %d charges, want a page at one provider", p.State(), pay.NextAction(p), len(p.Charges))
		}
		s.authorise(p)
		s.settle(t, 2*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.audit(t)
	})
}

func (s *scene) mustEnd(t *testing.T, id hub.PaymentID, want hub.PaymentState) *hub.Payment {
	t.Helper()
	p, err := s.ledger.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if p.State() != want {
		t.Fatalf("got %s, want %s: %+v %+v", p.State(), want, p.Charges, p.Lines)
	}
	return p
}

// audit holds the hub's ledger against the providers' and the creditors' books.
// It gives how many lines are left to a person: class C, answer lost.
func (s *scene) audit(t *testing.T) (stuck int) {
	t.Helper()
	posted := map[hub.PostingID]int{}
	err := s.ledger.EachPayment(t.Context(), func(p *hub.Payment) error {
		taken, kept := int64(0), int64(0)
		for _, c := range p.Charges {
			b := s.manual
			if c.PSP == "auto" {
				b = s.auto
			}
			if o := b.orders[c.Order]; o != nil {
				taken += o.facts.Captured - o.facts.Refunded
				if len(o.captures) > 1 {
					t.Errorf("%s captured %d times", c.Order, len(o.captures))
				}
			}
		}
		for _, l := range p.Lines {
			times := s.offices[l.Creditor].ids[p.PostingID(l.No)]
			posted[p.PostingID(l.No)] = times
			switch {
			case times > 1:
				t.Errorf("%s is booked %d times", p.PostingID(l.No), times)
			case l.State == hub.LineStuck:
				stuck++
				kept += l.Amount.Minor
			case l.State == hub.LinePosted && times == 1:
				kept += l.Amount.Minor
			case l.State == hub.LinePosted || times == 1:
				t.Errorf("%s is %s here, and booked %d times there", p.PostingID(l.No), l.State, times)
			}
		}
		if taken != kept {
			t.Errorf("payment %s: taken %d, its lines are worth %d: %+v", p.ID, taken, kept, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.auditJournal(t, stuck)
	return stuck
}

func (s *scene) auditJournal(t *testing.T, stuck int) {
	t.Helper()
	balances, _ := s.ledger.Balances(t.Context())
	sum := int64(0)
	for account, balance := range balances {
		sum += balance
		empty := strings.HasPrefix(account, "held:") || strings.HasPrefix(account, "refund_payable:") || strings.HasPrefix(account, "line:") && stuck == 0
		if empty && balance != 0 {
			t.Errorf("account %s has %d left", account, balance)
		}
	}
	if sum != 0 {
		t.Errorf("the journal is off by %d", sum)
	}
}

// unsettled gives those of the payments that are not final and wait for nobody.
func (s *scene) unsettled(opened []*hub.Payment) (open []*hub.Payment) {
	for _, p := range opened {
		now, _ := s.ledger.Payment(context.Background(), p.ID)
		stuck := slices.ContainsFunc(now.Lines, func(l hub.Line) bool { return l.State == hub.LineStuck })
		if !now.State().Final() && !stuck {
			open = append(open, now)
		}
	}
	return open
}

func TestFaultsTakeAndPostNothingTwice(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(seed, 0.25, pay.Conf{})
				var opened []*hub.Payment
				for n := range 25 {
					items := s.owe(n, []hub.Name{"alpha", "beta", "gamma"}[:1+n%3]...)
					p, err := s.open(t.Context(), fmt.Sprint("k", n), items, []hub.Policy{hub.BestEffort, hub.AllOrNothing}[n%2])
					if err != nil {
						continue // no provider answered: nothing may be taken
					}
					opened = append(opened, p)
					if n%5 != 4 {
						s.authorise(p)
					}
					if n%7 == 0 { // paid at the counter meanwhile
						o := s.offices["alpha"]
						o.debts[fmt.Sprintf("D%d", n)] = 0
					}
				}
				for range 18 {
					s.settle(t, 10*time.Minute)
					if len(s.unsettled(opened)) == 0 {
						break
					}
				}
				for _, p := range s.unsettled(opened) {
					t.Errorf("payment %s is still %s: %+v %+v", p.ID, p.State(), p.Charges, p.Lines)
				}
				s.audit(t)
			})
		})
	}
}

func TestAKeyOpensOnePayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		q, err := s.Quote(t.Context(), who, "portal", s.owe(1, "alpha"))
		if err != nil {
			t.Fatal(err)
		}
		order := pay.Order{Key: "k", Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
		first, err := s.Open(t.Context(), who, "portal", order)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Open(t.Context(), who, "portal", order)
		if err != nil || again.ID != first.ID || len(s.manual.orders) != 1 {
			t.Fatalf("got %v, %v, %d orders, want the same payment again", again, err, len(s.manual.orders))
		}
		order.Policy = hub.AllOrNothing
		if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("another request under the key: got %v, want a conflict", err)
		}
		order.Key = "k2"
		if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("a used quote: got %v, want a conflict", err)
		}
	})
}

func TestWhoeverIsSecondWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		items := s.owe(1, "alpha", "beta")
		first, err := s.open(t.Context(), "k1", items, hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.open(t.Context(), "k2", items[:1], hub.BestEffort); hub.CodeOf(err) != hub.CodeConflict || hub.RetryAfterOf(err) == 0 {
			t.Fatalf("got %v, want a conflict that says when the debt is free", err)
		}
		if _, err := s.Cancel(t.Context(), who, first.ID); err != nil {
			t.Fatal(err)
		}
		if _, err = s.open(t.Context(), "k3", items[:1], hub.BestEffort); err != nil {
			t.Fatalf("after the first gave up: %v", err)
		}
	})
}

func TestMoneyThatComesAfterGivingUpGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k1", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cancel(t.Context(), who, p.ID); err != nil {
			t.Fatal(err)
		}
		s.manual.pay(p.Charges[0].Order, s.clock.Now())
		s.settle(t, 10*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentVoided)
		s.audit(t)
	})
}

func TestAChangedBillIsNotTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		policy hub.Policy
		want   hub.PaymentState
		taken  int64
	}{
		"the rest is":               {hub.BestEffort, hub.PaymentSettledPartly, 1037},
		"nor the rest, if all must": {hub.AllOrNothing, hub.PaymentVoided, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k1", s.owe(1, "alpha", "beta"), tc.policy)
				if err != nil {
					t.Fatal(err)
				}
				s.offices["beta"].debts["D1"] = 2000
				s.authorise(p)
				s.settle(t, time.Minute)
				s.mustEnd(t, p.ID, tc.want)
				if got := s.manual.orders[p.Charges[0].Order].facts.Captured; got != tc.taken {
					t.Errorf("got %d taken, want %d", got, tc.taken)
				}
				s.audit(t)
			})
		})
	}
}

func TestASilentCreditorsWordHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k1", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.offices["alpha"].silent = true
		s.authorise(p)
		s.settle(t, time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.audit(t)
	})
}

func TestAPaidDebtThatIsStillShownIsAZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.offices["alpha"].forgets = true
		p, err := s.open(t.Context(), "k1", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		again := []pay.Item{{Creditor: "alpha", Wanted: hub.Wanted{Obligation: p.Lines[0].Obligation}}}
		early, err := s.Quote(t.Context(), who, "portal", again)
		if err != nil || early.Lines[0].State != pay.Confirmed {
			t.Fatalf("while it is only held: got %+v (%v), want it confirmed: the payer may give up", early, err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		if p := s.mustEnd(t, p.ID, hub.PaymentSettled); p.Lines[0].HubState() != hub.HubPosted {
			t.Errorf("before its time: got %s", p.Lines[0].HubState())
		}
		order := pay.Order{Key: "k2", Token: early.Token, Policy: hub.BestEffort, ReturnURL: p.ReturnURL}
		if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeConflict {
			t.Errorf("paying it again with an old quote: got %v, want a conflict", err)
		}
		s.clock.Advance(2 * time.Hour)
		s.settle(t, 3*time.Hour)
		if p := s.mustEnd(t, p.ID, hub.PaymentSettled); p.Lines[0].HubState() != hub.HubMismatch {
			t.Errorf("after its time: got %s, want a mismatch", p.Lines[0].HubState())
		}
		for _, subject := range []string{who.Subject, "another who sees the account"} {
			q, err := s.Quote(t.Context(), hub.Login{Issuer: who.Issuer, Subject: subject}, "portal", again)
			if err != nil || q.Total.Minor != 0 || q.Lines[0].State != pay.Refused || q.Lines[0].Code != hub.CodeNotPayable || q.Lines[0].Reason != hub.PaidHere {
				t.Errorf("quoted again for %s: got %+v (%v), want it refused because it was paid", subject, q, err)
			}
		}
	})
}

func TestMoneyTakenAtOnceIsVerifiedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.prefer = []string{"auto"}
		s.Service = pay.New(s.parts(), pay.Conf{})
		q, err := s.Quote(t.Context(), who, "portal", s.owe(1, "alpha", "beta"))
		if err != nil {
			t.Fatal(err)
		}
		s.offices["beta"].debts["D1"] = 0 // paid at the counter
		order := pay.Order{Key: "k", Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
		if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeAmountChanged {
			t.Fatalf("got %v, want to be told that the quote is outdated", err)
		}
		if len(s.auto.orders) != 0 {
			t.Error("the provider was asked for a page")
		}
		if _, err := s.Open(t.Context(), who, "portal", order); hub.CodeOf(err) != hub.CodeAmountChanged {
			t.Fatalf("the same key again: got %v, want to be told the same", err)
		}
		if _, err := s.open(t.Context(), "k2", []pay.Item{{Creditor: "alpha", Wanted: hub.Wanted{Obligation: q.Lines[0].Line.Obligation}}}, hub.BestEffort); err != nil {
			t.Errorf("what is still owed, quoted anew: %v", err)
		}
	})
}

func TestAnOldQuotePaysNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.offices["alpha"].takes = true
		items := s.owe(1, "alpha")
		old, err := s.Quote(t.Context(), who, "portal", items)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.open(t.Context(), "k1", items, hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, 5*time.Minute)
		if p = s.mustEnd(t, p.ID, hub.PaymentSettled); p.Lines[0].ClearedAt.IsZero() {
			t.Fatal("the debt is not cleared")
		}
		s.offices["alpha"].silent = true
		order := pay.Order{Key: "k2", Token: old.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
		if second, err := s.Open(t.Context(), who, "portal", order); err == nil {
			s.authorise(second)
			s.settle(t, 5*time.Minute)
		}
		if got := len(s.offices["alpha"].entries); got != 1 {
			t.Errorf("got it booked %d times, want once", got)
		}
		s.offices["alpha"].silent = false
		time.Sleep(16 * time.Minute)
		s.offices["alpha"].debts["D1"] = 500 // the same debt comes again
		if _, err := s.open(t.Context(), "k3", items, hub.BestEffort); err != nil {
			t.Errorf("what is owed anew: %v", err)
		}
	})
}

// merchantByMerchant lets the provider split nothing, as most do: a basket over two
// merchant accounts is two charges.
func (s *scene) merchantByMerchant() {
	for _, psp := range s.PSPs {
		psp.Traits.Split = false
		for name := range s.offices {
			psp.Merchants[string(name)+"/other"] = psp.Merchants[string(name)+"/main"]
		}
	}
}

func TestOneLineOfSeveralChargesStopsAll(t *testing.T) {
	for name, changed := range map[string]hub.Name{"the first charge's": "alpha", "the second's": "beta", "none": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.merchantByMerchant()
				p, err := s.open(t.Context(), "k1", s.owe(1, "alpha", "beta"), hub.AllOrNothing)
				if err != nil || len(p.Charges) != 2 {
					t.Fatalf("got %+v (%v), want two charges", p, err)
				}
				s.authorise(p)
				s.settle(t, 2*time.Minute)
				if p, err = s.Resume(t.Context(), who, p.ID); err != nil {
					t.Fatal(err)
				}
				want := hub.PaymentSettled
				if changed != "" {
					s.offices[changed].debts["D1"] = 2000
					want = hub.PaymentVoided
				}
				s.authorise(p)
				s.settle(t, 5*time.Minute)
				p = s.mustEnd(t, p.ID, want)
				for _, c := range p.Charges {
					if taken := s.manual.orders[c.Order].facts.Captured; changed != "" && taken != 0 || changed == "" && taken != c.Amount.Minor {
						t.Errorf("charge %d: got %d taken", c.No, taken)
					}
				}
				s.audit(t)
			})
		})
	}
}

// TestNoPartOfAWholeBasketIsTakenOnADetour loses the provider that captures by
// hand between the basket's two charges: the one that is left, which takes money
// at once, gets none of it.
func TestNoPartOfAWholeBasketIsTakenOnADetour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.merchantByMerchant()
		atAuto := maps.Clone(s.PSPs[1].Merchants)
		delete(atAuto, "alpha/main")
		s.PSPs[1].Merchants = atAuto
		p, err := s.open(t.Context(), "k1", s.owe(1, "alpha", "beta"), hub.AllOrNothing)
		if err != nil || len(p.Charges) != 2 {
			t.Fatalf("got %+v (%v), want two charges", p, err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		s.PSPs[0].Charger = bentStarter{s.PSPs[0].Charger}
		if _, err = s.Resume(t.Context(), who, p.ID); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Errorf("got %v, want to be told that nobody can take the rest", err)
		}
		if p, err = s.ledger.Payment(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.offices["alpha"].debts["D1"] = 2000
		s.settle(t, 5*time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentVoided)
		s.audit(t)
	})
}

// bentStarter starts nothing, for certain.
type bentStarter struct{ hub.Charger }

func (bentStarter) Start(context.Context, hub.ChargeOrder) (hub.Session, error) {
	return hub.Session{}, hub.NotDone(hub.Errorf(hub.CodeUnavailable, "not now"))
}

// TestABookingOfALaterDayIsFound lets a creditor be away for a weekend and then
// book without a word: what it booked stands in the statement of that day, which
// can be had hours later.
func TestABookingOfALaterDayIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "epsilon"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		o := s.offices["epsilon"]
		o.away, o.mute, o.visible = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away")), true, 90*time.Minute
		s.authorise(p)
		s.settle(t, 5*time.Minute)
		s.pass(71 * time.Hour)
		o.away = nil
		s.settle(t, 2*time.Hour)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.audit(t)
	})
}

// TestManyLinesAreLookedForInOneStatement loses the answers about one line, and
// about twenty: that is no reason to ask for a day's statement more often.
func TestManyLinesAreLookedForInOneStatement(t *testing.T) {
	asked := func(lines int) (times int) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(1, 0, pay.Conf{})
			o := s.offices["epsilon"]
			o.mute, o.visible = true, 10*time.Minute
			var paid []*hub.Payment
			for n := range lines {
				p, err := s.open(t.Context(), fmt.Sprint(n), s.owe(n+1, "epsilon"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				paid = append(paid, p)
				s.authorise(p)
			}
			s.settle(t, time.Hour)
			for _, p := range paid {
				s.mustEnd(t, p.ID, hub.PaymentSettled)
			}
			times = len(o.listed)
		})
		return times
	}
	if one, many := asked(1), asked(20); one == 0 || many > 3*one {
		t.Errorf("got %d questions for twenty lines and %d for one, want about as many", many, one)
	}
}

// pass lets time pass, of both kinds, with nobody at work.
func (s *scene) pass(by time.Duration) {
	time.Sleep(by)
	s.clock.Advance(by)
}

// TestALineWaitsForTheWorkingDaysAfterIt sends a line on a Friday, whose creditor
// says nothing.
func TestALineWaitsForTheWorkingDaysAfterIt(t *testing.T) {
	for name, tc := range map[string]struct {
		booked hub.Date // "" = never
		want   hub.LineState
	}{
		"booked on Monday":  {"2026-03-23", hub.LinePosted},
		"booked on Tuesday": {"2026-03-24", hub.LinePosted},
		"never booked":      {"", hub.LineStuck},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.clock.Advance(5 * 24 * time.Hour)
				p, err := s.open(t.Context(), "k", s.owe(1, "epsilon"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				o := s.offices["epsilon"]
				o.mute, o.visible = true, time.Minute
				s.authorise(p)
				s.settle(t, 30*time.Second)
				o.mu.Lock()
				o.dated[p.PostingID(1)] = tc.booked
				o.mu.Unlock()
				for range 4 { // Saturday, Sunday, Monday, Tuesday
					s.pass(24 * time.Hour)
					s.settle(t, 10*time.Minute)
					now, err := s.ledger.Payment(t.Context(), p.ID)
					if err != nil || now.Lines[0].State == hub.LineStuck {
						t.Fatalf("on %s: got %s (%v), want it looked for", hub.DateOf(s.clock.Now()), now.Lines[0].State, err)
					}
				}
				s.pass(24 * time.Hour)
				s.settle(t, 10*time.Minute)
				now, err := s.ledger.Payment(t.Context(), p.ID)
				mustReadClosedDaysOnce(t, o.listed)
				if l := now.Lines[0]; err != nil || l.State != tc.want || tc.booked != "" && hub.DateOf(l.BookedAt) != tc.booked {
					t.Errorf("got %s, booked on %s (%v), want %s on %s", l.State, hub.DateOf(l.BookedAt), err, tc.want, tc.booked)
				}
			})
		})
	}
}

// mustReadClosedDaysOnce fails the test when one line had a statement read again
// that could not change any more.
func mustReadClosedDaysOnce(t *testing.T, read []listing) {
	t.Helper()
	times := map[hub.Date]int{}
	for _, r := range read {
		if r.at.After(r.day.End().Add(12 * time.Hour)) {
			times[r.day]++
		}
	}
	for day, n := range times {
		if n > 1 {
			t.Errorf("the statement of %s was read %d times after it was closed", day, n)
		}
	}
	if len(times) == 0 {
		t.Error("no statement of a closed day was read")
	}
}
