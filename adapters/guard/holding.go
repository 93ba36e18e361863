package guard

import (
	"context"
	"iter"
	"math"
	"sync"
	"time"

	"racord/hub"
)

// holding is a batch that holds a slot. A defect of the connector that shows while
// the batch is read is CodeInternal, as when it is pulled.
type holding struct {
	hub.Batch
	gate   *gate
	cancel context.CancelFunc
	once   sync.Once

	whole   bool // all was read, and the batch said what follows
	control hub.Control
	next    hub.Cursor
}

// Records gives the connector's records. After the last one it asks for what only
// then is known, as long as it can say that this went wrong.
func (h *holding) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		r := reader{yield: yield}
		if err := h.read(&r); err != nil && !r.left {
			yield(hub.Record{}, err)
		}
	}
}

func (h *holding) read(r *reader) (err error) {
	defer func() {
		if r.busy {
			return // what it panics with is its own, and goes on
		}
		if broken := recover(); broken != nil {
			err = h.gate.broke(OpPull, broken)
		}
	}()
	h.Batch.Records()(r.take)
	if !r.left {
		h.control, h.next, h.whole = h.Batch.Control(), h.Batch.Next(), true
	}
	return nil
}

// reader is who reads a batch.
type reader struct {
	yield func(hub.Record, error) bool
	busy  bool // with a record
	left  bool // it wants no more
}

func (r *reader) take(record hub.Record, err error) bool {
	r.busy = true
	r.left = !r.yield(record, err)
	r.busy = false
	return !r.left
}

// Control gives what the batch says about itself: nothing, when that fails.
func (h *holding) Control() hub.Control {
	if h.whole {
		return h.control
	}
	said := hub.Control{Rows: -1}
	_ = h.gate.safely(context.Background(), OpPull, func(context.Context) error { said = h.Batch.Control(); return nil })
	return said
}

// Next gives the cursor after what was read: that of the beginning, when that
// fails.
func (h *holding) Next() (next hub.Cursor) {
	if h.whole {
		return h.next
	}
	_ = h.gate.safely(context.Background(), OpPull, func(context.Context) error { next = h.Batch.Next(); return nil })
	return next
}

// drop closes a batch that nobody gets.
func (h *holding) drop() {
	if h.Batch != nil {
		_ = h.shut()
	}
}

// shut closes the connector's own batch.
func (h *holding) shut() error {
	return h.gate.safely(context.Background(), OpPull, func(context.Context) error { return h.Batch.Close() })
}

// Close ends the delivery and gives the slot back.
func (h *holding) Close() error {
	err := h.shut()
	h.once.Do(func() {
		h.cancel()
		h.gate.share.leaveIn(h.gate.conf.Linger)
	})
	return err
}

// watch cuts the delivery off when the lease of its slot has run out.
func (h *holding) watch(ctx context.Context) {
	defer h.cancel()
	for leased := true; leased; {
		until, moved := h.gate.share.lease()
		leased = waitLease(ctx, until, moved)
	}
}

// waitLease waits for a lease to move. It is false when it ran out or ctx ended.
func waitLease(ctx context.Context, until time.Time, moved <-chan struct{}) bool {
	wait := time.Duration(math.MaxInt64)
	if !until.IsZero() {
		wait = time.Until(until)
	}
	ranOut := hub.SleepOr(ctx, wait, moved)
	return !ranOut && ctx.Err() == nil
}
