package lean

import (
	"sync"
	"time"
)

// pool keeps connections, those used last on top.
type pool struct {
	mu     sync.Mutex
	idle   map[server][]*conn
	reaper *time.Timer
}

// take gives a kept connection, or nil. It may have been closed meanwhile.
func (p *pool) take(to server) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[to]
	if len(kept) == 0 {
		return nil
	}
	c := kept[len(kept)-1]
	kept[len(kept)-1] = nil
	p.idle[to] = kept[:len(kept)-1]
	return c
}

// put keeps a connection, or closes it when there are enough.
func (p *pool) put(c *conn, t *Transport) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle[c.to]) >= t.MaxIdle {
		_ = c.Close()
		return
	}
	if p.idle == nil {
		p.idle = map[server][]*conn{}
	}
	p.idle[c.to] = append(p.idle[c.to], c)
	if t.IdleFor > 0 && p.reaper == nil {
		p.reaper = time.AfterFunc(t.IdleFor, func() { p.reap(t.IdleFor) })
	}
}

// reap closes what was not used for long, and comes again while there is more.
func (p *pool) reap(longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaper = nil
	oldest := time.Now().Add(-longest)
	for to, kept := range p.idle {
		old := 0
		for old < len(kept) && !kept[old].since.After(oldest) {
			_ = kept[old].Close()
			old++
		}
		p.idle[to] = append(kept[:0:0], kept[old:]...)
		if len(p.idle[to]) == 0 {
			delete(p.idle, to)
		}
	}
	if len(p.idle) > 0 {
		p.reaper = time.AfterFunc(longest/4, func() { p.reap(longest) })
	}
}

// close closes all kept connections.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.idle {
		for _, c := range kept {
			_ = c.Close()
		}
	}
	clear(p.idle)
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
}
