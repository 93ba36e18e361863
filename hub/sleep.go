package hub

import (
	"context"
	"time"
)

// Sleep waits for so long, less when ctx ends. It tells whether all of it passed.
func Sleep(ctx context.Context, d time.Duration) bool { return SleepOr(ctx, d, nil) }

// SleepOr is Sleep that a call ends too.
func SleepOr(ctx context.Context, d time.Duration, called <-chan struct{}) bool {
	over, stop := context.WithTimeout(ctx, d)
	defer stop()
	select {
	case <-called:
		return false
	case <-over.Done():
		return ctx.Err() == nil
	}
}
