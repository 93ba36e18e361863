package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/rediscache"
	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

// events counts what a cache saw.
type events struct {
	mu   sync.Mutex
	seen map[rediscache.Event]int
}

func (e *events) saw(event rediscache.Event, n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = map[rediscache.Event]int{}
	}
	e.seen[event] += n
}

func (e *events) count(event rediscache.Event) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[event]
}

func open(t testing.TB, addrs ...string) (*rediscache.Cache, *events) {
	t.Helper()
	keys, err := hub.NewKeys(hubtest.Master(), rediscache.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	client := rediscache.Dial(rediscache.Servers{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	seen := &events{}
	return rediscache.New(client, keys, seen.saw), seen
}

// put stores a page. Redis may be slow on a busy machine; the cache gives up
// soon and a test tries again.
func put(t testing.TB, cache hub.PageCache, key hub.PageKey, page *hub.Page) {
	t.Helper()
	eventually(t, "Put", func() error { return cache.Put(t.Context(), key, page) })
}

func eventually(t testing.TB, what string, do func() error) {
	t.Helper()
	err := do()
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); err = do() {
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// patient is a cache that tries again, for the contract.
type patient struct {
	hub.PageCache
	t *testing.T
}

func (p patient) Get(_ context.Context, keys []hub.PageKey, into []*hub.Page) (loan hub.Loan, err error) {
	eventually(p.t, "Get", func() error {
		loan, err = p.PageCache.Get(p.t.Context(), keys, into)
		return err
	})
	return loan, nil
}

func (p patient) Put(_ context.Context, key hub.PageKey, page *hub.Page) error {
	eventually(p.t, "Put", func() error { return p.PageCache.Put(p.t.Context(), key, page) })
	return nil
}

func (p patient) Drop(_ context.Context, keys ...hub.PageKey) error {
	eventually(p.t, "Drop", func() error { return p.PageCache.Drop(p.t.Context(), keys...) })
	return nil
}

func TestCacheKeepsTheContract(t *testing.T) {
	redis := testserver.Redis(t)
	hubtest.TestPageCache(t, func(t *testing.T) hub.PageCache {
		redis.Flush(t)
		cache, _ := open(t, redis.Addr)
		return patient{cache, t}
	})
}

func TestCacheKeepsTheContractInACluster(t *testing.T) {
	cluster := testserver.RedisCluster(t)
	empty := func(t *testing.T) *rediscache.Cache {
		for _, node := range cluster {
			node.Flush(t)
		}
		cache, _ := open(t, addrs(cluster)...)
		return cache
	}
	hubtest.TestPageCache(t, func(t *testing.T) hub.PageCache { return patient{empty(t), t} })
	t.Run("when a node is gone the others still answer", func(t *testing.T) {
		const pages = 30
		cache := empty(t)
		keys, into := make([]hub.PageKey, pages), make([]*hub.Page, pages)
		for i := range keys {
			keys[i] = hub.PageKey(fmt.Sprint("key", i))
			put(t, cache, keys[i], hubtest.NewPage("water", string(keys[i])))
		}
		kept := pages - len(cluster[1].Keys(t))
		cluster[1].Stop(t)
		eventually(t, "the pages of the other nodes", func() error {
			_, _ = cache.Get(t.Context(), keys, into) // of the node that is gone
			found := 0
			for i, page := range into {
				if page != nil {
					found++
					if want := `{"id":"` + string(keys[i]) + `"}`; string(page.Obligations) != want {
						t.Fatalf("got %s, want %s", page.Obligations, want)
					}
				}
			}
			if found != kept || kept == pages {
				return fmt.Errorf("found %d, want %d of %d", found, kept, pages)
			}
			return nil
		})
	})
}

func addrs(cluster []*testserver.RedisServer) (all []string) {
	for _, node := range cluster {
		all = append(all, node.Addr)
	}
	return all
}

// get looks one page up and tolerates a Redis out of reach.
func get(t *testing.T, cache hub.PageCache, key hub.PageKey) *hub.Page {
	t.Helper()
	into := make([]*hub.Page, 1)
	if _, err := cache.Get(t.Context(), []hub.PageKey{key}, into); err != nil && hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("Get: got %v, want no failure but an unavailable cache", err)
	}
	return into[0]
}

func TestWhateverHappensToRedisPagesAreRightOrMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		hurt func(t *testing.T, redis *testserver.RedisServer)
		want rediscache.Event // what the cache then counts
	}{
		"flushed":   {func(t *testing.T, r *testserver.RedisServer) { r.Flush(t) }, rediscache.Miss},
		"corrupted": {func(t *testing.T, r *testserver.RedisServer) { r.Corrupt(t) }, rediscache.Altered},
		"swapped":   {func(t *testing.T, r *testserver.RedisServer) { r.Swap(t) }, rediscache.Altered},
		"cut short": {func(t *testing.T, r *testserver.RedisServer) {
			for _, key := range r.Keys(t) {
				r.Do(t, "SET", key, r.Do(t, "GETRANGE", key, "0", "20"))
			}
		}, rediscache.Altered},
		"another type": {func(t *testing.T, r *testserver.RedisServer) {
			for _, key := range r.Keys(t) {
				r.Do(t, "DEL", key)
				r.Do(t, "LPUSH", key, "x")
			}
		}, rediscache.Miss},
		"forbidden": {func(t *testing.T, r *testserver.RedisServer) { r.Do(t, "ACL", "SETUSER", "default", "-mget") }, rediscache.Failed},
		"stopped":   {func(t *testing.T, r *testserver.RedisServer) { r.Stop(t) }, rediscache.Failed},
		"frozen":    {func(t *testing.T, r *testserver.RedisServer) { r.Freeze(t) }, rediscache.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			redis := testserver.Redis(t)
			cache, seen := open(t, redis.Addr)
			put(t, cache, "one", hubtest.NewPage("water", "one"))
			put(t, cache, "two", hubtest.NewPage("water", "two"))
			tc.hurt(t, redis)
			before := seen.count(tc.want)
			eventually(t, "the event "+string(tc.want), func() error {
				for _, key := range []hub.PageKey{"one", "two"} {
					if page := get(t, cache, key); page != nil {
						t.Errorf("%s: got %s, want nothing", key, page.Obligations)
					}
				}
				if seen.count(tc.want) == before {
					return errors.New("not seen")
				}
				return nil
			})
		})
	}
}

// Look-ups that went together share the memory they were answered in.
func TestEverybodyGetsTheirOwn(t *testing.T) {
	redis := testserver.Redis(t)
	cache, _ := open(t, redis.Addr)
	const people = 32
	text := func(n, page int) string {
		return fmt.Sprintf("%d-%d-%s", n, page, strings.Repeat(string(rune('a'+n%26)), 500+n*20))
	}
	keys := func(n int) []hub.PageKey {
		return []hub.PageKey{hub.PageKey(fmt.Sprint(n, "-0")), hub.PageKey(fmt.Sprint(n, "-1"))}
	}
	for n := range people {
		for i, key := range keys(n) {
			put(t, cache, key, hubtest.NewPage("water", text(n, i)))
		}
	}
	var all sync.WaitGroup
	for n := range people {
		all.Go(func() {
			into := make([]*hub.Page, 2)
			for range 50 {
				var loan hub.Loan
				eventually(t, "Get", func() (err error) {
					loan, err = cache.Get(t.Context(), keys(n), into)
					return err
				})
				for i, page := range into {
					want := hubtest.NewPage("water", text(n, i))
					if page == nil || !bytes.Equal(page.Obligations, want.Obligations) {
						t.Errorf("page %d of %d: got another", i, n)
						return
					}
				}
				loan.Return()
			}
		})
	}
	all.Wait()
}

func TestAValueOfAnotherKeyOrMasterIsMissing(t *testing.T) {
	redis := testserver.Redis(t)
	cache, seen := open(t, redis.Addr)
	keys, err := hub.NewKeys(make([]byte, hub.MasterKeyBytes), rediscache.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	client := rediscache.Dial(rediscache.Servers{Addrs: []string{redis.Addr}})
	defer client.Close()
	put(t, rediscache.New(client, keys, nil), "key", hubtest.NewPage("water", "forged"))
	eventually(t, "an altered value", func() error {
		if page := get(t, cache, "key"); page != nil {
			t.Fatalf("got %s, want nothing", page.Obligations)
		}
		if seen.count(rediscache.Altered) == 0 {
			return errors.New("not counted yet")
		}
		return nil
	})
}

func TestAFrozenRedisIsLeftAloneAndFoundAgain(t *testing.T) {
	redis := testserver.Redis(t)
	cache, seen := open(t, redis.Addr)
	page := hubtest.NewPage("water", "kept")
	put(t, cache, "key", page)
	redis.Freeze(t)
	for range 2000 {
		get(t, cache, "key")
	}
	if asked, spared := seen.count(rediscache.Failed), seen.count(rediscache.Open); spared < 10*asked {
		t.Errorf("got %d round trips and %d spared, want nearly all spared", asked, spared)
	}
	redis.Thaw(t)
	eventually(t, "the page after the thaw", func() error {
		if get(t, cache, "key") == nil {
			return errors.New("still missing")
		}
		return nil
	})
}

func TestACallerWhoLeavesDoesNotOpenTheBreaker(t *testing.T) {
	redis := testserver.Redis(t)
	cache, seen := open(t, redis.Addr)
	put(t, cache, "key", hubtest.NewPage("water", "x"))
	gone, leave := context.WithCancel(t.Context())
	leave()
	before := seen.count(rediscache.Failed)
	for range 50 {
		if _, err := cache.Get(gone, []hub.PageKey{"key"}, make([]*hub.Page, 1)); err == nil {
			t.Fatal("got no error for a caller who left, want one")
		}
	}
	if failed, open := seen.count(rediscache.Failed)-before, seen.count(rediscache.Open); failed+open != 0 {
		t.Fatalf("got %d failures and %d refusals counted, want none", failed, open)
	}
}

func TestNothingPersonalIsInRedis(t *testing.T) {
	redis := testserver.Redis(t)
	cache, _ := open(t, redis.Addr)
	page := hubtest.NewPage("water", "x")
	page.Obligations = []byte(`{"account":"0041775533","debtor":"Zaharia","cnp":"` + hubtest.CNP + `"}`)
	put(t, cache, "pseudonym", page)
	dump := redis.Dump(t)
	if !bytes.Contains(dump, []byte(rediscache.Prefix+"pseudonym")) {
		t.Fatalf("got a dump without the key: %q", dump)
	}
	for _, canary := range []string{hubtest.CNP, "0041775533", "Zaharia", "obligations", "water"} {
		if bytes.Contains(dump, []byte(canary)) {
			t.Errorf("%q is in Redis in clear", canary)
		}
	}
	ttl := redis.Do(t, "PTTL", rediscache.Prefix+"pseudonym")
	if strings.HasPrefix(ttl, "-") {
		t.Errorf("got PTTL %s, want the key to expire by itself", ttl)
	}
}

func BenchmarkGetSix(b *testing.B) {
	redis := testserver.Redis(b)
	cache, seen := open(b, redis.Addr)
	keys := make([]hub.PageKey, 6)
	for i := range keys {
		keys[i] = hub.PageKey(fmt.Sprintf("abcdefghijklmnopqrstu%d", i))
		page := hubtest.NewPage("water", "x")
		page.Obligations = bytes.Repeat([]byte("x"), 1200)
		put(b, cache, keys[i], page)
	}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		into := make([]*hub.Page, 6)
		for pb.Next() {
			if loan, _ := cache.Get(b.Context(), keys, into); loan != nil { // what failed is reported below
				loan.Return()
			}
		}
	})
	b.ReportMetric(float64(seen.count(rediscache.Failed)), "failed")
	b.ReportMetric(float64(seen.count(rediscache.Open)), "spared")
}
