package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestAWishToGiveBackWaitsForASecondPerson asks for more than one of the staff may
// give back alone, lets a week pass, and asks again.
func TestAWishToGiveBackWaitsForASecondPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{Alone: hub.Bani(1036)})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		chief, amount := hub.Login{Issuer: clerk.Issuer, Subject: "chief"}, hub.Bani(1037)
		must := func(what string, want hub.Code, how func() (*hub.Payment, error)) {
			t.Helper()
			if _, err := how(); hub.CodeOf(err) != want {
				t.Errorf("%s: got %v, want %q", what, err, want)
			}
		}
		ask := func() (*hub.Payment, error) { return s.GiveBack(t.Context(), clerk, p.ID, 1, amount) }
		confirm := func() (*hub.Payment, error) { return s.ConfirmGiveBack(t.Context(), chief, p.ID, 1, amount) }
		must("asking", "", ask)
		s.settle(t, time.Hour)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.clock.Advance(8 * 24 * time.Hour)
		must("confirming after a week", hub.CodeConflict, confirm)
		must("asking anew", "", ask)
		must("confirming", "", confirm)
		s.settle(t, time.Minute)
		l := s.mustEnd(t, p.ID, hub.PaymentSettledPartly).Line(1)
		if l.State != hub.LineRefunded || l.GivenBack.AskedBy != clerk || l.GivenBack.ConfirmedBy != chief {
			t.Errorf("got %s, %+v, want a refund that says who asked and who confirmed", l.State, l.GivenBack)
		}
		s.audit(t)
	})
}

// TestABookingThatStaysIsStillLookedFor lets a creditor that is away for hours
// refuse to take a booking back: what it goes on showing must be looked for as if
// nobody had asked.
func TestABookingThatStaysIsStillLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		o := s.offices["alpha"]
		o.forgets, o.keeps = true, hub.Errorf(hub.CodeUnavailable, "away")
		s.authorise(p)
		s.settle(t, time.Minute)
		giveBack := func() (*hub.Payment, error) { return s.GiveBack(t.Context(), clerk, p.ID, 1, hub.Bani(1037)) }
		if _, err := giveBack(); err != nil {
			t.Fatal(err)
		}
		s.settle(t, 3*time.Hour)
		o.keeps = hub.NotDone(hub.Errorf(hub.CodeNotPayable, "The day is closed."))
		s.settle(t, 3*time.Hour)
		if l := s.mustEnd(t, p.ID, hub.PaymentSettled).Line(1); l.State != hub.LinePosted || s.GivingBackWaits(l) {
			t.Errorf("got %s, waits %v, want a booked line that nobody wants back", l.State, s.GivingBackWaits(l))
		}
		o.debts["D1"] = 0
		s.settle(t, 3*time.Hour)
		if l := s.mustEnd(t, p.ID, hub.PaymentSettled).Line(1); l.ClearedAt.IsZero() {
			t.Error("nobody saw that the debt is gone")
		}
		s.audit(t)
	})
}

// TestABookingOfWhichNothingIsSaidIsGivenToAPerson lets a creditor not say, for longer
// than it is asked, whether it takes a booking back. The person finds out that it did
// or, from its statement, that it did not, and has it asked anew.
func TestABookingOfWhichNothingIsSaidIsGivenToAPerson(t *testing.T) {
	for name, tc := range map[string]struct {
		says   error
		booked bool // still, as the person finds out
	}{
		"it is silent":                {hub.Errorf(hub.CodeTimeout, "no answer"), false},
		"it always says later":        {hub.NotDone(hub.Errorf(hub.CodeBusy, "later")), false},
		"it has nothing to ask for":   {hub.NotDone(hub.Errorf(hub.CodeUnsupported, "no such call")), true},
		"it is silent, and booked it": {hub.Errorf(hub.CodeTimeout, "no answer"), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				parts := s.parts()
				withConnectors(&parts, func(c *hub.Connector) { c.Traits.Paying.TransientWindow = 2 * time.Hour })
				s.Service = pay.New(parts, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 3*time.Hour) // it counts from when it is asked
				giveBack := func() {
					t.Helper()
					if _, err := s.GiveBack(t.Context(), clerk, p.ID, 1, hub.Bani(1037)); err != nil {
						t.Fatal(err)
					}
				}
				o := s.offices["alpha"]
				o.keeps = tc.says
				giveBack()
				s.settle(t, time.Hour)
				if p = s.mustEnd(t, p.ID, hub.PaymentCaptured); p.Line(1).State != hub.LineReversing {
					t.Errorf("got %s after an hour", p.Line(1).State)
				}
				s.settle(t, 4*time.Hour)
				if stuck := s.audit(t); stuck != 1 || s.called(t, "line_stuck") != 1 {
					t.Fatalf("got %d lines stuck, want one for a person", stuck)
				}
				o.keeps = nil
				if tc.booked {
					err = s.Booked(t.Context(), p.ID, 1, hub.Receipt{Number: "N"})
				} else {
					err = o.Reverse(t.Context(), p.Posting(p.Line(1)), "N")
				}
				if err != nil {
					t.Fatal(err)
				}
				giveBack()
				s.settle(t, 5*time.Minute)
				if l := s.mustEnd(t, p.ID, hub.PaymentSettledPartly).Line(1); l.State != hub.LineRefunded {
					t.Errorf("got %s, want it refunded", l.State)
				}
				s.audit(t)
				s.mustHave(t, map[string]int64{hub.AccountPayable("alpha"): 0, hub.AccountClearing("manual"): 0})
			})
		})
	}
}

// TestALineThatNobodyWasToldOfIsGivenBack takes money for creditors that are away
// then. What was put into a file that did not arrive is in that file for ever.
func TestALineThatNobodyWasToldOfIsGivenBack(t *testing.T) {
	for creditor, inFile := range map[hub.Name]bool{"alpha": false, "beta": false, "gamma": false, "delta": true} {
		t.Run(string(creditor), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, creditor), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				o := s.offices[creditor]
				o.away = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away"))
				s.authorise(p)
				s.settle(t, 5*time.Minute)
				_, err = s.GiveBack(t.Context(), clerk, p.ID, 1, hub.Bani(1037))
				o.away = nil
				s.settle(t, 5*time.Minute)
				told := len(o.entries) + len(o.files)
				if inFile {
					if hub.CodeOf(err) != hub.CodeConflict || told == 0 {
						t.Errorf("got %v, told %d times, want a line that stays in its file", err, told)
					}
					return
				}
				if l := s.mustEnd(t, p.ID, hub.PaymentSettledPartly).Line(1); err != nil || l.State != hub.LineRefunded || told > 0 {
					t.Errorf("got %v, %s, told %d times, want it refunded and not told", err, l.State, told)
				}
				s.audit(t)
			})
		})
	}
}

// TestALineIsGivenBackOrTold has staff give lines back at the very moment at which
// their creditors come back: each is told or refunded, and never both.
func TestALineIsGivenBackOrTold(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(seed, 0.2, pay.Conf{})
			names := []hub.Name{"alpha", "beta", "delta"}
			p, err := s.open(t.Context(), "k", s.owe(1, names...), hub.BestEffort)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				s.offices[name].away = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away"))
			}
			s.authorise(p)
			s.settle(t, time.Minute)
			for _, name := range names {
				s.offices[name].away = nil
			}
			go func() {
				for range 200 {
					time.Sleep(time.Duration(1+seed) * time.Millisecond)
					for no := range names {
						_, _ = s.GiveBack(t.Context(), clerk, p.ID, no+1, hub.Bani(1037)) // or it was told
					}
				}
			}()
			s.settle(t, time.Hour)
			s.audit(t)
		})
	}
}
