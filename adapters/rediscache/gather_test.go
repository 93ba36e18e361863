package rediscache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

// look makes a look-up that is used once: a bubble's channels cannot leave it.
func look(names ...string) *lookup {
	l := &lookup{done: make(chan error, 1)}
	for _, one := range names {
		l.names = append(l.names, name(one))
	}
	return l
}

func TestLookUpsThatWaitGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		trips := 0
		g := &gatherer{fetch: func(names []name, values [][]byte, _ *room) error {
			mu.Lock()
			trips++
			mu.Unlock()
			<-release
			for i, name := range names {
				values[i] = append([]byte("value of "), name...)
			}
			return nil
		}}
		const callers = 100
		var all sync.WaitGroup
		for n := range callers {
			all.Go(func() {
				l := look(fmt.Sprint(n, "a"), fmt.Sprint(n, "b"))
				if err := g.ask(t.Context(), l); err != nil {
					t.Error(err)
				}
				for i, name := range l.names {
					if string(l.values[i]) != "value of "+string(name) {
						t.Errorf("got %q for %s", l.values[i], name)
					}
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		synctest.Wait()
		if trips > lanes+1 {
			t.Errorf("got %d round trips for %d callers, want %d at most", trips, callers, lanes+1)
		}
		if g.running != 0 {
			t.Errorf("got %d lanes after the last caller, want none", g.running)
		}
	})
}

func TestACallerDoesNotWaitForOthersRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := &gatherer{fetch: func([]name, [][]byte, *room) error { <-release; return errors.New("gone") }}
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- g.ask(ctx, look("a")) }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the caller left", err)
		}
		close(release)
		synctest.Wait()
	})
}
