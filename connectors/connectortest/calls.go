package connectortest

import (
	"context"
	"errors"
	"sync"
	"time"

	"racord/hub"
)

// brief is how long a call may take whose creditor never answers.
const brief = 20 * time.Millisecond

func cancelledEnds(ctx context.Context, r *run) finding {
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.question(ctx, c)
	if hub.CodeOf(err) != hub.CodeCancelled {
		return failed(w, "a call whose context was cancelled before gave %v; want code cancelled", orNothing(err))
	}
	return passed()
}

func deadlineKept(ctx context.Context, r *run) finding {
	found := r.endsInTime(ctx, "a creditor that never answers", tamper{silent: true})
	if found.verdict != Passed || !r.calm.spokeHTTP() {
		return found
	}
	return r.endsInTime(ctx, "an answer that never ends", tamper{drip: true})
}

func (r *run) endsInTime(ctx context.Context, what string, t tamper) finding {
	c, w, err := r.open(ctx, t)
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	limited, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	_, err = r.question(limited, c)
	switch {
	case errors.Is(err, errStuck):
		return failed(w, "%s: %v", what, err)
	case err == nil && !w.waited():
		return skipped("it asks nobody over a wire that can be silent")
	case hub.CodeOf(err) != hub.CodeTimeout:
		return failed(w, "%s: the deadline gave %v; want code timeout", what, orNothing(err))
	}
	return passed()
}

// waited tells whether the wire was used at all.
func (w *wire) waited() bool {
	_, flights, conns := w.counts()
	return flights.most+conns.most > 0
}

func takesTurns(ctx context.Context, r *run) finding {
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	for call := 1; call <= 2; call++ {
		if _, err := r.question(ctx, c); err != nil {
			return failed(w, "call number %d failed with %v", call, err)
		}
		turns, _, _ := w.counts()
		switch {
		case w.spokeHTTP() && turns > 0:
			return failed(w, "it waited for a turn before HTTP, where the environment waits already")
		case !w.spokeHTTP() && turns < call:
			return failed(w, "%d calls took %d turns", call, turns)
		}
	}
	return passed()
}

func callsAtOnce(ctx context.Context, r *run) finding {
	if _, flights, _ := r.calm.counts(); flights.most > 1 {
		return failed(r.calm, "one question had %d requests on the wire at once", flights.most)
	}
	c, w, err := r.open(ctx, tamper{})
	if err != nil {
		return failed(w, "opening failed: %v", err)
	}
	most := min(max(r.suite.Traits.MaxInflight, 1), 8)
	if err := r.together(ctx, c, most); err != nil {
		return failed(w, "one of %d questions at once failed with %v", most, err)
	}
	_, flights, conns := w.counts()
	switch {
	case flights.most > most:
		return failed(w, "%d questions had %d requests on the wire at once", most, flights.most)
	case flights.now > 0:
		return failed(w, "%d answers were left open after their call", flights.now)
	case conns.most > max(r.suite.Traits.MaxInflight, 1):
		return failed(w, "%d questions opened %d connections; declared are %d", most, conns.most, r.suite.Traits.MaxInflight)
	}
	return passed()
}

// together asks n questions at once and gives the first failure.
func (r *run) together(ctx context.Context, c *hub.Connector, n int) error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { _, errs[i] = r.question(ctx, c) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
