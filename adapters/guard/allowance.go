package guard

import (
	"context"
	"errors"
	"slices"
	"sync"
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
// once and a part of the calls a second. Fixed gives the whole to one process,
// Leaser shares it between replicas. All versions of a creditor's connector live
// on it, each by a share of its own.
type Allowance struct {
	name   hub.Name
	limits Limits
	pace   *pace

	mu       sync.Mutex
	held     int       // slots leased
	until    time.Time // the moment by which a call must have ended; zero = no limit
	inflight int
	queue    []*waiter
	slowed   []*share      // whose ceiling is low
	moved    chan struct{} // closed when the lease moves; made when somebody watches
}

type waiter struct {
	of      *share
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
	return &Allowance{name: name, limits: limits, pace: newPace(limits.RPS)}
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
	a.held = min(a.held, a.limits.Inflight)
	a.mu.Unlock()
	a.pace.retune(limits.RPS)
}

// Load is how much of an allowance is used.
type Load struct {
	Held     int // slots leased
	Usable   int // of them, what the creditor's "too many" leaves to the version that hears it most
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

// usable is what is left to the version that has least. One that was not slowed
// for an hour may be gone, or is asked by nobody.
func (a *Allowance) usable() int {
	least := a.held
	for _, s := range a.slowed {
		if time.Since(s.lowered) <= pauseMost {
			least = min(least, s.most())
		}
	}
	return least
}

// free tells whether a call that ends at end may start now.
func (a *Allowance) free(end time.Time) bool {
	return a.inflight < a.held && (a.until.IsZero() || !end.After(a.until))
}

// next is the place of the waiter whose turn it is, -1 when nobody waits for a
// slot: who waits for calls of its own connector keeps nobody else waiting.
func (a *Allowance) next() int {
	return slices.IndexFunc(a.queue, func(w *waiter) bool { return !w.of.full() })
}

// grant lets waiters in as long as there are slots, in order of arrival.
func (a *Allowance) grant() {
	for i := a.next(); i >= 0 && a.free(a.queue[i].end); i = a.next() {
		w := a.queue[i]
		w.of.take()
		close(w.granted)
		a.remove(w)
	}
}

// remove takes a waiter out of the queue. It is false when it stands there no more.
func (a *Allowance) remove(w *waiter) bool {
	i := slices.Index(a.queue, w)
	if i >= 0 {
		a.queue = slices.Delete(a.queue, i, i+1)
		w.of.waiting--
	}
	return i >= 0
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
