package sqlite_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"racord/hub"
)

// TestAFullFileTakesNoPaymentHalf limits the file to every size at which a payment
// may just not fit.
func TestAFullFileTakesNoPaymentHalf(t *testing.T) {
	dir := t.TempDir()
	store, db := open(t, dir), beside(t, dir)
	var refused, taken atomic.Int64
	for pages := range 12 {
		if err := store.Limit(t.Context(), pages); err != nil {
			t.Fatal(err)
		}
		if err := store.RoomToPay(t.Context()); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Fatalf("%d pages are free: got %v, want no room for a payment", pages, err)
		}
		var wait sync.WaitGroup
		for n := range 24 {
			wait.Go(func() {
				key := hub.RequestKey{Key: fmt.Sprint(pages, " ", n)}
				p, _, err := store.OpenPayment(t.Context(), key, basket)
				if err == nil {
					_, err = store.ChangePayment(t.Context(), p.ID, nil, start)
				}
				switch hub.CodeOf(err) {
				case "":
					taken.Add(1)
				case hub.CodeUnavailable:
					refused.Add(1)
				default:
					t.Errorf("%d pages are free: got %v, want it taken or unavailable", pages, err)
				}
			})
		}
		wait.Wait()
	}
	if err := store.Limit(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	if err := store.RoomToPay(t.Context()); err != nil {
		t.Errorf("the file may grow again: %v", err)
	}
	if _, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: "after"}, basket); err != nil {
		t.Errorf("the file may grow again: %v", err)
	}
	if refused.Load() == 0 || taken.Load() == 0 {
		t.Errorf("got %d payments taken and %d refused, want some of each: the limits miss the point", taken.Load(), refused.Load())
	}
	loose := 0
	query := `SELECT (SELECT count(*) FROM payments) * 2 - (SELECT count(*) FROM claims) + (SELECT count(*) FROM payments) - (SELECT count(*) FROM payment_keys)
		+ (SELECT count(*) FROM works) * 2 - (SELECT count(*) FROM journal)`
	if err := db.QueryRowContext(t.Context(), query).Scan(&loose); err != nil || loose != 0 {
		t.Errorf("got %d rows that do not belong together (%v)", loose, err)
	}
}
