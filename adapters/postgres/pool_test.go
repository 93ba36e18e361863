package postgres_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/hub"
)

// TestNobodyWaitsForANewConnection asks a server that answers over connections it
// has, and is too busy to take new ones: a burst of questions needs none.
func TestNobodyWaitsForANewConnection(t *testing.T) {
	tapped, between := tap(t, testserver.Postgres(t))
	store := open(t, tapped)
	who := hub.Login{Issuer: "i", Subject: "s"}
	if _, err := store.Enrol(t.Context(), who, "Ana", nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // the pool may grow from now on
	between.mute.Store(true)
	defer between.mute.Store(false)
	if asked, failed := burst(store, who, 4*time.Second); len(failed) > 0 {
		t.Fatalf("%d of %d questions failed, the first with %v", len(failed), asked, failed[0])
	}
	if between.turned.Load() == 0 {
		t.Error("nobody tried to open a connection for 48 callers")
	}
}

// TestAPoolGrowsWhileSomebodyWaits counts the server's connections of a burst, with
// callers who keep theirs.
func TestAPoolGrowsWhileSomebodyWaits(t *testing.T) {
	dsn := testserver.Postgres(t)
	store, db := open(t, dsn), raw(t, dsn)
	connections := func() (n int) {
		const query = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'racord'`
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	time.Sleep(3 * time.Second)
	if got := connections(); got > 4 {
		t.Fatalf("got %d connections of a store that nobody asks", got)
	}
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLE payments IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var done atomic.Bool
	defer done.Store(true)
	for range 12 {
		wait.Go(func() {
			for !done.Load() { // each gives up after the lock timeout
				_, _ = store.Payment(t.Context(), hub.PaymentID(hub.NewID()))
			}
		})
	}
	grown := until(t, 30*time.Second, func() bool { return connections() >= 12 })
	done.Store(true)
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if !grown {
		t.Fatalf("got %d connections for 12 callers who wait for a lock", connections())
	}
}

// burst asks with many callers at once for a while.
func burst(store hub.Folders, who hub.Login, long time.Duration) (asked int64, failed []error) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var all atomic.Int64
	end := time.Now().Add(long)
	for range 48 {
		wait.Go(func() {
			for time.Now().Before(end) {
				all.Add(1)
				if _, err := store.Folder(context.Background(), who); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return all.Load(), failed
}

func until(t *testing.T, most time.Duration, done func() bool) bool {
	t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}
