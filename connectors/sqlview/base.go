package sqlview

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"racord/connectors"
	"racord/hub"
)

// base is the database, opened when it is first asked, and again when the secret
// that names it is another: while that is being changed a call may come with the
// one before, so that two are open. They end when nobody holds the base any more:
// connectors are not closed.
type base struct {
	mu     sync.Mutex
	opened []opening // used last first
	writes bool      // rows may be inserted; no connection is kept for that
}

// opening is a database by the secret that names it.
type opening struct {
	dsn hub.Secret
	db  *sql.DB
}

// slots is how many secrets a creditor may take at a time.
const slots = 2

// get gives the database that a secret names. It does not connect. It fails with
// CodeAuth when there is no such secret, CodeUnsupported for a file that may not
// be read, CodeInvalid when the secret names no database. While secrets cannot be
// read, the database that was used last is used on.
func (b *base) get(ctx context.Context, env connectors.Env, traits hub.Traits, s Settings) (*sql.DB, error) {
	secret, err := env.Secret(ctx, string(s.DSN))
	b.mu.Lock()
	defer b.mu.Unlock()
	if code := hub.CodeOf(err); len(b.opened) > 0 && (code == hub.CodeUnavailable || code == hub.CodeTimeout) {
		return b.opened[0].db, nil
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.opened, func(o opening) bool { return o.dsn.Reveal() == secret.Reveal() })
	if i >= 0 {
		b.opened[0], b.opened[i] = b.opened[i], b.opened[0]
		return b.opened[0].db, nil
	}
	db, err := b.open(env, traits, s, secret)
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(b, closeSoon, db)
	b.opened = slices.Insert(b.opened, 0, opening{secret, db})
	if len(b.opened) > slots {
		b.retire(traits)
	}
	return db, nil
}

func (b *base) open(env connectors.Env, traits hub.Traits, s Settings, secret hub.Secret) (*sql.DB, error) {
	switch {
	case isPostgres(secret):
		return openPostgres(env, traits, b.keep(s), b.writes, secret)
	case !env.LocalFiles:
		return nil, hub.Errorf(hub.CodeUnsupported, "Only the operator's own manifests may read SQLite files.")
	default:
		return openFile(traits, b.writes, secret)
	}
}

// keep is how many connections are kept: what the manifest says is for all that a
// replica has, and most of what it asks are questions.
func (b *base) keep(s Settings) int {
	if b.writes {
		return 0
	}
	return s.Keep
}

// retire closes the database that was not used for longest, after the queries that
// may have just been given it.
func (b *base) retire(traits hub.Traits) {
	last := len(b.opened) - 1
	old := b.opened[last].db
	b.opened = b.opened[:last]
	time.AfterFunc(2*max(timeout(traits), postTimeout(traits)), func() { _ = old.Close() })
}

// closeSoon closes a database beside the other cleanups, which take turns: a
// server that went away is waited for.
func closeSoon(db *sql.DB) { go func() { _ = db.Close() }() }

func openPostgres(env connectors.Env, traits hub.Traits, keep int, writes bool, dsn hub.Secret) (*sql.DB, error) {
	conf, err := parsePostgres(dsn, env.LocalFiles)
	if err != nil {
		return nil, err
	}
	conf.MaxProtocolMessageBodyLen = connectors.MaxAnswer // a row is a message; without it the server says how much memory is taken
	conf.DialFunc = dial(env, keep)
	conf.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the wall looks names up
	conf.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec                                               // parameters take the column's type, and nothing is remembered
	conf.RuntimeParams = map[string]string{
		"application_name": "racord", "default_transaction_read_only": "on", "datestyle": "ISO, YMD", "client_encoding": "UTF8",
		"statement_timeout": strconv.FormatInt(timeout(traits).Milliseconds(), 10),
	}
	if writes {
		delete(conf.RuntimeParams, "default_transaction_read_only")
		conf.RuntimeParams["statement_timeout"] = strconv.FormatInt(postTimeout(traits).Milliseconds(), 10)
	}
	db := stdlib.OpenDB(*conf)
	db.SetMaxIdleConns(keep)
	if keep == 0 {
		db.SetMaxIdleConns(-1)
	}
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

func timeout(t hub.Traits) time.Duration {
	if t.Timeout <= 0 {
		return 1500 * time.Millisecond
	}
	return t.Timeout
}

// postTimeout is how long one posting may take.
func postTimeout(t hub.Traits) time.Duration {
	if t.Paying.Timeout > 0 {
		return t.Paying.Timeout
	}
	return timeout(t)
}

// openFile opens a SQLite file, for reading only unless rows are inserted.
func openFile(traits hub.Traits, writes bool, path hub.Secret) (*sql.DB, error) {
	location := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path.Reveal()}).EscapedPath()}
	location.RawQuery = fmt.Sprintf("mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(%d)", timeout(traits).Milliseconds()/2)
	if writes {
		location.RawQuery = fmt.Sprintf("mode=rw&_pragma=busy_timeout(%d)", postTimeout(traits).Milliseconds()/2)
	}
	db, err := sql.Open("sqlite", location.String())
	if err != nil {
		return nil, hub.Errorf(hub.CodeInvalid, "The secret that names the database is not the path of a file.")
	}
	db.SetMaxIdleConns(traits.MaxInflight)
	return db, nil
}
