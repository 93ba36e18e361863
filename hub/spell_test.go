package hub_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
)

func TestCallsOfOneMomentShareTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spells hub.Spells
		parent, end := context.WithCancel(t.Context())
		began := time.Now()
		first := spells.Begin(parent, time.Second, 50*time.Millisecond)
		time.Sleep(49 * time.Millisecond)
		if second := spells.Begin(parent, time.Second, 50*time.Millisecond); second != first {
			t.Error("got another context for a call 49 ms later, want the same")
		}
		if other := spells.Begin(t.Context(), time.Second, 50*time.Millisecond); other == first {
			t.Error("got the same context under another parent")
		}
		time.Sleep(time.Millisecond)
		if later := spells.Begin(parent, time.Second, 50*time.Millisecond); later == first {
			t.Error("got the same context for a call 50 ms later, want another")
		}
		<-first.Done()
		if took := time.Since(began); took != 1050*time.Millisecond || !errors.Is(first.Err(), context.DeadlineExceeded) {
			t.Errorf("got the end after %v (%v), want after 1.05s: none may get less than its second", took, first.Err())
		}
		last := spells.Begin(parent, time.Second, 50*time.Millisecond)
		end()
		if !errors.Is(last.Err(), context.Canceled) {
			t.Errorf("got %v after the parent's end, want the same end", last.Err())
		}
	})
}

func TestCallsOfOneMomentShareWhatElseTheyNeed(t *testing.T) {
	spells := hub.Spells{With: func(ctx context.Context) context.Context {
		return hub.WithRetries(ctx, func() bool { return true })
	}}
	if !hub.MayRetry(spells.Begin(t.Context(), time.Second, time.Millisecond)) {
		t.Error("got no retry budget, want the one that is given along")
	}
}
