package feed

import (
	"context"
	"time"

	"racord/hub"
)

var _ hub.Intake = (*Runner)(nil)

// How long Take waits for another delivery of the creditor to end, and how often
// it looks.
const (
	waitsFor  = 2 * time.Second
	looksEach = 20 * time.Millisecond
)

// Take takes what a creditor sent by itself as Deliver takes what was fetched.
// The batch stays the caller's to close.
func (r *Runner) Take(ctx context.Context, creditor hub.Name, batch hub.Batch) (hub.Taken, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.conf.Longest)
	defer cancel()
	result, err := r.take(ctx, creditor, batch)
	for err == nil && result.Outcome == Elsewhere && time.Since(began) < waitsFor && hub.Sleep(ctx, looksEach) {
		result, err = r.take(ctx, creditor, batch) // nothing of it was read yet
	}
	if err != nil {
		result.Outcome = Failed
	}
	r.report(ctx, creditor, result, err, time.Since(began))
	switch {
	case err != nil:
		return hub.Taken{}, err
	case result.Outcome == Elsewhere:
		busy := hub.Errorf(hub.CodeConflict, "Another delivery of this creditor is on its way.")
		busy.RetryAfter = time.Second
		return hub.Taken{}, busy
	case result.Outcome == Waiting:
		return hub.Taken{}, hub.Errorf(hub.CodeConflict, "An earlier delivery waits for a person, and this one must not overtake it.")
	}
	return hub.Taken{Held: result.Reason, Superseded: result.Superseded}, nil
}

func (r *Runner) take(ctx context.Context, creditor hub.Name, batch hub.Batch) (Result, error) {
	since, first, err := r.cursor(ctx, creditor)
	if err != nil {
		return Result{}, err
	}
	return r.accept(ctx, creditor, readBy{batch, r.fedBy(creditor)}, since, first)
}

// fedBy gives the version on its way that reads for a creditor, 0 where one is live.
func (r *Runner) fedBy(creditor hub.Name) int {
	for _, c := range r.Roster.OnDuty() {
		if c.Creditor.Name == creditor {
			return c.FedBy
		}
	}
	return 0
}
