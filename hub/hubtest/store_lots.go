package hubtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

// dueLine opens a payment whose line is due at the water company.
func dueLine(t *testing.T, store hub.Store, name string) hub.Work {
	t.Helper()
	p := opened(t, store, Basket("", hub.ObligationID(name)))
	w := hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: 1, Creditor: "water"}
	changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Schedule(w, 0)
		return p.Line(1).Move(hub.LineDue)
	})
	return w
}

// toldBeforeSought looks for a line again and again while others come.
func toldBeforeSought(t *testing.T, lab Lab) {
	store, query := lab.Store, hub.WorkQuery{Kind: hub.WorkLine, Creditor: "water", Most: 1, TTL: time.Minute}
	sought := dueLine(t, store, "sought")
	told(t, store, lease(t, store, query, 1)[0], 0)
	left := dueLine(t, store, "left")
	lease(t, store, query, 1)
	lab.age(t, 2*time.Minute) // whoever took it died before it was told
	fresh := dueLine(t, store, "fresh")
	for _, want := range []hub.Work{left, fresh, sought} {
		if got := lease(t, store, query, 1)[0].Work; got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	lab.age(t, 2*time.Minute)
	query.Most = 10
	if all := lease(t, store, query, 3); all[0].Work == all[1].Work {
		t.Errorf("got %v, want each once", all)
	}
}

// lots asks for a lot of the water company.
func lots(most int) hub.WorkQuery {
	return hub.WorkQuery{Kind: hub.WorkLine, Creditor: "water", Most: most, Lots: true}
}

// told reschedules a line that was told, or ends its work.
func told(t *testing.T, store hub.Store, l hub.Lease, after time.Duration) {
	t.Helper()
	_, err := store.ChangePayment(t.Context(), l.Payment, &l, func(tx hub.PaymentTx, p *hub.Payment) error {
		if after < 0 {
			tx.Done(l.Work)
			return nil
		}
		tx.Schedule(l.Work, after)
		return p.Line(l.No).Move(hub.LinePosting)
	})
	wantCode(t, "ChangePayment", err, "")
}

func wantLot(t *testing.T, store hub.Store, lot hub.LotID, want ...hub.Work) {
	t.Helper()
	got, err := store.Lot(t.Context(), lot)
	wantCode(t, "Lot", err, "")
	slices.SortFunc(want, func(a, b hub.Work) int { return strings.Compare(string(a.Payment), string(b.Payment)) })
	if !slices.Equal(got, want) {
		t.Fatalf("got %v in the lot, want %v", got, want)
	}
}

func lotsAreMade(t *testing.T, lab Lab) {
	store := lab.Store
	a, b := dueLine(t, store, "a"), dueLine(t, store, "b")
	first := lease(t, store, lots(100), 2)
	lot := first[0].Lot
	if lot == "" || first[1].Lot != lot {
		t.Fatalf("got %v, want one lot", first)
	}
	wantLot(t, store, lot, a, b)
	c, d, e := dueLine(t, store, "c"), dueLine(t, store, "d"), dueLine(t, store, "e")
	second := lease(t, store, lots(2), 2) // no more than asked for
	third := lease(t, store, lots(2), 1)
	if second[0].Lot == lot || third[0].Lot == second[0].Lot {
		t.Fatalf("got lots %v and %v after %s, want new ones", second, third, lot)
	}
	lease(t, store, lots(100), 0)
	wantLot(t, store, lot, a, b)
	wantLot(t, store, third[0].Lot, slices.DeleteFunc([]hub.Work{c, d, e}, func(w hub.Work) bool { return w != third[0].Work })...)
	wantLot(t, store, "")
	for _, l := range append(second, third...) {
		told(t, store, l, -1)
	}
	told(t, store, first[0], time.Second)
	told(t, store, first[1], 4*time.Second) // is taken with the other all the same
	for turn := 2; turn <= 3; turn++ {
		lab.age(t, 2*time.Second)
		again := lease(t, lab.Replica(t), lots(100), 2)
		if again[0].Lot != lot || again[1].Lot != lot || again[0].Turn != turn || again[1].Turn != turn {
			t.Fatalf("got %v, want the lot again at turn %d", again, turn)
		}
		told(t, store, again[0], time.Second)
		told(t, store, again[1], 4*time.Second)
	}
	lab.age(t, 2*time.Second)
	last := lease(t, store, lots(100), 2)
	told(t, store, last[0], 0)
	told(t, store, last[1], time.Hour)
	last = lease(t, store, lots(100), 1)
	lab.age(t, time.Hour)
	told(t, store, last[0], -1)
	lease(t, store, lots(100), 1) // what is done is done, and in the lot
	wantLot(t, store, lot, a, b)
}

// olderLots asks for a lot that is there while new lines come.
func olderLots(t *testing.T, lab Lab) {
	store, older := lab.Store, lots(100)
	older.Older = true
	first := dueLine(t, store, "first")
	lease(t, store, older, 0)
	lot := lease(t, store, lots(100), 1)[0]
	lab.age(t, time.Second)
	told(t, store, lot, 0)
	for n := range 3 {
		dueLine(t, store, fmt.Sprint(n))
		again := lease(t, store, older, 1)[0]
		if again.Work != first || again.Lot != lot.Lot {
			t.Fatalf("got %v, want the lot %s again", again, lot.Lot)
		}
		told(t, store, again, 0)
	}
	if all := lease(t, store, lots(100), 3); all[0].Lot == lot.Lot {
		t.Errorf("got %v, want what came meanwhile in a lot of its own", all)
	}
	lease(t, store, older, 1)
	lease(t, store, older, 0)
}

func strangersToLots(t *testing.T, lab Lab) {
	store := lab.Store
	was := dueLine(t, store, "a")
	alone := lease(t, store, hub.WorkQuery{Kind: hub.WorkLine, Creditor: "water"}, 1)[0]
	if alone.Lot != "" {
		t.Fatalf("got %v, want no lot where none is asked for", alone)
	}
	told(t, store, alone, 0)
	dueLine(t, store, "b")
	heat := opened(t, store, Basket("", "c"))
	schedule(t, store, hub.Work{Payment: heat.ID, Kind: hub.WorkLine, No: 1, Creditor: "heat"}, 0)
	lot := lease(t, store, lots(100), 1)
	rest := lease(t, store, lots(100), 1)
	if lot[0].Work == was || lot[0].Lot == "" || rest[0].Work != was || rest[0].Lot != "" {
		t.Fatalf("got %v and then %v, want what may have been told alone for itself", lot, rest)
	}
	lease(t, store, lots(100), 0)
	changed(t, store, was.Payment, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Schedule(was, 0)
		return p.Line(1).Move(hub.LineDue) // it was not told
	})
	lab.age(t, 11*time.Second)
	if now := lease(t, store, lots(100), 1); now[0].Work != was || now[0].Lot == "" {
		t.Fatalf("got %v, want the line that is due again in a lot", now)
	}
}

// lotsRace lets many replicas make lots of the same lines at once.
func lotsRace(t *testing.T, lab Lab) {
	const holders, lines = 6, 40
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	for n := range lines {
		dueLine(t, lab.Store, fmt.Sprint(n))
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	in := map[hub.Work]hub.LotID{}
	for h := range holders {
		wait.Go(func() {
			for range lines {
				q := lots(3)
				q.TTL = time.Hour
				leases, err := stores[h%2].LeaseWork(t.Context(), q)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, l := range leases {
					if had, again := in[l.Work]; again || l.Lot == "" {
						t.Errorf("%v is in lot %q and %q", l.Work, had, l.Lot)
					}
					in[l.Work] = l.Lot
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(in) != lines {
		t.Errorf("got %d lines in lots, want %d", len(in), lines)
	}
	for w, lot := range in {
		if members, err := lab.Store.Lot(t.Context(), lot); err != nil || len(members) > 3 || !slices.Contains(members, w) {
			t.Errorf("got %v, %v, want at most three, and %v among them", members, err, w)
		}
	}
}
