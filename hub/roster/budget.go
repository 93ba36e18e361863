package roster

import (
	"context"
	"errors"
	"sync"
	"time"

	"racord/hub"
)

// count is how many calls there were and how many of them failed.
type count struct{ calls, failed int64 }

func (c count) plus(o count) count  { return count{c.calls + o.calls, c.failed + o.failed} }
func (c count) minus(o count) count { return count{c.calls - o.calls, c.failed - o.failed} }

// budget is what a canary may fail, over all replicas: what they told the store
// since a moment, and what this one has not told yet.
type budget struct {
	mu    sync.Mutex
	since time.Time
	base  count // of the store at that moment
	told  count // of the store when it was last asked
}

// heard takes what all replicas told. The first word, and one after the time in
// which failures count, begins anew.
func (b *budget) heard(told count, forgiven time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.since) > forgiven || told.calls < b.base.calls {
		b.since, b.base = now, told
	}
	b.told = told
}

// spent gives the calls that count, with those that nobody was told of.
func (b *budget) spent(untold count) count {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told.minus(b.base).plus(untold)
}

// overdrawn tells whether more calls failed than the budget allows.
func (w *watched) overdrawn() bool {
	spent := w.budget.spent(w.r.tally.untold(w.at))
	return spent.calls >= int64(w.r.conf.Least) && float64(spent.failed) > w.r.conf.Budget*float64(spent.calls)
}

// hear asks the store what all replicas saw of a canary.
func (w *watched) hear(ctx context.Context) error {
	trial, err := w.r.Store.Trial(ctx, w.at.creditor, w.at.version)
	if err == nil {
		w.budget.heard(count{trial.Calls, trial.Failed}, w.r.conf.Forgiven)
	}
	return err
}

// judge takes canaries out of service that failed too often over all replicas,
// whoever of them was called here.
func (r *Roster) judge(ctx context.Context) (failed error) {
	for _, w := range r.canaries() {
		if err := w.hear(ctx); err != nil {
			failed = errors.Join(failed, err)
		} else if w.overdrawn() {
			r.demote(w.at, hub.StageSuspended, tooMany)
		}
	}
	return failed
}

func (r *Roster) canaries() (list []*watched) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.crew {
		if m.watch != nil && m.watch.canary {
			list = append(list, m.watch)
		}
	}
	return list
}
