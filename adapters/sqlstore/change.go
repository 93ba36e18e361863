package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"racord/hub"
)

// change is the transaction in which a payment is opened or changed. What it is
// told waits until the payment is stored, except what must be answered at once.
type change struct {
	store   *Store
	run     Run
	now     time.Time
	lease   *hub.Lease // nil when there is none
	version int64      // of the payment as it was loaded
	before  []byte     // the payment as it was loaded
	rows    rows       // what the tables hold of it
	acted   bool       // something was asked of the database at once
	failed  error      // of the database: nothing can be stored any more

	released  []wish
	works     []task
	bookings  []hub.Booking
	events    []hub.Event
	anomalies []hub.Anomaly
}

var _ hub.PaymentTx = (*change)(nil)

// task is what becomes of a piece of work.
type task struct {
	hub.Work
	due  time.Time
	done bool
}

// Now gives the store's time.
func (c *change) Now() time.Time { return c.now }

// Hold claims a line's obligation.
func (c *change) Hold(ctx context.Context, p hub.PaymentID, l *hub.Line, until time.Time) (held bool, by hub.PaymentID, freeAt time.Time, err error) {
	held1, err := c.HoldAll(ctx, p, []*hub.Line{l}, until)
	if err != nil {
		return false, "", time.Time{}, err
	}
	return held1[0].Held, held1[0].By, held1[0].FreeAt, nil
}

// holdQuery always answers one row: who has the claim now, and until when.
const holdQuery = `
INSERT INTO claims (creditor, obligation, payment, line, until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (creditor, obligation) DO UPDATE SET
	payment = CASE WHEN claims.payment = $3 OR claims.until <= $6 THEN $3 ELSE claims.payment END,
	line    = CASE WHEN claims.payment <> $3 AND claims.until <= $6 THEN $4 ELSE claims.line END,
	until   = CASE WHEN claims.payment = $3 OR claims.until <= $6 THEN $5 ELSE claims.until END
RETURNING payment, until`

// HoldAll claims the debts of lines, in one order for everybody.
func (c *change) HoldAll(ctx context.Context, p hub.PaymentID, lines []*hub.Line, until time.Time) ([]hub.Held, error) {
	held, wanted := make([]hub.Held, len(lines)), make([]wish, 0, len(lines))
	for i, l := range lines {
		held[i].Held = true
		for _, d := range l.Debts() {
			wanted = append(wanted, wish{d, l.No, &held[i]})
		}
	}
	slices.SortStableFunc(wanted, byClaim)
	batch := make([]Statement, 0, len(wanted))
	for _, w := range wanted {
		c.released = slices.DeleteFunc(c.released, func(r wish) bool { return r.Debt == w.Debt })
		batch = append(batch, Statement{
			SQL:  holdQuery,
			Args: []any{string(w.Creditor), string(w.Obligation), string(p), w.line, micros(until), micros(c.now)},
			Scan: func(row Scanner) error { return w.answered(row, p) },
		})
	}
	if err := c.do(ctx, batch...); err != nil {
		return nil, err
	}
	return held, nil
}

// wish is a debt that is to be claimed for a line, or let go.
type wish struct {
	hub.Debt
	line int
	held *hub.Held // of all debts of the line
}

// answered reads who has the claim now.
func (w wish) answered(row Scanner, p hub.PaymentID) error {
	var by string
	var freeAt int64
	err := row.Scan(&by, &freeAt)
	if err == nil && hub.PaymentID(by) != p {
		*w.held = hub.Held{By: hub.PaymentID(by), FreeAt: moment(freeAt)}
	}
	return err
}

// byClaim is the order in which debts are claimed.
func byClaim(a, b wish) int {
	return cmp.Or(cmp.Compare(a.Creditor, b.Creditor), cmp.Compare(a.Obligation, b.Obligation))
}

// do runs statements at once. After an error the change cannot be stored, even
// when its maker does not mind.
func (c *change) do(ctx context.Context, batch ...Statement) error {
	c.acted = true
	if c.failed == nil {
		c.failed = c.run(ctx, batch...)
	}
	if c.failed != nil && c.store.engine.Verdict(c.failed) == Again {
		return c.failed // stays what it is, for who repeats the change
	}
	return c.store.fault(c.failed)
}

// Release ends the claims on a line's debts.
func (c *change) Release(l *hub.Line) {
	for _, d := range l.Debts() {
		c.released = append(c.released, wish{Debt: d, line: l.No})
	}
}

// Book adds to the journal.
func (c *change) Book(b ...hub.Booking) { c.bookings = append(c.bookings, b...) }

// Schedule makes work due.
func (c *change) Schedule(w hub.Work, after time.Duration) {
	c.task(task{Work: w, due: c.now.Add(after)})
}

// Done ends work.
func (c *change) Done(w hub.Work) { c.task(task{Work: w, done: true}) }

// task keeps the last word about each piece of work.
func (c *change) task(t task) {
	for i := range c.works {
		if same(c.works[i].Work, t.Work) {
			c.works[i] = t
			return
		}
	}
	c.works = append(c.works, t)
}

func same(a, b hub.Work) bool { return a.Payment == b.Payment && a.Kind == b.Kind && a.No == b.No }

// Emit tells the world.
func (c *change) Emit(e ...hub.Event) { c.events = append(c.events, e...) }

// Anomaly notes something for a person.
func (c *change) Anomaly(kind, detail string) {
	c.anomalies = append(c.anomalies, hub.Anomaly{At: c.now, Kind: kind, Detail: detail})
}

// errUnchanged ends a transaction that has nothing to store.
var errUnchanged = errors.New("nothing changed")

// opened gives the statements that store a new payment.
func (c *change) opened(p *hub.Payment) ([]Statement, error) {
	if p == nil || p.ID == "" || p.Quote == "" {
		return nil, hub.Errorf(hub.CodeInternal, "A payment without a name or a quote cannot be kept.")
	}
	c.number(p)
	encoded, err := encodePayment(p)
	if err != nil {
		return nil, err
	}
	body := c.store.keys.Seal(paymentPlace(p.ID, 1), encoded)
	batch := c.store.engine.Add(&paymentsTable, [][]any{{string(p.ID), string(p.Party), p.Portal, string(p.Quote),
		string(p.State()), int64(1), micros(c.now), micros(c.now), body}})
	return c.rest(batch, p)
}

const changeQuery = `UPDATE payments SET state = $2, version = $3, changed_at = $4, body = $5 WHERE id = $1`

// changed gives the statements that store a changed payment.
func (c *change) changed(id hub.PaymentID, p *hub.Payment) ([]Statement, error) {
	if p.ID != id {
		return nil, hub.Errorf(hub.CodeInternal, "A payment keeps its name.")
	}
	c.number(p)
	encoded, err := encodePayment(p)
	if err != nil {
		return nil, err
	}
	batch := []Statement{}
	if !bytes.Equal(encoded, c.before) {
		body := c.store.keys.Seal(paymentPlace(id, c.version+1), encoded)
		batch = append(batch, Statement{SQL: changeQuery, Args: []any{string(id), string(p.State()), c.version + 1, micros(c.now), body}})
	}
	batch, err = c.rest(batch, p)
	if err == nil && len(batch) == 0 && !c.acted {
		return nil, errUnchanged
	}
	return batch, err
}

// rest adds to a batch what the change was told, and what the tables are to hold
// of the payment.
func (c *change) rest(batch []Statement, p *hub.Payment) ([]Statement, error) {
	if c.failed != nil {
		return nil, c.failed
	}
	batch = append(batch, c.project(p)...)
	batch = append(batch, c.release(p)...)
	batch = append(batch, c.plan()...)
	legs, err := c.store.journal(c.bookings, micros(c.now), c.version+1)
	if err != nil {
		return nil, err
	}
	batch = append(batch, legs...)
	batch = append(batch, c.told(p)...)
	return append(batch, c.noted(p)...), nil
}

const releaseQuery = `DELETE FROM claims WHERE creditor = $1 AND obligation = $2 AND payment = $3`

// release ends claims that no line of the payment needs any more, in the order in
// which they are made: whoever makes them meanwhile waits and is not waited for.
func (c *change) release(p *hub.Payment) (batch []Statement) {
	for _, r := range slices.SortedStableFunc(slices.Values(c.released), byClaim) {
		needed := slices.ContainsFunc(p.Lines, func(other hub.Line) bool {
			return other.No != r.line && other.HubState() != hub.HubNone && slices.Contains(other.Debts(), r.Debt)
		})
		if !needed {
			batch = append(batch, Statement{SQL: releaseQuery, Args: []any{string(r.Creditor), string(r.Obligation), string(p.ID)}})
		}
	}
	return batch
}

// number gives events their numbers.
func (c *change) number(p *hub.Payment) {
	for i := range c.events {
		e := &c.events[i]
		if e.Payment = p.ID; e.Seq == 0 {
			e.Seq = p.Events + 1
		}
		p.Events = max(p.Events, e.Seq)
	}
}

// detailBytes bounds what is kept of an anomaly.
const detailBytes = 500

func (c *change) noted(p *hub.Payment) []Statement {
	list := make([][]any, len(c.anomalies))
	for i, a := range c.anomalies {
		list[i] = anomalyRow(a.At, a.Kind, p.ID, a.Detail)
	}
	return c.store.engine.Add(&anomaliesTable, list)
}

func anomalyRow(at time.Time, kind string, p hub.PaymentID, detail string) []any {
	return []any{hub.NewID(), micros(at), text(kind), string(p), text(detail[:min(len(detail), detailBytes)])}
}
