// Package gate is the front door of a creditor: it counts who comes in, makes
// them wait as long as the creditor would, and misbehaves on request. What is
// behind the door always tells the truth.
package gate

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"racord/cmd/city/dice"
)

// Gate is the door of one creditor. It is safe for concurrent use, and its
// hot path takes no lock other creditors share.
type Gate struct {
	name    string
	seed    int64
	limit   int64 // calls at once; 0 for no limit
	latency Latency
	voice   Voice
	posts   func(*http.Request, []byte) bool
	draws   atomic.Int64
	mu      sync.Mutex // for changes of faults
	faults  atomic.Pointer[[]Fault]
	changed atomic.Pointer[func()]
	meter   meter
}

// Config describes a door.
type Config struct {
	Name    string
	Seed    int64
	Limit   int // calls the creditor bears at once; 0 for any number
	Latency Latency
	Voice   Voice                                   // zero for JSON
	Posts   func(r *http.Request, body []byte) bool // tells payments from questions; nil for Payments
}

// New builds the door of a creditor.
func New(c Config) *Gate {
	if c.Voice.Busy == nil {
		c.Voice = JSON()
	}
	if c.Posts == nil {
		c.Posts = Payments
	}
	g := &Gate{name: c.Name, seed: c.Seed, limit: int64(c.Limit), latency: c.Latency, voice: c.Voice, posts: c.Posts}
	g.faults.Store(&[]Fault{})
	return g
}

// Payments tells the payments of the REST creditors by method and path.
func Payments(r *http.Request, _ []byte) bool {
	return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/payments")
}

// Set makes the creditor misbehave; a fault of the same kind for the same calls
// is replaced.
func (g *Gate) Set(f Fault) error {
	f.Creditor = g.name
	if err := f.check(); err != nil {
		return err
	}
	g.change(func(now []Fault) []Fault {
		now = slices.DeleteFunc(now, func(old Fault) bool { return old.Kind == f.Kind && old.Only == f.Only })
		return append(now, f)
	})
	return nil
}

// Clear makes the creditor behave.
func (g *Gate) Clear() { g.change(func([]Fault) []Fault { return []Fault{} }) }

// Faults lists what is switched on.
func (g *Gate) Faults() []Fault { return *g.faults.Load() }

// OnChange asks to be told after each change of faults.
func (g *Gate) OnChange(f func()) { g.changed.Store(&f) }

func (g *Gate) change(to func([]Fault) []Fault) {
	g.mu.Lock()
	next := to(slices.Clone(*g.faults.Load()))
	g.faults.Store(&next)
	g.mu.Unlock()
	if told := g.changed.Load(); told != nil {
		(*told)()
	}
}

// On returns the fault of a kind if it is switched on for questions, whatever
// its share.
func (g *Gate) On(kind Kind) (Fault, bool) { return g.on(kind, false) }

// OnPost is On for payments.
func (g *Gate) OnPost(kind Kind) (Fault, bool) { return g.on(kind, true) }

func (g *Gate) on(kind Kind, post bool) (Fault, bool) {
	for _, f := range *g.faults.Load() {
		if f.Kind == kind && f.meant(post) {
			return f, true
		}
	}
	return Fault{}, false
}

// Draw decides which of the faults on the wire, if any, the next question meets.
// The n-th call of a seed always meets the same.
func (g *Gate) Draw() (Fault, bool) { return g.draw(false) }

// DrawPost is Draw for a payment.
func (g *Gate) DrawPost() (Fault, bool) { return g.draw(true) }

func (g *Gate) draw(post bool) (Fault, bool) {
	faults := *g.faults.Load()
	if len(faults) == 0 {
		return Fault{}, false
	}
	return pick(faults, wireKinds, post, dice.New(g.seed, "fault "+g.name, int(g.draws.Add(1))))
}

// DrawFor decides which of the faults of those kinds, if any, hits the thing
// named. The same thing of a seed always meets the same, whoever asks first.
func (g *Gate) DrawFor(thing string, kinds ...Kind) (Fault, bool) {
	faults := *g.faults.Load()
	if len(faults) == 0 {
		return Fault{}, false
	}
	return pick(faults, kinds, true, dice.New(g.seed, "fault "+g.name+" "+thing))
}

func pick(faults []Fault, kinds []Kind, post bool, d dice.Dice) (Fault, bool) {
	roll, sum := d.Float(), 0.0
	for _, f := range faults {
		if !slices.Contains(kinds, f.Kind) || !f.meant(post) {
			continue
		}
		if sum += f.Hits(); roll < sum {
			return f, true
		}
	}
	return Fault{}, false
}

// Enter counts a call in; the caller must call leave when the call has ended.
// over is true when more calls are in flight than the creditor bears.
func (g *Gate) Enter() (leave func(), over bool) {
	inflight := g.meter.start()
	if g.limit > 0 && inflight > g.limit {
		g.meter.over()
		return g.meter.end, true
	}
	return g.meter.end, false
}

// Wait takes as long as the creditor needs for a call, less if ctx ends.
func (g *Gate) Wait(ctx context.Context) {
	if g.latency.P50 > 0 {
		d := dice.New(g.seed, "latency "+g.name, int(g.draws.Add(1)))
		sleep(ctx, g.latency.draw(&d))
	}
}

// Counter tells what the creditor saw since the last Reset.
func (g *Gate) Counter() Counter { return g.meter.read() }

// Reset starts counting again.
func (g *Gate) Reset() { g.meter.reset() }
