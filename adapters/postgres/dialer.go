package postgres

import (
	"context"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// dialer opens a pool's connections, and can have one at hand before it is asked.
// A connection that died while nobody used it is noticed before it is used.
type dialer struct {
	driver.Connector
	ready chan driver.Conn // has room for one
}

func newDialer(config *pgx.ConnConfig) *dialer {
	noPing := func(context.Context, stdlib.ShouldPingParams) bool { return false }
	connector := stdlib.GetConnector(*config, stdlib.OptionShouldPing(noPing), stdlib.OptionResetSession(alive))
	return &dialer{Connector: connector, ready: make(chan driver.Conn, 1)}
}

// Connect gives the connection at hand, or opens one.
func (d *dialer) Connect(ctx context.Context) (driver.Conn, error) {
	select {
	case conn := <-d.ready:
		if conn.(driver.SessionResetter).ResetSession(ctx) == nil {
			return conn, nil
		}
		_ = conn.Close() // it died
	default:
	}
	return d.Connector.Connect(ctx)
}

// ahead sees to it that a connection is at hand. It is not called twice at once.
func (d *dialer) ahead(ctx context.Context) error {
	if len(d.ready) > 0 {
		return nil
	}
	conn, err := d.Connector.Connect(ctx)
	if err == nil {
		d.ready <- conn
	}
	return err
}

// Close closes the connection at hand; the pool calls it when it is closed.
func (d *dialer) Close() error {
	select {
	case conn := <-d.ready:
		return conn.Close()
	default:
		return nil
	}
}
