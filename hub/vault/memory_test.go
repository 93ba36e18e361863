package vault_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/keyring"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/vault"
)

type sealed interface{ hub.SealedSecrets }

// rows is a store of one secret that can hang.
type rows struct {
	sealed
	mu    sync.Mutex
	list  []hub.SealedSecret
	hangs bool
	takes time.Duration
	reads int
}

func (r *rows) PutSecret(_ context.Context, creditor hub.Name, name string, seal func(version int64) (hub.SealedSecret, error)) (hub.SealedSecret, error) {
	s, err := seal(1)
	s.Creditor, s.Name = creditor, name
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = []hub.SealedSecret{s}
	return s, err
}

func (r *rows) SealedSecrets(ctx context.Context, _ hub.Name, _ string) ([]hub.SealedSecret, error) {
	r.mu.Lock()
	r.reads++
	list, hangs := r.list, r.hangs
	r.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(r.takes)
	return list, nil
}

func (r *rows) hang(on bool) (reads int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hangs = on
	return r.reads
}

// over is a replica's vault over a store.
func over(t *testing.T, store *rows) *vault.Vault {
	t.Helper()
	ring, err := keyring.Open(t.TempDir(), hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := hub.NewKeys(hubtest.Master(), vault.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	return vault.New(store, ring, keys)
}

// hanging is a vault that has read its secret two seconds ago, over a store that
// hangs since.
func hanging(t *testing.T) (*vault.Vault, *rows) {
	t.Helper()
	store := &rows{}
	v := over(t, store)
	if _, err := v.Put(t.Context(), "water", "water-key", hub.NewSecret("one"), engineer); err != nil {
		t.Fatal(err)
	}
	wantValues(t, v, "water", "water-key", "one")
	time.Sleep(2 * time.Second)
	store.hang(true)
	return v, store
}

// TestAStoreThatHangsMakesNobodyWaitForWhatIsKept asks while another is still at
// reading, which it gives up soon and leaves for a second.
func TestAStoreThatHangsMakesNobodyWaitForWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, store := hanging(t)
		begun := time.Now()
		var first sync.WaitGroup
		first.Go(func() { wantValues(t, v, "water", "water-key", "one") })
		synctest.Wait()
		wantValues(t, v, "water", "water-key", "one")
		if took := time.Since(begun); took != 0 {
			t.Errorf("the second waited for %s", took)
		}
		first.Wait()
		if took := time.Since(begun); took > time.Second/2 {
			t.Errorf("the first waited for %s, want half a second", took)
		}
		reads := store.hang(true)
		for range 10 {
			wantValues(t, v, "water", "water-key", "one")
		}
		if more := store.hang(true) - reads; more != 0 {
			t.Errorf("it was read %d times just after it had failed", more)
		}
		time.Sleep(time.Minute) // known to hang: whoever is second waits for nobody
		first.Go(func() { wantValues(t, v, "water", "water-key", "one") })
		synctest.Wait()
		begun = time.Now()
		wantValues(t, v, "water", "water-key", "one")
		if took := time.Since(begun); took != 0 {
			t.Errorf("a minute later the second waited for %s", took)
		}
		first.Wait()
		store.hang(false)
		time.Sleep(2 * time.Second)
		if _, err := v.Put(t.Context(), "water", "water-key", hub.NewSecret("two"), engineer); err != nil {
			t.Fatal(err)
		}
		wantValues(t, v, "water", "water-key", "two")
	})
}

// TestNobodyWaitsLongerThanItsCall: without a value that is kept, or with one that is
// too old, each caller leaves when its own time is over.
func TestNobodyWaitsLongerThanItsCall(t *testing.T) {
	for name, since := range map[string]time.Duration{"nothing was read": -1, "too old": 11 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, _ := hanging(t)
				asked := "water-other"
				if since > 0 {
					time.Sleep(since)
					asked = "water-key"
				}
				var all sync.WaitGroup
				for _, within := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
					all.Go(func() {
						begun := time.Now()
						ctx, cancel := context.WithTimeout(t.Context(), within)
						defer cancel()
						if got, err := v.SecretsOf(ctx, "water", asked); hub.CodeOf(err) != hub.CodeTimeout || time.Since(begun) != within {
							t.Errorf("got %d values (%v) after %s, want timeout after %s", len(got), err, time.Since(begun), within)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// TestWhatIsOldWaitsForTheReader: a value that nobody asked for in a while may have
// been changed, and a store that is a little slow says so to all who come at once.
func TestWhatIsOldWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, store := hanging(t)
		store.hang(false)
		time.Sleep(time.Minute)
		if _, err := over(t, store).Put(t.Context(), "water", "water-key", hub.NewSecret("two"), engineer); err != nil {
			t.Fatal(err)
		}
		store.takes = 100 * time.Millisecond
		reads := store.hang(false)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantValues(t, v, "water", "water-key", "two") })
		}
		all.Wait()
		if more := store.hang(false) - reads; more != 1 {
			t.Errorf("it was read %d times, want once for all", more)
		}
	})
}
