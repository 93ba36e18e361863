package guard

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// Limits are what a creditor declared for all replicas together.
type Limits struct {
	Inflight int           // concurrent calls; 0 = 16
	RPS      float64       // calls a second; 0 = any number
	Timeout  time.Duration // of one call; 0 = 1.5 s
}

// LimitsOf gives the limits among a creditor's traits.
func LimitsOf(t hub.Traits) Limits {
	limits := Limits{Inflight: t.MaxInflight, RPS: t.RPS, Timeout: t.Timeout}
	if t.Paying.Class != "" {
		limits.Timeout = max(t.Timeout, PostLimitsOf(t).Timeout)
	}
	return limits.withDefaults()
}

func (l Limits) withDefaults() Limits {
	if l.Inflight <= 0 {
		l.Inflight = 16
	}
	if l.Timeout <= 0 {
		l.Timeout = 1500 * time.Millisecond
	}
	return l
}

var errFull = errors.New("no slot in time")

// Allowance is this replica's part of what a creditor bears: slots for calls at
// once and a share of the calls a second. Fixed gives the whole to one process,
// Leaser shares it between replicas.
type Allowance struct {
	name   hub.Name
	limits Limits
	pace   *pace
	pause  atomic.Pointer[pause]

	mu       sync.Mutex
	held     int       // slots leased
	until    time.Time // the moment by which a call must have ended; zero = no limit
	ceiling  float64   // what the creditor's "too many" left of the slots
	lowered  time.Time // when the ceiling was lowered last
	inflight int
	queue    []*waiter
	moved    chan struct{} // closed when the lease moves; made when somebody watches
}

type waiter struct {
	end     time.Time // when its call will have ended
	granted chan struct{}
}

// Fixed gives a creditor's whole allowance to one process that runs alone.
func Fixed(name hub.Name, limits Limits) *Allowance {
	a := newAllowance(name, limits)
	a.held = a.limits.Inflight
	a.pace.lend(a.pace.total, time.Time{})
	return a
}

func newAllowance(name hub.Name, limits Limits) *Allowance {
	limits = limits.withDefaults()
	return &Allowance{name: name, limits: limits, ceiling: float64(limits.Inflight), pace: newPace(limits.RPS)}
}

// Turn waits until one more request may be sent to the creditor. Everything
// that goes over the wire takes a turn, repetitions and token calls as well. It
// fails with CodeBusy at once when the turn would come after ctx has ended.
func (a *Allowance) Turn(ctx context.Context) error { return a.pace.turn(ctx) }

// bounds are the limits that count now.
func (a *Allowance) bounds() Limits {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits
}

// limit changes what the creditor declared.
func (a *Allowance) limit(limits Limits) {
	a.mu.Lock()
	a.limits = limits.withDefaults()
	a.ceiling = float64(a.limits.Inflight)
	a.held = min(a.held, a.limits.Inflight)
	a.mu.Unlock()
	a.pace.retune(limits.RPS)
}

// Load is how much of an allowance is used.
type Load struct {
	Held     int // slots leased
	Usable   int // of them, what the creditor's "too many" leaves
	Inflight int
	Waiting  int
}

// Load tells how much is used now.
func (a *Allowance) Load() Load {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Load{Held: a.held, Usable: a.usable(), Inflight: a.inflight, Waiting: len(a.queue)}
}

// Name is the creditor's name.
func (a *Allowance) Name() hub.Name { return a.name }

func (a *Allowance) usable() int { return min(a.held, max(1, int(a.ceiling))) }

// free tells whether a call that ends at end may start now.
func (a *Allowance) free(end time.Time) bool {
	return a.inflight < a.usable() && (a.until.IsZero() || !end.After(a.until))
}

// enter takes a slot for a call that ends at end, waiting for at most patience
// in a queue of at most queue calls. Every enter without error needs one leave.
func (a *Allowance) enter(ctx context.Context, end time.Time, queue int, patience time.Duration) error {
	a.mu.Lock()
	if len(a.queue) == 0 && a.free(end) {
		a.inflight++
		a.mu.Unlock()
		return nil
	}
	if len(a.queue) >= queue {
		a.mu.Unlock()
		return full()
	}
	w := &waiter{end: end, granted: make(chan struct{})}
	a.queue = append(a.queue, w)
	a.mu.Unlock()
	return a.await(ctx, w, patience)
}

func (a *Allowance) await(ctx context.Context, w *waiter, patience time.Duration) error {
	if waited := hub.SleepOr(ctx, patience, w.granted); (waited || ctx.Err() != nil) && a.forget(w) {
		return full()
	}
	return nil // granted, perhaps in the same moment
}

// forget takes a waiter out of the queue. It is false when the waiter was
// granted a slot before.
func (a *Allowance) forget(w *waiter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.queue {
		if a.queue[i] == w {
			a.queue = append(a.queue[:i], a.queue[i+1:]...)
			a.grant() // those behind may end sooner
			return true
		}
	}
	return false
}

func (a *Allowance) leave() {
	a.mu.Lock()
	a.inflight--
	a.grant()
	a.mu.Unlock()
}

// leaveIn gives the slot back after a while.
func (a *Allowance) leaveIn(d time.Duration) { time.AfterFunc(d, a.leave) }

// leaveAfter gives the slot back after a call with that outcome: at once, or after
// a while when the creditor may still be at work.
func (a *Allowance) leaveAfter(code hub.Code, linger time.Duration) {
	switch code {
	case hub.CodeTimeout, hub.CodeCancelled, hub.CodeBadData, hub.CodeInternal:
		a.leaveIn(linger)
	default:
		a.leave()
	}
}

// grant lets waiters in as long as there are slots, in order of arrival.
func (a *Allowance) grant() {
	for len(a.queue) > 0 && a.free(a.queue[0].end) {
		a.inflight++
		close(a.queue[0].granted)
		a.queue[0] = nil
		a.queue = a.queue[1:]
	}
}

// lend sets the slots leased and until when.
func (a *Allowance) lend(held int, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held, a.until = held, until
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
	a.grant()
}

// resize uses the fair share of the slots that are leased, however many others
// calls are still under way in. It tells how many are wanted.
func (a *Allowance) resize(leased, fair int) (want int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	want = max(fair, a.inflight)
	a.held = min(leased, fair)
	a.grant()
	return want
}

// lease tells until when the slots are leased, and gives a channel that closes
// when that changes.
func (a *Allowance) lease() (until time.Time, moved <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.moved == nil {
		a.moved = make(chan struct{})
	}
	return a.until, a.moved
}

func full() error {
	return &hub.Error{Code: hub.CodeBusy, Message: "Too many questions are under way to this creditor.", Err: errFull, RetryAfter: time.Second}
}
