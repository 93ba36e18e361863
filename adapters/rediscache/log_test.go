package rediscache_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"racord/adapters/rediscache"
	"racord/hub"
)

// notebook is written to by the client's own goroutines.
type notebook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notebook) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

func TestTheClientLogsNoValues(t *testing.T) {
	var written notebook
	rediscache.LogTo(slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { rediscache.LogTo(slog.New(slog.DiscardHandler)) })
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	keys, err := hub.NewKeys(make([]byte, hub.MasterKeyBytes), rediscache.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	cache := rediscache.New(client, keys, nil)
	if _, err := cache.Get(t.Context(), []hub.PageKey{"pseudonym"}, make([]*hub.Page, 1)); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("got %v, want the cache unavailable", err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	got := written.String()
	if !strings.Contains(got, "redis client") || strings.Contains(got, "127.0.0.1") || strings.Contains(got, "pseudonym") {
		t.Fatalf("got log %q, want that the client spoke and nothing it spoke about", got)
	}
}
