// Package memcache is the page cache inside the process (L1). It gives the very
// pages that were put, looks six of them up without taking memory or a lock, and
// stays within its bytes by forgetting what is asked least.
package memcache

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"racord/hub"
)

// overhead is what an entry takes besides the bytes of its page: the page itself,
// its key and the cache's own book-keeping.
const overhead = 400

// usual is how many bytes a page has, as debts usually are.
const usual = 1500

// Holds tells how many usual pages a cache of so many bytes has room for.
func Holds(maxBytes int) int { return max(1, maxBytes/(overhead+usual)) }

// Cache is a hub.PageCache in memory.
type Cache struct {
	pages *otter.Cache[hub.PageKey, *hub.Page]
}

var _ hub.PageCache = (*Cache)(nil)

// New makes a cache of at most maxBytes, roughly.
func New(maxBytes int) *Cache {
	return &Cache{pages: otter.Must(&otter.Options[hub.PageKey, *hub.Page]{
		MaximumWeight: uint64(max(maxBytes, overhead)),
		Weigher:       weight,
	})}
}

func weight(key hub.PageKey, p *hub.Page) uint32 {
	return uint32(min(overhead+len(key)+cap(p.Obligations)+cap(p.Quality), 1<<30))
}

// Get looks the pages up. It never fails, and lends nothing.
func (c *Cache) Get(_ context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	now := time.Now()
	for i, key := range keys {
		page, ok := c.pages.GetIfPresent(key)
		if ok && now.After(page.ServeUntil) {
			c.forget(key, page)
			ok = false
		}
		if !ok {
			page = nil
		}
		into[i] = page
	}
	return nil, nil
}

// forget removes a page unless another took its place.
func (c *Cache) forget(key hub.PageKey, old *hub.Page) {
	c.pages.ComputeIfPresent(key, func(page *hub.Page) (*hub.Page, otter.ComputeOp) {
		if page == old {
			return nil, otter.InvalidateOp
		}
		return page, otter.CancelOp
	})
}

// Put keeps the page, which must not change any more. It never fails.
func (c *Cache) Put(_ context.Context, key hub.PageKey, p *hub.Page) error {
	if time.Now().After(p.ServeUntil) {
		c.pages.Invalidate(key)
		return nil
	}
	c.pages.Set(key, p)
	return nil
}

// Drop forgets pages. It never fails.
func (c *Cache) Drop(_ context.Context, keys ...hub.PageKey) error {
	for _, key := range keys {
		c.pages.Invalidate(key)
	}
	return nil
}
