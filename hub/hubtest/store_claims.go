package hubtest

import (
	"testing"
	"time"

	"racord/hub"
)

// claim claims a line's obligation for a payment in a change of its own.
func claim(t *testing.T, store hub.Payments, id hub.PaymentID, no int, life time.Duration) (held bool, by hub.PaymentID, freeAt time.Duration) {
	t.Helper()
	changed(t, store, id, func(tx hub.PaymentTx, p *hub.Payment) (err error) {
		var at time.Time
		held, by, at, err = tx.Hold(t.Context(), id, p.Line(no), tx.Now().Add(life))
		freeAt = at.Sub(tx.Now())
		return err
	})
	return held, by, freeAt
}

// unclaimed stores a basket without claims.
func unclaimed(t *testing.T, store hub.Payments, p *hub.Payment) *hub.Payment {
	t.Helper()
	got, _, err := store.OpenPayment(t.Context(), requestKey(p.Party, string(p.ID)), func(hub.PaymentTx) (*hub.Payment, error) { return p, nil })
	wantCode(t, "OpenPayment", err, "")
	return got
}

func claimsExpire(t *testing.T, lab Lab) {
	store := lab.Store
	one, other := opened(t, store, Basket("", "a")), unclaimed(t, store, Basket("", "a"))
	held, by, freeAt := claim(t, store, other.ID, 1, time.Minute)
	if held || by != one.ID || freeAt <= 0 || freeAt > 10*time.Minute {
		t.Fatalf("got held %v, by %s, free in %s; want it with the first for ten minutes", held, by, freeAt)
	}
	if held, _, _ := claim(t, store, one.ID, 1, 20*time.Minute); !held {
		t.Fatal("the holder could not renew its claim")
	}
	lab.age(t, 11*time.Minute)
	if held, _, _ := claim(t, store, other.ID, 1, time.Minute); held {
		t.Fatal("a renewed claim was taken over")
	}
	lab.age(t, 10*time.Minute)
	if held, _, _ := claim(t, store, one.ID, 1, time.Minute); !held {
		t.Fatal("a claim lost to nobody was not given back")
	}
	lab.age(t, 2*time.Minute)
	if held, _, _ := claim(t, store, other.ID, 1, time.Minute); !held {
		t.Fatal("a claim that ran out was not free")
	}
	if held, by, _ := claim(t, store, one.ID, 1, time.Minute); held || by != other.ID {
		t.Fatalf("got held %v, by %s, want it lost to the other", held, by)
	}
}

func claimsAreReleased(t *testing.T, lab Lab) {
	store := lab.Store
	one, other := opened(t, store, Basket("", "a", "b")), unclaimed(t, store, Basket("", "a", "b"))
	changed(t, store, one.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(1))
		return p.Line(1).Move(hub.LineDropped)
	})
	changed(t, store, other.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(2)) // not its own
		return nil
	})
	changed(t, store, other.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		held, err := tx.HoldAll(t.Context(), p.ID, []*hub.Line{p.Line(2), p.Line(1)}, tx.Now().Add(time.Minute))
		if err == nil && (held[0].Held || held[0].By != one.ID || !held[1].Held) {
			t.Errorf("got %v, want the released one held and the other with the first", held)
		}
		return err
	})
	changed(t, store, other.ID, func(tx hub.PaymentTx, p *hub.Payment) error { // gives up and takes again
		tx.Release(p.Line(1))
		_, err := tx.HoldAll(t.Context(), p.ID, []*hub.Line{p.Line(1)}, tx.Now().Add(time.Minute))
		return err
	})
	claims, err := store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 2 || claims[0].Payment != other.ID || claims[1].Payment != one.ID || claims[1].Line != 2 {
		t.Fatalf("got claims %v, want one each", claims)
	}
}

// claimsOfTwoLines pays one obligation in two lines, such as two instalments.
func claimsOfTwoLines(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a", "a"))
	changed(t, lab.Store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(1))
		return p.Line(1).Move(hub.LineDropped)
	})
	claims, err := lab.Store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 1 {
		t.Fatalf("got %d claims, want the second line's", len(claims))
	}
	changed(t, lab.Store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(2))
		return p.Line(2).Move(hub.LineDropped)
	})
	if claims, err = lab.Store.Claims(t.Context()); err != nil || len(claims) != 0 {
		t.Fatalf("got %d claims (%v), want none", len(claims), err)
	}
}

// holdsAloneAreKept claims something in a change that changes nothing else.
func holdsAloneAreKept(t *testing.T, lab Lab) {
	p := unclaimed(t, lab.Store, Basket("", "a"))
	claim(t, lab.Store, p.ID, 1, time.Minute)
	claims, err := lab.Store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 1 || claims[0].Payment != p.ID || claims[0].Creditor != "water" || claims[0].Obligation != "a" || claims[0].Until.IsZero() {
		t.Fatalf("got claims %v, want the payment's", claims)
	}
}

// marksOf gives what the party's view shows of obligations.
func marksOf(t *testing.T, store hub.Folders, subject string) map[hub.ObligationID]hub.HubState {
	t.Helper()
	marks := map[hub.ObligationID]hub.HubState{}
	for _, m := range folderOf(t, store, subject).Marks {
		marks[m.Obligation] = m.State
	}
	return marks
}

func marksFollowLines(t *testing.T, lab Lab) {
	store := lab.Store
	ana := enrolled(t, store, "ana", "Ana").Party.ID
	_, err := store.Enrol(t.Context(), login("dan"), "Dan", []hub.Identifier{{Scheme: hub.SchemeCUI, Value: "14399840"}})
	wantCode(t, "Enrol", err, "")
	want := func(what string, a, b hub.HubState) {
		t.Helper()
		got := marksOf(t, store, "ana")
		if got["a"] != a || got["b"] != b {
			t.Fatalf("%s: got marks %v, want a %q and b %q", what, got, a, b)
		}
	}
	want("before", "", "")
	p := opened(t, store, Basket(ana, "a", "b"))
	want("opened", hub.HubReserved, hub.HubReserved)
	step := func(move func(p *hub.Payment) error) {
		t.Helper()
		changed(t, store, p.ID, func(_ hub.PaymentTx, p *hub.Payment) error { return move(p) })
	}
	step(func(p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
	drop := func(id hub.PaymentID, no int) {
		t.Helper()
		changed(t, store, id, func(tx hub.PaymentTx, p *hub.Payment) error {
			tx.Release(p.Line(no))
			return p.Line(no).Move(hub.LineDropped)
		})
	}
	drop(p.ID, 2)
	want("one is paid, one dropped", hub.HubPaidWaitingPosting, "")
	step(func(p *hub.Payment) error { return p.Line(1).Move(hub.LinePosting) })
	step(func(p *hub.Payment) error { p.Line(1).BookedAt = Now(); return p.Line(1).Move(hub.LinePosted) })
	want("posted", hub.HubPosted, "")
	if since := folderOf(t, store, "ana").Marks[0].Since; !since.Equal(Now()) {
		t.Errorf("got posted since %s, want the moment it was booked", since)
	}
	again := opened(t, store, Basket(ana, "b"))
	_, _, err = store.OpenPayment(t.Context(), requestKey(ana, "failed"), func(tx hub.PaymentTx) (*hub.Payment, error) { return nil, errTaken })
	wantCode(t, "an opening that fails", err, hub.CodeConflict)
	want("a second payment", hub.HubPosted, hub.HubReserved)
	drop(again.ID, 1)
	want("the second gave up", hub.HubPosted, "")
	third := unclaimed(t, store, Basket(ana, "a"))
	want("a second part is being paid", hub.HubReserved, "")
	drop(third.ID, 1)
	want("the second part gave up", hub.HubPosted, "")
	step(func(p *hub.Payment) error { p.Line(1).ClearedAt = Now(); return nil })
	want("cleared", hub.HubSettled, "")
	if got := marksOf(t, store, "dan"); len(got) != 0 {
		t.Fatalf("got marks %v for somebody else", got)
	}
}

// strangersMayPay pays without a party, and for a party that is not in the store.
func strangersMayPay(t *testing.T, lab Lab) {
	opened(t, lab.Store, Basket("", "a"))
	opened(t, lab.Store, Basket("somebody-of-old", "b"))
	list, err := lab.Store.PaymentsOf(t.Context(), "", 10, "")
	wantCode(t, "PaymentsOf", err, "")
	if len(list) != 0 {
		t.Fatalf("got %d payments of nobody, want none", len(list))
	}
}

// takenSince is about everybody's payments of a debt, from when money was taken.
func takenSince(t *testing.T, lab Lab) {
	p, from := opened(t, lab.Store, Basket("ana", "a", "b")), Now()
	changed(t, lab.Store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		from = tx.Now()
		return p.Line(1).Move(hub.LineDue)
	})
	for name, tc := range map[string]struct {
		obligation hub.ObligationID
		from       time.Time
		want       bool
	}{
		"taken":             {"a", from, true},
		"taken long before": {"a", from.Add(time.Hour), false},
		"only held":         {"b", from.Add(-time.Hour), false},
		"never paid":        {"c", from.Add(-time.Hour), false},
	} {
		got, err := lab.Store.TakenSince(t.Context(), p.Line(1).Creditor, tc.obligation, tc.from)
		wantCode(t, name, err, "")
		if got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
}

func paymentsOfAParty(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	opened(t, store, Basket("dan", "x"))
	var want []hub.PaymentID
	for _, o := range []hub.ObligationID{"a", "b", "c", "d", "e"} {
		want = append([]hub.PaymentID{opened(t, store, Basket("ana", o)).ID}, want...)
		lab.age(t, time.Second)
	}
	var got []hub.PaymentID
	before := hub.PaymentID("")
	for range 4 {
		some, err := store.PaymentsOf(ctx, "ana", 2, before)
		wantCode(t, "PaymentsOf", err, "")
		for _, p := range some {
			got = append(got, p.ID)
			before = p.ID
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d payments, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want the newest first, %v", got, want)
		}
	}
}

// claimsOfAMoment claims something besides a payment's own while it is opened, and
// lets it go again: nobody else may have it meanwhile.
func claimsOfAMoment(t *testing.T, lab Lab) {
	beside := &hub.Line{No: 1, Creditor: "water", Obligation: "b"}
	build := func(p *hub.Payment) func(hub.PaymentTx) (*hub.Payment, error) {
		return func(tx hub.PaymentTx) (*hub.Payment, error) {
			held, err := tx.HoldAll(t.Context(), p.ID, append(linesOf(p), beside), tx.Now().Add(time.Minute))
			if err == nil && !held[1].Held {
				err = errTaken
			}
			tx.Release(beside)
			return p, err
		}
	}
	one := Basket("", "a")
	_, _, err := lab.Store.OpenPayment(t.Context(), requestKey("", "one"), build(one))
	wantCode(t, "OpenPayment", err, "")
	opened(t, lab.Store, Basket("", "b"))
	_, _, err = lab.Store.OpenPayment(t.Context(), requestKey("", "two"), build(Basket("", "c")))
	wantCode(t, "OpenPayment beside another's claim", err, hub.CodeConflict)
	claims, err := lab.Store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 2 {
		t.Fatalf("got claims %v, want those of the two payments' own", claims)
	}
}
