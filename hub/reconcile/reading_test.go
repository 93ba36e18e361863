package reconcile_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"racord/hub"
)

// outages are ways in which days pass without a statement being read.
var outages = map[string]struct {
	first bool // a turn succeeded before
	tries bool // the hub goes on asking
}{
	"the other side is away":                {first: true, tries: true},
	"the other side is away from the start": {tries: true},
	"the hub is away":                       {first: true},
}

// passes lets days pass in an outage, and ends it.
func (w *world) passes(job hub.Job, days int, first, tries bool) {
	w.t.Helper()
	if first {
		w.do(job)
	}
	w.away = true
	for range days {
		if tries {
			if err := w.Do(w.t.Context(), job, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
				w.t.Fatalf("got %v, want that nothing can be read", err)
			}
		}
		w.later(24 * time.Hour)
	}
	w.away = false
}

// TestAnOutageHidesNoLineThatIsMissing has a line that its creditor lost before
// its statements could be read again.
func TestAnOutageHidesNoLineThatIsMissing(t *testing.T) {
	for name, tc := range outages {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			w.now = paidOn.Start().Add(12 * time.Hour)
			p, kept := w.take(1, hub.LinePosted), w.take(2, hub.LinePosted)
			w.row(p).ID = "somebody:else"
			w.passes(hub.JobCreditor, 10, tc.first, tc.tries)
			w.do(hub.JobCreditor)
			open := w.open()
			if _, found := open["creditor missing_there "+string(p.posting())]; !found || len(open) != 1 {
				t.Errorf("got %v, want the line that is missing and not %s", slices.Collect(maps.Keys(open)), kept.posting())
			}
		})
	}
}

// TestALineIsLookedForOnceAllLaterStatementsAreRead has the last day of an outage
// stay away longer: the days before it are not given up.
func TestALineIsLookedForOnceAllLaterStatementsAreRead(t *testing.T) {
	w := newWorld(t, true)
	w.now = paidOn.Start().Add(12 * time.Hour)
	p := w.take(1, hub.LinePosted)
	w.row(p).ID = "somebody:else"
	w.passes(hub.JobCreditor, 10, true, true)
	for w.quiet = hub.DateOf(w.now).Back(1); w.quiet != ""; {
		if err := w.Do(t.Context(), hub.JobCreditor, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Fatalf("got %v, want the day that cannot be read", err)
		}
		if open := w.open(); len(open) != 0 {
			t.Fatalf("got %v before all was read", open)
		}
		w.quiet = ""
	}
	w.later(10 * 24 * time.Hour)
	w.do(hub.JobCreditor)
	if _, found := w.open()["creditor missing_there "+string(p.posting())]; !found {
		t.Errorf("got %v, want the line that is missing", w.open())
	}
}

// TestALineInALaterStatementIsNotMissing has a line stand in the statement of the
// day after, and its own day be read alone: for an operator, or because it was damaged.
func TestALineInALaterStatementIsNotMissing(t *testing.T) {
	for name, compare := range map[string]func(w *world) error{
		"a day that is asked for": func(w *world) error {
			w.later(30 * 24 * time.Hour)
			return w.Do(t.Context(), hub.JobCreditor, paidOn, true)
		},
		"a day that was damaged": func(w *world) error {
			w.quiet = paidOn
			_ = w.Do(t.Context(), hub.JobCreditor, "", true)
			w.later(30 * 24 * time.Hour)
			_ = w.Do(t.Context(), hub.JobCreditor, "", true)
			w.quiet = ""
			return w.Do(t.Context(), hub.JobCreditor, "", true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			w.take(1, hub.LinePosted)
			w.rows[paidOn.Next()], w.rows[paidOn] = w.rows[paidOn], nil
			if err := compare(w); err != nil {
				t.Fatal(err)
			}
			if open := w.open(); len(open) != 0 {
				t.Errorf("got %v, want nothing", open)
			}
		})
	}
}

// TestAnOutageOfTheBankHidesNoPayout has payouts arrive while the bank's
// statements could not be read.
func TestAnOutageOfTheBankHidesNoPayout(t *testing.T) {
	for name, tc := range outages {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			w.now = paidOn.Start().Add(12 * time.Hour)
			p := w.take(1, hub.LinePosted)
			w.passes(hub.JobBank, 2, tc.first, tc.tries)
			w.do(hub.JobSettlement) // which was there all the time
			w.passes(hub.JobBank, 40, false, tc.tries)
			if open := w.open(); len(open) != 0 {
				t.Errorf("got %v while nobody knows what arrived, want nothing", open)
			}
			w.do(hub.JobBank)
			if open := w.open(); len(open) != 0 {
				t.Errorf("got %v, want nothing: %s arrived", open, p.payout())
			}
		})
	}
}

// TestAPayoutThatIsMissingStaysSoWhileTheBankIsAway: what was found is not explained
// by silence.
func TestAPayoutThatIsMissingStaysSoWhileTheBankIsAway(t *testing.T) {
	w := newWorld(t, true)
	p := w.take(1, hub.LinePosted)
	late := *w.entry(p)
	w.entries[settledOn] = nil
	w.do(hub.JobSettlement)
	w.later(5 * 24 * time.Hour)
	w.do(hub.JobBank)
	name := "bank missing_there water/main/" + p.payout()
	before, found := w.open()[name]
	if !found {
		t.Fatalf("got %v, want the payout", w.open())
	}
	w.passes(hub.JobBank, 2, false, true)
	if d := w.open()[name]; !d.Since.Equal(before.Since) || d.Amount != before.Amount {
		t.Errorf("got %+v while the bank is away, want %+v", d, before)
	}
	late.Day = hub.DateOf(w.now)
	w.entries[late.Day] = []hub.BankEntry{late}
	w.do(hub.JobBank)
	if open := w.open(); len(open) != 0 {
		t.Errorf("got %v after it arrived", open)
	}
}

// TestWhatIsNeverToldIsNotAskedForEver has a day that cannot be read at all.
func TestWhatIsNeverToldIsNotAskedForEver(t *testing.T) {
	w := newWorld(t, true)
	w.quiet = today
	if err := w.Do(t.Context(), hub.JobCreditor, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("got %v, want the day that cannot be read", err)
	}
	for _, days := range []int{89, 91} {
		want := map[int]hub.Code{89: hub.CodeUnavailable}[days]
		w.now = today.Start().AddDate(0, 0, days).Add(12 * time.Hour)
		t.Run(fmt.Sprint(days), func(t *testing.T) {
			if err := w.Do(t.Context(), hub.JobCreditor, "", true); hub.CodeOf(err) != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
