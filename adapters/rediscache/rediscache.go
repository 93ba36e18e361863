// Package rediscache is the page cache that replicas share (L2), in Redis:
// single, Sentinel or Cluster. Values are sealed and bound to their key, keys are
// pseudonyms, and nothing in it matters: a Redis that is stopped, flushed, frozen
// or altered by somebody makes answers slower and never wrong.
package rediscache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"racord/hub"
)

// Purpose is what the cache's keys are derived for.
const Purpose = "cache"

// Prefix stands before every page key in Redis.
const Prefix = "racord:page:"

// The bounds of what the cache may cost.
const (
	patience    = 20 * time.Millisecond  // for one round trip
	puts        = 64                     // at once; more are not worth waiting for
	failures    = 5                      // in a row, and
	silence     = 250 * time.Millisecond // since it last answered: then Redis is left alone
	convalesces = 500 * time.Millisecond // for so long, until one tries again
)

// Event is something the cache saw.
type Event string

// The events there are, for metrics and the log. Hit, Miss and Altered count
// pages, Failed and Open round trips, Left and Back what they came to.
const (
	Hit     Event = "hit"
	Miss    Event = "miss"
	Altered Event = "altered" // a value that does not open under its key, or cannot be read
	Failed  Event = "error"
	Open    Event = "open" // not asked, because it failed lately
	Left    Event = "left" // begins not to be asked
	Back    Event = "back" // is asked again
)

// Cache is a hub.PageCache in Redis.
type Cache struct {
	client  redis.UniversalClient
	cluster bool
	keys    *hub.Keys
	saw     func(event Event, n int)
	breaker *gobreaker.CircuitBreaker[struct{}]
	putting chan struct{}
	gather  gatherer

	answered atomic.Int64 // when it last did, in nanoseconds since 1970
}

var _ hub.PageCache = (*Cache)(nil)

// New makes a cache over a client of Dial. The hook is told what happens, may be
// nil and must not block.
func New(client redis.UniversalClient, keys *hub.Keys, hook func(event Event, n int)) *Cache {
	if hook == nil {
		hook = func(Event, int) {}
	}
	_, cluster := client.(*redis.ClusterClient)
	c := &Cache{client: client, cluster: cluster, keys: keys, saw: hook, putting: make(chan struct{}, puts)}
	c.gather.fetch = c.fetch
	c.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "redis",
		MaxRequests:  1,
		Timeout:      convalesces,
		ReadyToTrip:  c.isGone,
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errPartly) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errWithdrawn) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case from == gobreaker.StateClosed:
				c.saw(Left, 1)
			case to == gobreaker.StateClosed:
				c.saw(Back, 1)
			}
		},
	})
	return c
}

// isGone tells a Redis that is gone from a process that had no time to read its
// answers: then everything under way fails at once, but it answered just before.
func (c *Cache) isGone(counts gobreaker.Counts) bool {
	return counts.ConsecutiveFailures >= failures && time.Now().UnixNano()-c.answered.Load() >= int64(silence)
}

// Failures that are no reason to leave Redis alone.
var (
	errWithdrawn = errors.New("the caller went away")
	errPartly    = errors.New("some nodes of the cluster do not answer")
)

// Get looks the pages up in one round trip, which it may share with others; they
// stand where its answer was read to until the loan is returned. A value that was
// altered, or is another key's, is missing. It fails with CodeUnavailable when Redis
// does not answer in time, and with CodeBusy when too many wait for it.
func (c *Cache) Get(ctx context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	clear(into)
	if len(keys) == 0 {
		return nil, nil
	}
	l := lookFor(keys)
	err := c.gather.ask(ctx, l)
	if err != nil && !errors.Is(err, errPartly) {
		return nil, err
	}
	c.openAll(l, into)
	return l, err
}

// openAll gives the pages of what was found.
func (c *Cache) openAll(l *lookup, into []*hub.Page) {
	seen := tally{now: time.Now()}
	for i, value := range l.values {
		if c.open(l.names[i], value, &l.pages[i], &seen) {
			into[i] = &l.pages[i]
		}
	}
	seen.report(c.saw)
}

// open reads the page of a value, if it is one.
func (c *Cache) open(name name, sealed []byte, page *hub.Page, seen *tally) bool {
	if len(sealed) == 0 {
		seen.misses++
		return false
	}
	encoded, err := c.keys.OpenInPlace(name, sealed)
	if err == nil {
		err = decode(encoded, page)
	}
	switch {
	case err != nil:
		seen.altered++
	case seen.now.After(page.ServeUntil):
		seen.misses++
	default:
		seen.hits++
		return true
	}
	return false
}

// Put keeps the page until its ServeUntil. It fails with CodeBusy when too many
// pages are being put already, and with CodeUnavailable like Get.
func (c *Cache) Put(ctx context.Context, key hub.PageKey, p *hub.Page) error {
	select {
	case c.putting <- struct{}{}:
		defer func() { <-c.putting }()
	default:
		return hub.Errorf(hub.CodeBusy, "too many pages are being written to the cache")
	}
	left := time.Until(p.ServeUntil)
	if left <= 0 {
		return c.Drop(ctx, key)
	}
	encoded, err := encode(p)
	if err != nil {
		return err
	}
	name := Prefix + string(key)
	sealed := c.keys.Seal(name, encoded)
	return c.ask(ctx, func(ctx context.Context) error {
		return c.client.Set(ctx, name, sealed, max(left, time.Millisecond)).Err()
	})
}

// Drop forgets pages, like Put.
func (c *Cache) Drop(ctx context.Context, keys ...hub.PageKey) error {
	if len(keys) == 0 {
		return nil
	}
	return c.ask(ctx, func(ctx context.Context) error {
		_, err := c.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, key := range keys {
				pipe.Del(ctx, Prefix+string(key))
			}
			return nil
		})
		return err
	})
}

// ask makes a round trip inside its time, unless Redis is left alone now.
func (c *Cache) ask(ctx context.Context, do func(context.Context) error) error {
	_, err := c.breaker.Execute(func() (struct{}, error) {
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := do(bounded)
		switch {
		case err == nil:
			c.answered.Store(time.Now().UnixNano())
		case ctx.Err() != nil:
			err = errors.Join(errWithdrawn, err)
		}
		return struct{}{}, err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		c.saw(Open, 1)
	case errors.Is(err, errWithdrawn):
	default:
		c.saw(Failed, 1)
	}
	return hub.Wrap(hub.CodeUnavailable, err, "The page cache cannot be reached.")
}

// tally counts the pages of one round trip.
type tally struct {
	now                   time.Time
	hits, misses, altered int
}

func (t *tally) report(saw func(Event, int)) {
	if t.hits > 0 {
		saw(Hit, t.hits)
	}
	if t.misses > 0 {
		saw(Miss, t.misses)
	}
	if t.altered > 0 {
		saw(Altered, t.altered)
	}
}
