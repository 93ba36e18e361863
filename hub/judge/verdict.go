package judge

import (
	"fmt"
	"strings"
)

// Verdict is what was found, by name. Waiting is no fault: lines of creditors
// that can neither repeat nor look up, whose answer was lost, and which a person
// has to look at. Their money is taken, and they are listed.
type Verdict struct {
	Payments    int
	Lost        []Finding // money, a posting or a payment that one book has and another has not
	TakenTwice  []Finding
	PostedTwice []Finding
	Wrong       []Finding // amounts, claims, bookings and promises that do not agree
	Unfinished  []Finding
	Waiting     []Finding
}

// Finding is one thing that is not as it must be.
type Finding struct {
	Rule   string // such as I1: see Rules
	Name   string // of the payment, line, order or account
	Detail string
}

// String gives the rule, the name and the detail.
func (f Finding) String() string { return f.Rule + " " + f.Name + ": " + f.Detail }

// Good tells whether nothing was found.
func (v *Verdict) Good() bool { return len(v.Findings()) == 0 }

// Final tells whether nothing is left under way.
func (v *Verdict) Final() bool { return len(v.Unfinished) == 0 }

// Findings gives all that was found, the worst first.
func (v *Verdict) Findings() (all []Finding) {
	for _, list := range [][]Finding{v.Lost, v.TakenTwice, v.PostedTwice, v.Wrong, v.Unfinished} {
		all = append(all, list...)
	}
	return all
}

// String gives the verdict in one line.
func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d lost, %d taken twice, %d posted twice", len(v.Lost), len(v.TakenTwice), len(v.PostedTwice))
	if n := len(v.Wrong); n > 0 {
		fmt.Fprintf(&b, ", %d wrong", n)
	}
	if n := len(v.Unfinished); n > 0 {
		fmt.Fprintf(&b, ", %d unfinished", n)
	} else {
		b.WriteString(", all final")
	}
	if n := len(v.Waiting); n > 0 {
		fmt.Fprintf(&b, " (%d wait for a person)", n)
	}
	return b.String()
}

func (t *trial) verdict() *Verdict {
	v := t.found
	v.Payments = len(t.payments)
	return &v
}

func finding(rule string, name any, format string, args ...any) Finding {
	return Finding{rule, fmt.Sprint(name), fmt.Sprintf(format, args...)}
}

func (t *trial) lost(rule string, name any, format string, args ...any) {
	t.found.Lost = append(t.found.Lost, finding(rule, name, format, args...))
}

func (t *trial) takenTwice(rule string, name any, format string, args ...any) {
	t.found.TakenTwice = append(t.found.TakenTwice, finding(rule, name, format, args...))
}

func (t *trial) postedTwice(rule string, name any, format string, args ...any) {
	t.found.PostedTwice = append(t.found.PostedTwice, finding(rule, name, format, args...))
}

func (t *trial) wrong(rule string, name any, format string, args ...any) {
	t.found.Wrong = append(t.found.Wrong, finding(rule, name, format, args...))
}

func (t *trial) unfinished(rule string, name any, format string, args ...any) {
	t.found.Unfinished = append(t.found.Unfinished, finding(rule, name, format, args...))
}

func (t *trial) waits(rule string, name any, format string, args ...any) {
	t.found.Waiting = append(t.found.Waiting, finding(rule, name, format, args...))
}
