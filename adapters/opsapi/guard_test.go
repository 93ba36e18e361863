package opsapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"racord/adapters/opsapi"
)

func TestAWebPageCannotPressTheButtons(t *testing.T) {
	const foreign, named = "cross-origin", "ops_listen"
	for name, tc := range map[string]struct {
		method, target string
		host, origin   string
		site           string // Sec-Fetch-Site
		refused        string // a word of the refusal; "" = it is let in
	}{
		"an operator with curl":            {"POST", "/jobs/audit", "127.0.0.1:9090", "", "", ""},
		"by the address of version 6":      {"POST", "/jobs/audit", "[::1]:9090", "", "", ""},
		"without a port":                   {"POST", "/jobs/audit", "10.0.0.7", "", "", ""},
		"version 6 without a port":         {"GET", "/jobs", "[::1]", "", "", ""},
		"by localhost":                     {"DELETE", "/barriers/capture", "localhost:9090", "", "", ""},
		"by localhost in capitals":         {"GET", "/jobs", "LocalHost:9090", "", "", ""},
		"by the configured name":           {"POST", "/jobs/audit", "ops.city.example:9090", "", "", ""},
		"through a tunnel to its port":     {"POST", "/jobs/audit", "localhost:19090", "", "", ""},
		"a browser that was told to":       {"GET", "/jobs", "localhost:9090", "", "none", ""},
		"a page of its own":                {"POST", "/jobs/audit", "localhost:9090", "http://localhost:9090", "same-origin", ""},
		"another page":                     {"POST", "/jobs/audit", "127.0.0.1:9090", "https://evil.example", "cross-site", foreign},
		"another page, an old browser":     {"POST", "/jobs/audit", "127.0.0.1:9090", "https://evil.example", "", foreign},
		"a page of no origin":              {"POST", "/keys/rewrap", "127.0.0.1:9090", "null", "cross-site", foreign},
		"another program of this machine":  {"DELETE", "/barriers/capture", "127.0.0.1:9090", "http://127.0.0.1:8080", "same-site", foreign},
		"another page posts to metrics":    {"POST", "/metrics", "127.0.0.1:9090", "https://evil.example", "cross-site", foreign},
		"a name that was bound anew reads": {"GET", "/feeds/held", "evil.example:9090", "", "same-origin", named},
		"a name that was bound anew posts": {"POST", "/jobs/audit", "evil.example:9090", "http://evil.example:9090", "same-origin", named},
		"it reads profiles":                {"GET", "/debug/pprof/heap", "evil.example:9090", "", "same-origin", named},
		"a name that begins as localhost":  {"GET", "/jobs", "localhost.evil.example", "", "", named},
		"no name":                          {"GET", "/jobs", "", "", "", named},
		"a name that is none":              {"GET", "/jobs", "a:b:c", "", "", named},
		"a metrics path that is none":      {"GET", "/metrics/x", "evil.example", "", "", named},
		"Prometheus by a service's name":   {"GET", "/metrics", "racord.city.svc:9090", "", "", ""},
		"a probe by a container's name":    {"GET", "/readyz", "racord:9090", "", "", ""},
		"a probe without a name":           {"GET", "/livez", "", "", "", ""},
		"a probe that wants no body":       {"HEAD", "/livez", "racord", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			r := httptest.NewRequest(tc.method, tc.target, nil)
			r.Host = tc.host
			for key, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
				if value != "" {
					r.Header.Set(key, value)
				}
			}
			w := httptest.NewRecorder()
			opsapi.Guard(inside, "Ops.city.example:9090").ServeHTTP(w, r)
			want := http.StatusTeapot
			if tc.refused != "" {
				want = http.StatusForbidden
			}
			if w.Code != want || !strings.Contains(w.Body.String(), tc.refused) {
				t.Errorf("got %d %s, want %d and %q", w.Code, w.Body, want, tc.refused)
			}
		})
	}
}

func TestAListenerOfAllAddressesHasNoName(t *testing.T) {
	for _, listen := range []string{":9090", "0.0.0.0:9090", "[::]:9090"} {
		r := httptest.NewRequest("GET", "/jobs", nil)
		r.Host = ""
		w := httptest.NewRecorder()
		opsapi.Guard(http.NotFoundHandler(), listen).ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", listen, w.Code)
		}
	}
}
