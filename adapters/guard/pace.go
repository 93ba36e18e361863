package guard

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"racord/hub"
)

// A creditor counts the calls that arrive in a second. Calls do not travel
// equally fast, nor are they counted at once by a busy machine, so a second of ours
// is longer by a quarter.
const second = 1250 * time.Millisecond

var errNoTurn = errors.New("no turn in time")

// pace lets at most the calls held start in any window, whenever the window
// begins. It remembers the starts of one window, also those promised to callers
// that still wait.
type pace struct {
	window time.Duration
	total  int // calls in a window, over all replicas; 0 = no limit

	mu     sync.Mutex
	held   int         // of them, leased
	until  time.Time   // no start after; zero = no limit
	starts []time.Time // a ring
	last   int         // where the latest start stands
	free   time.Time   // when those given up are free for somebody else
}

// mostStarts bounds what one pace remembers.
const mostStarts = 1000

// newPace gives a rate its window: a second holds the whole calls of a rate, one
// call in ten seconds needs ten, and what keeps to 1,000 in every fifth of a
// second keeps to 5,000 in every second.
func newPace(rps float64) *pace {
	window, calls := second, rps
	switch {
	case rps <= 0:
		return &pace{}
	case rps < 1:
		window, calls = time.Duration(float64(second)/rps), 1
	case rps > mostStarts:
		parts := math.Ceil(rps / mostStarts)
		window, calls = time.Duration(float64(second)/parts), rps/parts
	}
	total := int(math.Floor(calls))
	return &pace{window: window, total: total, starts: make([]time.Time, total)}
}

// retune changes the rate. The starts made count under the new one as well.
func (p *pace) retune(rps float64) {
	fresh := newPace(rps)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.starts { // oldest first, so that the latest remain
		fresh.note(p.starts[(p.last+1+i)%len(p.starts)])
	}
	if fresh.total != p.total || fresh.window != p.window {
		p.held = min(p.held, fresh.total)
	}
	p.window, p.total, p.starts, p.last = fresh.window, fresh.total, fresh.starts, fresh.last
}

func (p *pace) note(start time.Time) {
	if len(p.starts) > 0 {
		p.last = (p.last + 1) % len(p.starts)
		p.starts[p.last] = start
	}
}

// most is how many calls may start in a window over all replicas, 0 for any
// number.
func (p *pace) most() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// span is the window.
func (p *pace) span() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.window
}

func (p *pace) turn(ctx context.Context) error {
	wait, ok := p.book(ctx)
	if !ok {
		return &hub.Error{Code: hub.CodeBusy, Message: "This creditor was asked too often in the last second.", Err: errNoTurn, RetryAfter: time.Second}
	}
	if wait <= 0 {
		return nil
	}
	hub.Sleep(ctx, wait)
	return ctx.Err()
}

// book promises the earliest start that keeps to the lease, unless it comes too
// late for the caller or for the lease.
func (p *pace) book(ctx context.Context) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total == 0 {
		return 0, true
	}
	if p.held == 0 {
		return 0, false
	}
	now := time.Now()
	start := p.starts[(p.last-p.held+1+len(p.starts))%len(p.starts)].Add(p.window)
	if latest := p.starts[p.last]; start.Before(latest) {
		start = latest // promised before the lease grew
	}
	if start.Before(now) {
		start = now
	}
	if !p.until.IsZero() && start.After(p.until) {
		return 0, false
	}
	if deadline, limited := ctx.Deadline(); limited && !start.Before(deadline) {
		return 0, false
	}
	p.last = (p.last + 1) % len(p.starts)
	p.starts[p.last] = start
	return start.Sub(now), true
}

// lend sets the calls leased and until when calls may start.
func (p *pace) lend(held int, until time.Time) {
	p.mu.Lock()
	p.held, p.until = held, until
	p.mu.Unlock()
}

// resize sets how many of the leased calls are used. It tells from when on those
// given up are free for somebody else: one window after the last start that was
// promised with them.
func (p *pace) resize(units int) (free time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held > units {
		p.free = p.quiet()
	}
	p.held = units
	return p.free
}

// quiet is when the starts made and promised are forgotten.
func (p *pace) quiet() time.Time {
	if p.total == 0 {
		return time.Time{}
	}
	return p.starts[p.last].Add(p.window)
}

// close ends all starts and tells when the last one is forgotten.
func (p *pace) close() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = 0
	return p.quiet()
}
