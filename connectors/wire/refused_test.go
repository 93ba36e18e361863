package wire_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
)

// inside answers without a network.
type inside struct{ http.Handler }

func (i inside) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), nil
}

// An account is locked after a few wrong passwords, and every call needs a session.
func TestAWrongPasswordIsTriedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var password atomic.Value
		password.Store("wrong")
		f := &forgetful{}
		c := sessionAt("http://bus.test", inside{f}, func() string { return password.Load().(string) }, 0)
		for _, step := range []struct {
			name   string
			after  time.Duration
			now    string
			logins int64
			want   hub.Code
		}{
			{"all at once", 0, "wrong", 1, hub.CodeAuth},
			{"soon again", 20 * time.Second, "wrong", 1, hub.CodeAuth},
			{"later", 11 * time.Second, "wrong", 2, hub.CodeAuth},
			{"with another wrong one", 0, "older", 3, hub.CodeAuth},
			{"with the first, still known", 0, "wrong", 3, hub.CodeAuth},
			{"with the right one, at once", 0, "p&w=1", 4, ""},
		} {
			time.Sleep(step.after)
			password.Store(step.now)
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					if _, err := ask(t, c, http.MethodGet, "http://bus.test"); hub.CodeOf(err) != step.want {
						t.Errorf("%s: got %v, want code %q", step.name, err, step.want)
					}
				})
			}
			all.Wait()
			if got := f.logins.Load(); got != step.logins {
				t.Errorf("%s: got %d logins, want %d", step.name, got, step.logins)
			}
		}
	})
}

func TestARefusedClientIsTriedOnceForAll(t *testing.T) {
	for name, tc := range map[string]struct {
		issuer *issuer
		secret string
		want   hub.Code
		tokens int64
	}{
		"a wrong secret":           {&issuer{}, "wrong", hub.CodeAuth, 1},
		"invalid_client":           {&issuer{status: 400, answer: `{"error":"invalid_client"}`}, "p@ss:word", hub.CodeAuth, 1},
		"an endpoint that is away": {&issuer{status: 503}, "p@ss:word", hub.CodeUnavailable, 4},
		"one that is busy":         {&issuer{status: 429}, "p@ss:word", hub.CodeBusy, 4},
	} {
		c, url := caller(t, tc.issuer, tc.secret)
		for range 4 {
			if _, err := send(t, c, url); hub.CodeOf(err) != tc.want {
				t.Errorf("%s: got %v, want %s", name, err, tc.want)
			}
		}
		if got := tc.issuer.asked.Load(); got != tc.tokens {
			t.Errorf("%s: got %d tokens asked for, want %d", name, got, tc.tokens)
		}
	}
}
