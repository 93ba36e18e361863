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

	"racord/cmd/racord/witness"
	"racord/hub"
	"racord/hub/judge"
)

type verifyCommand struct {
	whereToLook
	City    string        `help:"Control address of the simulated city, such as http://127.0.0.1:8090: its own books are read in the place of looking up."`
	Settled bool          `help:"Require that nothing is under way any more (invariant I7), which is so when no payment comes in for a while."`
	Timeout time.Duration `help:"How long it may take." default:"30m"`
}

// errBroken makes the command end with status 1 after the table was printed.
var (
	errBroken  = errors.New("an invariant is broken: the table says which")
	errUnknown = errors.New("not all could be looked up: the table says what is not known")
)

// Run holds the hub's books against what providers and creditors say, and prints
// a table of the invariants of money.
func (c *verifyCommand) Run(ctx context.Context, to streams) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	d.warn(to.log)
	evidence, heard, err := c.evidence(ctx, d)
	if err != nil {
		return err
	}
	verdict, err := judge.Judge(ctx, evidence)
	if err != nil {
		return err
	}
	for _, company := range d.fleet {
		if company.Version > 0 {
			fmt.Fprintf(to.out, "%s is registered by its company, version %d\n", company.Creditor.Name, company.Version)
		}
	}
	return c.tell(to.out, verdict, heard)
}

// heard is how much was asked and how much was answered.
type heard struct {
	from                        string
	orders, postings            int
	silentOrders, silentPosting []string

	statements map[string]map[hub.PostingID][]hub.BookedPosting // by creditor/day
}

func (c *verifyCommand) evidence(ctx context.Context, d *desk) (judge.Evidence, *heard, error) {
	e := judge.Evidence{Hub: d.store}
	if c.City != "" {
		h := &heard{from: "the city's own books"}
		err := cityBooks(ctx, c.City, d, &e)
		h.orders, h.postings = len(e.Orders), len(e.Entries)
		return e, h, err
	}
	h := &heard{from: "look-ups", statements: map[string]map[hub.PostingID][]hub.BookedPosting{}}
	err := d.store.EachPayment(ctx, func(p *hub.Payment) error {
		d.lookUpOrders(ctx, p, &e, h)
		d.lookUpPostings(ctx, p, &e, h)
		return ctx.Err()
	})
	return e, h, err
}

// lookUpOrders asks the providers about a payment's charges. One that does not
// answer is believed to say what the hub says, and is listed.
func (d *desk) lookUpOrders(ctx context.Context, p *hub.Payment, e *judge.Evidence, h *heard) {
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State == hub.ChargeCreated {
			continue
		}
		h.orders++
		facts, err := d.lookUp(ctx, c)
		switch {
		case hub.CodeOf(err) == hub.CodeNotFound:
			continue
		case err != nil:
			h.silentOrders = append(h.silentOrders, c.PSP+"/"+c.Order+" ("+string(hub.CodeOf(err))+")")
			facts = c.Facts
		}
		e.Orders = append(e.Orders, judge.Order{
			PSP: c.PSP, Number: c.Order, Payment: p.ID, Authorised: facts.Authorised, Captured: facts.Captured, Refunded: refundedOf(p, c, facts),
			Disputed: max(0, facts.Disputed-facts.Won), Open: facts.Authorised > 0 && facts.Captured == 0 && !facts.Voided && !facts.Expired && !facts.Declined,
		})
	}
}

func (d *desk) lookUp(ctx context.Context, c *hub.Charge) (hub.ChargeFacts, error) {
	psp := d.psp(c.PSP)
	if psp == nil {
		return hub.ChargeFacts{}, hub.Errorf(hub.CodeUnavailable, "The payment provider is not configured any more.")
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return psp.Charger.Lookup(ctx, hub.ChargeRef{Order: c.Order, Ref: c.Ref, Merchant: c.Merchant, Amount: c.Amount, Take: c.Take})
}

// askFor bounds one look-up.
const askFor = 10 * time.Second

// refundedOf is what a provider gave back; one that only says that it did is
// believed to have given back what the hub ordered.
func refundedOf(p *hub.Payment, c *hub.Charge, facts hub.ChargeFacts) (sum int64) {
	if !facts.RefundedSome || facts.Refunded > 0 {
		return facts.Refunded
	}
	return p.RefundedOf(c.No)
}

// lookUpPostings asks the creditors about the lines that they were told of.
func (d *desk) lookUpPostings(ctx context.Context, p *hub.Payment, e *judge.Evidence, h *heard) {
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.SentAt.IsZero() && l.State != hub.LinePosted {
			continue
		}
		h.postings++
		entry := judge.Entry{Creditor: l.Creditor, ID: p.PostingID(l.No), ExternalID: l.ExternalID, Amount: l.Amount.Minor}
		rows := h.stated(ctx, d, l)[entry.ID]
		for _, row := range rows {
			entry.Amount, entry.ExternalID = row.Amount.Minor, cmp.Or(row.ExternalID, entry.ExternalID)
			e.Entries = append(e.Entries, entry)
		}
		if len(rows) > 0 {
			continue
		}
		switch booked, err := d.find(ctx, p, l); {
		case err == nil && booked:
			e.Entries = append(e.Entries, entry)
		case err != nil:
			h.silentPosting = append(h.silentPosting, fmt.Sprintf("%s at %s (%s)", entry.ID, l.Creditor, hub.CodeOf(err)))
			if l.State == hub.LinePosted {
				e.Entries = append(e.Entries, entry)
			}
		}
	}
}

// stated is what a line's creditor booked on the line's day, as its statement
// says; nothing when it gives none.
func (h *heard) stated(ctx context.Context, d *desk, l *hub.Line) map[hub.PostingID][]hub.BookedPosting {
	at := l.BookedAt
	if at.IsZero() {
		at = l.PaidAt
	}
	key := string(l.Creditor) + "/" + string(hub.DateOf(at))
	if rows, read := h.statements[key]; read {
		return rows
	}
	rows := map[hub.PostingID][]hub.BookedPosting{}
	for _, c := range d.fleet {
		if c.Creditor.Name != l.Creditor || c.Statement == nil {
			continue
		}
		said, err := c.Statement.Statement(ctx, hub.DateOf(at))
		if err != nil {
			continue // each of its lines is looked up
		}
		for _, row := range said {
			if !row.Reversed {
				rows[row.ID] = append(rows[row.ID], row)
			}
		}
	}
	h.statements[key] = rows
	return rows
}

func (d *desk) find(ctx context.Context, p *hub.Payment, l *hub.Line) (booked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	for _, c := range d.fleet {
		if c.Creditor.Name != l.Creditor || c.Finder == nil {
			continue
		}
		found, _, err := c.Finder.Find(ctx, hub.Posting{
			ID: p.PostingID(l.No), Creditor: l.Creditor, Obligation: l.Obligation, ExternalID: l.ExternalID, Account: l.Account,
			Reference: l.Reference, Option: l.Option, Amount: l.Amount, PaidAt: l.PaidAt, Transfers: l.Transfers,
		})
		return found == hub.FoundBooked, err
	}
	return false, hub.Errorf(hub.CodeUnsupported, "The creditor cannot be asked.")
}

// invariants are the rules of money, in the words of an operator.
var invariants = []struct{ rule, says string }{
	{"I1", "what providers took is what the hub says was taken"},
	{"I2", "what was taken is at creditors, owed to a payer, or refunded"},
	{"I3", "what creditors booked is what the hub says was posted"},
	{"I4", "nothing is taken, booked or paid twice"},
	{"I5", "every booking balances, and an account is the sum of its bookings"},
	{"I6", "a payment's state is the one that its bookings say"},
	{"I7", "nothing is left under way"},
	{"I8", "no more is refunded than was taken"},
	{"I9", "one payment for a quote"},
	{"I10", "one claim for a debt, and none without need"},
	{"I11", "what was taken had its claim"},
	{"I12", "every movement of money has its booking"},
}

func (c *verifyCommand) tell(out io.Writer, v *judge.Verdict, h *heard) error {
	by := map[string][]judge.Finding{}
	for _, f := range v.Findings() {
		by[f.Rule] = append(by[f.Rule], f)
	}
	by["I12"] = append(by["I12"], by["I6"]...)
	broken, unknown := false, false
	fmt.Fprintf(out, "%d payments, %d orders at providers and %d postings at creditors, by %s\n\n", v.Payments, h.orders, h.postings, h.from)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, i := range invariants {
		verdict := "holds"
		switch n := len(by[i.rule]); {
		case n > 0 && i.rule == "I7" && !c.Settled:
			verdict = fmt.Sprintf("%d under way", n)
		case n > 0:
			verdict, broken = fmt.Sprintf("BROKEN: %d", n), true
		case i.rule == "I1" && len(h.silentOrders) > 0:
			verdict, unknown = fmt.Sprintf("unknown: %d orders without an answer", len(h.silentOrders)), true
		case i.rule == "I3" && len(h.silentPosting) > 0:
			verdict, unknown = fmt.Sprintf("unknown: %d postings without an answer", len(h.silentPosting)), true
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", i.rule, i.says, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	c.list(out, "found", names(v.Findings()))
	c.list(out, "waits for a person", names(v.Waiting))
	c.list(out, "gave no answer", append(h.silentOrders, h.silentPosting...))
	switch {
	case broken:
		return errBroken
	case unknown:
		return errUnknown
	}
	return nil
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

// cityBooks reads the books of a simulated city.
func cityBooks(ctx context.Context, city string, d *desk, e *judge.Evidence) error {
	for _, psp := range d.psps {
		orders, err := witness.Orders(ctx, city, psp.Name)
		if err != nil {
			return err
		}
		e.Orders = append(e.Orders, orders...)
	}
	for _, c := range d.fleet {
		if c.Version > 0 {
			continue // a company's own: the city has no book of it
		}
		entries, err := witness.Entries(ctx, city, c.Creditor.Name)
		if err != nil {
			return err
		}
		e.Entries = append(e.Entries, entries...)
	}
	return nil
}
