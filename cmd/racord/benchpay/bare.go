package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// bareRun is bare tables that are written into. write stores the rows of one
// change, all or none, and returns when they are on the disk.
type bareRun struct {
	write func(ctx context.Context, payer int, rows []row) error
	close func()
}

// row is a row to be written. One that is there already is brought up to date.
type row struct {
	table   string
	payment string
	no      int
	at      int64
	body    []byte
}

// play writes the rows of a payment of its own, change by change.
func (s script) play(write func([]row) error) error {
	payment, body := rand.Text(), make([]byte, s.body)
	_, _ = rand.Read(body) // never fails; what is sealed is as random
	added, touched := map[string]int{}, map[string]int{}
	for _, step := range s.steps {
		rows := make([]row, 0, 24)
		for _, c := range step {
			for range c.rows {
				r := row{table: c.table, payment: payment, at: time.Now().UnixMicro(), body: body}
				if c.added || added[c.table] == 0 {
					added[c.table]++
					r.no = added[c.table]
				} else {
					r.no = touched[c.table]%added[c.table] + 1
					touched[c.table]++
				}
				rows = append(rows, r)
			}
		}
		if err := write(rows); err != nil {
			return err
		}
	}
	return nil
}

// bareWrite is how a row of a table is written, and with which values.
type bareWrite struct {
	sql  string
	args func(r row) []any
}

func plain(r row) []any { return []any{r.payment, r.no, r.at} }

func named(kind string) func(row) []any {
	return func(r row) []any { return []any{fmt.Sprint(kind, r.payment, r.no), r.no, r.at} }
}

// writes are the tables into which a payment writes. The tables and indexes are
// the store's own, without its walls.
var writes = map[string]bareWrite{
	"payments": {`INSERT INTO payments (id, party, portal, quote, state, version, opened_at, changed_at, body)
		VALUES ($1, 'party', 'portal', $1, 'captured', 1, $2, $2, $3)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = payments.version + 1, changed_at = excluded.changed_at, body = excluded.body`,
		func(r row) []any { return []any{r.payment, r.at, r.body} }},
	"payment_keys": {`INSERT INTO payment_keys (request, payment, hash) VALUES ($1, $2, $1)`,
		func(r row) []any { return []any{[]byte(r.payment), r.payment} }},
	"order_numbers": {`INSERT INTO order_numbers (psp, stem, merchant, last) VALUES ('bank', $1, 'main', $2)
		ON CONFLICT (psp, stem) DO UPDATE SET last = order_numbers.last + 1`,
		func(r row) []any { return []any{r.payment, r.no} }}, // each its own: nobody waits for another
	"charges": {`INSERT INTO charges (payment, no, psp, merchant, number, ref, state, amount, taken, changed_at)
		VALUES ($1, $2, 'bank', 'main', $1, 'ref', 'captured', 100, 100, $3)
		ON CONFLICT (payment, no) DO UPDATE SET state = excluded.state, taken = excluded.taken, changed_at = excluded.changed_at`, plain},
	"lines": {`INSERT INTO lines (payment, no, party, creditor, obligation, amount, state, hub, since, remains, changed_at)
		VALUES ($1, $2, 'party', 'water', $1, 100, 'due', 'posted', 0, 0, $3)
		ON CONFLICT (payment, no) DO UPDATE SET state = excluded.state, hub = excluded.hub, changed_at = excluded.changed_at`, plain},
	"works": {`INSERT INTO works (payment, kind, no, creditor, due_at, nudged_at, turn, leased_until, changed_at)
		VALUES ($1, 'line', $2, 'water', $3, NULL, 0, 0, $3)
		ON CONFLICT (payment, kind, no) DO UPDATE SET due_at = excluded.due_at, turn = works.turn + 1, changed_at = excluded.changed_at`, plain},
	"claims": {`INSERT INTO claims (creditor, obligation, payment, line, until) VALUES ('water', $1, $1, $2, $3)
		ON CONFLICT (creditor, obligation) DO UPDATE SET until = excluded.until`, named("claim")},
	"marks": {`INSERT INTO marks (party, creditor, obligation, state, since, remains) VALUES ($1, 'water', $1, 'posted', $3, $2)
		ON CONFLICT (party, creditor, obligation) DO UPDATE SET state = excluded.state, since = excluded.since`, named("mark")},
	"sights": {`INSERT INTO sights (subject, payment, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		func(r row) []any { return []any{[]byte(r.payment), r.payment, r.no} }},
	"journal": {`INSERT INTO journal (tx, leg, kind, payment, account, debit, credit, at, version, place)
		VALUES ($1, $2, 'posted', $1, 'payable:water', 100, 0, $3, 1, 1)`, named("tx")},
	"events": {`INSERT INTO events (payment, seq, receiver, type, line, creditor, at, due_at, turn, tries, settled_at)
		VALUES ($1, $2, 'portal', 'line.posted', 0, '', $3, $3, 0, 0, 0)`, plain},
	"facts": {`INSERT INTO facts (psp, event, number, ref, raw, at, matched) VALUES ('bank', $1, $1, 'ref', $2, $3, TRUE)`,
		func(r row) []any { return []any{r.payment, note, r.at} }},
}
