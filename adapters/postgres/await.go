package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"racord/hub"
)

// lookAgain is how soon a server that is away is looked for again.
const lookAgain = 50 * time.Millisecond

// Await waits until the server takes connections, at most so long: a hub that
// starts while its database recovers is not in a hurry to die. Any other
// refusal, such as a wrong password, ends the wait; so does what cannot be a DSN.
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

// away tells whether the server is not there, or not ready yet (class 57P03,
// cannot_connect_now), from one that refuses.
func away(err error) bool {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code == "57P03"
	}
	return true
}
