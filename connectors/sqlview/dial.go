package sqlview

import (
	"context"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"racord/connectors"
)

type askingKey struct{}

// asking marks the context of a query, under which a connection may be opened.
func asking(ctx context.Context) context.Context { return context.WithValue(ctx, askingKey{}, true) }

var errSecond = errors.New("no second connection to cancel a query: the server's own timeout ends it")

// dial opens the connection of one query. When a query is cut off, pgx would ask
// for its end over a second connection and keep the first for another 15
// seconds; the creditor allowed neither. So the second is refused, and a
// connection that is not kept ends with its query.
func dial(env connectors.Env, keep int) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(askingKey{}) == nil {
			return nil, errSecond
		}
		conn, err := env.Dial(ctx, network, address)
		if err == nil && keep == 0 {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}
