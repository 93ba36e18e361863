package reconcile

import (
	"context"
	"sync"
	"time"

	"racord/hub"
)

const (
	jobFor    = 9 * time.Minute // one turn at most
	jobLease  = 6 * time.Second // what a replica that died was at is taken up so soon
	keepEvery = jobLease / 3
)

// turn is one doing of a job. It has the job for as long as it goes on, under a
// name of its own: another one of the same hub is somebody else.
type turn struct {
	store Store

	mu  sync.Mutex
	run hub.Run
}

// take takes a job for a turn.
func (s *Service) take(ctx context.Context, job hub.Job, anyway bool) (*turn, error) {
	run, err := s.Store.TakeJob(ctx, job, hub.Holder(hub.NewID()), jobLease, anyway)
	return &turn{store: s.Store, run: run}, err
}

// work is for what the turn does: it ends when the turn has lasted long enough, or
// somebody else has the job.
func (t *turn) work(ctx context.Context) (work context.Context, end func()) {
	work, stop := context.WithTimeout(ctx, jobFor)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		for hub.Sleep(work, keepEvery) {
			if hub.CodeOf(t.keep(work)) == hub.CodeConflict {
				stop()
			}
		}
	})
	return work, func() { stop(); keeping.Wait() }
}

// keep keeps the job, and what was noted of how far it has come.
func (t *turn) keep(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.store.KeepJob(ctx, t.run, jobLease)
}

// note notes how far the job has come: where the next turn goes on.
func (t *turn) note(cursor string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run.Cursor = cursor
}

// end gives the job back. One that was cut short goes on soon; one that failed is
// done again soon at first, and less often the longer it fails: for one account that
// is refused, all others are asked once more each time.
func (t *turn) end(ctx context.Context, err error, cut bool) error {
	again := every[t.run.Job]
	switch {
	case cut:
		again = soonAgain
	case err != nil:
		again = min(again, max(soonAgain, t.late(ctx)), seldomAgain)
	}
	return t.store.EndJob(ctx, t.run, again, err == nil)
}

// late is for how long the job should have succeeded by now.
func (t *turn) late(ctx context.Context) time.Duration {
	pulse, err := t.store.Pulse(ctx)
	if err != nil {
		return 0
	}
	since := t.run.First
	if !t.run.Succeeded.IsZero() {
		since = t.run.Succeeded.Add(every[t.run.Job])
	}
	return pulse.At.Sub(since)
}

// endDay gives the job back after one day was compared: when all are due, and
// when they were last compared, stays as it was.
func (t *turn) endDay(ctx context.Context) error {
	pulse, err := t.store.Pulse(ctx)
	if err != nil {
		return err
	}
	return t.store.EndJob(ctx, t.run, t.run.Due.Sub(pulse.At), false)
}
