package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"

	"racord/hub/hubtest"
)

// BenchmarkBare writes the same rows as hubtest's "change" with nothing around
// them: one transaction of prepared statements, the same keys and no walls.
func BenchmarkBare(b *testing.B) {
	dir := b.TempDir()
	db, err := sql.Open("sqlite", dir+"/bare.db?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		`CREATE TABLE payments (id TEXT PRIMARY KEY, changed_at BIGINT, body BLOB)`, `CREATE INDEX payments_changed ON payments (changed_at)`,
		`CREATE TABLE lines (payment TEXT, no INTEGER, creditor TEXT, changed_at BIGINT, PRIMARY KEY (payment, no))`,
		`CREATE INDEX lines_changed ON lines (creditor, changed_at)`,
		`CREATE TABLE works (payment TEXT, no INTEGER, creditor TEXT, due_at BIGINT, PRIMARY KEY (payment, no))`,
		`CREATE INDEX works_due ON works (due_at)`, `CREATE INDEX works_creditor ON works (creditor, due_at)`,
		`CREATE TABLE journal (tx TEXT, leg INTEGER, account TEXT, payment TEXT, debit BIGINT, credit BIGINT, PRIMARY KEY (tx, leg), UNIQUE (tx, account))`,
		`CREATE INDEX journal_payment ON journal (payment)`,
		`CREATE TABLE events (payment TEXT, seq BIGINT, receiver TEXT, due_at BIGINT, at BIGINT, PRIMARY KEY (payment, seq, receiver))`,
		`CREATE INDEX events_due ON events (due_at)`, `CREATE INDEX events_receiver ON events (receiver, at)`,
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	prepare := func(text string) *sql.Stmt {
		statement, err := db.PrepareContext(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = statement.Close() })
		return statement
	}
	payment := prepare(`INSERT INTO payments VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET changed_at = excluded.changed_at, body = excluded.body`)
	line := prepare(`INSERT INTO lines VALUES ($1, $2, 'water', $3) ON CONFLICT (payment, no) DO UPDATE SET changed_at = excluded.changed_at`)
	work := prepare(`INSERT INTO works VALUES ($1, $2, 'water', $3) ON CONFLICT (payment, no) DO UPDATE SET due_at = excluded.due_at`)
	leg := prepare(`INSERT INTO journal VALUES ($1, $2, $3, $4, 100, 0)`)
	event := prepare(`INSERT INTO events VALUES ($1, $2, 'portal', $2, $2)`)
	body := bytes.Repeat([]byte{7}, 2000)
	var n atomic.Int64
	hubtest.BenchEach(b, func(goroutine int) func() error {
		id := fmt.Sprint("p", goroutine)
		return func() error {
			tx, err := db.BeginTx(b.Context(), nil)
			if err != nil {
				return err
			}
			do := func(statement *sql.Stmt, args ...any) {
				if _, err := tx.StmtContext(b.Context(), statement).ExecContext(b.Context(), args...); err != nil {
					b.Error(err)
				}
			}
			at := n.Add(1)
			do(payment, id, at, body)
			for no := range 3 {
				do(line, id, no, at)
				do(work, id, no, at)
			}
			do(leg, fmt.Sprint(at), 1, "a", id)
			do(leg, fmt.Sprint(at), 2, "b", id)
			do(event, id, at)
			return tx.Commit()
		}
	})
}
