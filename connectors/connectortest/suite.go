package connectortest

import (
	"context"
	"time"

	"racord/connectors"
	"racord/hub"
)

// Suite is a connector to be judged, and whom it may be asked about.
type Suite struct {
	Creditor hub.Creditor
	Traits   hub.Traits

	// Open makes a connector with wrap(env) for its environment. It is called
	// many times; connectors that were opened are left to the garbage collector.
	Open func(ctx context.Context, wrap func(connectors.Env) connectors.Env) (*hub.Connector, error)

	Known   hub.Asked // owes something; zero when the creditor delivers in bulk only
	Other   hub.Asked // is known too, asked about in the same way
	Unknown hub.Asked // is not known
	Settled hub.Asked // is known and owes nothing; zero = nobody is named
	Owes    hub.Money // what Known owes in all; zero = not compared

	Payer hub.Asked // whose debts the suite pays at the test system; zero = it posts nothing
	Most  hub.Money // the most it posts in all

	Repeats bool   // the list ends by repeating its last page, and does not say so
	Follows string // the field by which every page says whether another one follows; "" = there is none

	Expected map[string]int64 // bani outstanding by external id of what Known owes; nil = not compared
	Told     func(Result)     // hears of every clause as it ends; may be nil
	Patience time.Duration    // how long a call may go on after its context has ended; default 2 s
}

// For is the suite of a manifest: its own test debtors, in an environment that
// leads to the creditor's test system.
func For(catalog connectors.Catalog, m *connectors.Manifest, env connectors.Env) Suite {
	list := m.Calls[connectors.CallObligations]
	return Suite{
		Creditor: m.Creditor, Traits: m.Traits,
		Open: func(ctx context.Context, wrap func(connectors.Env) connectors.Env) (*hub.Connector, error) {
			return catalog.Open(ctx, wrap(env), m)
		},
		Known: m.Test.Known, Other: m.Test.Other, Unknown: m.Test.Unknown, Settled: m.Test.Settled, Owes: m.Test.Owes,
		Payer: m.Test.Paying.Payer, Most: m.Test.Paying.Most,
		Repeats: list != nil && list.Repeats(), Follows: follows(list),
	}
}

func follows(c *connectors.Call) string {
	if c == nil {
		return ""
	}
	return c.Follows()
}

// Run judges the connector, clause by clause. It ends early when ctx does: the
// clauses that are left then fail.
func Run(ctx context.Context, s Suite) Report {
	if s.Patience == 0 {
		s.Patience = 2 * time.Second
	}
	r := &run{suite: s}
	report := Report{Creditor: s.Creditor.Name, At: time.Now().UTC()}
	r.prepare(ctx)
	for _, c := range clauses {
		result := r.judge(ctx, c)
		report.Results = append(report.Results, result)
		if s.Told != nil {
			s.Told(result)
		}
	}
	if r.connector != nil && r.connector.Sink != nil {
		report.Claimed, report.Class, report.Posted = s.Traits.Paying.Class, r.class(), s.Payer != (hub.Asked{})
	}
	return report
}

// T is what Test needs of a *testing.T.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Test runs the suite as a test: every failed clause fails it.
func Test(t T, s Suite) Report {
	t.Helper()
	report := Run(t.Context(), s)
	for _, result := range report.Results {
		switch result.Verdict {
		case Failed:
			t.Errorf("%s: %s\nchange: %s\nsent: %s\ncame back: %s", result.Clause, result.Why, result.Change, result.Sent, result.Got)
		case NotApplicable:
			t.Logf("%s: not applicable: %s", result.Clause, result.Why)
		}
	}
	return report
}
