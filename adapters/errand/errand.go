// Package errand holds what is common to whatever leases things and runs the same
// errand for each until it succeeds: so many at once, none ended by another's
// panic, each noted even when the process is about to end, and not all tried again
// in the same moment.
package errand

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"racord/hub"
)

// Each runs an errand for all things at once, and returns when all are over. A
// panic about one does not end the others: panicked is told where it was, and the
// thing's lease runs out.
func Each[T any](things []T, run func(*T), panicked func(thing *T, where slog.Attr)) {
	var running sync.WaitGroup
	for i := range things {
		running.Go(func() {
			defer rescue(func(where slog.Attr) { panicked(&things[i], where) })
			run(&things[i])
		})
	}
	running.Wait()
}

// rescue names the place and the type of a panic, not what it says: that may be
// somebody's data.
func rescue(tell func(where slog.Attr)) {
	if value := recover(); value != nil {
		_, file, line, _ := runtime.Caller(2)
		tell(slog.String("error", fmt.Sprintf("panic of type %T at %s:%d", value, file, line)))
	}
}

// noteFor is how long it may take to note how an errand went.
const noteFor = 5 * time.Second

// Note settles an errand, even when ctx has ended meanwhile. Who lost the lease
// notes nothing, and that is no failure.
func Note(ctx context.Context, settle func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteFor)
	defer cancel()
	err := settle(ctx)
	if hub.CodeOf(err) == hub.CodeConflict {
		return nil
	}
	return err
}

// Spread gives about the same wait, a tenth less or more, so that they do not all
// come back at once.
func Spread(wait time.Duration) time.Duration { return wait - wait/10 + rand.N(wait/5+1) }
