package hubtest

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

// extend gives places to bookings as the hub does, and tells what it was given.
func extend(t *testing.T, store hub.Chain, back time.Duration, most int) (given hub.ChainEnd, added []hub.Chained) {
	t.Helper()
	err := store.Extend(t.Context(), back, most, func(end hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint) {
		var last hub.Chained
		given = end
		added, last = end.Places()
		if len(added) == 0 {
			return nil, nil
		}
		return added, &hub.Checkpoint{No: last.No, Hash: last.Hash, At: end.Now.Truncate(time.Second), Key: "k", Signature: []byte{byte(last.No)}}
	})
	wantCode(t, "Extend", err, "")
	return given, added
}

// walked gives the whole chain.
func walked(t *testing.T, store hub.Chain, after int64) (places []hub.Chained, bookings []*hub.Recorded) {
	t.Helper()
	err := store.EachChained(t.Context(), after, func(c hub.Chained, r *hub.Recorded) error {
		if r != nil {
			kept := *r
			r = &kept
		}
		places, bookings = append(places, c), append(bookings, r)
		return nil
	})
	wantCode(t, "EachChained", err, "")
	return places, bookings
}

func chainGrows(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	if given, added := extend(t, store, time.Minute, 10); len(added) > 0 || given.Last.No != 0 || given.Signed.No != 0 || given.Now.IsZero() {
		t.Fatalf("got %+v of an empty journal, want nothing but the time", given)
	}
	p := opened(t, store, Basket("", "a", "b", "c"))
	booked(t, store, p) // a capture and an allocation with four legs
	fee := hub.TransferBooking("fee:1", "settled", "", hub.AccountFee("netopia"), hub.AccountClearing("netopia"), hub.Bani(7))
	wantCode(t, "Book", store.Book(ctx, fee), "")
	_, first := extend(t, store, time.Minute, 2)
	given, second := extend(t, lab.Replica(t), time.Minute, 2)
	if len(first) != 2 || len(second) != 1 || given.Last != first[1] || given.Signed.No != 2 || given.Signed.Hash != first[1].Hash || second[0].Booking != fee.ID {
		t.Fatalf("got %v, then %v after %+v, want two places, then one behind them", first, second, given)
	}
	if _, more := extend(t, store, time.Minute, 10); len(more) > 0 {
		t.Errorf("got %v, want that each booking has one place", more)
	}
	places, bookings := walked(t, store, 0)
	if !reflect.DeepEqual(places, append(first, second...)) {
		t.Errorf("got %v, want all places as they were given", places)
	}
	last := hub.Chained{}
	for i, r := range bookings {
		if r == nil || last.Follow(*r) != places[i] || r.At.IsZero() {
			t.Errorf("got %+v at place %d, want the booking whose hash is there", r, i+1)
		}
		last = places[i]
	}
	if r := bookings[2]; r == nil || !reflect.DeepEqual(r.Booking, fee) || r.Version != 0 {
		t.Errorf("got %+v, want %+v", r, fee)
	}
	if tail, _ := walked(t, store, 2); !reflect.DeepEqual(tail, second) {
		t.Errorf("got %v after place 2, want the third", tail)
	}
	points, err := store.Checkpoints(ctx)
	wantCode(t, "Checkpoints", err, "")
	if len(points) != 2 || points[1].No != 3 || points[1].Hash != second[0].Hash || points[1].Key != "k" || len(points[1].Signature) != 1 || !points[1].At.Equal(given.Now.Truncate(time.Second)) {
		t.Errorf("got checkpoints %+v, want both", points)
	}
}

// chainRace has replicas give places while others book.
func chainRace(t *testing.T, lab Lab) {
	replicas := []hub.Store{lab.Store, lab.Replica(t), lab.Replica(t)}
	const bookings, each = 20, 3
	var all sync.WaitGroup
	for r, store := range replicas {
		all.Go(func() {
			for n := range bookings {
				id := fmt.Sprintf("b:%d:%d", r, n)
				if err := store.Book(t.Context(), hub.TransferBooking(id, "settled", "", "x", "y", hub.Bani(1))); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range bookings {
				follow := func(end hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint) {
					places, _ := end.Places()
					return places, nil
				}
				if err := store.Extend(t.Context(), time.Minute, each, follow); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for added := 1; added > 0; {
		_, places := extend(t, lab.Store, time.Minute, 100)
		added = len(places)
	}
	places, _ := walked(t, lab.Store, 0)
	for i, p := range places {
		if p.No != int64(i+1) {
			t.Fatalf("got place %d after %d, want no gap", p.No, i)
		}
	}
	if len(places) != bookings*len(replicas) {
		t.Errorf("got %d places, want one for each of %d bookings", len(places), bookings*len(replicas))
	}
}

// chainTakesLatecomers writes bookings that look older than others that were
// chained before.
func chainTakesLatecomers(t *testing.T, lab Lab) {
	wantCode(t, "Book", lab.Store.Book(t.Context(), hub.TransferBooking("first", "settled", "", "x", "y", hub.Bani(1))), "")
	extend(t, lab.Store, time.Minute, 10)
	for name, before := range map[string]time.Duration{"late": 30 * time.Second, "too late": time.Hour} {
		stamped(t, lab, name, fmt.Sprintf("(SELECT max(at) FROM journal) - %d", before.Microseconds()))
	}
	waiting, left, err := lab.Store.Unchained(t.Context(), time.Minute)
	wantCode(t, "Unchained", err, "")
	if waiting != 2 || !reflect.DeepEqual(left, []string{"too late"}) {
		t.Errorf("got %d bookings without a place and %v left, want both and the old one left", waiting, left)
	}
	if _, added := extend(t, lab.Store, time.Minute, 10); len(added) != 1 || added[0].Booking != "late" {
		t.Errorf("got %v when looking a minute back, want the one that came a little late", added)
	}
	if _, added := extend(t, lab.Store, 2*time.Hour, 10); len(added) != 1 || added[0].Booking != "too late" {
		t.Errorf("got %v when looking two hours back, want the other one", added)
	}
}

// stamped writes a booking of another moment.
func stamped(t *testing.T, lab Lab, id, at string) {
	t.Helper()
	legs := ""
	for leg, side := range []string{"5, 0", "0, 5"} {
		legs += fmt.Sprintf(", ('%s', %d, 'settled', '', 'account %d', %s, %s, 0, 0)", id, leg+1, leg, side, at)
	}
	if err := lab.raw(t, `INSERT INTO journal (tx, leg, kind, payment, account, debit, credit, at, version, place) VALUES `+legs[2:]); err != nil {
		t.Fatal(err)
	}
}

// chainOutlastsClocks chains what a clock wrote that was ahead, and then what is
// written after it was set right.
func chainOutlastsClocks(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	for _, ahead := range []time.Duration{5 * time.Minute, 48 * time.Hour} {
		future, present := "future "+ahead.String(), "present "+ahead.String()
		stamped(t, lab, future, fmt.Sprint(time.Now().Add(ahead).UnixMicro()))
		if _, added := extend(t, store, time.Minute, 10); len(added) != 1 || added[0].Booking != future {
			t.Fatalf("%s ahead: got %v, want the booking of then", ahead, added)
		}
		wantCode(t, "Book", store.Book(ctx, hub.TransferBooking(present, "settled", "", "x", "y", hub.Bani(1))), "")
		waiting, left, err := store.Unchained(ctx, time.Hour)
		wantCode(t, "Unchained", err, "")
		if waiting != 1 || len(left) > 0 {
			t.Errorf("%s ahead: got %d bookings without a place and %v left, want one that waits and is not late", ahead, waiting, left)
		}
		if _, added := extend(t, store, time.Minute, 10); len(added) != 1 || added[0].Booking != present {
			t.Errorf("%s ahead: got %v once the clock is right, want the booking of now", ahead, added)
		}
	}
}

// chainWalls writes into the chain as a careless hand would.
func chainWalls(t *testing.T, lab Lab) {
	wantCode(t, "Book", lab.Store.Book(t.Context(), hub.TransferBooking("one", "settled", "", "x", "y", hub.Bani(1))), "")
	extend(t, lab.Store, time.Minute, 10)
	for _, statement := range []string{
		`UPDATE chain SET tx = 'another'`, `UPDATE chain SET no = 7`, `DELETE FROM chain`,
		`UPDATE checkpoints SET signer = 'me'`, `DELETE FROM checkpoints`,
		`INSERT INTO chain (no, tx, hash) SELECT no, 'another', hash FROM chain`,
		`INSERT INTO chain (no, tx, hash) SELECT no + 1, tx, hash FROM chain`,
	} {
		if err := lab.raw(t, statement); err == nil {
			t.Errorf("%s: the database took it", statement)
		}
	}
}

// clearTexts finds what could be a personal code, and not what cannot.
func clearTexts(t *testing.T, lab Lab) {
	for _, detail := range []string{"of " + CNP + ", it says", "of 12 and 345678901234", "nothing"} {
		wantCode(t, "Note", lab.Store.Note(t.Context(), "test", detail), "")
	}
	var found []string
	err := lab.Store.EachClear(t.Context(), func(table, column, text string) error {
		found = append(found, strings.Join([]string{table, column, text}, "|"))
		return nil
	})
	wantCode(t, "EachClear", err, "")
	if want := []string{"anomalies|detail|of " + CNP + ", it says"}; !reflect.DeepEqual(found, want) {
		t.Errorf("got %q, want %q", found, want)
	}
	stop := hub.Errorf(hub.CodeCancelled, "enough")
	if err := lab.Store.EachClear(t.Context(), func(string, string, string) error { return stop }); hub.CodeOf(err) != hub.CodeCancelled {
		t.Errorf("got %v, want the reader's own error", err)
	}
}
