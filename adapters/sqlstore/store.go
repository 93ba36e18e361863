// Package sqlstore keeps the hub's knowledge in a SQL database: the schema, the
// statements and the sealing that SQLite and PostgreSQL share. What differs
// between them is an Engine. A personal code, an account code or a name never
// reaches the database in clear: what is only shown is sealed to its row, what
// is looked up is a keyed pseudonym.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"racord/hub"
)

// Engine is what differs between the databases.
type Engine interface {
	// Lock makes transactions that name the same thing wait for each other until
	// they end, and tells the database's time afterwards.
	Lock(ctx context.Context, tx *sql.Tx, name string) (time.Time, error)
	// Patient lifts the statement timeout for a transaction over many rows.
	Patient(ctx context.Context, tx *sql.Tx) error
	// Insert stages rows of different external ids. A row replaces an earlier
	// one of the same generation and external id.
	Insert(ctx context.Context, tx *sql.Tx, delivery Delivery, rows []Row) error
	// Words gives the pieces of SQL that differ.
	Words() Words
	// Clock makes a statement that answers the database's time. When it has a
	// name, it first waits as Lock does.
	Clock(name string) Statement
	// Add makes the statements that add rows to a table.
	Add(t *Table, rows [][]any) []Statement
	// Within runs a transaction: first, then what do asks, then what do gives
	// back, and commits. An error of do undoes everything.
	Within(ctx context.Context, first []Statement, do func(Run) (last []Statement, err error)) error
	// Ask runs one statement as a transaction.
	Ask(ctx context.Context, statement Statement) error
	// Apart runs one statement that stays done whatever becomes of the
	// transaction, where others would wait for that; else inside it.
	Apart(ctx context.Context, run Run, statement Statement) error
	// Verdict tells what an error of the database means.
	Verdict(err error) Verdict
	// Room returns an error when the database could not grow by a payment.
	Room(ctx context.Context) error
}

// Words are pieces of SQL.
type Words struct {
	Now        string // the database's time in microseconds
	ForUpdate  string // after a SELECT whose row is about to change
	SkipLocked string // the same, for rows that nobody else is changing
	ByBytes    string // after a text that is compared byte by byte
	Still      string // begins a transaction that sees one moment; "" = all do
	Texts      string // asks for the tables and columns that hold text
	Digits     string // after a text that has 13 digits or more side by side
}

// Verdict is what an error of a database means.
type Verdict int

// The verdicts.
const (
	Unreachable Verdict = iota // or anything else that may be over soon
	Again                      // the transaction was undone for another's sake: the same may work now
	Quote                      // the quote was used
	Refused                    // a wall of the schema
)

// Store is a hub.Store over database/sql.
type Store struct {
	read   *sql.DB
	write  *sql.DB
	keys   *hub.Keys
	engine Engine
	texts  texts
	often  map[string]*sql.Stmt // the questions that were prepared, by their text
	schema int64                // see Schema
}

var _ hub.Store = (*Store)(nil)

// Purpose is what the store's keys are derived for.
const Purpose = "store"

// New makes a store over two pools of one migrated database. They may be the
// same pool. The store closes them.
func New(read, write *sql.DB, keys *hub.Keys, engine Engine) *Store {
	return &Store{read: read, write: write, keys: keys, engine: engine, texts: newTexts(engine.Words())}
}

// Prepare reads the questions of every view once, for a database that would read
// them every time they are asked, which takes longer than to answer them.
func (s *Store) Prepare(ctx context.Context) error {
	s.often = map[string]*sql.Stmt{}
	for _, question := range []string{folderQuery, snapshotQuery} {
		prepared, err := s.read.PrepareContext(ctx, question)
		if err != nil {
			return fail(err)
		}
		s.often[question] = prepared
	}
	return nil
}

// ask asks one of the questions of every view.
func (s *Store) ask(ctx context.Context, question string, args ...any) (*sql.Rows, error) {
	if prepared := s.often[question]; prepared != nil {
		return prepared.QueryContext(ctx, args...)
	}
	return s.read.QueryContext(ctx, question, args...)
}

// Ready tells whether the database answers.
func (s *Store) Ready(ctx context.Context) error {
	var one int
	return fail(s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one))
}

// Close closes both pools.
func (s *Store) Close() error {
	for _, prepared := range s.often {
		_ = prepared.Close() // it ends with its pool
	}
	if s.read == s.write {
		return s.read.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// within runs do in a transaction.
func (s *Store) within(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error tells more
		return fail(err)
	}
	return fail(tx.Commit())
}

// looking runs do in a transaction that only reads, over many rows.
func (s *Store) looking(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	if err := s.engine.Patient(ctx, tx); err != nil {
		return fail(err)
	}
	return fail(do(tx))
}

// exec runs one statement as its own transaction and counts the rows it changed.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := s.write.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fail(err)
	}
	changed, err := result.RowsAffected()
	return changed, fail(err)
}

// fail gives what a database could not do the code CodeUnavailable. A code that
// is there already stays, and so does the caller's own context error.
func fail(err error) error {
	var coded *hub.Error
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled):
		return hub.Wrap(hub.CodeCancelled, err, "The question was withdrawn.")
	case errors.Is(err, context.DeadlineExceeded):
		return hub.Wrap(hub.CodeTimeout, err, "Our records did not answer in time.")
	default:
		return hub.Wrap(hub.CodeUnavailable, err, "Our records cannot be reached at the moment.")
	}
}

// micros writes a moment as the database keeps it; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads what micros wrote, in UTC.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// text drops what a database cannot keep as text.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}
