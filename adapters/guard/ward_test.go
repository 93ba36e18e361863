package guard_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// wards is a hub.Quarantines in memory that can be out of reach.
type wards struct {
	mu   sync.Mutex
	down bool
	in   map[hub.Name]time.Time
	out  map[hub.Name]int // how often each was let out
}

var errDown = errors.New("the store is down")

func (w *wards) Quarantine(_ context.Context, name hub.Name, _ string, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errDown
	}
	w.in[name] = at
	return nil
}

func (w *wards) Lift(_ context.Context, name hub.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.in, name)
	if w.out == nil {
		w.out = map[hub.Name]int{}
	}
	w.out[name]++
	return nil
}

func (w *wards) Lifted(context.Context) (map[hub.Name]int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.out), nil
}

func (w *wards) Quarantined(context.Context) (map[hub.Name]time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, errDown
	}
	return maps.Clone(w.in), nil
}

func (w *wards) reach(down bool) {
	w.mu.Lock()
	w.down = down
	w.mu.Unlock()
}

func (w *wards) holds(name hub.Name) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, in := w.in[name]
	return in
}

// warded is a replica whose guard shares the store of quarantines.
func warded(t *testing.T, store hub.Quarantines, c hub.Source, moved func(hub.Name, bool)) (hub.Source, *guard.Ward) {
	clock := hub.ClockFunc(time.Now)
	ward := guard.NewWard(store, clock, nil, moved)
	if err := ward.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	connector := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: traits, Source: c}
	parts := guard.Parts{Allowance: guard.Fixed("water", guard.LimitsOf(traits)), Clock: clock, Ward: ward}
	return guard.Connector(connector, parts, guard.Conf{}).Source, ward
}

func TestForeignDataStopsTheConnectorEverywhereUntilItIsLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &wards{in: map[hub.Name]time.Time{}}
		mixedUp := &creditor{act: fails(hub.Errorf(hub.CodeForeignData, "somebody else"))}
		fine := &creditor{}
		var mu sync.Mutex
		var heard []bool
		here, ward := warded(t, store, mixedUp, func(_ hub.Name, in bool) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, in)
		})
		there, other := warded(t, store, fine, nil)
		defer ward.Stop(context.Background())
		defer other.Stop(context.Background())

		for range 5 {
			if got := hub.CodeOf(ask(here)); got != hub.CodeForeignData {
				t.Errorf("here: got %q, want foreign data", got)
			}
		}
		if got := mixedUp.calls.Load(); got != 1 {
			t.Errorf("here: got %d calls, want the one that showed it", got)
		}
		time.Sleep(3 * time.Second)
		if got := hub.CodeOf(ask(there)); got != hub.CodeForeignData || fine.calls.Load() != 0 {
			t.Errorf("another replica: got %q after %d calls, want it not asked", got, fine.calls.Load())
		}
		mixedUp.act = nil
		_ = store.Lift(context.Background(), "water")
		time.Sleep(3 * time.Second)
		if err := errors.Join(ask(here), ask(there)); err != nil {
			t.Errorf("lifted: got %v, want answers", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(heard) != 2 || !heard[0] || heard[1] {
			t.Errorf("got told %v, want in and out", heard)
		}
	})
}

// TestEveryReplicaLearnsWhoWasLetOut: also one that never knew of the quarantine.
func TestEveryReplicaLearnsWhoWasLetOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &wards{in: map[hub.Name]time.Time{}}
		clock, terms := hub.ClockFunc(time.Now), map[string]func() hub.Term{}
		for _, replica := range []string{"here", "there"} {
			ward := guard.NewWard(store, clock, nil, nil)
			if err := ward.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer ward.Stop(context.Background())
			parts := guard.Parts{Allowance: guard.Fixed("water", guard.LimitsOf(traits)), Clock: clock, Ward: ward}
			terms[replica] = guard.Connector(&hub.Connector{Creditor: hub.Creditor{Name: "water"}}, parts, guard.Conf{}).Term
		}
		for n := range int32(3) {
			for replica, term := range terms {
				if got, want := term(), (hub.Term{Creditor: n}); got != want {
					t.Errorf("%s: got %+v, want %+v", replica, got, want)
				}
			}
			_ = store.Quarantine(t.Context(), "water", "a test", time.Now())
			_ = store.Lift(t.Context(), "water")
			time.Sleep(3 * time.Second)
		}
	})
}

func TestAConnectorSaysWhetherItIsHeld(t *testing.T) {
	clock := hub.ClockFunc(time.Now)
	ward := guard.NewWard(&wards{in: map[hub.Name]time.Time{}}, clock, nil, nil)
	for _, w := range []*guard.Ward{ward, nil} {
		c := guard.Connector(&hub.Connector{Creditor: hub.Creditor{Name: "water"}}, guard.Parts{Allowance: guard.Fixed("water", guard.LimitsOf(traits)), Clock: clock, Ward: w}, guard.Conf{})
		before := c.Quarantined()
		ward.Quarantine("water", "a test")
		if after := c.Quarantined(); before || after != (w != nil) {
			t.Errorf("got held %t and then %t, by a ward: %t", before, after, w != nil)
		}
	}
}

func TestAnswersUnderWayAreDroppedWithTheForeignOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		c := &creditor{}
		c.act = func(context.Context) error {
			if first {
				first = false
				time.Sleep(500 * time.Millisecond)
				return nil
			}
			return hub.Errorf(hub.CodeForeignData, "somebody else")
		}
		s, ward := warded(t, &wards{in: map[hub.Name]time.Time{}}, c, nil)
		defer ward.Stop(context.Background())
		slow := make(chan error, 1)
		go func() { slow <- ask(s) }()
		synctest.Wait()
		_ = ask(s)
		if got := hub.CodeOf(<-slow); got != hub.CodeForeignData {
			t.Errorf("got %q, want the slower answer dropped", got)
		}
	})
}

func TestQuarantineOutlivesAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &wards{in: map[hub.Name]time.Time{}}
		c := &creditor{act: fails(hub.Errorf(hub.CodeForeignData, "somebody else"))}
		s, ward := warded(t, store, c, nil)
		store.reach(true)
		_ = ask(s)
		for range 10 {
			time.Sleep(3100 * time.Millisecond)
			_ = ask(s)
		}
		if got := c.calls.Load(); got != 1 {
			t.Errorf("got %d calls while the store is down, want 1", got)
		}
		store.reach(false)
		if err := ward.Stop(context.Background()); err != nil || !store.holds("water") {
			t.Errorf("got %v and %v, want the store told at the latest at the end", err, store.holds("water"))
		}
	})
}

func TestQuarantineIsNotForgottenWhileTheStoreIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &wards{in: map[hub.Name]time.Time{}}
		c := &creditor{act: fails(hub.Errorf(hub.CodeForeignData, "somebody else"))}
		s, ward := warded(t, slowWards{store}, c, nil)
		defer ward.Stop(context.Background())
		time.Sleep(4*time.Second + 50*time.Millisecond) // the read that began at 4 s is under way
		_ = ask(s)
		time.Sleep(time.Second)
		_ = ask(s)
		if got := c.calls.Load(); got != 1 {
			t.Errorf("got %d calls, want 1", got)
		}
	})
}

// slowWards answers with what was true a moment ago, and is slow to write.
type slowWards struct{ *wards }

func (w slowWards) Quarantined(ctx context.Context) (map[hub.Name]time.Time, error) {
	known, err := w.wards.Quarantined(ctx)
	time.Sleep(200 * time.Millisecond)
	return known, err
}

func (w slowWards) Quarantine(ctx context.Context, name hub.Name, reason string, at time.Time) error {
	time.Sleep(5 * time.Second)
	return w.wards.Quarantine(ctx, name, reason, at)
}

func TestQuarantineOfYesterdayHoldsFromTheFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{}
		s, ward := warded(t, &wards{in: map[hub.Name]time.Time{"water": time.Now()}}, c, nil)
		defer ward.Stop(context.Background())
		if got := hub.CodeOf(ask(s)); got != hub.CodeForeignData || c.calls.Load() != 0 {
			t.Errorf("got %q after %d calls, want it not asked", got, c.calls.Load())
		}
	})
}

func TestWardDoesNotOpenWithoutTheStore(t *testing.T) {
	store := &wards{down: true}
	if err := guard.NewWard(store, hub.ClockFunc(time.Now), nil, nil).Start(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("got %v, want the store's error", err)
	}
}
