package guard_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// ledger is a hub.Slots in memory, with the store's clock.
type ledger struct {
	mu      sync.Mutex
	holders map[hub.Holder]*holder
	slots   map[hub.Name]map[hub.Holder]slots
	most    map[hub.Name]int
	keeps   int
}

type holder struct{ born, until time.Time }

type slots struct {
	held  int
	until time.Time
}

func newLedger() *ledger {
	return &ledger{holders: map[hub.Holder]*holder{}, slots: map[hub.Name]map[hub.Holder]slots{}, most: map[hub.Name]int{}}
}

func (l *ledger) Beat(_ context.Context, me hub.Holder, ttl time.Duration) (alive, place int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.holders[me] == nil {
		l.holders[me] = &holder{born: now}
	}
	l.holders[me].until = now.Add(ttl)
	for name, other := range l.holders {
		if !other.until.After(now) {
			delete(l.holders, name)
			continue
		}
		alive++
		if mine := l.holders[me].born; other.born.Before(mine) || other.born.Equal(mine) && name < me {
			place++
		}
	}
	return alive, place, nil
}

func (l *ledger) Keep(_ context.Context, me hub.Holder, wishes ...hub.SlotWish) (held []int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keeps++
	for _, w := range wishes {
		held = append(held, l.keep(me, w, time.Now()))
	}
	return held, nil
}

func (l *ledger) keep(me hub.Holder, w hub.SlotWish, now time.Time) int {
	if l.slots[w.Creditor] == nil {
		l.slots[w.Creditor] = map[hub.Holder]slots{}
	}
	others := 0
	for name, s := range l.slots[w.Creditor] {
		if name != me && s.until.After(now) {
			others += s.held
		}
	}
	held := max(0, min(w.Want, w.Total-others))
	l.slots[w.Creditor][me] = slots{held, now.Add(w.TTL)}
	return held
}

func (l *ledger) Leave(_ context.Context, me hub.Holder) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holders, me)
	for _, held := range l.slots {
		delete(held, me)
	}
	return nil
}

// wireTo is one replica's connection to the ledger, which can be cut.
type wireTo struct {
	*ledger
	cut atomic.Bool
}

var errCut = errors.New("the store is out of reach")

func (w *wireTo) Beat(ctx context.Context, me hub.Holder, ttl time.Duration) (int, int, error) {
	if w.cut.Load() {
		<-ctx.Done()
		return 0, 0, errCut
	}
	return w.ledger.Beat(ctx, me, ttl)
}

func (w *wireTo) Keep(ctx context.Context, me hub.Holder, wishes ...hub.SlotWish) ([]int, error) {
	if w.cut.Load() {
		<-ctx.Done()
		return nil, errCut
	}
	return w.ledger.Keep(ctx, me, wishes...)
}

func (w *wireTo) Leave(ctx context.Context, me hub.Holder) error {
	if w.cut.Load() {
		return errCut
	}
	return w.ledger.Leave(ctx, me)
}

// witness is a creditor with its own counter.
type witness struct {
	takes    func() time.Duration
	mu       sync.Mutex
	inflight int
	most     int
	starts   []time.Time
	by       map[hub.Holder]int
}

func (w *witness) serve(ctx context.Context, who hub.Holder) error {
	w.mu.Lock()
	w.inflight++
	w.most = max(w.most, w.inflight)
	w.starts = append(w.starts, time.Now())
	w.by[who]++
	w.mu.Unlock()
	answered := make(chan struct{})
	// A timer of no time at all, in a bubble, is more than the race detector can take (Go 1.26).
	work := time.AfterFunc(max(w.takes(), time.Nanosecond), func() { close(answered) })
	defer work.Stop()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	w.mu.Lock()
	w.inflight--
	w.mu.Unlock()
	return ctx.Err()
}

// mostIn gives the largest number of starts in any window of that length.
func (w *witness) mostIn(window time.Duration) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.starts, time.Time.Compare)
	most, first := 0, 0
	for i := range w.starts {
		for w.starts[i].Sub(w.starts[first]) > window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// replica is a process that asks the witness as fast as it may.
type replica struct {
	holder hub.Holder
	store  *wireTo
	leaser *guard.Leaser
	source hub.Source
	allow  *guard.Allowance
	base   context.Context
	die    context.CancelFunc
	work   sync.WaitGroup
}

func newReplica(t *testing.T, l *ledger, w *witness, who hub.Holder, traits hub.Traits) *replica {
	r := &replica{holder: who, store: &wireTo{ledger: l}}
	r.base, r.die = context.WithCancel(context.Background())
	r.leaser = guard.NewLeaser(r.store, who, guard.LeaseConf{}, nil)
	r.allow = r.leaser.Allowance("water", guard.LimitsOf(traits))
	ask := func(ctx context.Context) error {
		if err := r.allow.Turn(ctx); err != nil {
			return err
		}
		return w.serve(ctx, who)
	}
	connector := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: traits, Source: &creditor{act: ask}}
	parts := guard.Parts{Allowance: r.allow, Clock: hub.ClockFunc(time.Now)}
	r.source = guard.Connector(connector, parts, guard.Conf{}).Source
	if err := r.leaser.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return r
}

// load asks with many callers until the time is over or the replica dies.
func (r *replica) load(callers int, d time.Duration) {
	end := time.Now().Add(d)
	for range callers {
		r.work.Go(func() {
			for time.Now().Before(end) && r.base.Err() == nil {
				_, err := r.source.Obligations(r.base, hub.Asked{})
				if err != nil {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
}

// kill ends the process between two instructions.
func (r *replica) kill() {
	r.store.cut.Store(true)
	r.die()
}

// stop ends the process in good order.
func (r *replica) stop(t *testing.T) {
	if err := r.leaser.Stop(context.Background()); err != nil {
		t.Errorf("stop: got %v, want nothing", err)
	}
	r.die()
}

func (r *replica) gone() {
	r.die()
	_ = r.leaser.Stop(context.Background())
	r.work.Wait()
}

func TestThreeReplicasStayWithinWhatTheCreditorDeclared(t *testing.T) {
	for name, tc := range map[string]struct {
		traits hub.Traits
		takes  time.Duration
	}{
		"the tax office":              {hub.Traits{MaxInflight: 8, RPS: 20, Timeout: time.Second}, 400 * time.Millisecond},
		"a slow one":                  {hub.Traits{MaxInflight: 5, RPS: 7.5, Timeout: 4 * time.Second}, 3 * time.Second},
		"a fast one":                  {hub.Traits{MaxInflight: 16, RPS: 200, Timeout: time.Second}, 5 * time.Millisecond},
		"one call at a time":          {hub.Traits{MaxInflight: 1, RPS: 2, Timeout: time.Second}, 100 * time.Millisecond},
		"one that hangs":              {hub.Traits{MaxInflight: 4, RPS: 10, Timeout: time.Second}, time.Hour},
		"two calls, as fast as it is": {hub.Traits{MaxInflight: 2, Timeout: time.Second}, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, w := newLedger(), &witness{takes: func() time.Duration { return tc.takes }, by: map[hub.Holder]int{}}
				var all []*replica
				launch := func(who hub.Holder) *replica {
					r := newReplica(t, l, w, who, tc.traits)
					r.load(10, 3*time.Minute)
					all = append(all, r)
					return r
				}
				a, b := launch("a"), launch("b")
				time.Sleep(10 * time.Second)
				c := launch("c")
				time.Sleep(20*time.Second + 3*time.Millisecond)
				a.kill()
				time.Sleep(5 * time.Second)
				launch("a2")
				time.Sleep(20 * time.Second)
				b.store.cut.Store(true) // alive, but without the store
				time.Sleep(30 * time.Second)
				b.store.cut.Store(false)
				time.Sleep(20 * time.Second)
				c.stop(t)
				launch("c2")
				time.Sleep(40 * time.Second)
				for _, r := range all {
					r.gone()
				}
				time.Sleep(time.Second)
				if w.most > tc.traits.MaxInflight {
					t.Errorf("got %d calls at once, want at most %d", w.most, tc.traits.MaxInflight)
				}
				if got := w.mostIn(time.Second); tc.traits.RPS > 0 && float64(got) > tc.traits.RPS {
					t.Errorf("got %d calls in a second, want at most %v", got, tc.traits.RPS)
				}
				for _, r := range all {
					if w.by[r.holder] == 0 {
						t.Errorf("replica %s: got no calls, want a turn for everybody", r.holder)
					}
				}
				t.Logf("%d calls, at most %d at once and %d in a second, %v, %d keeps", len(w.starts), w.most, w.mostIn(time.Second), w.by, l.keeps)
			})
		})
	}
}

func TestRateMovesBetweenReplicasWithoutAFullerSecond(t *testing.T) {
	for name, rps := range map[string]float64{"slow": 0.5, "a few": 5, "some": 12, "many": 100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, w := newLedger(), &witness{takes: func() time.Duration { return 0 }, by: map[hub.Holder]int{}}
				var all []*replica
				launch := func(who hub.Holder) *replica {
					r := newReplica(t, l, w, who, hub.Traits{MaxInflight: 64, RPS: rps, Timeout: time.Second})
					r.hurry(w, 10)
					all = append(all, r)
					return r
				}
				launch("a")
				for i, pause := range []time.Duration{3100, 2900, 1300, 7700} {
					time.Sleep(pause * time.Millisecond)
					launch(hub.Holder("b" + string(rune('0'+i))))
				}
				time.Sleep(20 * time.Second)
				all[1].store.cut.Store(true)
				time.Sleep(60 * time.Second)
				all[1].store.cut.Store(false)
				time.Sleep(10 * time.Second)
				for _, r := range all[2:4] {
					r.stop(t)
					launch(r.holder + "again")
					time.Sleep(700 * time.Millisecond)
				}
				time.Sleep(30 * time.Second)
				for _, r := range all {
					r.gone()
				}
				if got := w.mostIn(time.Duration(max(1, 1/rps) * float64(time.Second))); float64(got) > max(1, rps) {
					t.Errorf("got %d starts in a second, want at most %v", got, rps)
				}
				if least := int(rps * 145 / 4); len(w.starts) < least {
					t.Errorf("got %d starts, want at least %d", len(w.starts), least)
				}
				t.Logf("%d starts, %v", len(w.starts), w.by)
			})
		})
	}
}

// hurry takes turns as fast as it may, without slots.
func (r *replica) hurry(w *witness, callers int) {
	for range callers {
		r.work.Go(func() {
			for r.base.Err() == nil {
				ctx, cancel := context.WithTimeout(r.base, 2*time.Second)
				if r.allow.Turn(ctx) == nil {
					_ = w.serve(ctx, r.holder)
				} else {
					time.Sleep(20 * time.Millisecond)
				}
				cancel()
			}
		})
	}
}
