package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"racord/hub"
)

// How a pool grows. A connection costs the server a process, and all replicas want
// theirs in the same minute: many at once take so long that callers give up.
const (
	connectionsFirst = 2
	growAfter        = 2 * time.Second // while nothing is warm, a few connections answer sooner than many new ones
	growEvery        = 100 * time.Millisecond
	growAgain        = time.Second // after one that failed
	connectionLife   = 30 * time.Minute
)

// pool keeps connections: few at the beginning, and one more at a time for as long
// as all are taken and somebody waits. It is opened behind the callers' backs: they
// get whichever is free first, and hear of no failure. Only who comes while there is
// none, or in the moment after one was closed, opens it himself.
type pool struct {
	*sql.DB
	dialer *dialer
	most   int
	stop   context.CancelFunc
	done   chan struct{}
}

// newPool makes a pool that opens connections as they are needed, at most so many.
func newPool(config *pgx.ConnConfig, most int) *pool {
	dialer := newDialer(config)
	ctx, stop := context.WithCancel(context.Background())
	p := &pool{DB: sql.OpenDB(dialer), dialer: dialer, most: most, stop: stop, done: make(chan struct{})}
	p.SetConnMaxLifetime(connectionLife)
	p.room(connectionsFirst)
	go p.tend(ctx)
	return p
}

// Close ends the growing and closes the connections.
func (p *pool) Close() error {
	p.stop()
	<-p.done
	return p.DB.Close()
}

// room lets so many connections be open, whether they are used or not.
func (p *pool) room(most int) {
	most = min(max(most, 1), p.most)
	p.SetMaxOpenConns(most)
	p.SetMaxIdleConns(most)
}

// tend fits the pool to what is asked of it, until ctx ends.
func (p *pool) tend(ctx context.Context) {
	defer close(p.done)
	pause := growAfter
	for seen := int64(0); hub.Sleep(ctx, pause); {
		pause = growEvery
		now := p.Stats()
		switch {
		case now.WaitCount == seen: // nobody began to wait
			p.room(now.OpenConnections)
		case now.InUse < now.OpenConnections: // nobody waits any more
			seen = now.WaitCount
			p.room(now.OpenConnections)
			p.serve(ctx)
		case now.OpenConnections < p.most:
			if p.grow(ctx) != nil {
				pause = growAgain
			}
		}
	}
}

// grow opens one more connection, and only then makes room for it.
func (p *pool) grow(ctx context.Context) error {
	if err := p.dialer.ahead(ctx); err != nil {
		return err
	}
	p.room(p.Stats().OpenConnections + 1)
	p.serve(ctx)
	return p.dialer.Close() // nobody needed it
}

// serve gives a connection that is free, or at hand, to who waits: room alone wakes
// nobody, and may have been taken away from who was about to open one.
func (p *pool) serve(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, growEvery) // somebody may have come first
	defer cancel()
	if conn, err := p.Conn(ctx); err == nil {
		_ = conn.Close() // into the pool
	}
}
