package hubtest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

func row(account, external string, bani int64) hub.SnapshotRow {
	return hub.SnapshotRow{Account: account, Obligation: Obligation("heat", external, bani)}
}

// stage opens a delivery and adds the rows.
func stage(t *testing.T, store hub.Snapshots, creditor hub.Name, extent hub.Extent, asOf time.Time, rows ...hub.SnapshotRow) hub.StageID {
	t.Helper()
	id, err := store.Stage(t.Context(), creditor, extent, asOf)
	wantCode(t, "Stage", err, "")
	wantCode(t, "Add", store.Add(t.Context(), id, rows), "")
	return id
}

func publish(t *testing.T, store hub.Snapshots, creditor hub.Name, extent hub.Extent, asOf time.Time, next hub.Cursor, rows ...hub.SnapshotRow) {
	t.Helper()
	id := stage(t, store, creditor, extent, asOf, rows...)
	wantCode(t, "Publish", show(t.Context(), store, id, next), "")
}

// show publishes what nothing later was said about.
func show(ctx context.Context, store hub.Snapshots, id hub.StageID, next hub.Cursor) error {
	superseded, err := store.Publish(ctx, id, next)
	if superseded != 0 {
		return fmt.Errorf("got %d rows superseded, want none", superseded)
	}
	return err
}

func hold(t *testing.T, store hub.Snapshots, creditor hub.Name, asOf time.Time, next hub.Cursor, rows ...hub.SnapshotRow) hub.StageID {
	t.Helper()
	id := stage(t, store, creditor, hub.ExtentAll, asOf, rows...)
	wantCode(t, "Hold", store.Hold(t.Context(), id, next, "removes 12,000 debts"), "")
	return id
}

// wantSnapshot compares an account of a creditor with "external=bani" pairs in
// the order of the external ids.
func wantSnapshot(t *testing.T, store hub.Snapshots, creditor hub.Name, account string, asOf time.Time, want ...string) {
	t.Helper()
	snapshot, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: creditor, Code: account})
	wantCode(t, "Snapshot", err, "")
	got := []string{}
	for _, o := range snapshot.Obligations {
		got = append(got, fmt.Sprintf("%s=%d", o.ExternalID, o.Outstanding.Minor))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || !snapshot.AsOf.Equal(asOf) {
		t.Fatalf("account %s: got %v as of %v, want %v as of %v", account, got, snapshot.AsOf, want, asOf)
	}
}

func wantNoSnapshot(t *testing.T, store hub.Snapshots, creditor hub.Name) {
	t.Helper()
	_, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: creditor, Code: "1"})
	wantCode(t, "Snapshot", err, hub.CodeNotFound)
}

func wantCursor(t *testing.T, store hub.Snapshots, creditor hub.Name, want hub.Cursor, wantAsOf time.Time) {
	t.Helper()
	got, asOf, err := store.Cursor(t.Context(), creditor)
	wantCode(t, "Cursor", err, "")
	if got != want || !asOf.Equal(wantAsOf) {
		t.Fatalf("got cursor %q as of %v, want %q as of %v", got, asOf, want, wantAsOf)
	}
}

func snapshotThreeWays(t *testing.T, lab Lab) {
	store := lab.Store
	wantNoSnapshot(t, store, "heat")
	_, _, err := store.Cursor(t.Context(), "heat")
	wantCode(t, "Cursor", err, hub.CodeNotFound)
	publish(t, store, "heat", hub.ExtentAll, Now(), "file 1\x00\xff", row("1", "a", 100))
	wantSnapshot(t, store, "heat", "1", Now(), "a=100")
	wantSnapshot(t, store, "heat", "2", Now()) // known, nothing due
	wantCursor(t, store, "heat", "file 1\x00\xff", Now())
}

func rowsReplace(t *testing.T, lab Lab) {
	store := lab.Store
	id := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100), row("1", "b", 200), row("1", "a", 101), row("3", "d", 1))
	wantCode(t, "Add", store.Add(t.Context(), id, []hub.SnapshotRow{row("1", "b", 201), row("2", "d", 2)}), "")
	wantCode(t, "Add of nothing", store.Add(t.Context(), id, nil), "")
	wantCode(t, "Publish", show(t.Context(), store, id, "1"), "")
	wantSnapshot(t, store, "heat", "1", Now(), "a=101", "b=201")
	wantSnapshot(t, store, "heat", "2", Now(), "d=2") // moved from account 3
	wantSnapshot(t, store, "heat", "3", Now())
}

func stagedIsHidden(t *testing.T, lab Lab) {
	store := lab.Store
	id := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100))
	wantNoSnapshot(t, store, "heat")
	wantCode(t, "Publish", show(t.Context(), store, id, "1"), "")
	stage(t, store, "heat", hub.ExtentChanges, Now().Add(time.Hour), row("1", "a", 999))
	wantSnapshot(t, store, "heat", "1", Now(), "a=100")
	wantCursor(t, store, "heat", "1", Now())
}

func sumsCompare(t *testing.T, lab Lab) {
	store := lab.Store
	euros := row("4", "f", 0)
	euros.Obligation.Outstanding = hub.Money{Minor: 777, Currency: "EUR"}
	id := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100), row("1", "b", 50), row("2", "c", -30), row("3", "d", 7), row("3", "d", 8), euros)
	wantSums := func(what string, id hub.StageID, wantStaged, wantPublished hub.SnapshotSums) {
		t.Helper()
		staged, published, err := store.Sums(t.Context(), id)
		wantCode(t, "Sums", err, "")
		if staged != wantStaged || published != wantPublished {
			t.Fatalf("%s: got %+v and %+v, want %+v and %+v", what, staged, published, wantStaged, wantPublished)
		}
	}
	first := hub.SnapshotSums{Rows: 5, Accounts: 4, Due: 158}
	wantSums("first", id, first, hub.SnapshotSums{})
	wantCode(t, "Publish", show(t.Context(), store, id, "1"), "")
	id = stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 10))
	wantSums("second", id, hub.SnapshotSums{Rows: 1, Accounts: 1, Due: 10}, first)
	_, _, err := store.Sums(t.Context(), "no such stage")
	wantCode(t, "Sums of nothing", err, hub.CodeNotFound)
}

func fullReplaces(t *testing.T, lab Lab) {
	store, later := lab.Store, Now().Add(24*time.Hour)
	publish(t, store, "heat", hub.ExtentAll, Now(), "1", row("1", "a", 100), row("1", "b", 200), row("2", "c", 300))
	publish(t, store, "heat", hub.ExtentAll, later, "2", row("1", "b", 250))
	wantSnapshot(t, store, "heat", "1", later, "b=250")
	wantSnapshot(t, store, "heat", "2", later)
	wantCursor(t, store, "heat", "2", later)
}

func deltaMerges(t *testing.T, lab Lab) {
	store, later := lab.Store, Now().Add(24*time.Hour)
	publish(t, store, "heat", hub.ExtentAll, Now(), "1", row("1", "a", 100), row("1", "b", 200), row("2", "c", 300))
	publish(t, store, "heat", hub.ExtentChanges, later, "2", row("1", "b", 250), row("3", "d", 400), row("1", "c", 310))
	wantSnapshot(t, store, "heat", "1", later, "a=100", "b=250", "c=310")
	wantSnapshot(t, store, "heat", "2", later)
	wantSnapshot(t, store, "heat", "3", later, "d=400")
	wantCursor(t, store, "heat", "2", later)
}

func deltaFirst(t *testing.T, lab Lab) {
	publish(t, lab.Store, "heat", hub.ExtentChanges, Now(), "1", row("1", "a", 100))
	wantSnapshot(t, lab.Store, "heat", "1", Now(), "a=100")
}

// singleRows puts one row after a full delivery, and before one.
func singleRows(t *testing.T, lab Lab) {
	store := lab.Store
	hour := func(n int) time.Time { return Now().Add(time.Duration(n) * time.Hour) }
	publish(t, store, "heat", hub.ExtentAll, hour(0), "1", row("1", "a", 100), row("2", "b", 200), row("2", "c", 300))
	publish(t, store, "heat", hub.ExtentRows, hour(72), "2", row("1", "a", 90), row("2", "b", 190), row("3", "d", 400))
	wantSnapshot(t, store, "heat", "1", hour(72), "a=90")
	wantSnapshot(t, store, "heat", "2", hour(0), "b=190", "c=300") // as old as the oldest of its rows
	wantSnapshot(t, store, "heat", "3", hour(72), "d=400")
	wantSnapshot(t, store, "heat", "4", hour(0))
	wantCursor(t, store, "heat", "2", hour(0))
	publish(t, store, "heat", hub.ExtentChanges, hour(80), "3", row("2", "b", 180))
	for account, want := range map[string]string{"1": "a=90", "3": "d=400"} {
		wantSnapshot(t, store, "heat", account, hour(80), want) // nothing about it has changed
	}
	wantSnapshot(t, store, "heat", "2", hour(80), "b=180", "c=300")

	publish(t, store, "waste", hub.ExtentRows, hour(1), "w1", row("1", "a", 7))
	publish(t, store, "waste", hub.ExtentRows, hour(2), "w2", row("2", "b", 8))
	wantSnapshot(t, store, "waste", "1", hour(1), "a=7")
	wantSnapshot(t, store, "waste", "2", hour(2), "b=8")
	wantSnapshot(t, store, "waste", "3", time.Time{})
	wantCursor(t, store, "waste", "w2", time.Time{})
	publish(t, store, "waste", hub.ExtentChanges, hour(3), "w3")
	wantSnapshot(t, store, "waste", "1", hour(3), "a=7")
	wantCursor(t, store, "waste", "w3", hour(3))
}

// laterRowsStay publishes a list that was made before rows that were put since.
func laterRowsStay(t *testing.T, lab Lab) {
	store := lab.Store
	hour := func(n int) time.Time { return Now().Add(time.Duration(n) * time.Hour) }
	publish(t, store, "heat", hub.ExtentAll, hour(0), "1", row("1", "a", 100), row("2", "b", 200), row("3", "c", 300))
	publish(t, store, "heat", hub.ExtentRows, hour(10), "2", row("1", "a", 0), row("4", "d", 400))
	held := hold(t, store, "heat", hour(9), "3", row("1", "a", 100), row("2", "b", 210), refusedRow("4", "d", "answered"))
	wantCode(t, "Release", store.Release(t.Context(), held), "")
	wantSnapshot(t, store, "heat", "1", hour(10), "a=0")
	wantSnapshot(t, store, "heat", "2", hour(9), "b=210")
	wantSnapshot(t, store, "heat", "3", hour(9))
	wantSnapshot(t, store, "heat", "4", hour(10), "d=400")
	wantRefused(t, store, "4")
	publish(t, store, "heat", hub.ExtentAll, hour(11), "4", row("1", "a", 120))
	wantSnapshot(t, store, "heat", "1", hour(11), "a=120")
	wantSnapshot(t, store, "heat", "4", hour(11))
}

// supersededAreCounted delivers yesterday's rows after today's.
func supersededAreCounted(t *testing.T, lab Lab) {
	store, later := lab.Store, Now().Add(24*time.Hour)
	publish(t, store, "heat", hub.ExtentAll, later, "1", row("1", "a", 100), row("1", "b", 200))
	id := stage(t, store, "heat", hub.ExtentChanges, Now(), row("1", "a", 90), row("2", "b", 190), row("3", "c", 300), refusedRow("1", "a", "old"))
	superseded, err := store.Publish(t.Context(), id, "2")
	wantCode(t, "Publish", err, "")
	if superseded != 2 {
		t.Errorf("got %d rows superseded, want a and b", superseded)
	}
	wantSnapshot(t, store, "heat", "1", later, "a=100", "b=200")
	wantSnapshot(t, store, "heat", "3", later, "c=300")
	publish(t, store, "heat", hub.ExtentRows, later.Add(2*time.Hour), "3", row("1", "a", 110))
	id = stage(t, store, "heat", hub.ExtentAll, later.Add(time.Hour), row("1", "a", 120), row("1", "b", 210))
	superseded, err = store.Publish(t.Context(), id, "4")
	wantCode(t, "Publish", err, "")
	if superseded != 1 {
		t.Errorf("got %d rows superseded, want the one that was put since", superseded)
	}
	wantSnapshot(t, store, "heat", "1", later.Add(time.Hour), "a=110", "b=210")
}

func creditorsApart(t *testing.T, lab Lab) {
	store, later := lab.Store, Now().Add(time.Hour)
	publish(t, store, "heat", hub.ExtentAll, Now(), "h1", row("1", "a", 100))
	publish(t, store, "waste", hub.ExtentAll, later, "w1", row("1", "a", 7))
	publish(t, store, "waste", hub.ExtentAll, later, "w2", row("1", "b", 8))
	wantSnapshot(t, store, "heat", "1", Now(), "a=100")
	wantSnapshot(t, store, "waste", "1", later, "b=8")
	wantCursor(t, store, "heat", "h1", Now())
}

func oneStaging(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	id := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100))
	_, err := store.Stage(ctx, "heat", hub.ExtentAll, Now())
	wantCode(t, "Stage while another is staged", err, hub.CodeConflict)
	stage(t, store, "waste", hub.ExtentAll, Now())
	wantCode(t, "Publish", show(ctx, store, id, "1"), "")
	for what, err := range map[string]error{
		"Publish":     show(ctx, store, id, "1"),
		"Add":         store.Add(ctx, id, []hub.SnapshotRow{row("1", "b", 1)}),
		"Add nothing": store.Add(ctx, id, nil),
		"Hold":        store.Hold(ctx, id, "1", "because"),
		"Discard":     store.Discard(ctx, id),
		"Release":     store.Release(ctx, id),
	} {
		wantCode(t, what+" after it was published", err, hub.CodeNotFound)
	}
	stage(t, store, "heat", hub.ExtentAll, Now())
}

func abandonedStaging(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	left := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100))
	for name, rows := range map[string][]hub.SnapshotRow{"a row": {row("1", "b", 100)}, "nothing": nil} {
		lab.age(t, 50*time.Second)
		wantCode(t, "Add of "+name+" after fifty seconds", store.Add(ctx, left, rows), "")
	}
	lab.age(t, 50*time.Second)
	_, err := store.Stage(ctx, "heat", hub.ExtentAll, Now())
	wantCode(t, "Stage fifty seconds after that", err, hub.CodeConflict)
	lab.age(t, 10*time.Second)
	publish(t, store, "heat", hub.ExtentAll, Now(), "1", row("1", "c", 300))
	wantCode(t, "Add to the abandoned", store.Add(ctx, left, []hub.SnapshotRow{row("1", "a", 1)}), hub.CodeNotFound)
	wantCode(t, "Publish of the abandoned", show(ctx, store, left, "0"), hub.CodeNotFound)
	wantSnapshot(t, store, "heat", "1", Now(), "c=300")
}

func discarded(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	id := stage(t, store, "heat", hub.ExtentAll, Now(), row("1", "a", 100))
	wantCode(t, "Discard", store.Discard(ctx, id), "")
	wantCode(t, "Publish", show(ctx, store, id, "1"), hub.CodeNotFound)
	wantNoSnapshot(t, store, "heat")
	stage(t, store, "heat", hub.ExtentAll, Now())
}

func heldAndReleased(t *testing.T, lab Lab) {
	ctx, store, later := t.Context(), lab.Store, Now().Add(time.Hour)
	first := hold(t, store, "heat", Now(), "1", row("1", "a", 100))
	wantNoSnapshot(t, store, "heat")
	wantCursor(t, store, "heat", "1", time.Time{})
	second := hold(t, store, "heat", later, "2", row("1", "a", 200))
	held, err := store.Held(ctx)
	wantCode(t, "Held", err, "")
	if len(held) != 2 || held[0].Stage != first || held[1].Stage != second {
		t.Fatalf("got %v, want both, oldest first", held)
	}
	if h := held[1]; h.Creditor != "heat" || h.Reason != "removes 12,000 debts" || !h.AsOf.Equal(later) || time.Since(h.HeldAt).Abs() > time.Hour {
		t.Fatalf("got %+v, want what was held", h)
	}
	wantCode(t, "Release", store.Release(ctx, first), "")
	wantSnapshot(t, store, "heat", "1", Now(), "a=100")
	wantCursor(t, store, "heat", "2", Now()) // a release never moves the cursor back
	wantCode(t, "Release again", store.Release(ctx, first), hub.CodeNotFound)
	wantCode(t, "Release of the second", store.Release(ctx, second), "")
	wantSnapshot(t, store, "heat", "1", later, "a=200")
	held, err = store.Held(ctx)
	wantCode(t, "Held", err, "")
	if len(held) != 0 {
		t.Fatalf("got %v, want nothing held any more", held)
	}
}

func heldAndDiscarded(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	publish(t, store, "heat", hub.ExtentAll, Now(), "1", row("1", "a", 100))
	id := hold(t, store, "heat", Now().Add(time.Hour), "2", row("1", "a", 200))
	lab.age(t, 24*time.Hour) // a person may sleep over it
	publish(t, store, "waste", hub.ExtentAll, Now(), "1")
	wantCode(t, "Publish of a held delivery", show(ctx, store, id, "3"), hub.CodeNotFound)
	wantCode(t, "Discard", store.Discard(ctx, id), "")
	wantCode(t, "Release", store.Release(ctx, id), hub.CodeNotFound)
	wantSnapshot(t, store, "heat", "1", Now(), "a=100")
	wantCursor(t, store, "heat", "2", Now())
}

// staleRelease releases held deliveries after newer ones were published.
func staleRelease(t *testing.T, lab Lab) {
	ctx, store, later := t.Context(), lab.Store, Now().Add(time.Hour)
	publish(t, store, "heat", hub.ExtentAll, Now().Add(-time.Hour), "0", row("1", "z", 1))
	full := hold(t, store, "heat", Now(), "1", row("1", "a", 100))
	delta := stage(t, store, "heat", hub.ExtentChanges, Now(), row("1", "a", 110), row("1", "b", 220))
	wantCode(t, "Hold", store.Hold(ctx, delta, "2", "doubtful"), "")
	publish(t, store, "heat", hub.ExtentChanges, later, "3", row("1", "a", 111))
	wantCode(t, "Release of an older full delivery", store.Release(ctx, full), hub.CodeConflict)
	wantSnapshot(t, store, "heat", "1", later, "a=111", "z=1")
	wantCode(t, "Release of an older delta", store.Release(ctx, delta), "")
	wantSnapshot(t, store, "heat", "1", later, "a=111", "b=220", "z=1") // row by row, the later word stays

	delta = stage(t, store, "heat", hub.ExtentChanges, later, row("1", "a", 112))
	wantCode(t, "Hold", store.Hold(ctx, delta, "4", "doubtful"), "")
	publish(t, store, "heat", hub.ExtentAll, later.Add(time.Hour), "5", row("1", "b", 221))
	wantCode(t, "Release of a delta older than everything", store.Release(ctx, delta), hub.CodeConflict)
	if held, err := store.Held(ctx); err != nil || len(held) != 2 {
		t.Fatalf("got %d held (%v), want the two refused ones", len(held), err)
	}
}

// staleList publishes a list after one that speaks about a later moment.
func staleList(t *testing.T, lab Lab) {
	ctx, store, later := t.Context(), lab.Store, Now().Add(time.Hour)
	for creditor, extent := range map[hub.Name]hub.Extent{"heat": hub.ExtentAll, "waste": hub.ExtentChanges} {
		publish(t, store, creditor, extent, later, "1", row("1", "a", 100))
		older := stage(t, store, creditor, hub.ExtentAll, later.Add(-time.Microsecond), row("1", "b", 200))
		wantCode(t, "Publish of an older list", show(ctx, store, older, "2"), hub.CodeConflict)
		wantSnapshot(t, store, creditor, "1", later, "a=100")
		wantCursor(t, store, creditor, "1", later)
		wantCode(t, "Discard", store.Discard(ctx, older), "")
		publish(t, store, creditor, hub.ExtentAll, later, "2", row("1", "c", 300)) // of the same moment, it is the later word
		wantSnapshot(t, store, creditor, "1", later, "c=300")
	}
}

// publicationIsAtomic reads all accounts' rows while deliveries are published.
// All rows of a delivery have its number as amount, so a mixed read shows.
func publicationIsAtomic(t *testing.T, lab Lab) {
	const rowsEach, rounds = 40, 12
	store := lab.Store
	delivery := func(n int64) []hub.SnapshotRow {
		rows := []hub.SnapshotRow{}
		for i := range rowsEach {
			rows = append(rows, row("1", fmt.Sprint(i), n))
		}
		return rows
	}
	publish(t, store, "heat", hub.ExtentAll, Now(), "0", delivery(1)...)
	done, problems := make(chan struct{}), make(chan string, 4)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if problem := mixed(t, store, rowsEach); problem != "" {
					problems <- problem
					return
				}
			}
		})
	}
	for n := int64(2); n < rounds; n++ {
		publish(t, store, "heat", hub.Extent(n%2), Now().Add(time.Duration(n)*time.Second), hub.Cursor(fmt.Sprint(n)), delivery(n)...)
	}
	close(done)
	wait.Wait()
	close(problems)
	for problem := range problems {
		t.Error(problem)
	}
}

// mixed tells what is wrong with one read, or "".
func mixed(t *testing.T, store hub.Snapshots, want int) string {
	snapshot, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heat", Code: "1"})
	if err != nil {
		return err.Error()
	}
	if len(snapshot.Obligations) != want {
		return fmt.Sprintf("got %d rows, want %d", len(snapshot.Obligations), want)
	}
	n := snapshot.Obligations[0].Outstanding.Minor
	for _, o := range snapshot.Obligations {
		if o.Outstanding.Minor != n {
			return fmt.Sprintf("got rows of deliveries %d and %d in one read", n, o.Outstanding.Minor)
		}
	}
	if n > 1 && !snapshot.AsOf.Equal(Now().Add(time.Duration(n)*time.Second)) {
		return fmt.Sprintf("got rows of delivery %d as of %v", n, snapshot.AsOf)
	}
	return ""
}

func largeDelivery(t *testing.T, lab Lab) {
	const accounts = 4500
	store := lab.Store
	for n := range int64(2) {
		rows := make([]hub.SnapshotRow, 0, 2*accounts)
		for i := range 2 * accounts {
			rows = append(rows, row(fmt.Sprint(i%accounts), fmt.Sprint(i), 100+n))
		}
		id := stage(t, store, "heat", hub.ExtentAll, Now(), rows...)
		staged, published, err := store.Sums(t.Context(), id)
		wantCode(t, "Sums", err, "")
		want := hub.SnapshotSums{Rows: 2 * accounts, Accounts: accounts, Due: (100 + n) * 2 * accounts}
		if staged != want || published.Rows != n*want.Rows {
			t.Fatalf("got %+v and %+v, want %+v and %d rows", staged, published, want, n*want.Rows)
		}
		wantCode(t, "Publish", show(t.Context(), store, id, "1"), "")
	}
	wantSnapshot(t, store, "heat", "17", Now(), "17=101", "4517=101")
}

func obligationRoundTrip(t *testing.T, lab Lab) {
	owed := hub.Bani(12_000)
	want := Obligation("heat", "F/1 'ș'", 10_050)
	want.Account, want.Debtor = "000123", "Țîrlea Ana"
	want.Subject = &hub.Subject{Type: "flat", Label: "Str. Ștefan 1", Ref: "ap. 3"}
	want.Reference = &hub.Reference{Invoice: "F 1", PVSeries: "PV"}
	want.Period = &hub.Period{From: "2026-02-01", To: "2026-02-28"}
	want.Components = []hub.Component{{Type: "principal", Amount: hub.Bani(10_000)}, {Type: "late", Amount: hub.Bani(50)}}
	want.IncludesPreviousBalance, want.ExcludesIDs = true, []hub.ObligationID{"x"}
	want.Options = []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(10_050), Transfers: []hub.Transfer{{Seq: 1, IBAN: "RO49AAAA1B31007593840000", Amount: hub.Bani(10_050)}}}}
	want.NextChange = &hub.NextChange{At: Now(), Reason: "due", NewOutstanding: &owed}
	want.Replaces = []string{"F/0"}
	want.Quality = []hub.QualityEvent{{Code: "encoding_guessed", Field: "line 3"}}
	want.Details = map[string]string{"meter": "0007"}
	publish(t, lab.Store, "heat", hub.ExtentAll, Now(), "1", hub.SnapshotRow{Account: "000123", Obligation: want})
	got, err := lab.Store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heat", Code: "000123"})
	wantCode(t, "Snapshot", err, "")
	if len(got.Obligations) != 1 || !reflect.DeepEqual(got.Obligations[0], want) {
		t.Fatalf("got %+v, want %+v", got.Obligations, want)
	}
}
