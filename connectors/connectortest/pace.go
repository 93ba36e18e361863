package connectortest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"racord/hub"
)

// mostCalls is how many calls a creditor has to bear in one second of the suite,
// whatever it declares.
const mostCalls = 20

// rateBorne asks as often in about a second as the creditor declares, at most
// mostCalls times. The environment waits for the rate before every call.
func rateBorne(ctx context.Context, r *run) finding {
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	t := r.suite.Traits
	calls := min(max(int(t.RPS), 1), mostCalls)
	turns := make(chan struct{}, calls)
	for range calls {
		turns <- struct{}{}
	}
	close(turns)
	errs := make(chan error, calls)
	var wait sync.WaitGroup
	for range min(max(t.MaxInflight, 1), calls) {
		wait.Go(func() {
			for range turns {
				if _, err := r.question(ctx, c); err != nil {
					errs <- err
				}
			}
		})
	}
	wait.Wait()
	if len(errs) > 0 {
		return failed(w, "of %d calls at the declared rate %d failed, the first with %v", calls, len(errs), <-errs)
	}
	return passed()
}

// endlessListEnds lets every page be the first one again. Where the manifest says
// that this is how the list ends, it ends there.
func endlessListEnds(ctx context.Context, r *run) finding {
	if r.answerErr != nil || r.connector.Source == nil {
		return skipped("there is no list to follow")
	}
	_, w, err := r.disturbed(ctx, tamper{})
	if err != nil || !w.paged() {
		return skipped("the list of test.known has one page")
	}
	var first *reply
	_, w, err = r.disturbed(ctx, tamper{reply: func(p reply) reply {
		if first == nil {
			first = &p
		}
		return *first
	}})
	switch {
	case errors.Is(err, errStuck):
		return failed(w, "a list that never ends is read without end")
	case r.suite.Repeats && err == nil && len(w.requests()) == 2:
		return passed()
	case !slices.Contains(unusable, hub.CodeOf(err)):
		return failed(w, "a list that never ends gave %v after %d pages; want an error of one of the codes %v", orNothing(err), len(w.requests()), unusable)
	}
	return passed()
}

// paged tells whether one call was made several times, one after the other.
func (w *wire) paged() bool {
	all := w.requests()
	_, flights, _ := w.counts()
	for _, e := range all {
		path, _, _ := strings.Cut(e.address, "?")
		first, _, _ := strings.Cut(all[0].address, "?")
		if path != first {
			return false
		}
	}
	return len(all) > 1 && flights.most == 1
}
