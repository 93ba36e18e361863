package hubtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"racord/hub"
)

// refusedRow is a record of an account that cannot be read but for its names.
func refusedRow(account, external, code string) hub.SnapshotRow {
	return hub.SnapshotRow{
		Account: account, Obligation: hub.Obligation{ExternalID: external},
		Refused: &hub.QualityEvent{Code: code, Field: "line 2, REST", Detail: "not an amount"},
	}
}

// wantRefused compares what is said to be missing in an account. A stray is
// written behind a question mark.
func wantRefused(t *testing.T, store hub.Snapshots, account string, want ...string) {
	t.Helper()
	snapshot, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heat", Code: account})
	wantCode(t, "Snapshot", err, "")
	got := []string{}
	for _, e := range snapshot.Refused {
		got = append(got, e.Code)
	}
	slices.Sort(got)
	if snapshot.Stray != nil {
		got = append(got, "?"+snapshot.Stray.Code)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("account %s: got %v refused, want %v", account, got, want)
	}
}

func refusalsAreSaid(t *testing.T, lab Lab) {
	store, later := lab.Store, Now().Add(24*time.Hour)
	publish(t, store, "heat", hub.ExtentAll, Now(), "1", row("1", "a", 100), row("1", "b", 200), row("2", "c", 300))
	id := stage(t, store, "heat", hub.ExtentAll, later, row("1", "a", 100), refusedRow("1", "b", "one"), refusedRow("2", "c", "two"),
		refusedRow("2", "", "three"), refusedRow("2", "", "three"))
	staged, _, err := store.Sums(t.Context(), id)
	wantCode(t, "Sums", err, "")
	if want := (hub.SnapshotSums{Rows: 1, Accounts: 1, Due: 100}); staged != want {
		t.Fatalf("got sums %+v, want %+v: what was refused is in none", staged, want)
	}
	wantRefused(t, store, "1") // staged is hidden
	wantCode(t, "Publish", show(t.Context(), store, id, "2"), "")
	wantSnapshot(t, store, "heat", "1", later, "a=100")
	wantSnapshot(t, store, "heat", "2", later)
	wantRefused(t, store, "1", "one")
	wantRefused(t, store, "2", "three", "two")
	wantRefused(t, store, "3")
	got, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heat", Code: "1"})
	if want := *refusedRow("", "", "one").Refused; err != nil || got.Refused[0] != want {
		t.Fatalf("got %+v, %v, want %+v", got.Refused, err, want)
	}
	publish(t, store, "heat", hub.ExtentAll, later.Add(time.Hour), "3", row("1", "a", 100), refusedRow("", "", "whose"))
	wantRefused(t, store, "1", "?whose")
	wantRefused(t, store, "3", "?whose")
	publish(t, store, "heat", hub.ExtentAll, later.Add(2*time.Hour), "4", row("1", "a", 100))
	wantRefused(t, store, "1")
	wantRefused(t, store, "3")
}

// refusalsAreAnswered merges deltas into a delivery of which much was refused.
func refusalsAreAnswered(t *testing.T, lab Lab) {
	store := lab.Store
	hour := func(n int) time.Time { return Now().Add(time.Duration(n) * time.Hour) }
	publish(t, store, "heat", hub.ExtentAll, hour(1), "1", row("1", "z", 1),
		refusedRow("1", "a", "one"), refusedRow("2", "b", "two"), refusedRow("3", "", "three"), refusedRow("", "", "whose"))
	publish(t, store, "heat", hub.ExtentChanges, hour(0), "2", row("1", "a", 9), row("3", "c", 9)) // speaks earlier
	wantRefused(t, store, "1", "one", "?whose")
	wantRefused(t, store, "3", "three", "?whose")
	publish(t, store, "heat", hub.ExtentChanges, hour(2), "3", row("1", "a", 100), row("3", "d", 100), row("4", "b", 100))
	for _, account := range []string{"1", "2", "3"} { // b moved from account 2 to 4
		wantRefused(t, store, account, "?whose")
	}
	publish(t, store, "heat", hub.ExtentChanges, hour(3), "4", refusedRow("1", "a", "again"), refusedRow("5", "e", "new"))
	wantSnapshot(t, store, "heat", "1", hour(3), "a=100", "z=1") // the earlier word stays beside it
	wantRefused(t, store, "1", "again", "?whose")
	wantRefused(t, store, "5", "new", "?whose")
	publish(t, store, "heat", hub.ExtentChanges, hour(2), "5", refusedRow("3", "d", "same moment"), refusedRow("4", "b", "same moment"))
	publish(t, store, "heat", hub.ExtentChanges, hour(1), "6", refusedRow("3", "d", "old"), refusedRow("5", "e", "old"))
	wantRefused(t, store, "3", "same moment", "?whose")
	wantRefused(t, store, "5", "new", "?whose")
}

// straysAreDoubt delivers lists with a record that may be anybody's. Whoever has a row
// less since may be the one.
func straysAreDoubt(t *testing.T, lab Lab) {
	store := lab.Store
	day := func(n int) time.Time { return Now().AddDate(0, 0, n) }
	wantDoubt := func(accounts ...string) {
		t.Helper()
		for _, account := range []string{"1", "2", "3", "4", "5"} {
			want := []string{"?whose"}
			if slices.Contains(accounts, account) {
				want = []string{"whose", "?whose"}
			}
			wantRefused(t, store, account, want...)
		}
	}
	publish(t, store, "heat", hub.ExtentAll, day(0), "1", row("1", "a", 100), row("1", "b", 200), row("2", "c", 300), row("3", "d", 400), row("4", "e", 500))
	rows := []hub.SnapshotRow{row("1", "a", 100), row("1", "new", 50), row("2", "c", 310), row("5", "d", 400)} // b and e are gone, d has moved
	publish(t, store, "heat", hub.ExtentAll, day(1), "2", append(rows, refusedRow("", "", "whose"))...)
	wantDoubt("1", "4")
	publish(t, store, "heat", hub.ExtentAll, day(2), "3", append(rows, refusedRow("", "", "whose"))...)
	wantDoubt("1", "4") // as long as there is such a record
	publish(t, store, "heat", hub.ExtentChanges, day(3), "4", row("1", "a", 90))
	wantDoubt("1", "4") // a was never missing
	publish(t, store, "heat", hub.ExtentAll, day(4), "5", rows...)
	for _, account := range []string{"1", "2", "4"} {
		wantRefused(t, store, account)
	}
}
