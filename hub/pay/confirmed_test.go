package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// confirming is a company of files that says of each line what a function says.
type confirming func(hub.Posting) hub.Finding

func (c confirming) FindLot(_ context.Context, list []hub.Posting) (found []hub.Finding, err error) {
	for _, p := range list {
		found = append(found, c(p))
	}
	return found, nil
}

// confirms makes a service whose company of files takes them until eight in the
// evening, and confirms what a function says.
func (s *scene) confirms(by confirming) {
	parts := s.parts()
	withConnectors(&parts, func(c *hub.Connector) {
		if c.Traits.Paying.Class == hub.ClassF {
			c.Traits.Paying.CutOff, c.LotFinder = 20*60, by
		}
	})
	s.Service = pay.New(parts, pay.Conf{})
}

// until lets time pass, of both kinds, with nobody at work before the end.
func (s *scene) until(t *testing.T, day hub.Date, hour, minute int) {
	t.Helper()
	start := day.Start()
	at := time.Date(start.Year(), start.Month(), start.Day(), hour, minute, 0, 0, hub.Bucharest)
	s.pass(at.Sub(s.clock.Now()))
	s.settle(t, 6*time.Minute)
}

// TestAFileWaitsForTheMorningAfterItsWorkingDays sends a line in the evening before
// days on which nobody works.
func TestAFileWaitsForTheMorningAfterItsWorkingDays(t *testing.T) {
	never := hub.Date("2100-01-01").Start()
	for name, tc := range map[string]struct {
		sent      hub.Date // at five past eight
		confirmed time.Time
		waits     hub.Date // the morning on which it still does
		ends      hub.Date
		want      hub.LineState
	}{
		"a weekend":            {"2026-03-19", hub.Date("2026-03-23").Start().Add(5*time.Hour + 30*time.Minute), "2026-03-23", "2026-03-23", hub.LinePosted},
		"Easter":               {"2026-04-09", hub.Date("2026-04-14").Start().Add(5*time.Hour + 30*time.Minute), "2026-04-14", "2026-04-14", hub.LinePosted},
		"never over a weekend": {"2026-03-19", never, "2026-03-25", "2026-03-25", hub.LineStuck},
		"never in a week":      {"2026-03-16", never, "2026-03-20", "2026-03-20", hub.LineStuck},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				s.confirms(func(p hub.Posting) hub.Finding {
					if s.clock.Now().Before(tc.confirmed) {
						return hub.Finding{Found: hub.FoundNotVisible}
					}
					return hub.Finding{Found: hub.FoundBooked, Receipt: hub.Receipt{ID: p.ID, Number: "TI1"}}
				})
				s.until(t, tc.sent, 20, 5)
				p, err := s.open(t.Context(), "k", s.owe(1, "delta"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, time.Minute)
				state := func(day hub.Date, hour int) hub.LineState {
					s.until(t, day, hour, 0)
					now, err := s.ledger.Payment(t.Context(), p.ID)
					if err != nil {
						t.Fatal(err)
					}
					return now.Lines[0].State
				}
				if got := state(tc.waits, 5); got != hub.LinePostUnknown {
					t.Fatalf("on %s at five: got %s, want it looked for", tc.waits, got)
				}
				if got := state(tc.ends, 13); got != tc.want {
					t.Errorf("on %s at one: got %s, want %s", tc.ends, got, tc.want)
				}
			})
		})
	}
}

// TestALineIsLookedUpInItsFile asks about a line of which it is known where it was put.
func TestALineIsLookedUpInItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		delta := s.offices["delta"]
		s.confirms(func(p hub.Posting) hub.Finding {
			delta.mu.Lock()
			_, put := delta.files[p.File]
			delta.mu.Unlock()
			if !put {
				t.Errorf("asked about file %q, want the one of %s", p.File, p.ID)
			}
			return hub.Finding{Found: hub.FoundBooked, Receipt: hub.Receipt{ID: p.ID, Number: "TI1"}}
		})
		p, err := s.open(t.Context(), "k", s.owe(1, "delta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		p = s.mustEnd(t, p.ID, hub.PaymentSettled)
		if posting := p.Posting(&p.Lines[0]); posting.File != "" {
			t.Errorf("got file %q, want none: what was booked has a number", posting.File)
		}
	})
}

// TestWhatCannotBeBookedCallsAPersonOnce has a company confirm another amount than was
// paid, and put that right after a while, or not.
func TestWhatCannotBeBookedCallsAPersonOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		right time.Duration // after so long; 0 = never
		then  hub.Found
		want  hub.LineState
		why   string
	}{
		"it is put right":           {20 * time.Minute, hub.FoundBooked, hub.LinePosted, ""},
		"it is taken back":          {20 * time.Minute, hub.FoundNotVisible, hub.LinePostUnknown, ""},
		"it is put right by no one": {0, "", hub.LineStuck, "bad_data"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				var begin time.Time
				asked := 0
				s.confirms(func(p hub.Posting) hub.Finding {
					asked++
					if tc.right > 0 && time.Since(begin) > tc.right {
						return hub.Finding{Found: tc.then, Receipt: hub.Receipt{ID: p.ID, Number: "TI1"}}
					}
					return hub.Finding{Err: hub.Errorf(hub.CodeBadData, "another amount")}
				})
				p, err := s.open(t.Context(), "k", s.owe(1, "delta"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				begin = time.Now()
				s.settle(t, 10*time.Minute)
				now, err := s.ledger.Payment(t.Context(), p.ID)
				if err != nil || asked > 60 || s.called(t, "booking_unclear") != 1 || now.Lines[0].State != hub.LinePostUnknown {
					t.Errorf("after ten minutes: asked %d times, %d calls, %+v (%v), want a person called once", asked, s.called(t, "booking_unclear"), now.Lines[0], err)
				}
				s.settle(t, time.Hour)
				if tc.right == 0 {
					s.until(t, "2026-03-20", 13, 0)
				}
				now, err = s.ledger.Payment(t.Context(), p.ID)
				if l := now.Lines[0]; err != nil || l.State != tc.want || l.Reason != tc.why || s.called(t, "booking_unclear") != 1 {
					t.Errorf("got %s %q (%v) and %d calls, want %s %q and one", l.State, l.Reason, err, s.called(t, "booking_unclear"), tc.want, tc.why)
				}
			})
		})
	}
}
