package wire_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// under asks a question under a letterhead and gives the status.
func under(t *testing.T, c *wire.Caller, letterhead *wire.Letterhead, address string) int {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	request := wire.NewRequest(t.Context(), http.MethodPost, to, nil, []byte(`{"a":1}`))
	reply, err := c.Ask(t.Context(), &connectors.Call{Safe: true}, letterhead, request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Release()
	return reply.Status
}

// A secret that was changed shows in the next question, and nothing else changes.
func TestALetterheadShowsTheCredentialOfTheDay(t *testing.T) {
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		heard = append(heard, fmt.Sprint(r.Header["Accept"], r.Header["X-Api-Key"]))
	}))
	defer server.Close()
	secret := ""
	env := connectors.Env{Read: http.DefaultClient, Secret: func(context.Context, string) (hub.Secret, error) {
		return hub.NewSecret(secret), nil
	}}
	blank := http.Header{"Accept": {"application/json"}}
	letterhead := wire.NewLetterhead(blank)
	c := wire.NewCaller(env, wire.Auth{Type: "api_key", Header: "X-Api-Key", Secret: "key"})
	for _, secret = range []string{"old", "old", "new"} {
		under(t, c, letterhead, server.URL)
	}
	open := wire.NewCaller(env, wire.Auth{Type: "none"})
	under(t, open, wire.NewLetterhead(blank), server.URL)
	want := []string{"[application/json] [old]", "[application/json] [old]", "[application/json] [new]", "[application/json] []"}
	if !reflect.DeepEqual(heard, want) || len(blank) != 1 {
		t.Errorf("heard %q, want %q; the blank has become %v", heard, want, blank)
	}
}

// A token that is refused under a letterhead is replaced as everywhere.
func TestALetterheadTakesTheNewToken(t *testing.T) {
	i := &issuer{life: 3600}
	c, address := caller(t, i, "p@ss:word")
	letterhead := wire.NewLetterhead(http.Header{"Accept": {"application/json"}})
	for range 2 {
		if status := under(t, c, letterhead, address+"/bills"); status != http.StatusOK {
			t.Errorf("got status %d, want 200", status)
		}
		i.revoked.Store(true)
	}
	if i.asked.Load() != 2 || i.called.Load() != 3 {
		t.Errorf("asked for %d tokens in %d calls, want 2 in 3", i.asked.Load(), i.called.Load())
	}
}
