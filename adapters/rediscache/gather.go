package rediscache

import (
	"context"
	"errors"
	"sync"

	"racord/hub"

	"github.com/redis/go-redis/v9"
)

// The bounds of gathering.
const (
	lanes       = 2    // round trips of look-ups under way
	mostKeys    = 256  // in one round trip, unless a single look-up has more
	mostWaiting = 4096 // look-ups; more are not worth waiting for
)

// gatherer sends look-ups that come while others are under way together: under
// load, a round trip serves many callers. Its time counts from when it is sent,
// so that callers who queue behind a busy process do not take Redis for slow.
type gatherer struct {
	fetch func(names []name, values [][]byte, in *room) error

	mu      sync.Mutex
	waiting []*lookup
	running int
}

// ask waits for the verdict on a look-up, or for the caller to leave.
func (g *gatherer) ask(ctx context.Context, l *lookup) error {
	if ctx.Err() != nil {
		return withdrawn(ctx)
	}
	if !g.queue(l) {
		return hub.Errorf(hub.CodeBusy, "too many look-ups are waiting for the cache")
	}
	select {
	case err := <-l.done:
		return err
	case <-ctx.Done():
		return withdrawn(ctx)
	}
}

func withdrawn(ctx context.Context) error {
	return hub.Wrap(hub.CodeUnavailable, ctx.Err(), "The page cache cannot be reached.")
}

// queue adds a look-up and makes sure that somebody serves it.
func (g *gatherer) queue(l *lookup) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) >= mostWaiting {
		return false
	}
	g.waiting = append(g.waiting, l)
	if g.running < lanes {
		g.running++
		go g.serve()
	}
	return true
}

// serve makes round trips as long as somebody waits.
func (g *gatherer) serve() {
	for batch := g.take(); batch != nil; batch = g.take() {
		names := make([]name, 0, len(batch)*8)
		for _, l := range batch {
			names = append(names, l.names...)
		}
		values, in := make([][]byte, len(names)), enter(len(batch))
		err := g.fetch(names, values, in)
		for _, l := range batch {
			l.values, values, l.room = values[:len(l.names)], values[len(l.names):], in
			l.done <- err
		}
	}
}

// take gives the look-ups of the next round trip; nil ends the lane.
func (g *gatherer) take() []*lookup {
	g.mu.Lock()
	defer g.mu.Unlock()
	keys, n := 0, 0
	for n < len(g.waiting) && (n == 0 || keys+len(g.waiting[n].names) <= mostKeys) {
		keys += len(g.waiting[n].names)
		n++
	}
	if n == 0 {
		g.running--
		return nil
	}
	batch := g.waiting[:n:n]
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	return batch
}

// fetch makes one round trip, however many callers wait for it.
func (c *Cache) fetch(names []name, values [][]byte, in *room) error {
	return c.ask(context.Background(), func(ctx context.Context) error {
		if c.cluster {
			return c.getEach(ctx, names, values)
		}
		return c.getAll(ctx, names, values, in)
	})
}

// getAll asks one server. The values stay where the answer was read to.
func (c *Cache) getAll(ctx context.Context, names []name, values [][]byte, in *room) error {
	args := make([]any, 1+len(names))
	args[0] = "mget"
	for i := range names {
		args[1+i] = &names[i]
	}
	if err := c.client.Process(ctx, redis.NewRawWriteToCmd(ctx, &in.answer, args...)); err != nil {
		return err
	}
	return cut(in.answer.Bytes(), values)
}

// getEach asks the servers of a cluster, each once: keys of different slots do
// not go into one MGET.
func (c *Cache) getEach(ctx context.Context, names []name, values [][]byte) error {
	pipe := c.client.Pipeline()
	asked := make([]*redis.StringCmd, len(names))
	for i, name := range names {
		asked[i] = pipe.Get(ctx, string(name))
	}
	_, err := pipe.Exec(ctx)
	answered := 0
	for i, one := range asked {
		value, err := one.Bytes()
		if err == nil || errors.Is(err, redis.Nil) {
			answered++
			values[i] = value
		}
	}
	switch answered {
	case len(names):
		return nil
	case 0:
		return err
	default:
		return errors.Join(errPartly, err)
	}
}
