package roster

import (
	"context"
	"errors"
	"sync"
	"time"

	"racord/hub"
)

// tally is what was seen of versions on their way and not yet told.
type tally struct {
	mu   sync.Mutex
	sums map[post]*hub.Trial
}

// mostMismatches is how many are kept of one report; the store keeps the latest.
const mostMismatches = 50

func (t *tally) add(at post, what func(*hub.Trial)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.sums[at]
	if sum == nil {
		sum = &hub.Trial{FirstAt: time.Now()}
		t.sums[at] = sum
	}
	sum.LastAt = time.Now()
	what(sum)
}

func (t *tally) called(at post, failed, foreign bool) {
	t.add(at, func(sum *hub.Trial) {
		sum.Calls++
		if failed {
			sum.Failed++
		}
		if foreign {
			sum.Foreign++
		}
	})
}

func (t *tally) compared(at post, found []hub.Mismatch) {
	t.add(at, func(sum *hub.Trial) {
		sum.Compared++
		if len(found) > 0 {
			sum.Differed++
		}
		sum.Mismatches = append(sum.Mismatches, found...)
		sum.Mismatches = sum.Mismatches[max(0, len(sum.Mismatches)-mostMismatches):]
	})
}

// untold gives the calls of a version that the store was not told of.
func (t *tally) untold(at post) count {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sum := t.sums[at]; sum != nil {
		return count{sum.Calls, sum.Failed}
	}
	return count{}
}

// take gives what was not told yet, and begins anew.
func (t *tally) take() map[post]*hub.Trial {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sums) == 0 {
		return nil
	}
	taken := t.sums
	t.sums = map[post]*hub.Trial{}
	return taken
}

// report tells the store what was seen. What it does not take counts again next
// time.
func (r *Roster) report(ctx context.Context) (failed error) {
	for at, sum := range r.tally.take() {
		err := r.Store.AddTrial(ctx, at.creditor, at.version, *sum)
		if err == nil || hub.CodeOf(err) == hub.CodeNotFound {
			continue
		}
		failed = errors.Join(failed, err)
		r.tally.add(at, func(now *hub.Trial) {
			now.Calls, now.Failed, now.Foreign = now.Calls+sum.Calls, now.Failed+sum.Failed, now.Foreign+sum.Foreign
			now.Compared, now.Differed = now.Compared+sum.Compared, now.Differed+sum.Differed
			now.FirstAt = sum.FirstAt
			now.Mismatches = append(sum.Mismatches, now.Mismatches...)
			now.Mismatches = now.Mismatches[max(0, len(now.Mismatches)-mostMismatches):]
		})
	}
	return failed
}
