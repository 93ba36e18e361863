package lean

import (
	"sync"
	"time"
)

// pool keeps connections, those used last on top.
type pool struct {
	mu     sync.Mutex
	racks  map[server]*rack
	last   *rack // most often there is but one
	reaper *time.Timer
}

// rack is where the connections to one server are kept.
type rack struct {
	to   server
	idle []*conn
}

// take gives a kept connection, or nil. It may have been closed meanwhile.
func (p *pool) take(to server) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rack(to)
	if r == nil || len(r.idle) == 0 {
		return nil
	}
	top := len(r.idle) - 1
	c := r.idle[top]
	r.idle[top] = nil
	r.idle = r.idle[:top]
	return c
}

// rack finds that of a server, nil when nothing was kept lately.
func (p *pool) rack(to server) *rack {
	if p.last == nil || p.last.to != to {
		p.last = p.racks[to]
	}
	return p.last
}

// put keeps a connection, or closes it when there are enough.
func (p *pool) put(c *conn, t *Transport) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rack(c.to)
	if r == nil {
		r = p.build(c.to)
	}
	if len(r.idle) >= t.MaxIdle {
		_ = c.Close()
		return
	}
	r.idle = append(r.idle, c)
	if t.IdleFor > 0 && p.reaper == nil {
		p.reaper = time.AfterFunc(t.IdleFor, func() { p.reap(t.IdleFor) })
	}
}

func (p *pool) build(to server) *rack {
	if p.racks == nil {
		p.racks = map[server]*rack{}
	}
	p.last = &rack{to: to}
	p.racks[to] = p.last
	return p.last
}

// reap closes what was not used for long, and comes again while there is more.
func (p *pool) reap(longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaper = nil
	oldest := time.Now().Add(-longest)
	p.last = nil
	for to, r := range p.racks {
		old := 0
		for old < len(r.idle) && !r.idle[old].since.After(oldest) {
			_ = r.idle[old].Close()
			old++
		}
		if r.idle = append(r.idle[:0:0], r.idle[old:]...); len(r.idle) == 0 {
			delete(p.racks, to)
		}
	}
	if len(p.racks) > 0 {
		p.reaper = time.AfterFunc(longest/4, func() { p.reap(longest) })
	}
}

// close closes all kept connections.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = nil
	for _, r := range p.racks {
		for _, c := range r.idle {
			_ = c.Close()
		}
	}
	clear(p.racks)
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
}
