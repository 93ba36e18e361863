package view

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// flight is one call to a creditor that everybody with the same question waits
// for. It has its own deadline: the first caller may leave.
type flight struct {
	trip trip
	done chan struct{}
	page *hub.Page
	err  error
	late bool           // another may have landed after the caches were asked
	keys [1]hub.PageKey // of what it asks, as a cache is asked
	seen [1]*hub.Page   // what the cache said
}

// landed waits for the answer as long as the caller can.
func (f *flight) landed(ctx context.Context) (*hub.Page, error) {
	select {
	case <-f.done:
		return f.page, f.err
	default:
	}
	select {
	case <-f.done:
		return f.page, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// flights holds the calls under way, and for a short while those that failed,
// so that a failing creditor is not asked anew by every reload.
type flights struct {
	mu   sync.Mutex
	open map[hub.PageKey]*flight
	wait sync.WaitGroup
	tide [tides]atomic.Uint32 // landings, by a part of the key
}

// tides is how many landings are told apart: so many that few of other keys are
// taken for one's own.
const tides = 1024

// landings tells how often a flight of the key, or of a few others, has landed.
func (g *flights) landings(key hub.PageKey) uint32 { return g.tide[tideOf(key)].Load() }

// turn says that a page of the key has come to L1.
func (g *flights) turn(key hub.PageKey) { g.tide[tideOf(key)].Add(1) }

// tideOf uses that keys are pseudonyms: any of their letters are evenly spread.
func tideOf(key hub.PageKey) int {
	if len(key) < 8 {
		return 0
	}
	return (int(key[len(key)-5])*37 + int(key[len(key)-4])) % tides
}

// join gives the call under way for the key, or a new one that the caller must
// fly. It wants the landings before the caches were asked.
func (g *flights) join(key hub.PageKey, landings uint32) (f *flight, mine bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, ok := g.open[key]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{}), keys: [1]hub.PageKey{key}}
	f.late = g.landings(key) != landings
	g.open[key] = f
	g.wait.Add(1)
	return f, true
}

// land tells everybody the outcome. A failure stays for remember.
func (g *flights) land(key hub.PageKey, f *flight, remember time.Duration) {
	f.trip = trip{} // a failure is remembered for a while, whom it was about is not
	g.turn(key)     // before the key is free again
	close(f.done)
	if remember > 0 {
		time.AfterFunc(remember, func() { g.forget(key) })
	} else {
		g.forget(key)
	}
	g.wait.Done()
}

func (g *flights) forget(key hub.PageKey) {
	g.mu.Lock()
	delete(g.open, key)
	g.mu.Unlock()
}

// rememberFailure is how long a failure answers for the creditor.
func rememberFailure(err error) time.Duration {
	switch hub.CodeOf(err) {
	case "", hub.CodeCancelled, hub.CodeNotFound:
		return 0
	case hub.CodeAuth:
		return time.Minute
	case hub.CodeBusy:
		return time.Second/4 + rand.N(time.Second/4)
	default:
		return 2*time.Second + rand.N(3*time.Second)
	}
}
