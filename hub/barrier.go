package hub

import (
	"context"
	"time"
)

// Barrier stops a part of paying, on all replicas, until it is lowered.
type Barrier string

// The barriers.
const (
	BarrierOpen    Barrier = "open"    // no new payments, and nothing is brought on: the books are older than the world
	BarrierCapture Barrier = "capture" // no money is taken: the journal contradicts itself
)

// Raised says why a barrier is up and since when.
type Raised struct {
	Reason string
	Since  time.Time // the store's time
}

// Barriers are remembered, so that no restart forgets them. The first reason
// stands until the barrier is lowered.
type Barriers interface {
	RaiseBarrier(ctx context.Context, b Barrier, reason string) error
	LowerBarrier(ctx context.Context, b Barrier) error
	Barriers(ctx context.Context) (map[Barrier]Raised, error)
}
