package guard

import (
	"context"
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
	ctx, cancel := context.WithCancel(hub.WithSlots(g.retrying(ctx), g.another))
	h := &holding{gate: g, cancel: cancel}
	err := g.breaker.do(func() error {
		soon := time.Now().Add(g.conf.Linger)
		if err := g.share.enter(ctx, soon, g.conf.Queue, g.conf.Patient); err != nil {
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
	if g.share.enter(context.Background(), time.Now().Add(g.traits.Timeout+g.conf.Linger), 0, 0) != nil {
		return nil, false
	}
	return sync.OnceFunc(g.share.leave), true
}
