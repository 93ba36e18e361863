package sqlview_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
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

// keptConnections lets two replicas ask and tell a company that allows each of them
// two connections, and one for what they need besides.
func keptConnections(t *testing.T) {
	base := onServer(t)
	base.till()
	base.owes("00001207", "SL 1", "18.95", "18.95", "0.00")
	role, _, _ := strings.Cut(strings.TrimPrefix(base.dsn, "postgres://"), ":")
	connected := func() (n int) {
		if err := base.db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE usename = $1`, role).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	hold, err := base.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec("LOCK TABLE solduri IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	m := manifest(t, "settings:", "settings:\n  keep: 2", "max_inflight: 4", "max_inflight: 2", "timeout: 1500ms", "timeout: 30s")
	replicas := []*hub.Connector{open(t, new(caller).env(base.dsn), m), open(t, new(caller).env(base.dsn), m)}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if _, err := replicas[i%2].Source.Obligations(t.Context(), asked("00001207")); err != nil {
				t.Errorf("got %v, want an answer", err)
			}
		})
	}
	for end := time.Now().Add(20 * time.Second); connected() < 4; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %d connections for four questions at once", connected())
		}
	}
	_ = hold.Rollback()
	all.Wait()
	for i, replica := range replicas {
		p := posted()
		p.ID = hub.PostingID(fmt.Sprintf("hub:AAAABBBBCCCCDDDDEEEEFFFFGG:%d", i+1))
		if _, err := tell(t, replica, p); err != nil {
			t.Errorf("replica %d: got %v, want it told", i+1, err)
		}
	}
	for end := time.Now().Add(10 * time.Second); connected() > 4; time.Sleep(5 * time.Millisecond) { // one that ended is counted for a moment
		if time.Now().After(end) {
			t.Fatalf("got %d connections, want the four that are kept", connected())
		}
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
