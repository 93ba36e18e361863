package hubtest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

// keep asks for slots and fails the test on an error.
func keep(t *testing.T, store hub.Slots, who hub.Holder, creditor hub.Name, total, want int) int {
	t.Helper()
	held, err := store.Keep(t.Context(), who, hub.SlotWish{Creditor: creditor, Total: total, Want: want, TTL: time.Minute})
	wantCode(t, "Keep", err, "")
	return held[0]
}

func slotsKeep(t *testing.T, lab Lab) {
	for i, step := range []struct {
		who              hub.Holder
		creditor         hub.Name
		total, want, got int
	}{
		{"a", "water", 8, 3, 3},
		{"a", "heat", 2, 2, 2},  // creditors are apart
		{"b", "water", 8, 8, 5}, // only what is free
		{"a", "water", 8, 6, 3}, // nothing more is free; what it has stays
		{"b", "water", 8, 2, 2}, // gives back three
		{"a", "water", 8, 6, 6},
		{"a", "water", 4, 6, 2}, // the creditor declares less now
		{"b", "water", 4, 0, 0},
		{"a", "water", 4, 9, 4},
		{"c", "water", 4, -1, 0},
	} {
		if got := keep(t, lab.Store, step.who, step.creditor, step.total, step.want); got != step.got {
			t.Fatalf("step %d, %s wants %d of %d: got %d, want %d", i, step.who, step.want, step.total, got, step.got)
		}
	}
}

func slotsTogether(t *testing.T, lab Lab) {
	wish := func(creditor hub.Name, total, want int, ttl time.Duration) hub.SlotWish {
		return hub.SlotWish{Creditor: creditor, Total: total, Want: want, TTL: ttl}
	}
	for i, step := range []struct {
		who    hub.Holder
		wishes []hub.SlotWish
		want   []int
	}{
		{"a", []hub.SlotWish{wish("water", 8, 3, time.Minute), wish("heat", 2, 2, time.Hour)}, []int{3, 2}},
		{"b", []hub.SlotWish{wish("heat", 2, 1, time.Minute), wish("water", 8, 8, time.Minute), wish("gas", 4, 4, time.Minute)}, []int{0, 5, 4}},
		{"a", []hub.SlotWish{wish("gas", 4, 1, time.Minute)}, []int{0}}, // what it does not name stays
		{"b", []hub.SlotWish{wish("water", 8, 8, time.Minute)}, []int{5}},
		{"a", nil, nil},
	} {
		got, err := lab.Store.Keep(t.Context(), step.who, step.wishes...)
		wantCode(t, "Keep", err, "")
		if !slices.Equal(got, step.want) {
			t.Fatalf("step %d, %s wants %v: got %v, want %v", i, step.who, step.wishes, got, step.want)
		}
	}
	lab.age(t, time.Minute)
	if water, heat := keep(t, lab.Store, "c", "water", 8, 8), keep(t, lab.Store, "c", "heat", 2, 2); water != 8 || heat != 0 {
		t.Errorf("got %d and %d after a minute, want 8 and 0: each has its own end", water, heat)
	}
}

func slotsNeverTooMany(t *testing.T, lab Lab) {
	const holders, total, rounds = 6, 10, 15
	var mu sync.Mutex
	held, errs := map[hub.Holder]int{}, []error{}
	var wait sync.WaitGroup
	for h := range holders {
		wait.Go(func() {
			who := hub.Holder(fmt.Sprint("holder-", h))
			for round := range rounds {
				want := (h*7 + round*5) % (total + 1)
				mu.Lock() // what one is about to give back may be taken before it knows
				held[who] = min(held[who], want)
				mu.Unlock()
				kept, err := lab.Store.Keep(t.Context(), who, hub.SlotWish{Creditor: "water", Total: total, Want: want, TTL: time.Minute})
				got := slices.Max(append(kept, 0))
				mu.Lock()
				held[who] = got
				sum := 0
				for _, n := range held {
					sum += n
				}
				if err != nil || sum > total || got > want {
					errs = append(errs, fmt.Errorf("%s got %d of %d wanted, %d are held of %d: %v", who, got, want, sum, total, err))
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		t.Error(err)
	}
}

func slotsExpire(t *testing.T, lab Lab) {
	keep(t, lab.Store, "dead", "water", 5, 5)
	if got := keep(t, lab.Store, "heir", "water", 5, 5); got != 0 {
		t.Fatalf("got %d while they are held, want 0", got)
	}
	lab.age(t, 50*time.Second)
	if got := keep(t, lab.Store, "heir", "water", 5, 5); got != 0 {
		t.Fatalf("got %d before they expire, want 0", got)
	}
	lab.age(t, 10*time.Second)
	if got := keep(t, lab.Store, "heir", "water", 5, 5); got != 5 {
		t.Fatalf("got %d after they expired, want 5", got)
	}
	if got := keep(t, lab.Store, "dead", "water", 5, 5); got != 0 {
		t.Fatalf("got %d for the one that came back late, want 0", got)
	}
}

func slotsLeave(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	keep(t, store, "a", "water", 5, 5)
	keep(t, store, "a", "heat", 2, 2)
	_, _, err := store.Beat(ctx, "a", time.Minute)
	wantCode(t, "Beat", err, "")
	wantCode(t, "Leave", store.Leave(ctx, "a"), "")
	wantCode(t, "Leave again", store.Leave(ctx, "a"), "")
	if water, heat := keep(t, store, "b", "water", 5, 5), keep(t, store, "b", "heat", 2, 2); water != 5 || heat != 2 {
		t.Errorf("got %d and %d after the other left, want 5 and 2", water, heat)
	}
	wantBeat(t, store, "b", 1, 0)
}

func wantBeat(t *testing.T, store hub.Slots, who hub.Holder, wantAlive, wantPlace int) {
	t.Helper()
	alive, place, err := store.Beat(t.Context(), who, time.Minute)
	wantCode(t, "Beat", err, "")
	if alive != wantAlive || place != wantPlace {
		t.Fatalf("%s: got place %d of %d alive, want %d of %d", who, place, alive, wantPlace, wantAlive)
	}
}

func beats(t *testing.T, lab Lab) {
	store := lab.Store
	wantBeat(t, store, "z", 1, 0)
	lab.age(t, time.Second)
	wantBeat(t, store, "a", 2, 1)
	wantBeat(t, store, "z", 2, 0)
	lab.age(t, 30*time.Second)
	wantBeat(t, store, "a", 2, 1)
	lab.age(t, 30*time.Second) // z is dead
	wantBeat(t, store, "a", 1, 0)
	lab.age(t, time.Second)
	wantBeat(t, store, "z", 2, 1) // and born again as the youngest
}

func quarantines(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	wantCode(t, "Quarantine", store.Quarantine(ctx, "water", "answered about another account", Now()), "")
	wantCode(t, "Quarantine", store.Quarantine(ctx, "heat", "answered about another account", Now().Add(time.Hour)), "")
	wantCode(t, "Quarantine again", store.Quarantine(ctx, "water", "and again", Now().Add(time.Hour)), "")
	since, err := store.Quarantined(ctx)
	wantCode(t, "Quarantined", err, "")
	if len(since) != 2 || !since["water"].Equal(Now()) || !since["heat"].Equal(Now().Add(time.Hour)) {
		t.Fatalf("got %v, want both, each since its first answer", since)
	}
	wantCode(t, "Lift", store.Lift(ctx, "water"), "")
	wantCode(t, "Lift of one on duty", store.Lift(ctx, "water"), "")
	since, err = store.Quarantined(ctx)
	wantCode(t, "Quarantined", err, "")
	if _, there := since["water"]; there || len(since) != 1 {
		t.Fatalf("got %v after Lift, want heat alone", since)
	}
}

func liftsAreCounted(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	for _, step := range []struct {
		held, lifted hub.Name
		want         map[hub.Name]int
	}{
		{"water", "heat", map[hub.Name]int{}}, // who was not in is not let out
		{"heat", "water", map[hub.Name]int{"water": 1}},
		{"water", "water", map[hub.Name]int{"water": 2}},
		{"water", "heat", map[hub.Name]int{"water": 2, "heat": 1}},
	} {
		wantCode(t, "Quarantine", store.Quarantine(ctx, step.held, "answered about another account", Now()), "")
		wantCode(t, "Lift", store.Lift(ctx, step.lifted), "")
		got, err := lab.Replica(t).Lifted(ctx)
		wantCode(t, "Lifted", err, "")
		if !maps.Equal(got, step.want) {
			t.Fatalf("%s is held, %s is lifted: got %v, want %v", step.held, step.lifted, got, step.want)
		}
	}
}
