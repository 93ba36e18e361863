package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"racord/adapters/sqlstore"
)

// statements remembers prepared statements of the writing connection. There are
// as many as the store has texts.
type statements struct {
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	wanted   map[string]bool
}

// get gives a prepared statement, or notes that one is wanted: it cannot be
// prepared while a transaction has the connection.
func (k *statements) get(text string) *sql.Stmt {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.prepared[text]; s != nil {
		return s
	}
	if k.wanted == nil {
		k.wanted = map[string]bool{}
	}
	k.wanted[text] = true
	return nil
}

// prepare prepares what was wanted.
func (k *statements) prepare(db *sql.DB) {
	k.mu.Lock()
	wanted := k.wanted
	k.wanted = nil
	k.mu.Unlock()
	ctx := context.Background() // statements outlive who wanted them
	for text := range wanted {
		s, err := db.PrepareContext(ctx, text)
		if err != nil {
			continue // it is run unprepared
		}
		k.keep(text, s)
	}
}

func (k *statements) keep(text string, s *sql.Stmt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.prepared == nil {
		k.prepared = map[string]*sql.Stmt{}
	}
	if k.prepared[text] != nil {
		_ = s.Close() // somebody was faster
		return
	}
	k.prepared[text] = s
}

func (k *statements) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, s := range k.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// run runs statements. They are not interrupted: that would undo the whole
// transaction, and not all of it is the caller's.
func (e *engine) run(ctx context.Context, tx *sql.Tx, batch ...sqlstore.Statement) error {
	ctx = context.WithoutCancel(ctx)
	for i := range batch {
		if err := e.ask(ctx, tx, &batch[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) ask(ctx context.Context, tx *sql.Tx, s *sqlstore.Statement) error {
	known := e.known.get(s.SQL)
	if known != nil {
		known = tx.StmtContext(ctx, known)
	}
	if s.Scan == nil {
		_, err := exec(ctx, tx, known, s)
		return err
	}
	rows, err := query(ctx, tx, known, s)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.Scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func exec(ctx context.Context, tx *sql.Tx, known *sql.Stmt, s *sqlstore.Statement) (sql.Result, error) {
	if known == nil {
		return tx.ExecContext(ctx, s.SQL, s.Args...)
	}
	return known.ExecContext(ctx, s.Args...)
}

func query(ctx context.Context, tx *sql.Tx, known *sql.Stmt, s *sqlstore.Statement) (*sql.Rows, error) {
	if known == nil {
		return tx.QueryContext(ctx, s.SQL, s.Args...)
	}
	return known.QueryContext(ctx, s.Args...)
}

// Ask runs one statement in a transaction.
func (e *engine) Ask(ctx context.Context, s sqlstore.Statement) error {
	return e.Within(ctx, []sqlstore.Statement{s}, func(sqlstore.Run) ([]sqlstore.Statement, error) { return nil, nil })
}

// Apart runs a statement inside the transaction: there is no other.
func (e *engine) Apart(ctx context.Context, run sqlstore.Run, s sqlstore.Statement) error {
	return run(ctx, s)
}

// Add makes a statement for each row.
func (e *engine) Add(t *sqlstore.Table, rows [][]any) []sqlstore.Statement {
	batch := make([]sqlstore.Statement, len(rows))
	for i := range rows {
		batch[i] = sqlstore.Statement{SQL: t.Each, Args: rows[i]}
	}
	return batch
}

// nowSQL is the time as SQLite tells it, to the millisecond.
const nowSQL = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000`

// now is the same time as nowSQL.
func now() time.Time { return time.Now().Truncate(time.Millisecond) }

// Words gives SQLite's words. A transaction that writes is alone.
func (e *engine) Words() sqlstore.Words {
	return sqlstore.Words{
		Now: nowSQL, Digits: ` GLOB '*` + strings.Repeat("[0-9]", 13) + `*'`,
		Texts: `SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.type = 'TEXT'`,
	}
}

// Clock answers the time. There is nobody to wait for.
func (e *engine) Clock(string) sqlstore.Statement {
	return sqlstore.Statement{SQL: `SELECT ` + nowSQL}
}

// Verdict reads SQLite's extended codes.
func (e *engine) Verdict(err error) sqlstore.Verdict {
	var refused *driver.Error
	switch {
	case errors.Is(err, errTogether):
		return sqlstore.Again
	case !errors.As(err, &refused) || refused.Code()&0xff != lib.SQLITE_CONSTRAINT:
		return sqlstore.Unreachable
	case strings.Contains(refused.Error(), "payments.quote"):
		return sqlstore.Quote
	default:
		return sqlstore.Refused
	}
}
