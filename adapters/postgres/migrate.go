package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// A step that alters a table wants it for itself, and whoever asks for the table
// after that queues behind it. So a step waits for a moment only, well below the
// patience of replicas (lockTimeout), gives up and comes again: a dump that goes on
// for an hour keeps the migration waiting, and nobody else.
const (
	stepWaits    = 300 * time.Millisecond
	migrateAgain = 2 * time.Second
)

// A replica looks every second whether another that migrates has finished, and gives
// up with an error after five minutes: whoever started it is to know.
const (
	turnEvery  = 1 // second
	turnsTried = 300
)

// Migrate creates the schema or brings it to the newest version, under a lock that
// replicas share. While somebody else uses a table that a step is to alter it goes on
// trying, until ctx ends, and tells waits (nil = nobody) who that is.
func Migrate(ctx context.Context, dsn string, waits func(whom string)) error {
	config, err := parse(dsn)
	if err != nil {
		return err
	}
	config.RuntimeParams["lock_timeout"] = strconv.FormatInt(stepWaits.Milliseconds(), 10)
	db := stdlib.OpenDB(*config)
	return errors.Join(migrate(ctx, db, waits), db.Close())
}

func migrate(ctx context.Context, db *sql.DB, waits func(whom string)) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(turnEvery, turnsTried))
	if err != nil {
		return err
	}
	for {
		err := sqlstore.Migrate(ctx, goose.DialectPostgres, db, goose.WithSessionLocker(locker))
		if !inUse(err) {
			return err
		}
		if waits != nil {
			waits(users(ctx, db))
		}
		if !hub.Sleep(ctx, migrateAgain) {
			return err
		}
	}
}

// inUse tells whether a step gave up because somebody else uses its table (55P03,
// lock_not_available).
func inUse(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "55P03"
}

// usersQuery leaves out who comes and goes. Of the server's own catalogue, with
// numbers below 16384, nobody is kept out.
const usersQuery = `
SELECT coalesce(string_agg(DISTINCT format('%s (%s)', pid, application_name), ', '), '')
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'relation' AND granted AND relation >= 16384 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND pid <> pg_backend_pid() AND (xact_start IS NULL OR clock_timestamp() - xact_start > interval '300 ms')`

// users names the processes of the server that have long used tables, "" = none.
func users(ctx context.Context, db *sql.DB) (whom string) {
	_ = db.QueryRowContext(ctx, usersQuery).Scan(&whom) // to wait needs no name
	return whom
}
