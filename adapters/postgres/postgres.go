// Package postgres is the hub's store in PostgreSQL, for a hub of several
// replicas. The database's clock and locks are the only ones that count, no
// statement waits for ever, and nothing is remembered in the process: another
// replica may have changed it.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// The bounds of what a replica asks of the database.
const (
	connections      = 20
	connectionsApart = 4
	statementTimeout = 5 * time.Second
	lockTimeout      = time.Second
	idleTimeout      = 10 * time.Second // inside a transaction
	connectTimeout   = time.Second
)

// Store is a hub.Store in PostgreSQL.
type Store struct {
	*sqlstore.Store
	pool, apart *pool
}

var _ hub.Store = (*Store)(nil)

// Open connects, and creates or migrates the schema; of several replicas at once
// one migrates and the others wait. The DSN is a URL or key=value pairs, the
// master key has hub.MasterKeyBytes bytes: it must be the one with which the
// database was opened first (hub.ErrOtherMaster).
func Open(ctx context.Context, dsn string, master []byte) (*Store, error) {
	return OpenWithin(ctx, dsn, master, 0, nil)
}

// OpenWithin is Open that waits for a server that is away, as Await does, or that
// takes no changes yet, and tells whom a migration waits for, as Migrate does.
func OpenWithin(ctx context.Context, dsn string, master []byte, most time.Duration, waits func(whom string)) (*Store, error) {
	keys, err := hub.NewKeys(master, sqlstore.Purpose)
	if err != nil {
		return nil, err
	}
	store, err := connect(dsn, keys, nil)
	if err != nil {
		return nil, err
	}
	if err := store.prepare(ctx, dsn, most, waits); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// prepare makes the database ready, on the connection that is used afterwards.
func (s *Store) prepare(ctx context.Context, dsn string, most time.Duration, waits func(whom string)) error {
	if err := await(ctx, most, func(ctx context.Context) error { return takesChanges(ctx, s.pool.DB) }); err != nil {
		return err
	}
	if sqlstore.Pending(ctx, goose.DialectPostgres, s.pool.DB) {
		if err := Migrate(ctx, dsn, waits); err != nil {
			return err
		}
	}
	return s.Adopt(ctx)
}

// connect makes the pools, with settings of the session over the usual ones.
func connect(dsn string, keys *hub.Keys, settings map[string]string) (*Store, error) {
	config, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	for name, limit := range map[string]time.Duration{
		"statement_timeout": statementTimeout, "lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": idleTimeout,
	} {
		config.RuntimeParams[name] = strconv.FormatInt(limit.Milliseconds(), 10)
	}
	// No plan of ours depends on the values: each is made once a connection. It counts
	// on far more rows than there are, for which compiling would seem to pay.
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.RuntimeParams["jit"] = "off"
	maps.Copy(config.RuntimeParams, settings)
	main := newPool(config, connections)
	config = config.Copy()
	config.RuntimeParams["synchronous_commit"] = "off"
	apart := newPool(config, connectionsApart)
	store := sqlstore.New(main.DB, main.DB, keys, engine{db: main.DB, apart: apart.DB})
	return &Store{Store: store, pool: main, apart: apart}, nil
}

// Close closes the connections.
func (s *Store) Close() error { return errors.Join(s.apart.Close(), s.pool.Close(), s.Store.Close()) }

// parse reads a DSN. Its errors never repeat the DSN, which may hold a password.
func parse(dsn string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, hub.Errorf(hub.CodeInvalid, "the PostgreSQL DSN cannot be read")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = "racord"
	return config, nil
}

// engine is PostgreSQL's part of the store.
type engine struct {
	db    *sql.DB
	apart *sql.DB // for statements that do not belong to a transaction under way
}

var _ sqlstore.Engine = engine{}

// lockQuery waits for the lock and only then reads the clock.
const lockQuery = `
WITH waited AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($1, 0)))
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM waited`

// Lock takes an advisory lock until the transaction ends.
func (engine) Lock(ctx context.Context, tx *sql.Tx, name string) (time.Time, error) {
	var micros int64
	err := tx.QueryRowContext(ctx, lockQuery, "racord "+name).Scan(&micros)
	return time.UnixMicro(micros), err
}

// patience is the statement timeout of a transaction over many rows.
const patience = 5 * time.Minute

// Patient lifts the statement timeout for this transaction.
func (engine) Patient(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL statement_timeout = %d`, patience.Milliseconds()))
	return err
}

// insertQuery takes columns, not rows: one statement for any number of rows.
const insertQuery = `
INSERT INTO snapshot_rows (generation, external, account, as_of, due, obligation)
SELECT $1, r.external, r.account, $2, r.due, r.obligation
FROM unnest($3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[]) AS r (external, account, due, obligation)
ON CONFLICT (generation, external) DO UPDATE
SET account = excluded.account, as_of = excluded.as_of, due = excluded.due, obligation = excluded.obligation`

// Insert stages rows in one round trip.
func (engine) Insert(ctx context.Context, tx *sql.Tx, d sqlstore.Delivery, rows []sqlstore.Row) error {
	if len(rows) == 0 {
		return nil
	}
	externals, accounts := make([][]byte, len(rows)), make([][]byte, len(rows))
	dues, obligations := make([]int64, len(rows)), make([][]byte, len(rows))
	for i := range rows {
		externals[i], accounts[i] = rows[i].External[:], rows[i].Account[:]
		dues[i], obligations[i] = rows[i].Due, rows[i].Obligation
	}
	_, err := tx.ExecContext(ctx, insertQuery, d.Generation, d.AsOf, externals, accounts, dues, obligations)
	return err
}
