package hubtest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"racord/hub"
)

func roomToPay(t *testing.T, lab Lab) {
	wantCode(t, "RoomToPay", lab.Store.RoomToPay(t.Context()), "")
	anomalies, err := lab.Store.Anomalies(t.Context(), 10)
	wantCode(t, "Anomalies", err, "")
	if len(anomalies) != 0 {
		t.Fatalf("got %v, want no trace of looking for room", anomalies)
	}
}

func archiveFinds(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	p := opened(t, store, Basket("", "a", "b"))
	id, charge, err := store.PaymentOfOrder(ctx, "netopia", p.Charge(1).Order)
	wantCode(t, "PaymentOfOrder", err, "")
	if id != p.ID || charge != 1 {
		t.Fatalf("got charge %d of %s, want 1 of %s", charge, id, p.ID)
	}
	id, line, err := store.PaymentOfPosting(ctx, "water", p.PostingID(2))
	wantCode(t, "PaymentOfPosting", err, "")
	if id != p.ID || line != 2 {
		t.Fatalf("got line %d of %s, want 2 of %s", line, id, p.ID)
	}
	_, _, err = store.PaymentOfOrder(ctx, "euplatesc", p.Charge(1).Order)
	wantCode(t, "an order of another provider", err, hub.CodeNotFound)
	for creditor, posting := range map[hub.Name]hub.PostingID{
		"heat": p.PostingID(2), "water": p.PostingID(3), "waste": "", "a": "hub:x", "b": "hub:x:y", "c": "lab:" + hub.PostingID(p.ID) + ":1",
	} {
		_, _, err = store.PaymentOfPosting(ctx, creditor, posting)
		wantCode(t, string(posting)+" at "+string(creditor), err, hub.CodeNotFound)
	}
}

func archiveChanges(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	var ids []hub.PaymentID
	for n := range 5 {
		ids = append(ids, opened(t, store, Basket("", hub.ObligationID(fmt.Sprint(n)))).ID)
		lab.age(t, time.Second)
	}
	changed(t, store, ids[1], func(_ hub.PaymentTx, p *hub.Payment) error { return p.Line(1).Move(hub.LineDue) })
	want := []hub.PaymentID{ids[0], ids[2], ids[3], ids[4], ids[1]}
	var got []hub.PaymentID
	place := hub.Changed{}
	for range 4 {
		some, next, err := store.ChangedSince(ctx, place, 2)
		wantCode(t, "ChangedSince", err, "")
		for _, p := range some {
			got = append(got, p.ID)
		}
		place = next
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	seen := 0
	wantCode(t, "EachPayment", store.EachPayment(ctx, func(*hub.Payment) error { seen++; return nil }), "")
	wantCode(t, "EachPayment that stops", store.EachPayment(ctx, func(*hub.Payment) error { return errTaken }), hub.CodeConflict)
	if seen != len(ids) {
		t.Fatalf("got %d payments, want %d", seen, len(ids))
	}
}

// archiveSpoilt has one payment of three that cannot be opened: it hides none.
func archiveSpoilt(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	var ids []hub.PaymentID
	for n := range 3 {
		ids = append(ids, opened(t, store, Basket("", hub.ObligationID(fmt.Sprint(n)))).ID)
		lab.age(t, time.Second)
	}
	if err := lab.raw(t, "UPDATE payments SET version = version + 1 WHERE id = '"+string(ids[1])+"'"); err != nil {
		t.Fatal(err)
	}
	some, place, err := store.ChangedSince(ctx, hub.Changed{}, 3)
	if len(some) != 1 || some[0].ID != ids[0] || place.ID != ids[1] || !errors.Is(err, hub.ErrSealed) {
		t.Fatalf("got %d payments up to %v, %v, want one up to %s, which cannot be opened", len(some), place, err, ids[1])
	}
	some, place, err = store.ChangedSince(ctx, place, 3)
	wantCode(t, "ChangedSince", err, "")
	if len(some) != 1 || some[0].ID != ids[2] || place.ID != ids[2] {
		t.Errorf("got %d payments up to %v, want the last one", len(some), place)
	}
	_, err = store.Dossier(ctx, ids[1])
	if !errors.Is(err, hub.ErrSealed) {
		t.Errorf("got %v, want a payment that cannot be opened", err)
	}
}

func orderNumbers(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	last := func(want int64) {
		t.Helper()
		n, err := store.LastOrder(ctx, "netopia", "m1")
		wantCode(t, "LastOrder", err, "")
		if n != want {
			t.Fatalf("got the last order number %d, want %d", n, want)
		}
	}
	last(0)
	first := opened(t, store, Basket("", "a")).Charge(1).Order
	last(1)
	if first != store.Order("netopia", "m1", 1) || !regexp.MustCompile(`^[A-Za-z0-9]{1,20}$`).MatchString(first) {
		t.Fatalf("got order number %q, want a short plain one", first)
	}
	wantCode(t, "SkipOrders", store.SkipOrders(ctx, "netopia", "m1", 40), "")
	wantCode(t, "SkipOrders back", store.SkipOrders(ctx, "netopia", "m1", 30), "")
	if got := opened(t, store, Basket("", "b")).Charge(1).Order; got != store.Order("netopia", "m1", 41) {
		t.Fatalf("got order number %q after 40 were skipped, want the 41st", got)
	}
	elsewhere := Basket("", "c")
	elsewhere.Charges[0].Merchant = "m2"
	if got := opened(t, store, elsewhere).Charge(1).Order; got != store.Order("netopia", "m2", 1) || got == first {
		t.Fatalf("got order number %q at another account, want its own first", got)
	}
	if last, err := store.LastOrders(ctx, "netopia"); err != nil || !maps.Equal(last, map[string]int64{"m1": 41, "m2": 1}) {
		t.Fatalf("got %v and %v, want the last order number of both accounts", last, err)
	}
	if last, err := store.LastOrders(ctx, "euplatesc"); err != nil || len(last) != 0 {
		t.Fatalf("got %v and %v, want none of another provider", last, err)
	}
	if long := store.Order("netopia", "m1", 99_999_999_999_999); len(long) > 20 {
		t.Fatalf("got order number %q, want at most 20 characters", long)
	}
}

func dossier(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	_, err := store.Dossier(ctx, "nobody")
	wantCode(t, "Dossier of none", err, hub.CodeNotFound)
	p := opened(t, store, Basket("", "a", "b"))
	opened(t, store, Basket("", "c"))
	booked(t, store, p)
	d, err := store.Dossier(ctx, p.ID)
	wantCode(t, "Dossier", err, "")
	wantSame(t, "Dossier", d.Payment, read(t, store, p.ID))
	if len(d.Bookings) != 2 || len(d.Claims) != 2 || len(d.Work) != 1 || d.Work[0] != chargeWork(p) {
		t.Fatalf("got %d bookings, claims %v, work %v; want 2, 2 and the charge", len(d.Bookings), d.Claims, d.Work)
	}
	changed(t, store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error { tx.Anomaly("zombie", "still shown"); return nil })
	lab.age(t, time.Second)
	wantCode(t, "Note", store.Note(ctx, "unmatched", "nobody's"), "")
	anomalies, err := store.Anomalies(ctx, 10)
	wantCode(t, "Anomalies", err, "")
	if len(anomalies) != 2 || anomalies[0].Kind != "unmatched" || anomalies[1].Payment != p.ID || anomalies[1].Detail != "still shown" {
		t.Fatalf("got %v, want both, the newest first", anomalies)
	}
}

// stepsAreTheHubs compares the table of the walls with what the hub allows.
func stepsAreTheHubs(t *testing.T, lab Lab) {
	want := map[string]bool{"charge//created": true, "line//held": true, "line//dropped": true, "refund//requested": true}
	addSteps(want, "charge", hub.ChargeEdges)
	addSteps(want, "line", hub.LineEdges)
	addSteps(want, "refund", hub.RefundEdges)
	rows, err := lab.DB.QueryContext(t.Context(), `SELECT kind, was, becomes FROM edges`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, was, becomes string
		if err := rows.Scan(&kind, &was, &becomes); err != nil {
			t.Fatal(err)
		}
		step := kind + "/" + was + "/" + becomes
		if !want[step] {
			t.Errorf("the database allows %s, the hub does not", step)
		}
		delete(want, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for step := range want {
		t.Errorf("the hub allows %s, the database does not: a migration is missing", step)
	}
}

func addSteps[S ~string](all map[string]bool, kind string, steps map[S][]S) {
	for from, to := range steps {
		for _, state := range to {
			all[kind+"/"+string(from)+"/"+string(state)] = true
		}
	}
}
