package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"racord/cmd/racord/gauge"
	"racord/hub"
)

// database is where payments are kept and bare rows are written. Each run gets an
// empty one.
type database interface {
	name() string
	// open gives an empty store.
	open(ctx context.Context) (hub.Store, error)
	// bare gives the ways to write a script's rows, each with nothing around them.
	bare() []bareWay
}

// bareWay is a way to write rows. open gives what writes one change for one payer,
// who waits for it.
type bareWay struct {
	name string
	bar  float64 // what of it the service has to reach; 0 = it is only shown
	open func(ctx context.Context, payers int) (*bareRun, error)
}

// bench lets contenders run one after the other, never two at once.
type bench struct {
	options
	dir string
	say func(format string, args ...any) // progress
}

const warmUp = time.Second

// measure takes rounds of samples at each number of payers.
func (b *bench) measure(ctx context.Context, db database, changes script) (figures []gauge.Figure, err error) {
	for _, payers := range b.payers {
		ours, peers := []float64{}, make([][]float64, len(db.bare()))
		seen := []tally{}
		for round := range b.rounds {
			rate, t, err := b.service(ctx, db, payers, round == 0)
			if err != nil {
				return figures, fmt.Errorf("%s, %d payers: %w", db.name(), payers, err)
			}
			ours, seen = append(ours, rate), append(seen, t)
			b.say("%s, %d payers, round %d: service %.0f payments/s", db.name(), payers, round+1, rate)
			for i, way := range db.bare() {
				rate, err := b.bare(ctx, way, payers, changes)
				if err != nil {
					return figures, fmt.Errorf("%s, %s: %w", db.name(), way.name, err)
				}
				peers[i] = append(peers[i], rate)
				b.say("%s, %d payers, round %d: %s %.0f payments/s", db.name(), payers, round+1, way.name, rate)
			}
		}
		title := fmt.Sprintf("%s, %d payers", db.name(), payers)
		for i, way := range db.bare() {
			f := gauge.Compare(title, "payments/s", way.name, ours, peers[i])
			if way.bar > 0 {
				f = f.AtLeast(way.bar)
			}
			figures = append(figures, f)
		}
		figures = append(figures, shares(title, seen)...)
	}
	return figures, nil
}

// service runs payers through a hub over an empty store.
func (b *bench) service(ctx context.Context, db database, payers int, profiled bool) (rate float64, seen tally, err error) {
	store, err := db.open(ctx)
	if err != nil {
		return 0, seen, err
	}
	defer store.Close()
	h, err := openHub(ctx, store, payers, b.workers)
	if err != nil {
		return 0, seen, err
	}
	defer h.close()
	if profiled && b.profile != "" {
		stop, err := b.profileTo(fmt.Sprintf("%s-%d.cpu.pprof", db.name(), payers))
		if err != nil {
			return 0, seen, err
		}
		defer stop()
	}
	before := tally{}
	rate, err = b.sample(ctx, payers, func() { before = h.store.tally() }, func(ctx context.Context, payer int) error { return h.payOnce(ctx, payer) })
	return rate, h.store.tally().since(before), err
}

func (b *bench) bare(ctx context.Context, way bareWay, payers int, changes script) (float64, error) {
	r, err := way.open(ctx, payers)
	if err != nil {
		return 0, err
	}
	defer r.close()
	return b.sample(ctx, payers, func() {}, func(ctx context.Context, payer int) error {
		return changes.play(func(rows []row) error { return r.write(ctx, payer, rows) })
	})
}

func (b *bench) profileTo(name string) (stop func(), err error) {
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(b.profile, name))
	if err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, pprof.StartCPUProfile(f)
}

// sample has each payer do one payment after the other, and gives how many a
// second came to their end once all were warm. One that fails spoils the sample.
func (b *bench) sample(ctx context.Context, payers int, warm func(), pay func(ctx context.Context, payer int) error) (float64, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var done atomic.Int64
	var over atomic.Bool
	var running sync.WaitGroup
	for payer := range payers {
		running.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				if err := pay(ctx, payer); err != nil {
					fail(err)
					return
				}
				done.Add(1)
			}
		})
	}
	sleep(ctx, warmUp)
	warm()
	before, begun := done.Load(), time.Now()
	sleep(ctx, b.length)
	rate := float64(done.Load()-before) / time.Since(begun).Seconds()
	over.Store(true)
	running.Wait()
	return rate, context.Cause(ctx)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
