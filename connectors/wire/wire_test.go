package wire_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// issuer is a token endpoint and an API that takes only its newest tokens.
type issuer struct {
	life    int
	status  int
	answer  string
	slow    time.Duration
	asked   atomic.Int64 // tokens
	called  atomic.Int64 // API calls
	newest  atomic.Int64
	revoked atomic.Bool // all tokens so far
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		i.token(w, r)
		return
	}
	i.called.Add(1)
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", i.newest.Load()) || i.revoked.Load() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body := new(strings.Builder)
	_ = r.Write(body)
	_, _ = w.Write([]byte(`{"ok":true}`))
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	n := i.asked.Add(1)
	time.Sleep(i.slow)
	if id, secret, _ := r.BasicAuth(); id != "client" || secret != "p%40ss%3Aword" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "bills" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if i.status != 0 {
		w.WriteHeader(i.status)
		_, _ = w.Write([]byte(i.answer))
		return
	}
	i.newest.Store(n)
	i.revoked.Store(false)
	_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":%d}`, n, i.life)
}

func caller(t *testing.T, i *issuer, secret string) (*wire.Caller, string) {
	t.Helper()
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	secrets := map[string]string{"gaz-id": "client", "gaz-secret": secret}
	env := connectors.Env{Read: http.DefaultClient, Write: http.DefaultClient, Secret: func(_ context.Context, name string) (hub.Secret, error) {
		if secrets[name] == "" {
			return hub.Secret{}, connectors.Failure(hub.CodeAuth, errors.New("no such secret"))
		}
		return hub.NewSecret(secrets[name]), nil
	}}
	return wire.NewCaller(env, wire.Auth{Type: "oauth2", TokenURL: server.URL + "/token", ClientID: "gaz-id", ClientSecret: "gaz-secret", Scope: "bills"}), server.URL
}

func send(t *testing.T, c *wire.Caller, url string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/bills", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.Send(context.Background(), true, r)
	if err != nil {
		return 0, err
	}
	defer reply.Release()
	return reply.Status, nil
}

func TestOneTokenServesEverybody(t *testing.T) {
	i := &issuer{life: 300, slow: 20 * time.Millisecond}
	c, url := caller(t, i, "p@ss:word")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if status, err := send(t, c, url); err != nil || status != http.StatusOK {
				t.Errorf("got %d, %v, want an answer", status, err)
			}
		})
	}
	all.Wait()
	if n := i.asked.Load(); n != 1 {
		t.Errorf("got %d tokens for 50 calls at once, want 1", n)
	}
}

func TestATokenWithoutEndServesADay(t *testing.T) {
	for _, life := range []int{1_000_000, 9_999_999_999, math.MaxInt64} {
		i := &issuer{life: life}
		c, url := caller(t, i, "p@ss:word")
		for range 3 {
			if status, err := send(t, c, url); err != nil || status != http.StatusOK {
				t.Fatalf("got %d, %v", status, err)
			}
		}
		if n := i.asked.Load(); n != 1 {
			t.Errorf("good for %d seconds: got %d tokens for three calls, want 1", life, n)
		}
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	i := &issuer{life: 300}
	c, url := caller(t, i, "p@ss:word")
	if status, err := send(t, c, url); err != nil || status != http.StatusOK {
		t.Fatalf("got %d, %v", status, err)
	}
	i.revoked.Store(true)
	if status, err := send(t, c, url); err != nil || status != http.StatusOK || i.asked.Load() != 2 || i.called.Load() != 3 {
		t.Errorf("got %d, %v, %d tokens, %d calls; want an answer with the second token and one repeat", status, err, i.asked.Load(), i.called.Load())
	}
	i.revoked.Store(true)
	i.status, i.answer = http.StatusServiceUnavailable, ""
	if _, err := send(t, c, url); hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want unavailable: the token endpoint is down", err)
	}
}

func TestACallThatIsRefusedAgainIsNotRepeatedForEver(t *testing.T) {
	calls := atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_, _ = w.Write([]byte(`{"access_token":"t","token_type":"bearer","expires_in":300}`))
			return
		}
		calls.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	env := connectors.Env{Read: http.DefaultClient, Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("x"), nil }}
	c := wire.NewCaller(env, wire.Auth{Type: "oauth2", TokenURL: server.URL + "/token", ClientID: "gaz-id", ClientSecret: "gaz-secret"})
	if status, err := send(t, c, server.URL); err != nil || status != http.StatusUnauthorized || calls.Load() != 2 {
		t.Errorf("got %d, %v after %d calls, want 401 after 2", status, err, calls.Load())
	}
}

// The token endpoint says nothing, and the call has a good token.
func TestARenewalLeavesTheCallItsTime(t *testing.T) {
	i := &issuer{life: 6}
	c, url := caller(t, i, "p@ss:word")
	if status, err := send(t, c, url); err != nil || status != http.StatusOK {
		t.Fatalf("got %d, %v", status, err)
	}
	time.Sleep(4600 * time.Millisecond) // less than a quarter of its life is left
	i.slow = 1500 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/bills", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.Send(ctx, true, request)
	if err != nil || i.asked.Load() != 2 {
		t.Fatalf("got %v after %d tokens were asked for, want an answer with the good one", err, i.asked.Load())
	}
	reply.Release()
}

func TestATokenIsRenewedWhileItIsStillGood(t *testing.T) {
	i := &issuer{life: 3}
	c, url := caller(t, i, "p@ss:word")
	if status, err := send(t, c, url); err != nil || status != http.StatusOK {
		t.Fatalf("got %d, %v", status, err)
	}
	i.status = http.StatusServiceUnavailable // from now on
	for i.asked.Load() < 2 {
		if status, err := send(t, c, url); err != nil || status != http.StatusOK {
			t.Fatalf("got %d, %v, want the old token to serve until it ends", status, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if status, err := send(t, c, url); err != nil || status != http.StatusOK || i.asked.Load() != 2 {
		t.Errorf("got %d, %v and %d tokens asked for; want the old token, and no renewal for every call", status, err, i.asked.Load())
	}
}

func TestTokenEndpointsThatMisbehave(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		answer string
		secret string
		want   hub.Code
	}{
		"a wrong secret":     {0, "", "other", hub.CodeAuth},
		"no secret":          {0, "", "", hub.CodeAuth},
		"invalid_client":     {400, `{"error":"invalid_client"}`, "p@ss:word", hub.CodeAuth},
		"down":               {500, ``, "p@ss:word", hub.CodeUnavailable},
		"too many":           {429, ``, "p@ss:word", hub.CodeBusy},
		"not JSON":           {200, `<html>`, "p@ss:word", hub.CodeBadData},
		"no token":           {200, `{"token_type":"bearer"}`, "p@ss:word", hub.CodeBadData},
		"a token for a MAC":  {200, `{"access_token":"t","token_type":"mac"}`, "p@ss:word", hub.CodeBadData},
		"a token with lines": {200, `{"access_token":"t\r\nX: y","token_type":"bearer"}`, "p@ss:word", hub.CodeBadData},
	} {
		c, url := caller(t, &issuer{status: tc.status, answer: tc.answer}, tc.secret)
		_, err := send(t, c, url)
		if got := hub.CodeOf(err); got != tc.want {
			t.Errorf("%s: got %v, want code %s", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "p@ss") {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

func TestFailuresOfTheNetworkHaveACode(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-gone:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(gone)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	for name, tc := range map[string]struct {
		ctx    context.Context
		client *http.Client
		url    string
		want   hub.Code
	}{
		"the caller went away":      {cancelled, &http.Client{}, server.URL, hub.CodeCancelled},
		"the deadline passed":       {late, &http.Client{}, server.URL, hub.CodeTimeout},
		"the attempt took too long": {context.Background(), &http.Client{Timeout: 20 * time.Millisecond}, server.URL, hub.CodeTimeout},
		"nobody listens":            {context.Background(), &http.Client{}, "http://127.0.0.1:1", hub.CodeUnavailable},
		"the wall":                  {context.Background(), &http.Client{Transport: walled{}}, server.URL, hub.CodeForbidden},
	} {
		c := wire.NewCaller(connectors.Env{Read: tc.client, Write: tc.client}, wire.Auth{Type: "none"})
		r, err := http.NewRequestWithContext(tc.ctx, http.MethodGet, tc.url+"/accounts/0004411", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(tc.ctx, true, r)
		if got := hub.CodeOf(err); got != tc.want {
			t.Errorf("%s: got %v, want code %s", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "0004411") {
			t.Errorf("%s: the error names an account: %v", name, err)
		}
	}
}

// walled refuses every address, as the wall against hostile ones does.
type walled struct{}

func (walled) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, hub.Errorf(hub.CodeForbidden, "not an address to call")
}
