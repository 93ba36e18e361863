package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"racord/hub"
)

// lookAgain is how soon a server that is away is looked for again.
const lookAgain = 50 * time.Millisecond

// Await waits until the server takes connections, at most so long: a hub that
// starts while its database recovers, or has no connection to give, is not in a
// hurry to die. Any other refusal, such as a wrong password, ends the wait; so does
// what cannot be a DSN.
func Await(ctx context.Context, dsn string, most time.Duration) error {
	config, err := parse(dsn)
	if err != nil {
		return err
	}
	return await(ctx, most, func(ctx context.Context) error {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// await knocks until the server takes the connection or refuses it.
func await(ctx context.Context, most time.Duration, knock func(context.Context) error) error {
	for begun := time.Now(); ; {
		err := knock(ctx)
		if err == nil || !away(err) || time.Since(begun) >= most || !hub.Sleep(ctx, lookAgain) {
			return err
		}
	}
}

// away tells whether the server is not there, not ready yet (57P03,
// cannot_connect_now) or full (53300, too_many_connections), from one that refuses.
func away(err error) bool {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code == "57P03" || refusal.Code == "53300"
	}
	return true
}

// errStandby is of a server that only follows another, as the next one does until
// it is made the first in a failover.
var errStandby = errors.New("the server takes no changes: it is a standby, or set so")

// takesChanges knocks at a server that the hub is to write to.
func takesChanges(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var readOnly string
	err = conn.QueryRowContext(ctx, `SHOW transaction_read_only`).Scan(&readOnly)
	if err != nil || readOnly == "off" {
		return err
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the name may lead to another server by then
	return errStandby
}
