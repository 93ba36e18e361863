package opsapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/adapters/opsapi"
	"racord/adapters/sqlite"
	"racord/hub"
)

// desk is an operator in front of a store in which a delivery waits and a
// connector is in quarantine.
func desk(t *testing.T) (press func(method, path string) (int, string), store *sqlite.Store, stage hub.StageID) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	stage, err = store.Stage(t.Context(), "heating", true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Hold(t.Context(), stage, "cursor-2", "it drops 12000 of 24000 accounts"); err != nil {
		t.Fatal(err)
	}
	if err := store.Quarantine(t.Context(), "water", "foreign data", time.Now()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(opsapi.Handler(store, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return func(method, path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		body, _ := io.ReadAll(got.Body)
		return got.StatusCode, string(body)
	}, store, stage
}

func TestAnOperatorDecidesAboutAHeldDelivery(t *testing.T) {
	for button, published := range map[string]bool{"release": true, "discard": false} {
		t.Run(button, func(t *testing.T) {
			press, store, stage := desk(t)
			if status, body := press("GET", "/feeds/held"); status != 200 || !strings.Contains(body, "12000 of 24000") {
				t.Fatalf("got %d %s, want the delivery and its reason", status, body)
			}
			path := "/feeds/held/" + string(stage) + "/" + button
			if status, body := press("POST", path); status != 200 {
				t.Fatalf("got %d %s", status, body)
			}
			if held, err := store.Held(t.Context()); err != nil || len(held) != 0 {
				t.Errorf("got %v (%v), want nothing held", held, err)
			}
			_, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heating", Code: "1"})
			if got := hub.CodeOf(err) != hub.CodeNotFound; got != published {
				t.Errorf("got published %t (%v), want %t", got, err, published)
			}
			if status, body := press("POST", path); button == "release" && status != 404 {
				t.Errorf("again: got %d %s, want 404", status, body)
			}
		})
	}
}

func TestAnOperatorLiftsAQuarantine(t *testing.T) {
	press, store, _ := desk(t)
	if status, body := press("GET", "/quarantine"); status != 200 || !strings.Contains(body, "water") {
		t.Fatalf("got %d %s, want water", status, body)
	}
	if status, body := press("DELETE", "/quarantine/water"); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	if left, err := store.Quarantined(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("got %v (%v), want nobody", left, err)
	}
}
