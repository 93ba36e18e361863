package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/httpapi"
)

func TestABalancerHearsWhetherToSendRequestsHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down error
		looks := 0
		s := newScene(t, func(p *httpapi.Parts, c *httpapi.Conf) {
			c.InFlight = -1 // a full hub is ready all the same
			p.Ready = func(context.Context) error { looks++; return down }
		})
		for range 100 {
			w := s.ask("GET", "/readyz", "", "Authorization", "")
			if w.Code != http.StatusOK || w.Body.String() != "ready\n" || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("got %d %q, %v", w.Code, w.Body, w.Header())
			}
		}
		if looks != 1 {
			t.Errorf("a hundred requests looked %d times, want 1", looks)
		}
		down = errors.New("dial tcp 10.0.0.7: connection refused")
		time.Sleep(1100 * time.Millisecond) // of the bubble
		if w := s.ask("GET", "/readyz", "", "Authorization", ""); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "10.0.0.7") {
			t.Errorf("without a database: got %d %s", w.Code, w.Body)
		}
	})
}
