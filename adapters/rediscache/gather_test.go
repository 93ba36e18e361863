package rediscache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestLookUpsThatWaitGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		var trips [][]string
		g := &gatherer{fetch: func(names []string, values [][]byte, _ *room) error {
			mu.Lock()
			trips = append(trips, slices.Clone(names))
			mu.Unlock()
			<-release
			for i, name := range names {
				values[i] = []byte("value of " + name)
			}
			return nil
		}}
		const callers = 100
		var all sync.WaitGroup
		for n := range callers {
			all.Go(func() {
				l := &lookup{names: []string{fmt.Sprint(n, "a"), fmt.Sprint(n, "b")}, done: make(chan error, 1)}
				if err := g.ask(t.Context(), l); err != nil {
					t.Error(err)
				}
				for i, name := range l.names {
					if string(l.values[i]) != "value of "+name {
						t.Errorf("got %q for %s", l.values[i], name)
					}
				}
				l.release()
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		synctest.Wait()
		if got := len(trips); got > lanes+1 {
			t.Errorf("got %d round trips for %d callers, want %d at most", got, callers, lanes+1)
		}
		if g.running != 0 {
			t.Errorf("got %d lanes after the last caller, want none", g.running)
		}
	})
}

func TestACallerDoesNotWaitForOthersRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := &gatherer{fetch: func([]string, [][]byte, *room) error { <-release; return errors.New("gone") }}
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- g.ask(ctx, &lookup{names: []string{"a"}, done: make(chan error, 1)}) }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the caller left", err)
		}
		close(release)
		synctest.Wait()
	})
}
