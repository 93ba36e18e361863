package sqlview

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"racord/connectors"
	"racord/hub"
)

// maxRows is the most rows of one statement, and maxDay the most bytes they have
// together.
const (
	maxRows = 100_000
	maxDay  = 64 << 20
)

// till takes payments: rows that are inserted once, and read back.
type till struct {
	*view
	statements map[string]*statement
	writer     base
}

func (t *till) pay(c *hub.Connector) {
	t.writer.writes = true
	t.manifest.Pay(c, t.env, t.exchange)
}

// exchange makes the call in the database; every row is a page of the answer. An
// insert is made once.
func (t *till) exchange(ctx context.Context, c *connectors.Call, v *connectors.Vars, use connectors.Use) error {
	s := t.statements[c.Name]
	params, err := s.fill(ctx, v)
	if err != nil {
		return hub.Undone(err)
	}
	if err := t.enter(ctx); err != nil {
		return hub.Undone(err)
	}
	defer runtime.KeepAlive(t) // the database of writer ends with it
	defer t.leave()
	from := &t.base
	if c.Writes() {
		from = &t.writer
	}
	db, err := from.get(ctx, t.env, t.manifest.Traits, t.settings)
	if err != nil {
		return hub.Undone(err)
	}
	if c.Writes() {
		return t.insert(ctx, db, s, params, use)
	}
	return t.rows(ctx, db, s, s.text, params, use)
}

// fill gives the parameters.
func (s *statement) fill(ctx context.Context, v *connectors.Vars) (params []any, err error) {
	if s.day {
		return []any{v.Day.Start().Format(time.DateOnly), v.Day.End().Format(time.DateOnly)}, nil
	}
	for i := range s.params {
		text, present, err := s.params[i].Append(ctx, nil, v, connectors.InBody)
		switch {
		case err != nil:
			return nil, err
		case present:
			params = append(params, string(text))
		default:
			params = append(params, nil)
		}
	}
	return params, nil
}

// insert inserts the row. One that is there already is read and given instead; there
// is none where it is another row that is in the way.
func (t *till) insert(ctx context.Context, db *sql.DB, s *statement, params []any, use connectors.Use) error {
	row, err := t.inserted(ctx, db, s, params)
	if err == nil {
		_, err = use(connectors.Reply{Root: row})
		return err
	}
	state := stateOf(err)
	if state == uniqueViolation && s.again != "" {
		there := false
		failure := t.rows(ctx, db, s, s.again, params[s.key:s.key+1], func(r connectors.Reply) (bool, error) { there = true; return use(r) })
		if there || failure != nil {
			return failure
		}
	}
	refused := connectors.NewRow([]string{"sqlstate"})
	refused.Set([]string{state})
	_, err = use(connectors.Reply{Root: refused, Broken: certainty(err, classify(ctx, err))})
	return err
}

// inserted gives the row as the database took it. A server that has no
// connection left did nothing, and is asked again.
func (t *till) inserted(ctx context.Context, db *sql.DB, s *statement, params []any) (*connectors.Row, error) {
	for attempt := 0; ; attempt++ {
		if err := t.env.Turn(ctx); err != nil {
			return nil, hub.Undone(err)
		}
		row, err := t.once(ctx, db, s, params)
		if err == nil || !crowded(err) || attempt == 2 || !pause(ctx, attempt) {
			return row, err
		}
	}
}

func (t *till) once(ctx context.Context, db *sql.DB, s *statement, params []any) (*connectors.Row, error) {
	into := newTable(s.columns, maxBytes)
	if len(s.columns) == 0 {
		_, err := db.ExecContext(asking(ctx), s.text, params...)
		return into.row(), err
	}
	err := db.QueryRowContext(asking(ctx), s.text, params...).Scan(into.into...)
	return into.row(), err
}

// rows gives every row of a query to use.
func (t *till) rows(ctx context.Context, db *sql.DB, s *statement, query string, params []any, use connectors.Use) error {
	if err := t.env.Turn(ctx); err != nil {
		return err
	}
	rows, err := db.QueryContext(asking(ctx), query, params...)
	if err != nil {
		return classify(ctx, err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	row, count := newTable(s.columns, s.most()), 0
	for rows.Next() {
		if count++; count > maxRows {
			return connectors.BadData("more than %d rows", maxRows)
		}
		if err := row.scan(rows); err != nil {
			return err
		}
		if _, err := use(connectors.Reply{Root: row.row()}); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return classify(ctx, err)
	}
	return nil
}

// most is how many bytes the rows have together.
func (s *statement) most() int {
	if s.day {
		return maxDay
	}
	return maxBytes
}

const uniqueViolation = "23505"

// stateOf is the SQLSTATE of a database's refusal; for SQLite that of the same
// meaning, else its own code.
func stateOf(err error) string {
	var server *pgconn.PgError
	var file *sqlite.Error
	switch {
	case errors.As(err, &server):
		return server.Code
	case errors.As(err, &file):
		switch file.Code() {
		case 1555, 2067: // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE
			return uniqueViolation
		case 275: // SQLITE_CONSTRAINT_CHECK
			return "23514"
		}
		return "SQLITE_" + strconv.Itoa(file.Code())
	}
	return ""
}

// SQLite refuses a row with these result codes, and has then done nothing. What a
// trigger of the creditor's refuses it may take later.
const (
	sqliteConstraint = 19
	sqliteTrigger    = 1811
)

// certainty marks the failures after which no row was inserted: nothing was
// sent, or the database refused the statement, which is a transaction of its
// own. A server that went away in the middle may have done it, as may one that
// says it does not know (SQLSTATE 40003).
func certainty(err, failure error) error {
	var connecting *pgconn.ConnectError
	var server *pgconn.PgError
	var file *sqlite.Error
	certain := hub.Certainly(err) || errors.As(err, &connecting) || pgconn.SafeToRetry(err)
	switch {
	case errors.As(err, &server):
		certain = certain || server.SeverityUnlocalized == "ERROR" && server.Code != "40003"
	case errors.As(err, &file):
		primary := file.Code() & 0xff
		certain = primary == sqliteConstraint || primary == sqliteBusy || primary == sqliteLocked
	}
	if certain {
		return hub.Undone(failure)
	}
	return failure
}
