package sqlview_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
)

// aQueryCutOff runs in TestPostgres.
func aQueryCutOff(t *testing.T) {
	company := onServer(t)
	company.lock()
	out := new(caller)
	env := out.env(company.dsn)
	var alive atomic.Int64
	dial := env.Dial
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		alive.Add(1)
		return &counted{Conn: conn, open: &alive}, nil
	}
	source := open(t, env, manifest(t)).Source
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := source.Obligations(ctx, asked("00001207")); hub.CodeOf(err) != hub.CodeTimeout {
		t.Errorf("got %v, want timeout", err)
	}
	cancel()
	for end := time.Now().Add(10 * time.Second); alive.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %d connections still open, want none", alive.Load())
		}
	}
	if got := out.dials.Load(); got != 1 {
		t.Errorf("got %d connections for one query, want 1", got)
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
	once atomic.Bool
}

func (c *counted) Close() error {
	if c.once.CompareAndSwap(false, true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
