package hubtest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
)

// schedule makes work of a payment due.
func schedule(t *testing.T, store hub.Payments, w hub.Work, after time.Duration) {
	t.Helper()
	changed(t, store, w.Payment, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Schedule(w, after); return nil })
}

// lease takes due work and fails the test unless it gets so many pieces.
func lease(t *testing.T, store hub.Payments, q hub.WorkQuery, want int) []hub.Lease {
	t.Helper()
	if q.TTL == 0 {
		q.TTL = 10 * time.Second
	}
	if q.Most == 0 {
		q.Most = 100
	}
	got, err := store.LeaseWork(t.Context(), q)
	wantCode(t, "LeaseWork", err, "")
	if len(got) != want {
		t.Fatalf("got %d leases %v of %s work, want %d", len(got), got, q.Kind, want)
	}
	return got
}

func chargeWork(p *hub.Payment) hub.Work {
	return hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: 1}
}

func workIsDueInTime(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a")) // its charge is due in a minute
	lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 0)
	lab.age(t, time.Minute)
	lease(t, store, hub.WorkQuery{Kind: hub.WorkLine}, 0)
	first := lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)
	if first[0] != (hub.Lease{Work: chargeWork(p), Turn: 1}) {
		t.Fatalf("got %v, want the charge's work at its first turn", first[0])
	}
	lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 0)
}

func creditorsHaveQueues(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a", "b", "c"))
	for no, creditor := range []hub.Name{"water", "heat", "water"} {
		w := hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: no + 1, Creditor: creditor}
		schedule(t, store, w, -time.Duration(no)*time.Second)
	}
	water := lease(t, store, hub.WorkQuery{Kind: hub.WorkLine, Creditor: "water"}, 2)
	lease(t, store, hub.WorkQuery{Kind: hub.WorkLine, Creditor: "water"}, 0)
	heat := lease(t, store, hub.WorkQuery{Kind: hub.WorkLine}, 1)
	if water[0].Creditor != "water" || heat[0].Creditor != "heat" {
		t.Fatalf("got %v and %v, want each creditor's own", water, heat)
	}
}

func oldestFirst(t *testing.T, lab Lab) {
	const all, most = 9, 4
	for no := range all {
		p := opened(t, lab.Store, Basket("", hub.ObligationID(fmt.Sprint(no))))
		schedule(t, lab.Store, hub.Work{Payment: p.ID, Kind: hub.WorkClear, No: no}, -time.Duration(no)*time.Second)
	}
	var got []int
	for _, want := range []int{most, most, all - 2*most} {
		some := []int{}
		for _, l := range lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkClear, Most: most}, want) {
			some = append(some, all-1-l.No)
		}
		slices.Sort(some)
		got = append(got, some...)
	}
	if !slices.IsSorted(got) {
		t.Fatalf("got work in the order %v, want the longest due first", got)
	}
}

// fencing lets a lease expire under a holder that is still at work.
func fencing(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a"))
	lab.age(t, time.Minute)
	slow := lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
	move := func(l *hub.Lease, to hub.ChargeState) error {
		_, err := store.ChangePayment(t.Context(), p.ID, l, func(tx hub.PaymentTx, p *hub.Payment) error { return p.Charge(1).Move(to) })
		return err
	}
	lab.age(t, 11*time.Second)
	wantCode(t, "a change under a lease that expired, and nobody took", move(&slow, hub.ChargeStarting), "")
	fast := lease(t, lab.Replica(t), hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
	if fast.Turn != slow.Turn+1 {
		t.Fatalf("got turn %d after turn %d, want the next", fast.Turn, slow.Turn)
	}
	wantCode(t, "a change under a lease that another has", move(&slow, hub.ChargeFailed), hub.CodeConflict)
	wantCode(t, "a change under the new lease", move(&fast, hub.ChargeAwaiting), "")
	if got := read(t, store, p.ID).Charge(1).State; got != hub.ChargeAwaiting {
		t.Fatalf("got charge %s, want that of the new holder", got)
	}
	other := opened(t, store, Basket("", "b"))
	_, err := store.ChangePayment(t.Context(), other.ID, &fast, func(hub.PaymentTx, *hub.Payment) error { return nil })
	wantCode(t, "a change of one payment under another's lease", err, hub.CodeConflict)
}

func turnsAreNeverUsedTwice(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a"))
	schedule(t, store, chargeWork(p), 0)
	for turn := 1; turn <= 3; turn++ {
		l := lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
		if l.Turn != turn {
			t.Fatalf("got turn %d, want %d", l.Turn, turn)
		}
		_, err := store.ChangePayment(t.Context(), p.ID, &l, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Done(l.Work); return nil })
		wantCode(t, "ChangePayment", err, "")
		wantIdle(t, store, p.ID)
		schedule(t, store, chargeWork(p), 0)
	}
}

// wantIdle fails the test when any of a payment's work is not done.
func wantIdle(t *testing.T, store hub.Archive, id hub.PaymentID) {
	t.Helper()
	d, err := store.Dossier(t.Context(), id)
	wantCode(t, "Dossier", err, "")
	if len(d.Work) != 0 {
		t.Fatalf("got work %v, want it done", d.Work)
	}
}

// oneHolder lets many holders at two replicas drain the same work.
func oneHolder(t *testing.T, lab Lab) {
	const holders, pieces = 8, 60
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	for n := range pieces {
		p := opened(t, lab.Store, Basket("", hub.ObligationID(fmt.Sprint(n))))
		schedule(t, lab.Store, chargeWork(p), 0)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	leased := map[hub.PaymentID]int{}
	for h := range holders {
		wait.Go(func() {
			for {
				got, err := stores[h%2].LeaseWork(t.Context(), hub.WorkQuery{Kind: hub.WorkCharge, Most: 3, TTL: time.Hour})
				if err != nil {
					t.Error(err)
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, l := range got {
					leased[l.Payment]++
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(leased) > pieces { // with SKIP LOCKED a drained look is no proof that all is leased
		t.Errorf("got %d pieces leased of %d", len(leased), pieces)
	}
	for id, n := range leased {
		if n != 1 {
			t.Errorf("%s was leased %d times", id, n)
		}
	}
	rest, err := lab.Store.LeaseWork(t.Context(), hub.WorkQuery{Kind: hub.WorkCharge, Most: pieces, TTL: time.Hour})
	wantCode(t, "LeaseWork", err, "")
	if len(leased)+len(rest) != pieces {
		t.Errorf("got %d and %d pieces leased, want all %d", len(leased), len(rest), pieces)
	}
}

// fact is a notification about a payment's charge.
func fact(p *hub.Payment, event string) hub.Fact {
	return hub.Fact{PSP: "netopia", Event: event, Order: p.Charge(1).Order, Ref: "r1", Raw: []byte("<cnp>" + CNP + "</cnp>")}
}

func receive(t *testing.T, store hub.Payments, f hub.Fact, want bool) {
	t.Helper()
	fresh, err := store.ReceiveFact(t.Context(), f)
	wantCode(t, "ReceiveFact", err, "")
	if fresh != want {
		t.Fatalf("got fresh %v of event %s, want %v", fresh, f.Event, want)
	}
}

func factsWake(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a"))
	receive(t, store, fact(p, "e1"), true)
	l := lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
	_, err := store.ChangePayment(t.Context(), p.ID, &l, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Done(l.Work); return nil })
	wantCode(t, "ChangePayment", err, "")
	receive(t, store, fact(p, "e1"), false)
	lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 0) // known already: nothing to do
	receive(t, store, fact(p, "e2"), true)
	lease(t, store, hub.WorkQuery{Kind: hub.WorkCharge}, 1) // work that was done is there again
	facts, err := store.Facts(t.Context(), "netopia", p.Charge(1).Order)
	wantCode(t, "Facts", err, "")
	if len(facts) != 2 || facts[0].Event != "e1" || string(facts[0].Raw) != "<cnp>"+CNP+"</cnp>" || facts[0].At.IsZero() {
		t.Fatalf("got %d facts, want both as they were told", len(facts))
	}
}

// factsAreNotForgotten tells something while somebody is at work who has not
// heard it.
func factsAreNotForgotten(t *testing.T, lab Lab) {
	for name, end := range map[string]func(tx hub.PaymentTx, w hub.Work){
		"schedules it late": func(tx hub.PaymentTx, w hub.Work) { tx.Schedule(w, time.Hour) },
		"ends it":           func(tx hub.PaymentTx, w hub.Work) { tx.Done(w) },
	} {
		p := opened(t, lab.Store, Basket("", hub.ObligationID(name)))
		schedule(t, lab.Store, chargeWork(p), 0)
		l := lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
		receive(t, lab.Store, fact(p, name), true)
		lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 0) // the lease stands
		_, err := lab.Store.ChangePayment(t.Context(), p.ID, &l, func(tx hub.PaymentTx, _ *hub.Payment) error { end(tx, l.Work); return nil })
		wantCode(t, name, err, "")
		again := lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
		_, err = lab.Store.ChangePayment(t.Context(), p.ID, &again, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Done(l.Work); return nil })
		wantCode(t, name, err, "")
		lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 0)
		wantIdle(t, lab.Store, p.ID)
	}
}

// othersDoNotStealALease schedules work that somebody is at.
func othersDoNotStealALease(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	schedule(t, lab.Store, chargeWork(p), 0)
	l := lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 1)[0]
	schedule(t, lab.Store, chargeWork(p), 0)
	lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 0)
	_, err := lab.Store.ChangePayment(t.Context(), p.ID, &l, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Schedule(l.Work, time.Hour); return nil })
	wantCode(t, "ChangePayment", err, "")
	lease(t, lab.Store, hub.WorkQuery{Kind: hub.WorkCharge}, 1) // as the other wished
}

func factsRace(t *testing.T, lab Lab) {
	const callers, events = 8, 20
	p := opened(t, lab.Store, Basket("", "a"))
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	var wait sync.WaitGroup
	var fresh [events]atomic.Int64
	for i := range callers {
		wait.Go(func() {
			for n := range events {
				isFresh, err := stores[i%2].ReceiveFact(t.Context(), fact(p, fmt.Sprint("e", n)))
				if err != nil {
					t.Error(err)
				}
				if isFresh {
					fresh[n].Add(1)
				}
			}
		})
	}
	wait.Wait()
	for n := range fresh {
		if got := fresh[n].Load(); got != 1 {
			t.Errorf("event %d was fresh %d times, want once", n, got)
		}
	}
}

// factsOfNobody tells of an order that never comes to be, and of one that does so
// after it was told of.
func factsOfNobody(t *testing.T, lab Lab) {
	store := lab.Store
	p := opened(t, store, Basket("", "a"))
	receive(t, store, fact(p, "known"), true)
	receive(t, store, hub.Fact{PSP: "netopia", Event: "unknown", Order: "X1", Raw: []byte("x")}, true)
	receive(t, store, hub.Fact{PSP: "netopia", Event: "early", Order: store.Order("netopia", "m1", 2), Raw: []byte("x")}, true)
	late := opened(t, store, Basket("", "b")) // has the second order number
	for order, want := range map[string]string{p.Charge(1).Order: "known", "X1": "unknown", late.Charge(1).Order: "early"} {
		facts, err := store.Facts(t.Context(), "netopia", order)
		wantCode(t, "Facts", err, "")
		if len(facts) != 1 || facts[0].Event != want {
			t.Errorf("got %d facts about %s, want the %s one", len(facts), order, want)
		}
	}
}
