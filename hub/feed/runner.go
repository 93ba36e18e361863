package feed

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"racord/hub"
)

// Parts are what a Runner is made from. Meter may be nil.
type Parts struct {
	Roster hub.Roster
	Store  hub.Snapshots
	Log    *slog.Logger
	Meter  Meter
}

// Conf sets a Runner's pace and its gates. The zero value of a field takes its
// default. All times are real time.
type Conf struct {
	Every   time.Duration     // between two looks at a feed; default 5 min; failures double it up to eight times
	Longest time.Duration     // of one delivery; default 1 h
	Chunk   int               // rows staged at once; default 2000
	Gate    Gate              // of every creditor
	Gates   map[hub.Name]Gate // of one creditor, instead of Gate
}

func (c Conf) withDefaults() Conf {
	if c.Every == 0 {
		c.Every = 5 * time.Minute
	}
	if c.Longest == 0 {
		c.Longest = time.Hour
	}
	if c.Chunk == 0 {
		c.Chunk = 2000
	}
	return c
}

// Runner carries deliveries of feeds into the store. Several replicas may run
// at the same time: the store lets one delivery of a creditor be staged.
type Runner struct {
	Parts
	conf Conf
}

// New makes a Runner.
func New(parts Parts, conf Conf) *Runner {
	r := &Runner{Parts: parts, conf: conf.withDefaults()}
	if r.Meter == nil {
		r.Meter = silent{}
	}
	return r
}

// Run looks at every feed on duty again and again until ctx ends. A failure of
// a feed is logged and tried again; it ends nothing.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	watched := watch{names: map[hub.Name]bool{}}
	for {
		for _, c := range r.Roster.OnDuty() {
			if c.Feed != nil && watched.start(c.Creditor.Name) {
				all.Go(func() {
					defer watched.stop(c.Creditor.Name)
					r.follow(ctx, c.Creditor.Name)
				})
			}
		}
		if !hub.Sleep(ctx, min(r.conf.Every, newcomers)) {
			return
		}
	}
}

// newcomers is how often feeds are looked for that just came on duty.
const newcomers = time.Second

// payingFirst is how long a feed that has published before waits at first: a
// delivery keeps the creditor's slots for long, and payments that a hub left under
// way when it died go first.
const payingFirst = time.Second

// follow looks at one feed until ctx ends or the creditor leaves the roster.
func (r *Runner) follow(ctx context.Context, name hub.Name) {
	if _, first, err := r.cursor(ctx, name); err == nil && !first && !hub.Sleep(ctx, spread(payingFirst)) {
		return
	}
	failures := 0
	for {
		c := r.onDuty(name)
		if c == nil {
			return
		}
		if err := r.Drain(ctx, c); err != nil {
			failures = min(failures+1, 3)
		} else {
			failures = 0
		}
		if !hub.Sleep(ctx, spread(r.conf.Every<<failures)) {
			return
		}
	}
}

func (r *Runner) onDuty(name hub.Name) *hub.Connector {
	for _, c := range r.Roster.OnDuty() {
		if c.Creditor.Name == name && c.Feed != nil {
			return c
		}
	}
	return nil
}

// Drain takes delivery after delivery until there is nothing new, and returns
// what Deliver fails with.
func (r *Runner) Drain(ctx context.Context, c *hub.Connector) error {
	for {
		result, err := r.Deliver(ctx, c)
		if err != nil || result.Outcome != Published && result.Outcome != Held {
			return err
		}
	}
}

// watch knows the feeds that are being followed.
type watch struct {
	mu    sync.Mutex
	names map[hub.Name]bool
}

func (w *watch) start(name hub.Name) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names[name] {
		return false
	}
	w.names[name] = true
	return true
}

func (w *watch) stop(name hub.Name) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.names, name)
}

// spread keeps replicas from looking at the same moment: ±10 %.
func spread(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }
