package guard

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"racord/hub"
)

// State is a breaker's state.
type State int32

// The states of a breaker.
const (
	Closed   State = iota // calls pass
	HalfOpen              // a few probes pass
	Open                  // nothing passes
)

// String gives "closed", "half-open" or "open".
func (s State) String() string { return gobreaker.State(s).String() }

const (
	openFirst  = 10 * time.Second
	openLast   = 300 * time.Second
	healthyFor = time.Minute // closed for so long, the next opening is short again
	probes     = 3           // in a row, all must succeed
)

var errOpen = errors.New("breaker is open")

// breaker is a local gobreaker whose open time doubles from 10 s to 300 s
// (±20 %) as long as the creditor does not stay well for a minute.
type breaker struct {
	inner     *gobreaker.CircuitBreaker[struct{}]
	born      time.Time
	openUntil atomic.Int64 // nanoseconds after born
	state     atomic.Int32
	moves     chan [2]State
	publish   func(from, to State)

	// Touched only under the inner breaker's lock.
	streak   int // openings without a healthy minute between them
	closedAt time.Time
}

// trip says when a breaker opens: after so many failures in a row, or when half
// of at least 20 calls failed, both within a window that rolls on.
type trip struct {
	inRow  uint32
	window time.Duration
}

// tripRead is for questions that are asked often and answered in seconds.
var tripRead = trip{inRow: 8, window: 30 * time.Second}

func newBreaker(name string, publish func(from, to State)) *breaker {
	return newBreakerThat(tripRead, name, publish)
}

func newBreakerThat(opens trip, name string, publish func(from, to State)) *breaker {
	b := &breaker{born: time.Now(), publish: publish, moves: make(chan [2]State, 16)}
	b.inner = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, MaxRequests: probes,
		Interval: opens.window, BucketPeriod: opens.window / 10,
		Timeout:       openFirst,
		ReadyToTrip:   opens.ready,
		IsSuccessful:  func(err error) bool { return err == nil || isVerdict(err) },
		IsExcluded:    func(err error) bool { _, own := err.(notTheirs); return own },
		OnStateChange: b.changed,
	})
	return b
}

// ready does not look at Requests: that counts calls still in flight.
func (t trip) ready(c gobreaker.Counts) bool {
	done := c.TotalSuccesses + c.TotalFailures
	return c.ConsecutiveFailures >= t.inRow || (done >= 20 && 2*c.TotalFailures >= done)
}

// isVerdict tells whether a failure is an answer of a system that works.
func isVerdict(err error) bool {
	switch hub.CodeOf(err) {
	case hub.CodeBadData, hub.CodeAuth, hub.CodeTimeout, hub.CodeUnavailable, hub.CodeInternal, hub.CodeForeignData:
		return false
	default:
		return true
	}
}

// State tells the state without moving it.
func (b *breaker) State() State { return State(b.state.Load()) }

// do makes the call unless the breaker is open. The caller has looked at wait.
func (b *breaker) do(call func() error) error {
	_, err := b.inner.Execute(func() (struct{}, error) { return struct{}{}, call() })
	if len(b.moves) > 0 {
		b.tell()
	}
	if err == gobreaker.ErrOpenState || err == gobreaker.ErrTooManyRequests {
		return refused(b.wait())
	}
	return err
}

// wait is how long the breaker stays open; nothing passes before.
func (b *breaker) wait() time.Duration {
	until := b.openUntil.Load()
	if until == 0 {
		return 0
	}
	return time.Duration(until) - time.Since(b.born)
}

func refused(wait time.Duration) error {
	return &hub.Error{Code: hub.CodeUnavailable, Message: "The creditor cannot be reached now.", Err: errOpen, RetryAfter: max(wait, time.Second)}
}

// changed runs under the inner breaker's lock, so it asks it nothing and tells
// nobody: tell does, later.
func (b *breaker) changed(_ string, from, to gobreaker.State) {
	b.state.Store(int32(to))
	now := time.Now()
	switch to {
	case gobreaker.StateClosed:
		b.closedAt = now
		b.openUntil.Store(0)
	case gobreaker.StateOpen:
		if from == gobreaker.StateClosed && now.Sub(b.closedAt) >= healthyFor {
			b.streak = 0
		}
		b.openUntil.Store(int64(now.Add(openFor(b.streak)).Sub(b.born)))
		b.streak++
	}
	select {
	case b.moves <- [2]State{State(from), State(to)}:
	default: // a telling is lost, never a call
	}
}

// openFor doubles with every opening. It is never shorter than the inner
// breaker's own.
func openFor(streak int) time.Duration {
	d := min(openFirst<<min(streak, 8), openLast)
	return max(openFirst, d-d/5+rand.N(2*d/5))
}

func (b *breaker) tell() {
	for {
		select {
		case m := <-b.moves:
			b.publish(m[0], m[1])
		default:
			return
		}
	}
}
