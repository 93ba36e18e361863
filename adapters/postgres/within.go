package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// Within runs a transaction in as many round trips as do asks, and two more: one
// to begin, one to end. A connection that turns out to be dead before anything
// was done is replaced.
func (e engine) Within(ctx context.Context, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) error {
	for {
		err := e.once(ctx, first, do)
		if !errors.Is(err, errStale) || ctx.Err() != nil {
			return err
		}
	}
}

// errStale marks a connection that was dead when the transaction began. There
// are no more of them than the pool has connections.
var errStale = errors.New("the connection was lost before")

func (e engine) once(ctx context.Context, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var failed error
	_ = conn.Raw(func(raw any) error {
		c := raw.(*stdlib.Conn).Conn()
		failed = within(ctx, c, first, do)
		if c.IsClosed() {
			return driver.ErrBadConn // the pool is not to keep it
		}
		return nil
	})
	return failed
}

var (
	begin  = sqlstore.Statement{SQL: "BEGIN"}
	commit = sqlstore.Statement{SQL: "COMMIT"}
)

func within(ctx context.Context, c *pgx.Conn, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) (err error) {
	defer func() {
		if err != nil {
			rollback(ctx, c)
		}
	}()
	if err := send(ctx, c, append([]sqlstore.Statement{begin}, first...)); err != nil {
		var answer *pgconn.PgError
		if c.IsClosed() && !errors.As(err, &answer) {
			return fmt.Errorf("%w: %w", errStale, err)
		}
		return err
	}
	last, err := do(func(ctx context.Context, batch ...sqlstore.Statement) error { return send(ctx, c, batch) })
	if err != nil {
		return err
	}
	return send(ctx, c, append(last, commit))
}

// rollbackTimeout is how long giving a transaction up may take. After it the
// connection is thrown away, which gives it up too.
const rollbackTimeout = time.Second

func rollback(ctx context.Context, c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
		_ = c.Close(ctx)
	}
}

// send runs statements in one round trip.
func send(ctx context.Context, c *pgx.Conn, statements []sqlstore.Statement) error {
	if len(statements) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for i := range statements {
		batch.Queue(statements[i].SQL, statements[i].Args...)
	}
	results := c.SendBatch(ctx, batch)
	for i := range statements {
		if err := receive(results, &statements[i]); err != nil {
			_ = results.Close() // the first error tells more
			return err
		}
	}
	return results.Close()
}

func receive(results pgx.BatchResults, s *sqlstore.Statement) error {
	if s.Scan == nil {
		tag, err := results.Exec()
		if err == nil && s.SQL == commit.SQL && tag.String() != commit.SQL {
			return hub.Errorf(hub.CodeInternal, "a transaction that had failed was to be committed")
		}
		return err
	}
	rows, err := results.Query()
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

// Apart runs a statement on a connection of its own. It is on the disk no later
// than the transaction that asked for it, because that commits after it.
func (e engine) Apart(ctx context.Context, _ sqlstore.Run, s sqlstore.Statement) error {
	return ask(ctx, e.apart, s)
}

// Ask runs one statement, which is a transaction by itself.
func (e engine) Ask(ctx context.Context, s sqlstore.Statement) error { return ask(ctx, e.db, s) }

func ask(ctx context.Context, db *sql.DB, s sqlstore.Statement) error {
	rows, err := db.QueryContext(ctx, s.SQL, s.Args...)
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

// Add makes one statement that takes columns, not rows.
func (e engine) Add(t *sqlstore.Table, rows [][]any) []sqlstore.Statement {
	if len(rows) == 0 {
		return nil
	}
	args := make([]any, len(t.Types))
	for i, kind := range t.Types {
		args[i] = column(kind, rows, i)
	}
	return []sqlstore.Statement{{SQL: t.All, Args: args}}
}

// column gathers a column of a type.
func column(kind string, rows [][]any, at int) any {
	switch kind {
	case "bigint":
		return gather[int64](rows, at)
	case "bytea":
		return gather[[]byte](rows, at)
	default:
		return texts(rows, at)
	}
}

func gather[V any](rows [][]any, at int) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = rows[i][at].(V)
	}
	return values
}

// texts is a column of text, of which some may be NULL.
func texts(rows [][]any, at int) any {
	values := make([]*string, len(rows))
	for i := range rows {
		switch v := rows[i][at].(type) {
		case string:
			values[i] = &v
		case sql.NullString:
			if v.Valid {
				values[i] = &v.String
			}
		}
	}
	return values
}

// nowSQL is the server's clock, not the beginning of the transaction.
const nowSQL = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// Words gives PostgreSQL's words.
func (engine) Words() sqlstore.Words {
	return sqlstore.Words{
		Now: nowSQL, ForUpdate: ` FOR UPDATE`, SkipLocked: ` FOR UPDATE SKIP LOCKED`, ByBytes: ` COLLATE "C"`,
		Still: `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`, Digits: ` ~ '[0-9]{13}'`,
		Texts: `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text'`,
	}
}

// Clock answers the server's time, after an advisory lock on the name.
func (engine) Clock(name string) sqlstore.Statement {
	if name == "" {
		return sqlstore.Statement{SQL: `SELECT ` + nowSQL}
	}
	return sqlstore.Statement{SQL: lockQuery, Args: []any{"racord " + name}}
}

// Verdict reads SQLSTATE: 40 is a transaction undone for another's sake, 22, 23,
// 42 and P0 are what no repeating helps.
func (engine) Verdict(err error) sqlstore.Verdict {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return sqlstore.Unreachable
	}
	switch {
	case answer.Code == "40001" || answer.Code == "40P01":
		return sqlstore.Again
	case answer.ConstraintName == "payments_quote_key":
		return sqlstore.Quote
	}
	switch answer.Code[:2] {
	case "22", "23", "42", "P0":
		return sqlstore.Refused
	}
	return sqlstore.Unreachable
}

// Room finds that the server takes writes. What is left of its disk it does not
// tell.
func (e engine) Room(ctx context.Context) error {
	standby := false
	if err := e.db.QueryRowContext(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return err
	}
	if standby {
		return hub.Errorf(hub.CodeUnavailable, "Our records cannot be written at the moment.")
	}
	return nil
}
