package connectortest

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"racord/hub"
)

// Verdict is how a clause ended.
type Verdict string

// The ways a clause ends.
const (
	Passed        Verdict = "passed"
	Failed        Verdict = "failed"
	NotApplicable Verdict = "not applicable" // the protocol or the creditor has no such thing
)

// Result is what became of one clause. Personal codes, account codes and
// secrets are masked in it.
type Result struct {
	Clause  string  `json:"clause"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`       // what was wrong, or why it does not apply
	Change  string  `json:"change,omitempty"`    // what to change; failed clauses only
	Sent    string  `json:"sent,omitempty"`      // the request that matters, where the protocol is HTTP
	Got     string  `json:"came_back,omitempty"` // its answer, what the suite made of it included
}

// Report is what became of every clause, in the order of the suite.
type Report struct {
	Creditor hub.Name  `json:"creditor"`
	At       time.Time `json:"at"`                      // real time, UTC
	Claimed  hub.Class `json:"claimed_class,omitempty"` // of postings, as the manifest says; "" = takes none
	Class    hub.Class `json:"class,omitempty"`         // as measured; without test payments C, or F for files
	Posted   bool      `json:"posted,omitempty"`        // test payments were allowed
	Results  []Result  `json:"results"`
}

// Granted is the class that postings may have from now on: the claimed one, or
// the weaker one that was proved. What claims A or F and proved less than that is
// C, because it declared nothing about being looked up.
func (r Report) Granted() hub.Class {
	if r.Class == r.Claimed || r.Claimed == hub.ClassB && r.Class == hub.ClassA || r.Claimed == "" {
		return r.Claimed
	}
	return hub.ClassC
}

// Passed tells whether no clause failed.
func (r Report) Passed() bool { return r.count(Failed) == 0 }

func (r Report) count(v Verdict) (n int) {
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// Table writes one line a clause, then what was sent and what came back for
// those that failed.
func (r Report) Table(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CLAUSE\tRESULT\tWHAT TO CHANGE") // w keeps its first error for Flush
	for _, result := range r.Results {
		note := result.Change
		if result.Verdict == NotApplicable {
			note = "(" + result.Why + ")"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", result.Clause, result.Verdict, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := r.details(to); err != nil {
		return err
	}
	if n, cause := r.common(); n > 0 {
		if _, err := fmt.Fprintf(to, "\n%d of the %d failures have one cause; mend it first: %s\n", n, r.count(Failed), cause); err != nil {
			return err
		}
	}
	if r.Class != "" {
		how := "proved"
		if !r.Posted {
			how = "assumed: no test payments were allowed"
		}
		if _, err := fmt.Fprintf(to, "\npostings: class %s claimed, class %s %s\n", r.Claimed, r.Class, how); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "\n%s: %d passed, %d failed, %d not applicable\n", r.Creditor, r.count(Passed), r.count(Failed), r.count(NotApplicable))
	return err
}

// common is what came back for most of the clauses that failed, when three or
// more had the same: a refused password or a wrong address fails nearly all.
func (r Report) common() (n int, cause string) {
	times := map[string]int{}
	for _, result := range r.Results {
		if result.Verdict != Failed || result.Got == "" {
			continue
		}
		if times[result.Got]++; times[result.Got] > n {
			n, cause = times[result.Got], result.Got
		}
	}
	if n < 3 || 2*n < r.count(Failed) {
		return 0, ""
	}
	return n, cause
}

// details tells about the clauses that failed.
func (r Report) details(to io.Writer) error {
	for _, result := range r.Results {
		if result.Verdict != Failed {
			continue
		}
		if _, err := fmt.Fprintf(to, "\n%s\n  %s\n", result.Clause, result.Why); err != nil {
			return err
		}
		for _, line := range []struct{ name, text string }{{"sent", result.Sent}, {"came back", result.Got}} {
			if line.text == "" {
				continue
			}
			if _, err := fmt.Fprintf(to, "  %s: %s\n", line.name, line.text); err != nil {
				return err
			}
		}
	}
	return nil
}
