package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// What a view asks at one moment shares its time, and none gets less for it.
func TestQuestionsOfOneViewShareTheirTime(t *testing.T) {
	for name, tc := range map[string]struct {
		left      time.Duration // of the view's time
		least     time.Duration // the second of two questions gets
		most      time.Duration
		sameTimer bool
	}{
		"much time is left":   {8 * time.Second, time.Second, 1050 * time.Millisecond, true},
		"hardly any is left":  {time.Second + 80*time.Millisecond, 980 * time.Millisecond, time.Second, false},
		"less than it may be": {500 * time.Millisecond, 400 * time.Millisecond, 450 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ends []<-chan struct{}
				retries := 0
				hangs := &creditor{act: func(ctx context.Context) error {
					if ends = append(ends, ctx.Done()); hub.MayRetry(ctx) {
						retries++
					}
					<-ctx.Done()
					return ctx.Err()
				}}
				source, _ := guarded(hangs, traits, guard.Conf{})
				var spells hub.Spells
				view := spells.Begin(t.Context(), tc.left, 0)
				done := make(chan error, 2)
				for range 2 {
					go func() {
						_, err := source.Obligations(view, hub.Asked{})
						done <- err
					}()
					synctest.Wait()
					time.Sleep(10 * time.Millisecond)
				}
				began := time.Now().Add(-10 * time.Millisecond)
				for range 2 {
					if err := <-done; hub.CodeOf(err) != hub.CodeTimeout {
						t.Errorf("got %v, want a timeout", err)
					}
				}
				if took := time.Since(began); took < tc.least || took > tc.most {
					t.Errorf("got %v for the second question, want %v to %v", took, tc.least, tc.most)
				}
				if retries == 0 {
					t.Error("got no retry budget in the calls, want one")
				}
				if got := ends[0] == ends[1]; got != tc.sameTimer {
					t.Errorf("got one time for both: %v, want %v", got, tc.sameTimer)
				}
			})
		})
	}
}
