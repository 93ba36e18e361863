package errand_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/errand"
	"racord/hub"
)

func TestAPanicAboutOneDoesNotEndTheOthers(t *testing.T) {
	var run atomic.Int32
	var told atomic.Pointer[slog.Attr]
	things := []int{1, 2, 3, 4}
	errand.Each(things, func(thing *int) {
		if run.Add(1); *thing == 3 {
			panic("1850415120007")
		}
		*thing *= 10
	}, func(thing *int, where slog.Attr) {
		if told.Store(&where); *thing != 3 {
			t.Errorf("the panic was about %d, want 3", *thing)
		}
	})
	if run.Load() != 4 || things[0] != 10 || things[3] != 40 {
		t.Errorf("got %d errands and %v, want all of them over", run.Load(), things)
	}
	where := told.Load()
	if where == nil {
		t.Fatal("nobody was told of the panic")
	}
	if where.Key != "error" || !strings.Contains(where.Value.String(), "type string") || !strings.Contains(where.Value.String(), "errand_test.go:") ||
		strings.Contains(where.Value.String(), "18504151") {
		t.Errorf("got %s, want the type and the place alone", where)
	}
}

func TestWhatWasDoneIsNotedAtTheEnd(t *testing.T) {
	ended, stop := context.WithCancel(t.Context())
	stop()
	broken := errors.New("broken")
	for name, tc := range map[string]struct{ err, want error }{
		"noted":                         {nil, nil},
		"somebody else has taken it":    {hub.Errorf(hub.CodeConflict, "taken over"), nil},
		"the store cannot be asked now": {broken, broken},
	} {
		t.Run(name, func(t *testing.T) {
			err := errand.Note(ended, func(ctx context.Context) error {
				if _, bounded := ctx.Deadline(); ctx.Err() != nil || !bounded {
					t.Errorf("got %v, bounded %t, want a moment to note it", ctx.Err(), bounded)
				}
				return tc.err
			})
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestWaitsAreSpreadByATenth(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		wait := errand.Spread(time.Hour)
		if seen[wait] = true; wait < 54*time.Minute || wait > 66*time.Minute {
			t.Fatalf("got %s, want an hour and a tenth at most", wait)
		}
	}
	if len(seen) < 900 || errand.Spread(0) != 0 {
		t.Errorf("got %d different waits of a thousand, and %s for none", len(seen), errand.Spread(0))
	}
}
