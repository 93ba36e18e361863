package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	budgetShare = 0.1 // retries for each call
	budgetLeast = 1.0 // retries for each second, however few calls there are
	budgetMost  = 10  // retries saved up
)

// budget keeps retries from multiplying an outage: one retry for ten calls, and
// after a retry none before a call has succeeded.
type budget struct {
	calls  atomic.Int64
	proven atomic.Bool // a call succeeded since the last retry

	mu     sync.Mutex
	tokens float64
	seen   int64
	filled time.Time
}

func newBudget() *budget {
	b := &budget{tokens: budgetMost, filled: time.Now()}
	b.proven.Store(true)
	return b
}

func (b *budget) called() { b.calls.Add(1) }

func (b *budget) answered() {
	if !b.proven.Load() {
		b.proven.Store(true)
	}
}

// take takes one retry out of the budget.
func (b *budget) take() bool {
	if !b.proven.CompareAndSwap(true, false) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *budget) fill() {
	now, calls := time.Now(), b.calls.Load()
	earned := max(budgetShare*float64(calls-b.seen), budgetLeast*now.Sub(b.filled).Seconds())
	b.tokens = min(budgetMost, b.tokens+earned)
	b.seen, b.filled = calls, now
}
