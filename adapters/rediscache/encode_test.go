package rediscache_test

import (
	"bytes"
	"testing"
	"time"

	"racord/adapters/rediscache"
	"racord/hub"
	"racord/hub/hubtest"
)

func FuzzDecode(f *testing.F) {
	good, err := rediscache.Encode(hubtest.NewPage("water", "seed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-30])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		page := hub.Page{}
		if rediscache.Decode(b, &page) != nil {
			return
		}
		again, err := rediscache.Encode(&page)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("got %x (%v) for %x: a page has more than one encoding", again, err, b)
		}
	})
}

func TestOnlyWholePagesOfThisFormatAreRead(t *testing.T) {
	good, err := rediscache.Encode(hubtest.NewPage("water", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := rediscache.Decode(good, &hub.Page{}); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"another format":        append([]byte{good[0] + 1}, good[1:]...),
		"only the format":       good[:1],
		"cut in the middle":     good[:20],
		"cut in the bytes":      good[:len(good)-len(`{"id":"x"}`)-len(`{"code":"x"}`)],
		"a state never fetched": bytes.Replace(good, []byte("\x05fresh"), []byte("\x05stale"), 1),
		"no creditor's name":    bytes.Replace(good, []byte("\x05water"), []byte("\x05WATER"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			page := hub.Page{}
			if rediscache.Decode(b, &page) == nil {
				t.Fatalf("got %+v, want it refused", page)
			}
		})
	}
}

func TestPagesThatNobodyFetchedAreNotWritten(t *testing.T) {
	for _, page := range []*hub.Page{
		{Creditor: "water", State: hub.PageStale, ServeUntil: time.Now()},
		{Creditor: "Not A Name", State: hub.PageFresh},
		{},
	} {
		if b, err := rediscache.Encode(page); err == nil {
			t.Errorf("got %x for %+v, want it refused", b, page)
		}
	}
}
