package guard

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// Ward knows which connectors are in quarantine. This replica's own findings
// count at once, those of others and a person's lifting within seconds.
type Ward struct {
	store   hub.Quarantines
	clock   hub.Clock
	log     *slog.Logger
	moved   func(creditor hub.Name, in bool)
	every   time.Duration
	known   atomic.Pointer[known]
	wake    chan struct{}
	stop    context.CancelFunc
	stopped chan struct{}

	mu      sync.Mutex
	pending map[hub.Name]finding // not yet in the store
}

// known is what the store said last, with what this replica found since.
type known struct {
	held  map[hub.Name]time.Time
	lifts map[hub.Name]int
}

type finding struct {
	reason string
	at     time.Time
}

// NewWard makes a ward. moved is told, one change at a time, who comes in and
// who is let out; it may be nil.
func NewWard(store hub.Quarantines, clock hub.Clock, log *slog.Logger, moved func(creditor hub.Name, in bool)) *Ward {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if moved == nil {
		moved = func(hub.Name, bool) {}
	}
	w := &Ward{store: store, clock: clock, log: log, moved: moved, every: 2 * time.Second,
		wake: make(chan struct{}, 1), pending: map[hub.Name]finding{}}
	w.known.Store(&known{held: map[hub.Name]time.Time{}})
	return w
}

// Start learns who is in quarantine before the first call, and then keeps
// looking. It fails with what the store fails with.
func (w *Ward) Start(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.stopped = make(chan struct{})
	go w.watch(ctx)
	return nil
}

// Stop tells the store what it does not know yet, as long as ctx allows, and
// ends the looking.
func (w *Ward) Stop(ctx context.Context) error {
	if w.stop == nil {
		return nil
	}
	w.stop()
	<-w.stopped
	return w.deliver(ctx)
}

// Holds tells whether the connector is in quarantine. Nobody is in a nil ward.
func (w *Ward) Holds(name hub.Name) bool {
	if w == nil {
		return false
	}
	_, in := w.known.Load().held[name]
	return in
}

// Lifts tells how often the connector was let out. Whoever asks after Holds never
// hears of fewer. Nobody ever was in a nil ward.
func (w *Ward) Lifts(name hub.Name) int {
	if w == nil {
		return 0
	}
	return w.known.Load().lifts[name]
}

// Quarantine takes a connector in, at once for this replica.
func (w *Ward) Quarantine(name hub.Name, reason string) {
	if w == nil || w.Holds(name) {
		return
	}
	at := w.clock.Now()
	w.mu.Lock()
	if _, known := w.pending[name]; known {
		w.mu.Unlock()
		return
	}
	w.pending[name] = finding{reason, at}
	before := w.known.Load()
	now := known{maps.Clone(before.held), before.lifts}
	now.held[name] = at
	w.known.Store(&now)
	w.mu.Unlock()
	w.log.Error("connector quarantined", "connector", name, "reason", reason)
	w.moved(name, true)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Ward) watch(ctx context.Context) {
	defer close(w.stopped)
	for {
		hub.SleepOr(ctx, w.every, w.wake)
		if ctx.Err() != nil {
			return
		}
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("quarantines cannot be read", "code", hub.CodeOf(err), "error", err)
		}
	}
}

// look tells the store what this replica found and learns what it knows.
func (w *Ward) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := w.deliver(ctx); err != nil {
		return err
	}
	held, err := w.store.Quarantined(ctx)
	if err != nil {
		return err
	}
	lifts, err := w.store.Lifted(ctx) // second: who was let out between is in for a little longer
	if err != nil {
		return err
	}
	w.learn(held, lifts)
	return nil
}

func (w *Ward) deliver(ctx context.Context) error {
	w.mu.Lock()
	found := maps.Clone(w.pending)
	w.mu.Unlock()
	for name, f := range found {
		if err := w.store.Quarantine(ctx, name, f.reason, f.at); err != nil {
			return err
		}
		w.mu.Lock()
		delete(w.pending, name)
		w.mu.Unlock()
	}
	return nil
}

// learn replaces what was known, but for what the store was not told yet.
func (w *Ward) learn(held map[hub.Name]time.Time, lifts map[hub.Name]int) {
	w.mu.Lock()
	before, now := w.known.Load().held, maps.Clone(held)
	if now == nil {
		now = map[hub.Name]time.Time{}
	}
	for name, f := range w.pending {
		now[name] = f.at
	}
	w.known.Store(&known{now, lifts})
	w.mu.Unlock()
	w.report(before, now)
}

func (w *Ward) report(before, now map[hub.Name]time.Time) {
	for name := range now {
		if _, was := before[name]; !was {
			w.log.Error("connector quarantined by another replica", "connector", name)
			w.moved(name, true)
		}
	}
	for name := range before {
		if _, still := now[name]; !still {
			w.log.Info("quarantine lifted", "connector", name)
			w.moved(name, false)
		}
	}
}
