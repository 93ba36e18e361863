package view

import (
	"sync"
	"time"
)

// crew keeps the goroutines of calls that have ended for the next ones. A new
// goroutine begins with a small stack that has to grow; one that made a call
// has room. Those used last stand on top, so that the others may go.
type crew struct {
	mu     sync.Mutex
	idle   []*hand
	leave  *time.Timer
	closed bool
}

// hand is a goroutine that waits for work.
type hand struct {
	work  chan task
	since time.Time
}

// The bounds of what is kept idle.
const (
	mostIdle = 512
	idleFor  = 5 * time.Second
)

// task is what a hand does.
type task interface{ run() }

// do runs the work on a goroutine of its own.
func (c *crew) do(work task) {
	if h := c.call(); h != nil {
		h.work <- work
		return
	}
	go c.labour(work)
}

// call takes an idle hand, if there is one.
func (c *crew) call() *hand {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	h := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return h
}

// labour works as long as there is work, and waits for more a while.
func (c *crew) labour(work task) {
	h := &hand{work: make(chan task, 1)}
	for work != nil {
		makeRoom(false)
		work.run()
		if !c.rest(h) {
			return
		}
		work = <-h.work
	}
}

// rest puts a hand among the idle. It is false when there are enough.
func (c *crew) rest(h *hand) bool {
	h.since = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= mostIdle {
		return false
	}
	c.idle = append(c.idle, h)
	if c.leave == nil {
		c.leave = time.AfterFunc(idleFor, c.thin)
	}
	return true
}

// thin sends home who had nothing to do for long, and comes again while there
// are more.
func (c *crew) thin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave = nil
	oldest, gone := time.Now().Add(-idleFor), 0
	for gone < len(c.idle) && !c.idle[gone].since.After(oldest) {
		close(c.idle[gone].work)
		gone++
	}
	c.idle = append(c.idle[:0:0], c.idle[gone:]...)
	if len(c.idle) > 0 && !c.closed {
		c.leave = time.AfterFunc(idleFor/2, c.thin)
	}
}

// close sends everybody home who is idle, and keeps nobody from now on.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, h := range c.idle {
		close(h.work)
	}
	c.idle = nil
	if c.leave != nil {
		c.leave.Stop()
	}
}

// callDepth in bytes is the stack that a call to a creditor needs, more or less.
const callDepth = 12 << 10

// makeRoom grows the stack of a goroutine to what a call will need. Left to
// itself it grows several times on the way down, and each time all that stands
// on it is copied: a tenth of what a cold view costs. It is enough that the room
// stands in the frame; using it would clear it as well.
//
//go:noinline
func makeRoom(use bool) {
	if use {
		var room [callDepth]byte
		touch(&room)
	}
}

//go:noinline
func touch(room *[callDepth]byte) { room[0] = 1 }
