package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
)

// TestChangesTogetherUndoOnlyThemselves makes good changes and bad ones of every
// kind at the same time.
func TestChangesTogetherUndoOnlyThemselves(t *testing.T) {
	const callers, rounds = 24, 20
	store := open(t, t.TempDir())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")
	var wait sync.WaitGroup
	var mu sync.Mutex
	good, bad := map[hub.PaymentID]bool{}, map[hub.PaymentID]bool{}
	for caller := range callers {
		wait.Go(func() {
			for round := range rounds {
				p := hubtest.Basket("", hub.ObligationID(hub.NewID()))
				key := hub.RequestKey{Key: fmt.Sprint(caller, " ", round)}
				ctx, kind := t.Context(), (caller+round)%4
				if kind == 1 {
					ctx = gone
				}
				err := safely(func() error {
					_, _, err := store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
						if _, err := tx.HoldAll(ctx, p.ID, []*hub.Line{&p.Lines[0]}, tx.Now()); err != nil {
							return nil, err
						}
						switch kind {
						case 2:
							return p, broken
						case 3:
							panic(broken)
						}
						return p, nil
					})
					return err
				})
				mu.Lock()
				if err == nil {
					good[p.ID] = true
				} else {
					bad[p.ID] = true
				}
				mu.Unlock()
				if kept, want := err == nil, kind == 0; kept != want || kind > 1 && !errors.Is(err, broken) {
					t.Errorf("kind %d: got %v", kind, err)
				}
			}
		})
	}
	wait.Wait()
	if len(good) != callers*rounds/4 {
		t.Errorf("got %d payments kept, want %d", len(good), callers*rounds/4)
	}
	for id := range good {
		if _, err := store.Payment(t.Context(), id); err != nil {
			t.Errorf("a payment that was kept: %v", err)
		}
	}
	for id := range bad {
		if _, err := store.Payment(t.Context(), id); hub.CodeOf(err) != hub.CodeNotFound {
			t.Errorf("got %v for a payment that was not kept", err)
		}
	}
}

// safely makes a panic an error.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	return do()
}

func TestAReaderChangesNothing(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	reader, err := sqlite.OpenToRead(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := reader.OpenPayment(ctx, hub.RequestKey{Key: "k"}, basket); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v from a reader that was to open a payment, want a refusal", err)
	}
	if _, err := reader.Claims(ctx); err != nil {
		t.Errorf("a reader does not read: %v", err)
	}
}
