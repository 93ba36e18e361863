package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"racord/hub"
	"racord/hub/judge"
)

// lookUps asks providers and creditors, one after the other.
func (d *desk) lookUps() func(context.Context, *hub.Payment, *testimony) {
	c := &creditors{desk: d, statements: map[string]*statement{}}
	return func(ctx context.Context, p *hub.Payment, t *testimony) {
		d.lookUpOrders(ctx, p, t)
		c.lookUp(ctx, p, t)
	}
}

// lookUpOrders asks the providers about a payment's charges. One that does not
// answer is believed to say what the hub says, and is listed.
func (d *desk) lookUpOrders(ctx context.Context, p *hub.Payment, t *testimony) {
	for i := range p.Charges {
		c := &p.Charges[i]
		if c.State == hub.ChargeCreated {
			continue
		}
		t.asked++
		facts, err := d.lookUp(ctx, c)
		switch {
		case hub.CodeOf(err) == hub.CodeNotFound:
			continue
		case err != nil:
			t.silentOrders = append(t.silentOrders, c.PSP+"/"+c.Order+" ("+string(hub.CodeOf(err))+")")
			facts = c.Facts
		}
		t.orders = append(t.orders, judge.Order{
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

// creditors asks about postings. It remembers statements, which tell of many.
type creditors struct {
	*desk
	statements map[string]*statement // by creditor and day
	turn       int                   // of the payment that is asked about
}

// statement is what a creditor booked on a day, by posting.
type statement struct {
	rows map[hub.PostingID][]hub.BookedPosting
	turn int // in which it was read
}

// lookUp asks the creditors about the lines that they were told of.
func (c *creditors) lookUp(ctx context.Context, p *hub.Payment, t *testimony) {
	c.turn++
	for i := range p.Lines {
		l := &p.Lines[i]
		if l.SentAt.IsZero() && l.State != hub.LinePosted {
			continue
		}
		t.postings++
		c.line(ctx, p, l, t)
	}
}

// line asks about one line. A creditor that does not answer is believed to have
// booked what the hub says it did, and is listed.
func (c *creditors) line(ctx context.Context, p *hub.Payment, l *hub.Line, t *testimony) {
	entry := judge.Entry{Creditor: l.Creditor, ID: p.PostingID(l.No), ExternalID: l.ExternalID, Amount: l.Amount.Minor}
	rows := c.stated(ctx, l, entry.ID)
	for _, row := range rows {
		entry.Amount, entry.ExternalID = row.Amount.Minor, cmp.Or(row.ExternalID, entry.ExternalID)
		t.entries = append(t.entries, entry)
	}
	if len(rows) > 0 {
		return
	}
	switch booked, err := c.find(ctx, p, l); {
	case err == nil && booked:
		t.entries = append(t.entries, entry)
	case err != nil:
		t.silentPostings = append(t.silentPostings, fmt.Sprintf("%s at %s (%s)", entry.ID, l.Creditor, hub.CodeOf(err)))
		if l.State == hub.LinePosted {
			t.entries = append(t.entries, entry)
		}
	}
}

// stated is what a line's creditor booked of it on the line's day, as its statement
// says; nothing when it gives none. A statement that was read before the payment
// was may have been overtaken: one that still has a line that was given up is read
// again.
func (c *creditors) stated(ctx context.Context, l *hub.Line, id hub.PostingID) []hub.BookedPosting {
	at := l.BookedAt
	if at.IsZero() {
		at = l.PaidAt
	}
	day := hub.DateOf(at)
	key := string(l.Creditor) + "/" + string(day)
	had := c.statements[key]
	if had == nil || had.turn != c.turn && len(had.rows[id]) > 0 && givenUp(l) {
		had = &statement{c.statement(ctx, l.Creditor, day), c.turn}
		c.statements[key] = had
	}
	return had.rows[id]
}

// givenUp tells whether the creditor is to have nothing booked for the line.
func givenUp(l *hub.Line) bool {
	return l.State == hub.LineRefunded || l.State == hub.LineDropped || l.State == hub.LineHeld
}

// statement reads what a creditor booked on a day and did not take back. Of one
// that does not answer each line is looked up.
func (c *creditors) statement(ctx context.Context, name hub.Name, day hub.Date) map[hub.PostingID][]hub.BookedPosting {
	rows := map[hub.PostingID][]hub.BookedPosting{}
	for _, connector := range c.fleet {
		if connector.Creditor.Name != name || connector.Statement == nil {
			continue
		}
		said, _ := connector.Statement.Statement(ctx, day)
		for _, row := range said {
			if !row.Reversed {
				rows[row.ID] = append(rows[row.ID], row)
			}
		}
	}
	return rows
}

func (d *desk) find(ctx context.Context, p *hub.Payment, l *hub.Line) (booked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	for _, c := range d.fleet {
		if c.Creditor.Name != l.Creditor || c.Finder == nil {
			continue
		}
		found, _, err := c.Finder.Find(ctx, p.Posting(l))
		return found == hub.FoundBooked, err
	}
	return false, hub.Errorf(hub.CodeUnsupported, "The creditor cannot be asked.")
}
