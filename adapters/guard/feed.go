package guard

import (
	"context"
	"iter"
	"math"
	"sync"
	"time"

	"racord/hub"
)

type feed struct {
	gate *gate
	next hub.Feed
}

var _ hub.Feed = feed{}

// Pull takes a slot that stays taken until the batch is closed: reading it is
// part of the call. A delivery has no timeout of its own; it is cut off when
// the slot's lease runs out.
func (f feed) Pull(ctx context.Context, since hub.Cursor) (hub.Batch, error) {
	g := f.gate
	if err := g.standing(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(hub.WithSlots(hub.WithRetries(ctx, g.mayRetry), g.another))
	h := &holding{gate: g, cancel: cancel}
	err := g.breaker.do(func() error {
		soon := time.Now().Add(g.conf.Linger)
		if err := g.allowance.enter(ctx, soon, g.conf.Queue, g.conf.Patient); err != nil {
			return notTheirs{err}
		}
		go h.watch(ctx)
		code, err := g.attempt(ctx, OpPull, g.traits.Timeout, func(ctx context.Context) (err error) {
			h.Batch, err = f.next.Pull(ctx, since)
			return err
		})
		if err != nil {
			g.leave(code)
			h.drop()
		}
		return err
	})
	if err != nil {
		cancel()
		return nil, g.explain(err)
	}
	return h, nil
}

// another gives a delivery one more slot for one call, if there is one that
// nobody waits for.
func (g *gate) another() (release func(), ok bool) {
	if g.allowance.enter(context.Background(), time.Now().Add(g.traits.Timeout+g.conf.Linger), 0, 0) != nil {
		return nil, false
	}
	return sync.OnceFunc(g.allowance.leave), true
}

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
		h.gate.allowance.leaveIn(h.gate.conf.Linger)
	})
	return err
}

// watch cuts the delivery off when the lease of its slot has run out.
func (h *holding) watch(ctx context.Context) {
	defer h.cancel()
	for leased := true; leased; {
		until, moved := h.gate.allowance.lease()
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
