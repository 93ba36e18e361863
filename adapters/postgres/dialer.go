package postgres

import (
	"context"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// dialer opens a pool's connections, and can have one at hand before it is asked.
// One that died while nobody used it is noticed before it is used again.
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
		return conn, nil
	default:
		return d.Connector.Connect(ctx)
	}
}

// ahead opens the connection at hand. It is not called twice without Close between.
func (d *dialer) ahead(ctx context.Context) error {
	conn, err := d.Connector.Connect(ctx)
	if err == nil {
		d.ready <- conn
	}
	return err
}

// Close closes the connection at hand, if nobody took it.
func (d *dialer) Close() error {
	select {
	case conn := <-d.ready:
		return conn.Close()
	default:
		return nil
	}
}
