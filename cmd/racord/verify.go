package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"racord/hub"
	"racord/hub/judge"
)

type verifyCommand struct {
	whereToLook
	City    string        `help:"Control address of the simulated city, such as http://127.0.0.1:8090: its own books are read in the place of looking up."`
	Settled bool          `help:"Require that nothing is under way any more (invariant I7), which is so when no payment comes in for a while."`
	Since   string        `help:"Only payments that changed at this moment or after it: YYYY-MM-DD, or a moment such as the command tells when time ran out."`
	Kept    string        `help:"The hub's log, or a file with a checkpoint a line, as it was kept outside the database: shows also that the end of the journal was cut off." name:"checkpoints" type:"path"`
	Timeout time.Duration `help:"How long may be asked. What was heard until then is judged." default:"30m"`
}

// Help says what it costs.
func (*verifyCommand) Help() string {
	return `Providers and creditors are asked about every payment there is, one after the
other, beside hubs that may be at work. Where that takes too long, --since names
those that changed lately; when time runs out, the table is of the payments that
were asked about, and the command says with which --since to go on. The journal and
its chain are always read whole.`
}

// errBroken makes the command end with status 1 after the table was printed.
var (
	errBroken  = errors.New("an invariant is broken: the table says which")
	errUnknown = errors.New("not all could be looked up: the table says what is not known")
	errShort   = errors.New("time ran out: the table is of the payments that were asked about")
)

// Run holds the hub's books against what providers and creditors say, and prints
// a table of the invariants of money.
func (c *verifyCommand) Run(ctx context.Context, to streams) error {
	since, err := sinceWhen(c.Since)
	if err != nil {
		return err
	}
	kept, err := keptCheckpoints(c.Kept, to.log)
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	d.warn(to.log)
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return errors.Join(c.verify(ctx, within, d, since, kept, to), d.Close())
}

// sinceWhen reads the moment from which on changes count; "" is the beginning.
func sinceWhen(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := hub.ParseDate(text); err == nil {
		return day.Start(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("--since: %q is neither YYYY-MM-DD nor a moment such as 2026-01-31T12:00:00Z", text)
	}
	return at, nil
}

// verify asks as long as within lasts, and judges as long as ctx does.
func (c *verifyCommand) verify(ctx, within context.Context, d *desk, since time.Time, kept []hub.Checkpoint, to streams) error {
	seen, err := lookInside(ctx, d, kept)
	if err != nil {
		return err
	}
	h, evidence, err := c.hear(ctx, within, d, since, to.log)
	if err != nil && !errors.Is(err, errShort) {
		return err
	}
	verdict, judging := judge.Judge(ctx, evidence)
	if judging != nil {
		return judging
	}
	verdict.Wrong = append(verdict.Wrong, seen.wrong...)
	verdict.Unfinished = append(verdict.Unfinished, h.restless()...)
	c.head(to.out, d, h, evidence, verdict)
	fmt.Fprintf(to.out, "%d bookings in the journal's chain, %d of them signed; %d wait for their place\n\n", seen.chain.Places, seen.chain.Signed, seen.chain.Waiting)
	if err != nil {
		fmt.Fprintf(to.out, "time ran out: payments that changed later were not asked about; go on with --since %s\n\n", h.reached.At.UTC().Format(time.RFC3339))
	}
	return cmp.Or(c.tell(to.out, verdict, h, seen.quarantined), err)
}

// hear asks everybody, and gives errShort with what was heard when there was no
// time for all.
func (c *verifyCommand) hear(ctx, within context.Context, d *desk, since time.Time, log io.Writer) (*hearing, judge.Evidence, error) {
	ask := d.lookUps()
	if c.City != "" {
		ask = func(context.Context, *hub.Payment, *testimony) {}
	}
	h := newHearing(d.store, log, ask)
	err := h.walk(within, since)
	switch {
	case c.City != "" && err == nil:
		e, err := h.readBooks(within, c.City, d)
		return h, e, err
	case c.City == "" && err != nil && within.Err() != nil && ctx.Err() == nil:
		err = errShort
	}
	return h, h.evidence(), err
}

// head says what the table is of.
func (c *verifyCommand) head(out io.Writer, d *desk, h *hearing, e judge.Evidence, v *judge.Verdict) {
	for _, company := range d.fleet {
		if company.Version > 0 {
			fmt.Fprintf(out, "%s is registered by its company, version %d\n", company.Creditor.Name, company.Version)
		}
	}
	from, orders, postings := "look-ups", 0, 0
	for _, t := range h.heard {
		orders, postings = orders+t.asked, postings+t.postings
	}
	if c.City != "" {
		from, orders, postings = "the city's own books", len(e.Orders), len(e.Entries)
	}
	fmt.Fprintf(out, "%d payments, %d orders at providers and %d postings at creditors, by %s\n", v.Payments, orders, postings, from)
}

// tell prints the table and the lists, and fails with what the table says.
func (c *verifyCommand) tell(out io.Writer, v *judge.Verdict, h *hearing, quarantined int) (told error) {
	by := map[string]int{}
	for _, f := range v.Findings() {
		by[f.Rule]++
	}
	orders, postings := h.silent()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, rule := range rulesOfAll() {
		verdict, err := c.ruled(rule.Name, by[rule.Name], len(orders), len(postings), quarantined)
		if err != nil && told != errBroken {
			told = err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", rule.Name, rule.Says, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	c.list(out, "found", names(v.Findings()))
	c.list(out, "waits for a person", names(v.Waiting))
	c.list(out, "gave no answer", append(orders, postings...))
	return told
}

// ruled says whether an invariant holds, by how much was found, how many orders
// and postings nobody answered about and how many connectors are in quarantine.
func (c *verifyCommand) ruled(rule string, found, orders, postings, quarantined int) (string, error) {
	switch {
	case found > 0 && rule == "I7" && !c.Settled:
		return fmt.Sprintf("%d under way", found), nil
	case found > 0:
		return fmt.Sprintf("BROKEN: %d", found), errBroken
	case rule == "I1" && orders > 0:
		return fmt.Sprintf("unknown: %d orders without an answer", orders), errUnknown
	case rule == "I3" && postings > 0:
		return fmt.Sprintf("unknown: %d postings without an answer", postings), errUnknown
	case rule == "I9":
		return "holds of quotes; what payers were told is not kept", nil
	}
	if rule == "I13" && quarantined > 0 {
		return fmt.Sprintf("holds: answers about somebody else were refused, and %d connectors are asked no more", quarantined), nil
	}
	return "holds", nil
}

func names(findings []judge.Finding) (all []string) {
	for _, f := range findings {
		all = append(all, f.String())
	}
	return all
}

// longestList bounds what is printed of a list.
const longestList = 100

func (c *verifyCommand) list(out io.Writer, title string, rows []string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s (%d):\n  %s\n", title, len(rows), strings.Join(rows[:min(len(rows), longestList)], "\n  "))
}
