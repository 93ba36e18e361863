package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/pay"
)

// lapse lets what alpha says of its first debt change in the moments given.
func (s *scene) lapse(change time.Time, option hub.Date) {
	s.replaceAnswers("alpha", func(a hub.Answer, err error) (hub.Answer, error) {
		for i := range a.Obligations {
			if o := &a.Obligations[i]; o.ExternalID == "D1" {
				o.NextChange = &hub.NextChange{At: change, Reason: "late_step"}
				o.Options[0].AvailableUntil = option
			}
		}
		return a, err
	})
}

// TestALineWhoseTimeIsOverTakesNoOtherAlong quotes a debt whose creditor has no word
// that is newer than a change it announced, in a basket with two others.
func TestALineWhoseTimeIsOverTakesNoOtherAlong(t *testing.T) {
	now := hubtest.Now()
	today := hub.DateOf(now)
	for name, tc := range map[string]struct {
		change time.Time
		option hub.Date
		code   hub.Code
		lines  int // that can be paid
	}{
		"the amount changed before":   {now.Add(-24 * time.Hour), today, hub.CodeUnavailable, 2},
		"it changes this moment":      {now, today, hub.CodeUnavailable, 2},
		"it changes later":            {now.Add(time.Hour), today, "", 3},
		"the way to pay is over":      {now.Add(time.Hour), today.Back(1), hub.CodeUnavailable, 2},
		"the way to pay ends tonight": {now.Add(time.Hour), today, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.lapse(tc.change, tc.option)
				items := append(s.owe(1, "alpha", "beta"), s.owe(2, "alpha")...)
				q, err := s.Quote(t.Context(), who, "portal", items)
				if err != nil {
					t.Fatal(err)
				}
				if l := q.Lines[0]; l.Code != tc.code || (l.Reason == "") != (tc.code == "") {
					t.Errorf("got %s %q %q, want the code %q and why", l.State, l.Code, l.Reason, tc.code)
				}
				order := pay.Order{Key: "k", Token: q.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"}
				if p, err := s.Open(t.Context(), who, "portal", order); err != nil || len(p.Lines) != tc.lines {
					t.Errorf("got %+v (%v), want a payment of %d lines", p, err, tc.lines)
				}
			})
		})
	}
}

// TestWhoPaysInTimeHasPaid authorises before an amount changes. When the line is
// verified again, that is past, and its creditor has no newer word.
func TestWhoPaysInTimeHasPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.lapse(s.clock.Now().Add(time.Minute), "")
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.clock.Advance(2 * time.Minute)
		s.settle(t, time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		s.audit(t)
	})
}
