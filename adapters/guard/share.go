package guard

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"racord/hub"
)

// share is what one guarded connector has of its creditor's allowance. Slots and
// rate are everybody's who calls the creditor. That there were too many calls, and
// when to come back, was said to this connector alone: another version of it may
// call another system, and what that one asks for must not stop this one.
type share struct {
	*Allowance
	pause atomic.Pointer[pause]

	// Under the allowance's lock.
	ceiling float64   // what the creditor's "too many" left of the slots; 0 = all
	lowered time.Time // when it was lowered last
	calls   int       // under way
	waiting int
}

func newShare(a *Allowance) *share { return &share{Allowance: a} }

// most is how many slots the creditor's "too many" leaves.
func (s *share) most() int {
	if s.ceiling == 0 {
		return s.limits.Inflight
	}
	return max(1, int(s.ceiling))
}

// full tells whether no further call may begin before one of this connector's ends.
func (s *share) full() bool { return s.calls >= s.most() }

func (s *share) take() {
	s.calls++
	s.inflight++
}

// enter takes a slot for a call that ends at end, waiting for at most patience
// in a queue of at most queue calls. Every enter without error needs one leave.
func (s *share) enter(ctx context.Context, end time.Time, queue int, patience time.Duration) error {
	s.mu.Lock()
	if s.next() < 0 && !s.full() && s.free(end) {
		s.take()
		s.mu.Unlock()
		return nil
	}
	if s.waiting >= queue {
		s.mu.Unlock()
		return full()
	}
	w := &waiter{of: s, end: end, granted: make(chan struct{})}
	s.queue = append(s.queue, w)
	s.waiting++
	s.mu.Unlock()
	return s.await(ctx, w, patience)
}

func (s *share) await(ctx context.Context, w *waiter, patience time.Duration) error {
	if waited := hub.SleepOr(ctx, patience, w.granted); (waited || ctx.Err() != nil) && s.forget(w) {
		return full()
	}
	return nil // granted, perhaps in the same moment
}

// forget takes a waiter out of the queue. It is false when the waiter was
// granted a slot before.
func (s *share) forget(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.remove(w)
	s.grant() // those behind may end sooner
	return gone
}

func (s *share) leave() {
	s.mu.Lock()
	s.calls--
	s.inflight--
	s.grant()
	s.mu.Unlock()
}

// leaveIn gives the slot back after a while.
func (s *share) leaveIn(d time.Duration) { time.AfterFunc(d, s.leave) }

// leaveAfter gives the slot back after a call with that outcome: at once, or after
// a while when the creditor may still be at work.
func (s *share) leaveAfter(code hub.Code, linger time.Duration) {
	switch code {
	case hub.CodeTimeout, hub.CodeCancelled, hub.CodeBadData, hub.CodeInternal:
		s.leaveIn(linger)
	default:
		s.leave()
	}
}

// halve leaves half of the slots after the creditor said "too many", once for all
// calls that were under way.
func (s *share) halve(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !began.After(s.lowered) {
		return
	}
	if s.ceiling == 0 {
		s.slowed = append(s.slowed, s)
	}
	s.ceiling = max(1, float64(min(s.held, s.most()))/2)
	s.lowered = time.Now()
}

// faster gives one slot back for as many successes as there are slots.
func (s *share) faster() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ceiling == 0 {
		return
	}
	if s.ceiling += 1 / s.ceiling; s.ceiling >= float64(s.limits.Inflight) {
		s.forgive()
	}
	s.grant()
}

// forgive forgets that there were too many calls.
func (s *share) forgive() {
	s.ceiling = 0
	s.slowed = slices.DeleteFunc(s.slowed, func(other *share) bool { return other == s })
}
