package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"racord/adapters/sqlstore"
)

// engine is SQLite's part of the store. A transaction that writes excludes all
// others, and the process is alone: its clock is the store's.
type engine struct {
	write *sql.DB
	dir   string    // of the file
	many  *sql.Stmt // inserts bulk rows
	one   *sql.Stmt // inserts one row
	known statements
	turn  turn
}

var _ sqlstore.Engine = (*engine)(nil)

// bulk is how many rows one statement inserts.
const bulk = 100

// columns is how many values a row has.
const columns = 6

const (
	insertHead = `INSERT INTO snapshot_rows (generation, external, account, as_of, due, obligation) VALUES `
	insertTail = ` ON CONFLICT (generation, external) DO UPDATE
SET account = excluded.account, as_of = excluded.as_of, due = excluded.due, obligation = excluded.obligation`
)

func newEngine(ctx context.Context, write *sql.DB, dir string) (*engine, error) {
	many, err := write.PrepareContext(ctx, insertHead+strings.Repeat("(?,?,?,?,?,?),", bulk-1)+"(?,?,?,?,?,?)"+insertTail)
	if err != nil {
		return nil, err
	}
	one, err := write.PrepareContext(ctx, insertHead+"(?,?,?,?,?,?)"+insertTail)
	if err != nil {
		return nil, errors.Join(err, many.Close())
	}
	return &engine{write: write, dir: dir, many: many, one: one, turn: newTurn()}, nil
}

func (e *engine) close() error {
	if e.many == nil { // opened to read
		return e.known.close()
	}
	return errors.Join(e.many.Close(), e.one.Close(), e.known.close())
}

// Lock tells the time: the transaction is the only one that writes already.
func (e *engine) Lock(context.Context, *sql.Tx, string) (time.Time, error) {
	return now(), nil
}

// Patient does nothing: statements have no timeout of their own.
func (e *engine) Patient(context.Context, *sql.Tx) error { return nil }

// Insert stages rows, many with one statement.
func (e *engine) Insert(ctx context.Context, tx *sql.Tx, d sqlstore.Delivery, rows []sqlstore.Row) error {
	many, one := tx.StmtContext(ctx, e.many), tx.StmtContext(ctx, e.one)
	args := make([]any, 0, bulk*columns)
	for len(rows) > 0 {
		statement, n := one, 1
		if len(rows) >= bulk {
			statement, n = many, bulk
		}
		args = args[:0]
		for i := range rows[:n] {
			r := &rows[i]
			args = append(args, d.Generation, r.External[:], r.Account[:], d.AsOf, r.Due, r.Obligation)
		}
		if _, err := statement.ExecContext(ctx, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
