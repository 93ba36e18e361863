package postgres_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"racord/adapters/postgres"
	"racord/adapters/testserver"
	"racord/hub/hubtest"
)

// BenchmarkBare writes the same rows as hubtest's "change" with nothing around
// them: one batch, one transaction, the same indexes and no walls.
func BenchmarkBare(b *testing.B) {
	dsn := testserver.Postgres(b)
	if err := postgres.Migrate(b.Context(), dsn, nil); err != nil {
		b.Fatal(err)
	}
	db := raw(b, dsn)
	for _, name := range []string{"payments", "lines", "works", "journal", "events"} {
		run(b, db, fmt.Sprintf(`CREATE TABLE bare_%s (LIKE %s INCLUDING INDEXES)`, name, name))
	}
	body := bytes.Repeat([]byte{7}, 2000)
	var n atomic.Int64
	hubtest.BenchEach(b, func(goroutine int) func() error {
		conn, err := pgx.Connect(b.Context(), dsn)
		if err != nil {
			b.Error(err)
			return nil
		}
		b.Cleanup(func() { _ = conn.Close(b.Context()) })
		id := fmt.Sprint("p", goroutine)
		return func() error {
			batch := &pgx.Batch{}
			batch.Queue("BEGIN")
			batch.Queue(`INSERT INTO bare_payments VALUES ($1, '', 'portal', $1, 'captured', 1, 1, $2, $3)
				ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = bare_payments.version + 1, changed_at = excluded.changed_at, body = excluded.body`,
				id, n.Add(1), body)
			for no := range 3 {
				batch.Queue(`INSERT INTO bare_lines (payment, no, party, creditor, obligation, amount, state, hub, since, remains, changed_at)
					VALUES ($1, $2, '', 'water', 'o', 100, 'due', 'none', 0, 0, $3)
					ON CONFLICT (payment, no) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at`, id, no, n.Load())
				batch.Queue(`INSERT INTO bare_works VALUES ($1, 'line', $2, 'water', $3, NULL, 0, 0, $3)
					ON CONFLICT (payment, kind, no) DO UPDATE SET due_at = excluded.due_at, changed_at = excluded.changed_at`, id, no, n.Load())
			}
			for leg := range 2 {
				batch.Queue(`INSERT INTO bare_journal VALUES ($1, $2, 'posted', $3, $4, 100, 0, 1, 1, 1)`,
					fmt.Sprint(id, "-", n.Add(1)), leg, id, fmt.Sprint("account", leg))
			}
			batch.Queue(`INSERT INTO bare_events VALUES ($1, $2, 'portal', 'line.sent', 0, '', 1, 1, 0, 0, 0)`, id, n.Add(1)%(1<<31))
			batch.Queue("COMMIT")
			return conn.SendBatch(b.Context(), batch).Close()
		}
	})
}
