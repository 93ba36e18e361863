package memcache_test

import (
	"fmt"
	"runtime"
	"testing"

	"racord/adapters/memcache"
	"racord/hub"
	"racord/hub/hubtest"
)

func TestCacheKeepsTheContract(t *testing.T) {
	hubtest.TestPageCache(t, func(*testing.T) hub.PageCache { return memcache.New(4 << 20) })
}

func TestCacheGivesThePageThatWasPut(t *testing.T) {
	cache, page := memcache.New(1<<20), hubtest.NewPage("water", "mine")
	if err := cache.Put(t.Context(), "key", page); err != nil {
		t.Fatal(err)
	}
	into := make([]*hub.Page, 1)
	if _, err := cache.Get(t.Context(), []hub.PageKey{"key"}, into); err != nil || into[0] != page {
		t.Fatalf("got %p (%v), want the same page %p", into[0], err, page)
	}
}

func TestCacheStaysWithinItsBytes(t *testing.T) {
	const bytes, pageBytes, puts = 1 << 20, 10_000, 2_000
	cache := memcache.New(bytes)
	keys := make([]hub.PageKey, puts)
	for i := range keys {
		keys[i] = hub.PageKey(fmt.Sprint(i))
		page := hubtest.NewPage("water", "x")
		page.Obligations = make([]byte, pageBytes)
		if err := cache.Put(t.Context(), keys[i], page); err != nil {
			t.Fatal(err)
		}
	}
	kept := count(t, cache, keys)
	for limit := 1000; kept*pageBytes > bytes && limit > 0; limit-- { // eviction runs behind
		runtime.Gosched()
		kept = count(t, cache, keys)
	}
	if kept == 0 || kept*pageBytes > bytes {
		t.Fatalf("got %d pages of %d bytes, want some, within %d bytes", kept, pageBytes, bytes)
	}
}

func count(t *testing.T, cache *memcache.Cache, keys []hub.PageKey) (kept int) {
	t.Helper()
	into := make([]*hub.Page, len(keys))
	if _, err := cache.Get(t.Context(), keys, into); err != nil {
		t.Fatal(err)
	}
	for _, page := range into {
		if page != nil {
			kept++
		}
	}
	return kept
}

func TestGettingTakesNoMemory(t *testing.T) {
	cache, keys, into := sixPages(t)
	ctx := t.Context()
	if got := testing.AllocsPerRun(1000, func() { _, _ = cache.Get(ctx, keys, into) }); got != 0 {
		t.Fatalf("got %v allocations for six pages, want 0", got)
	}
}

func sixPages(t testing.TB) (*memcache.Cache, []hub.PageKey, []*hub.Page) {
	t.Helper()
	cache := memcache.New(1 << 20)
	keys, into := make([]hub.PageKey, 6), make([]*hub.Page, 6)
	for i := range keys {
		keys[i] = hub.PageKey(fmt.Sprintf("abcdefghijklmnopqrstu%d", i))
		if err := cache.Put(t.Context(), keys[i], hubtest.NewPage("water", "x")); err != nil {
			t.Fatal(err)
		}
	}
	return cache, keys, into
}

func BenchmarkGetSix(b *testing.B) {
	cache, keys, _ := sixPages(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		into := make([]*hub.Page, 6)
		for pb.Next() {
			if _, err := cache.Get(b.Context(), keys, into); err != nil {
				b.Error(err)
			}
		}
	})
}
