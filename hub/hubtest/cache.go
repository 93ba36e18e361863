package hubtest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"racord/hub"
)

// TestPageCache runs the contract of hub.PageCache. open gives an empty cache
// with room for a thousand small pages.
func TestPageCache(t *testing.T, open func(t *testing.T) hub.PageCache) {
	for name, test := range map[string]func(*testing.T, hub.PageCache){
		"what was never put is missing":              cacheMisses,
		"a page comes back as it was":                cacheKeepsAll,
		"one call finds some of many":                cacheGetsMany,
		"a later page replaces an earlier one":       cacheReplaces,
		"a dropped page is missing":                  cacheDrops,
		"a page is gone after its last moment":       cacheExpires,
		"a page past its last moment is not kept":    cacheRefusesOld,
		"nobody gets another key's page under load":  cacheNeverMixes,
		"a page that was got does not change":        cacheIsImmutable,
		"what stands in the result before is erased": cacheOverwrites,
		"lent pages stand until they are returned":   cacheLends,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// NewPage is a page of the creditor with a recognisable content.
func NewPage(creditor hub.Name, content string) *hub.Page {
	fetched := time.Now().UTC().Truncate(time.Microsecond)
	return &hub.Page{
		Creditor: creditor, State: hub.PageFresh, AsOf: Now(), ValidUntil: Now().Add(time.Hour),
		FetchedAt: fetched, FreshUntil: fetched.Add(time.Minute), ServeUntil: fetched.Add(time.Hour), Due: int64(len(content)),
		Obligations: []byte(`{"id":"` + content + `"}`), Quality: []byte(`{"code":"` + content + `"}`), Version: uint64(len(content)),
	}
}

func put(t *testing.T, cache hub.PageCache, key hub.PageKey, p *hub.Page) {
	t.Helper()
	if err := cache.Put(t.Context(), key, p); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func get(t *testing.T, cache hub.PageCache, keys ...hub.PageKey) []*hub.Page {
	t.Helper()
	into := make([]*hub.Page, len(keys))
	if _, err := cache.Get(t.Context(), keys, into); err != nil {
		t.Fatalf("Get: %v", err)
	}
	return into
}

func wantPage(t *testing.T, got, want *hub.Page) {
	t.Helper()
	if got == nil || !reflect.DeepEqual(normal(got), normal(want)) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// normal makes pages comparable: moments in one zone, without the monotonic
// clock.
func normal(p *hub.Page) hub.Page {
	n := *p
	for _, moment := range []*time.Time{&n.AsOf, &n.ValidUntil, &n.FetchedAt, &n.FreshUntil, &n.ServeUntil} {
		*moment = moment.Round(0).UTC()
	}
	return n
}

func cacheMisses(t *testing.T, cache hub.PageCache) {
	if got := get(t, cache, "never")[0]; got != nil {
		t.Fatalf("got %+v, want nothing", got)
	}
	get(t, cache) // no keys, no answer, no failure
}

func cacheKeepsAll(t *testing.T, cache hub.PageCache) {
	for name, page := range map[string]*hub.Page{
		"full":           NewPage("water", "0123456789"),
		"nothing due":    {Creditor: "heat", State: hub.PageFresh, AsOf: Now(), ServeUntil: time.Now().Add(time.Hour)},
		"not known here": {Creditor: "ditl", State: hub.PageNotKnownHere, AsOf: Now(), ServeUntil: time.Now().Add(time.Hour), Version: 1<<64 - 1},
		"a credit":       {Creditor: "a_-9", State: hub.PageProvisional, Due: -5, ServeUntil: time.Now().Add(time.Hour), Quality: []byte(`{}`)},
	} {
		put(t, cache, hub.PageKey(name), page)
		wantPage(t, get(t, cache, hub.PageKey(name))[0], page)
	}
}

func cacheGetsMany(t *testing.T, cache hub.PageCache) {
	keys, pages := []hub.PageKey{}, []*hub.Page{}
	for i := range 40 {
		keys, pages = append(keys, hub.PageKey(fmt.Sprint("key", i))), append(pages, NewPage("water", fmt.Sprint(i)))
		if i%3 != 0 {
			put(t, cache, keys[i], pages[i])
		}
	}
	for i, got := range get(t, cache, keys...) {
		if i%3 != 0 {
			wantPage(t, got, pages[i])
		} else if got != nil {
			t.Fatalf("key %d: got %+v, want nothing", i, got)
		}
	}
}

func cacheReplaces(t *testing.T, cache hub.PageCache) {
	put(t, cache, "key", NewPage("water", "old"))
	page := NewPage("water", "new")
	put(t, cache, "key", page)
	wantPage(t, get(t, cache, "key")[0], page)
}

func cacheDrops(t *testing.T, cache hub.PageCache) {
	kept := NewPage("water", "kept")
	put(t, cache, "one", NewPage("water", "1"))
	put(t, cache, "two", NewPage("water", "2"))
	put(t, cache, "kept", kept)
	if err := cache.Drop(t.Context(), "one", "two", "never"); err != nil {
		t.Fatalf("Drop: %v", err)
	}
	if err := cache.Drop(t.Context()); err != nil {
		t.Fatalf("Drop of nothing: %v", err)
	}
	got := get(t, cache, "one", "two", "kept")
	if got[0] != nil || got[1] != nil {
		t.Fatal("got a dropped page, want nothing")
	}
	wantPage(t, got[2], kept)
}

func cacheExpires(t *testing.T, cache hub.PageCache) {
	page := keptFor(t, cache, "key", 20*time.Millisecond)
	time.Sleep(time.Until(page.ServeUntil) + time.Millisecond)
	if got := get(t, cache, "key")[0]; got != nil {
		t.Fatal("got a page after its ServeUntil, want nothing")
	}
}

// keptFor puts a page that is there and soon is not. On a busy machine its time
// may be over before it is looked for: then the next has twice as long.
func keptFor(t *testing.T, cache hub.PageCache, key hub.PageKey, short time.Duration) *hub.Page {
	t.Helper()
	for {
		page := NewPage("water", "short")
		page.ServeUntil = time.Now().Add(short)
		put(t, cache, key, page)
		if got := get(t, cache, key)[0]; got != nil {
			wantPage(t, got, page)
			return page
		}
		if time.Until(page.ServeUntil) > short/2 {
			t.Fatal("got nothing before its ServeUntil, want the page")
		}
		short *= 2
	}
}

func cacheRefusesOld(t *testing.T, cache hub.PageCache) {
	put(t, cache, "key", NewPage("water", "young"))
	page := NewPage("water", "old")
	page.ServeUntil = time.Now().Add(-time.Second)
	put(t, cache, "key", page)
	if got := get(t, cache, "key")[0]; got != nil {
		t.Fatalf("got %s after an outdated page was put, want nothing", got.Obligations)
	}
}

// cacheNeverMixes has many callers put and get pages that say whose they are.
func cacheNeverMixes(t *testing.T, cache hub.PageCache) {
	const callers, keys, rounds = 4, 24, 60
	name := func(i int) hub.PageKey { return hub.PageKey(fmt.Sprint("key", i%keys)) }
	var wait sync.WaitGroup
	problems := make(chan string, callers)
	for c := range callers {
		wait.Go(func() {
			for i := range rounds {
				key := name(c*7 + i)
				if err := cache.Put(t.Context(), key, NewPage("water", string(key))); err != nil {
					problems <- err.Error()
					return
				}
				asked, into := []hub.PageKey{name(i), name(i + 1), name(c + i)}, make([]*hub.Page, 3)
				loan, err := cache.Get(t.Context(), asked, into)
				if err != nil {
					problems <- err.Error()
					return
				}
				for j, got := range into {
					if want := `{"id":"` + string(asked[j]) + `"}`; got != nil && string(got.Obligations) != want {
						problems <- fmt.Sprintf("got %s for %s", got.Obligations, asked[j])
						return
					}
				}
				if loan != nil {
					loan.Return()
				}
			}
		})
	}
	wait.Wait()
	close(problems)
	for problem := range problems {
		t.Error(problem)
	}
}

func cacheIsImmutable(t *testing.T, cache hub.PageCache) {
	page := NewPage("water", "first")
	put(t, cache, "key", page)
	got := get(t, cache, "key")[0]
	for i := range 50 {
		put(t, cache, "key", NewPage("water", fmt.Sprint("later", i)))
		get(t, cache, "key")
	}
	wantPage(t, got, page)
}

// cacheLends looks at pages that were cloned before their memory was given back, and
// at those whose memory never was.
func cacheLends(t *testing.T, cache hub.PageCache) {
	page, into := NewPage("water", "first"), make([]*hub.Page, 1)
	put(t, cache, "key", page)
	kept := get(t, cache, "key")[0] // not returned
	loan, err := cache.Get(t.Context(), []hub.PageKey{"key"}, into)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	own := into[0].Clone()
	if loan != nil {
		loan.Return()
	}
	put(t, cache, "key", NewPage("water", "other"))
	for range 50 {
		get(t, cache, "key", "key", "missing")
	}
	wantPage(t, kept, page)
	wantPage(t, own, page)
}

func cacheOverwrites(t *testing.T, cache hub.PageCache) {
	page := NewPage("water", "mine")
	put(t, cache, "mine", page)
	into := []*hub.Page{NewPage("water", "somebody's"), NewPage("water", "somebody's")}
	if _, err := cache.Get(t.Context(), []hub.PageKey{"mine", "missing"}, into); err != nil {
		t.Fatalf("Get: %v", err)
	}
	wantPage(t, into[0], page)
	if into[1] != nil {
		t.Fatal("got what stood there before, want nothing")
	}
}
