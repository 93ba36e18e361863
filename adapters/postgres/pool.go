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
	connectionLife   = 30 * time.Minute
)

// pool keeps connections: few at the beginning, and one more at a time for as long
// as all are taken and somebody waits. No caller waits for the new one, nor hears of
// its failure: whichever is free first is the next one's.
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
	most = min(max(most, connectionsFirst), p.most)
	p.SetMaxOpenConns(most)
	p.SetMaxIdleConns(most)
}

// tend fits the pool to what is asked of it, until ctx ends.
func (p *pool) tend(ctx context.Context) {
	defer close(p.done)
	if !hub.Sleep(ctx, growAfter) {
		return
	}
	for seen := int64(0); hub.Sleep(ctx, growEvery); {
		now := p.Stats()
		switch {
		case now.OpenConnections < connectionsFirst:
			_ = p.dialer.ahead(ctx) // the next look tries again
		case now.InUse < now.OpenConnections || now.WaitCount == seen: // nobody waits
			seen = now.WaitCount
			p.room(now.OpenConnections) // those that died are missed one by one as well
		case now.OpenConnections < p.most:
			p.grow(ctx, now.OpenConnections+1)
		}
	}
}

// grow opens one more connection, and only then makes room for it. A failure is
// for nobody: the next look tries again.
func (p *pool) grow(ctx context.Context, to int) {
	if p.dialer.ahead(ctx) != nil {
		return
	}
	p.room(to)
	ctx, cancel := context.WithTimeout(ctx, growEvery) // somebody may have come first
	defer cancel()
	if conn, err := p.Conn(ctx); err == nil {
		_ = conn.Close() // to whoever waits
	}
}
