package pay_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestNothingIsQuotedWhileTheYearRollsOver asks a quote of a creditor that loads
// the new year's amounts, and again when they are there.
func TestNothingIsQuotedWhileTheYearRollsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		items := s.owe(1, "beta")
		today := s.clock.Now().In(hub.Bucharest)
		end := today.AddDate(0, 0, 2)
		for _, c := range s.fleet {
			c.Traits.Season = hub.Season{From: hub.YearDay{Month: today.Month(), Day: today.Day()}, To: hub.YearDay{Month: end.Month(), Day: end.Day()}}
		}
		service := pay.New(s.parts(), pay.Conf{})
		q, err := service.Quote(t.Context(), who, "portal", items)
		if err != nil {
			t.Fatal(err)
		}
		if l := q.Lines[0]; l.State != pay.Refused || l.Code != hub.CodeNotPayable || !strings.Contains(l.Reason, end.Format("2 January 2006")) {
			t.Errorf("got %s %q %q, want it refused until the amounts are there", l.State, l.Code, l.Reason)
		}
		s.clock.Advance(48 * time.Hour)
		if q, err = service.Quote(t.Context(), who, "portal", items); err != nil || q.Lines[0].State != pay.Confirmed {
			t.Errorf("afterwards: got %+v (%v), want it confirmed", q.Lines[0], err)
		}
	})
}
