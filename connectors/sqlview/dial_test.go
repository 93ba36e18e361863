package sqlview_test

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"racord/connectors"
	"racord/hub"
)

// aQueryCutOff runs in TestPostgres.
func aQueryCutOff(t *testing.T) {
	company := onServer(t)
	company.lock()
	out := new(caller)
	env := out.env(company.dsn)
	alive := countOpen(&env)
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

// connectionsEndWithTheirConnector opens connectors that keep their connection,
// asks each and lets go of it: nobody closes a connector.
func connectionsEndWithTheirConnector(t *testing.T) {
	company := onServer(t)
	company.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	env := new(caller).env(company.dsn)
	alive := countOpen(&env)
	for range 3 {
		source := open(t, env, manifest(t, "settings:", "settings:\n  keep: 1")).Source
		if _, err := source.Obligations(t.Context(), asked("00001207")); err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(source)
	}
	if alive.Load() == 0 {
		t.Fatal("no connection was kept")
	}
	for end := time.Now().Add(10 * time.Second); alive.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("got %d connections of connectors that nobody holds, want none", alive.Load())
		}
	}
}

// countOpen counts the connections that are open.
func countOpen(env *connectors.Env) *atomic.Int64 {
	alive, dial := new(atomic.Int64), env.Dial
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		alive.Add(1)
		return &counted{Conn: conn, open: alive}, nil
	}
	return alive
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
