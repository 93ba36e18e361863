package hubtest

import (
	"testing"
	"time"

	"racord/hub"
)

// notices takes due notices and fails the test unless there are so many.
func notices(t *testing.T, store hub.Outbox, to hub.Receiver, want int) []hub.Notice {
	t.Helper()
	got, err := store.LeaseNotices(t.Context(), hub.NoticeQuery{Receiver: to, Most: 100, TTL: 10 * time.Second})
	wantCode(t, "LeaseNotices", err, "")
	if len(got) != want {
		t.Fatalf("got %d notices %v, want %d", len(got), got, want)
	}
	return got
}

func settle(t *testing.T, store hub.Outbox, n hub.Notice, try hub.Try, again *time.Duration, want hub.Code) {
	t.Helper()
	wantCode(t, "Settle", store.Settle(t.Context(), n, try, again), want)
}

func waiting(t *testing.T, store hub.Outbox, want map[hub.Receiver]int) {
	t.Helper()
	got, err := store.Waiting(t.Context())
	wantCode(t, "Waiting", err, "")
	for to, n := range want {
		if got[to] != n {
			t.Fatalf("got %v waiting, want %v", got, want)
		}
	}
	if len(got) > len(want) {
		t.Fatalf("got %v waiting, want %v", got, want)
	}
}

const (
	toPortal = hub.Receiver("portal:portal")
	toWater  = hub.Receiver("creditor:water")
)

func noticesAreTold(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	_, err := store.NextNotice(ctx)
	wantCode(t, "NextNotice of none", err, hub.CodeNotFound)
	p := opened(t, store, Basket("", "a"))
	changed(t, store, p.ID, func(tx hub.PaymentTx, _ *hub.Payment) error {
		tx.Emit(hub.Event{Type: "line.due", Line: 1, Creditor: "water"})
		return nil
	})
	waiting(t, store, map[hub.Receiver]int{toPortal: 2, toWater: 1})
	in, err := store.NextNotice(ctx)
	wantCode(t, "NextNotice", err, "")
	if in != 0 {
		t.Fatalf("got the next notice in %s, want it due", in)
	}
	water := notices(t, store, toWater, 1)[0]
	want := hub.Event{Type: "line.due", Payment: p.ID, Seq: 2, Line: 1, Creditor: "water"}
	if water.Event != want || water.Receiver != toWater || water.At.IsZero() || water.Tries != 0 {
		t.Fatalf("got %v, want %v", water, want)
	}
	portal := notices(t, store, "", 2)
	notices(t, store, "", 0)
	if ids := map[string]bool{portal[0].ID(): true, portal[1].ID(): true}; len(ids) != 2 || !ids[water.ID()] {
		t.Fatalf("got ids %v, want one for each event, %s among them", ids, water.ID())
	}
	later := time.Minute
	settle(t, store, water, hub.Try{Status: 503, Code: hub.CodeUnavailable}, &later, "")
	settle(t, store, portal[0], hub.Try{Status: 200}, nil, "")
	settle(t, store, portal[1], hub.Try{Status: 200}, nil, "")
	waiting(t, store, map[hub.Receiver]int{toWater: 1})
	notices(t, store, "", 0)
	lab.age(t, time.Minute)
	again := notices(t, store, "", 1)[0]
	if again.ID() != water.ID() || again.Tries != 1 {
		t.Fatalf("got %v, want the one that was not told, with one try", again)
	}
	settle(t, store, again, hub.Try{Status: 204}, nil, "")
	waiting(t, store, map[hub.Receiver]int{})
}

func noticesAreLogged(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	opened(t, store, Basket("", "a"))
	slow := notices(t, store, toPortal, 1)[0]
	lab.age(t, 11*time.Second)
	fast := notices(t, lab.Replica(t), toPortal, 1)[0]
	settle(t, store, slow, hub.Try{Status: 200}, nil, hub.CodeConflict)
	settle(t, store, fast, hub.Try{Took: 30 * time.Millisecond, Code: hub.CodeTimeout}, new(time.Duration), "")
	again := notices(t, store, toPortal, 1)[0]
	settle(t, store, again, hub.Try{Took: time.Millisecond, Status: 200}, nil, "")
	settle(t, store, again, hub.Try{Status: 200}, nil, hub.CodeConflict)
	tries, err := store.Tries(ctx, toPortal, 10)
	wantCode(t, "Tries", err, "")
	if len(tries) != 2 || tries[0].No != 2 || tries[0].Status != 200 || tries[0].Took != time.Millisecond ||
		tries[1].No != 1 || tries[1].Code != hub.CodeTimeout || tries[1].At.IsZero() || tries[1].Payment != fast.Payment {
		t.Fatalf("got %v, want both tries, the newest first", tries)
	}
	n, err := store.Replay(ctx, toPortal, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	wantCode(t, "Replay", err, "")
	replayed := notices(t, store, toPortal, 1)[0]
	if n != 1 || replayed.ID() != slow.ID() {
		t.Fatalf("got %d replayed, %s, want the one there is, %s", n, replayed.ID(), slow.ID())
	}
	if replayed.Tries != 0 {
		t.Errorf("got %d tries of a notice that was replayed, want it to begin anew", replayed.Tries)
	}
	settle(t, store, replayed, hub.Try{Status: 200}, nil, "")
	wantCode(t, "Forget", store.Forget(ctx, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)), "")
	if tries, err = store.Tries(ctx, toPortal, 10); err != nil || len(tries) != 3 {
		t.Fatalf("got %d tries (%v) after old ones were forgotten, want these three", len(tries), err)
	}
	wantCode(t, "Forget", store.Forget(ctx, time.Now().Add(time.Hour), time.Time{}), "")
	if tries, err = store.Tries(ctx, toPortal, 10); err != nil || len(tries) != 0 {
		t.Fatalf("got %d tries (%v) after all were forgotten", len(tries), err)
	}
}

// noticesAreGivenUp: what was told in vain is counted until it is told after all.
func noticesAreGivenUp(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	opened(t, store, Basket("", "a"))
	counted := func(when string, want int) {
		t.Helper()
		for since, want := range map[time.Duration]int{-time.Hour: want, time.Hour: 0} {
			if got, err := store.GivenUp(ctx, time.Now().Add(since)); err != nil || got[toPortal] != want || len(got) != want {
				t.Errorf("%s: got %v given up since %s (%v), want %d", when, got, since, err, want)
			}
		}
	}
	replay := func() hub.Notice {
		t.Helper()
		n, err := store.Replay(ctx, toPortal, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		if err != nil || n != 1 {
			t.Fatalf("got %d replayed (%v), want one", n, err)
		}
		counted("replayed", 0)
		return notices(t, store, toPortal, 1)[0]
	}
	settle(t, store, notices(t, store, toPortal, 1)[0], hub.Try{Code: "not_wanted"}, nil, "")
	counted("not wanted", 0)
	for range 2 {
		settle(t, store, replay(), hub.Try{Code: hub.CodeUnavailable, GivenUp: true}, nil, "")
		counted("given up", 1)
	}
	settle(t, store, replay(), hub.Try{Status: 200}, nil, "")
	counted("told", 0)
}

func noticesOfNobody(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	const toHeat = hub.Receiver("creditor:heat")
	p := opened(t, store, Basket("", "a"))
	changed(t, store, p.ID, func(tx hub.PaymentTx, _ *hub.Payment) error {
		for range 3 {
			tx.Emit(hub.Event{Type: "line.due", Line: 1, Creditor: "water"}, hub.Event{Type: "line.due", Line: 1, Creditor: "heat"})
		}
		return nil
	})
	held := notices(t, store, toWater, 3)[0] // somebody is at these
	settle(t, store, held, hub.Try{Status: 200}, nil, "")
	wantCode(t, "Unheard", store.Unheard(ctx, toHeat, time.Now().Add(-time.Hour)), "")
	waiting(t, store, map[hub.Receiver]int{toPortal: 7, toWater: 2, toHeat: 3}) // they are younger
	for _, to := range []hub.Receiver{toHeat, toWater} {
		wantCode(t, "Unheard", store.Unheard(ctx, to, time.Now().Add(time.Hour)), "")
	}
	waiting(t, store, map[hub.Receiver]int{toPortal: 7, toWater: 2})
	wantCode(t, "Forget", store.Forget(ctx, time.Now().Add(time.Hour), time.Now().Add(-time.Hour)), "")
	replay := func(to hub.Receiver, want int) {
		n, err := store.Replay(ctx, to, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		wantCode(t, "Replay", err, "")
		if n != want {
			t.Fatalf("got %d replayed to %s, want %d", n, to, want)
		}
	}
	replay(toHeat, 3)
	replay(toWater, 0) // the one that was told is forgotten
	wantCode(t, "Unheard", store.Unheard(ctx, toHeat, time.Now().Add(time.Hour)), "")
	wantCode(t, "Forget", store.Forget(ctx, time.Time{}, time.Now().Add(time.Hour)), "")
	replay(toHeat, 0)
	waiting(t, store, map[hub.Receiver]int{toPortal: 7, toWater: 2})
}
