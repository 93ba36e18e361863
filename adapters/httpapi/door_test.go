package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/view"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhoMayAsk(t *testing.T) {
	for name, tc := range map[string]struct {
		target, authorization string
		status                int
		challenge             string
	}{
		"a citizen":                      {"/v1/view", "Bearer ana", ok, ""},
		"nobody":                         {"/v1/view", "", 401, `Bearer realm="racord"`},
		"a bad token":                    {"/v1/view", "Bearer x", 401, `Bearer realm="racord", error="invalid_token"`},
		"another scheme":                 {"/v1/view", "Basic YW5hOg==", 401, `Bearer realm="racord", error="invalid_token"`},
		"an empty token":                 {"/v1/view", "Bearer ", 401, `Bearer realm="racord", error="invalid_token"`},
		"a token in the query":           {"/v1/view?access_token=ana", "", 401, `Bearer realm="racord"`},
		"a portal for itself":            {"/v1/view", "Bearer portal", 403, ""},
		"a portal about links":           {"/v1/links", "Bearer portal", 403, ""},
		"a portal about creditors":       {"/v1/creditors", "Bearer portal", ok, ""},
		"nobody about creditors":         {"/v1/creditors", "", 401, `Bearer realm="racord"`},
		"nobody about the documentation": {"/openapi.yaml", "", ok, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScene(t, nil).ask("GET", tc.target, "", "Authorization", tc.authorization)
			if w.Code != tc.status || w.Header().Get("WWW-Authenticate") != tc.challenge {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Header().Get("WWW-Authenticate"), tc.status, tc.challenge)
			}
			if w.Code != ok {
				problemIn(t, w)
			}
		})
	}
}

func TestTwoTokensAreNone(t *testing.T) {
	s := newScene(t, nil)
	r := httptest.NewRequest("GET", "/v1/view", nil)
	r.Header["Authorization"] = []string{"Bearer ana", "Bearer ion"}
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestRefusedRequestsNameWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		method, target string
		headers        []string
		status         int
		code, pointer  string
	}{
		"unknown parameter":            {"GET", "/v1/view?cnp=1850415120007", nil, 400, "invalid", "cnp"},
		"parameter in capitals":        {"GET", "/v1/view?Creditor=water", nil, 400, "invalid", "Creditor"},
		"parameter where none is":      {"GET", "/v1/links?all=1", nil, 400, "invalid", "all"},
		"broken query":                 {"GET", "/v1/view?creditor=%zz", nil, 400, "malformed", ""},
		"unknown creditor":             {"GET", "/v1/view?creditor=nobody", nil, 400, "invalid", "creditor"},
		"not a name":                   {"GET", "/v1/view?creditor=../x", nil, 400, "invalid", "creditor"},
		"empty name":                   {"GET", "/v1/view?creditor=", nil, 400, "invalid", "creditor"},
		"too many names":               {"GET", "/v1/view?creditor=water" + strings.Repeat(",water", 64), nil, 400, "invalid", "creditor"},
		"negative age":                 {"GET", "/v1/view?max_staleness=-1s", nil, 400, "invalid", "max_staleness"},
		"age in words":                 {"GET", "/v1/view?max_staleness=old", nil, 400, "invalid", "max_staleness"},
		"age twice":                    {"GET", "/v1/view?max_staleness=1&max_staleness=2", nil, 400, "invalid", "max_staleness"},
		"no patience":                  {"GET", "/v1/view", []string{"Request-Timeout-Ms", "0"}, 400, "invalid", "Request-Timeout-Ms"},
		"too much patience":            {"GET", "/v1/view", []string{"Request-Timeout-Ms", "10001"}, 400, "invalid", "Request-Timeout-Ms"},
		"patience in seconds":          {"GET", "/v1/view", []string{"Request-Timeout-Ms", "1s"}, 400, "invalid", "Request-Timeout-Ms"},
		"no such address":              {"GET", "/v2/view", nil, 404, "no_such_route", ""},
		"the root":                     {"GET", "/", nil, 404, "no_such_route", ""},
		"a method it has not":          {"POST", "/v1/view", nil, 405, "method_not_allowed", ""},
		"a method nobody has":          {"TRACE", "/v1/view", nil, 405, "method_not_allowed", ""},
		"a bad request without a name": {"GET", "/v1/view?x=1", []string{"Authorization", ""}, 401, "unauthenticated", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			w := s.ask(tc.method, tc.target, "", tc.headers...)
			p := problemIn(t, w)
			if w.Code != tc.status || p.Code != tc.code {
				t.Errorf("got %d %q, want %d %q", w.Code, p.Code, tc.status, tc.code)
			}
			if tc.pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != tc.pointer) {
				t.Errorf("got errors %+v, want one about %q", p.Errors, tc.pointer)
			}
			if strings.Contains(w.Body.String(), "18504151") {
				t.Errorf("the answer repeats a personal code")
			}
		})
	}
}

func TestAnExistingAddressSaysItsMethods(t *testing.T) {
	s := newScene(t, nil)
	for target, want := range map[string]string{
		"/v1/view": "GET, HEAD", "/v1/links": "GET, HEAD, POST", "/v1/links/1": "DELETE",
	} {
		if got := s.ask("PUT", target, "").Header().Get("Allow"); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

// TestWhoeverMeetsAnOutageComesBackSoonAndNotWithAllOthers asks while the database
// is away, which says nothing of when it is back.
func TestWhoeverMeetsAnOutageComesBackSoonAndNotWithAllOthers(t *testing.T) {
	away := fails{err: hub.Errorf(hub.CodeUnavailable, "Our records cannot be reached at the moment.")}
	s := newScene(t, func(p *httpapi.Parts, c *httpapi.Conf) { p.Views, c.CitizenPerMinute = away, 1000 })
	told := map[string]bool{}
	for range 100 {
		w := s.ask("GET", "/v1/view", "")
		if w.Code != 503 {
			t.Fatalf("got %d, want 503", w.Code)
		}
		told[w.Header().Get("Retry-After")] = true
	}
	if want := map[string]bool{"1": true, "2": true, "3": true}; !maps.Equal(told, want) {
		t.Errorf("got %v seconds, want one to three, spread", slices.Sorted(maps.Keys(told)))
	}
}

// fails is a use case that fails in one way.
type fails struct {
	httpapi.Views
	err error
}

func (f fails) Of(context.Context, hub.Login, view.Ask) (*view.View, error) { return nil, f.err }

func TestCodesBecomeStatusesInOneTable(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7: the cause is ours alone")
	for code, status := range map[hub.Code]int{
		hub.CodeNotFound: 404, hub.CodeAmbiguous: 409, hub.CodeNotPayable: 422, hub.CodeAmountChanged: 409,
		hub.CodeBusy: 503, hub.CodeMaintenance: 503, hub.CodeAuth: 502, hub.CodeBadData: 502, hub.CodeTimeout: 504,
		hub.CodeUnsupported: 501, hub.CodeUnavailable: 503, hub.CodeForeignData: 502, hub.CodeInvalid: 400,
		hub.CodeUnauthenticated: 401, hub.CodeForbidden: 403, hub.CodeConflict: 409, hub.CodeTooMany: 429,
		hub.CodeCancelled: 499, hub.CodeInternal: 500, "a code nobody knows": 500,
	} {
		t.Run(string(code), func(t *testing.T) {
			err := hub.Wrap(code, cause, "The sentence.")
			err.RetryAfter = 1500 * time.Millisecond
			w := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Views = fails{err: err} }).ask("GET", "/v1/view", "")
			p := problemIn(t, w)
			if w.Code != status || w.Header().Get("Retry-After") != "2" {
				t.Errorf("got %d after %s, want %d after 2", w.Code, w.Header().Get("Retry-After"), status)
			}
			if strings.Contains(w.Body.String(), "10.0.0.7") || p.Detail != "The sentence." {
				t.Errorf("got %s, want the sentence and never the cause", w.Body)
			}
		})
	}
}

func TestAQuotaIsUsedUpAndSaysWhenToComeBack(t *testing.T) {
	s := newScene(t, func(_ *httpapi.Parts, c *httpapi.Conf) { c.CitizenPerMinute = 3 })
	for i := range 3 {
		if w := s.ask("GET", "/v1/view", ""); w.Code != ok {
			t.Fatalf("request %d: got %d, want 200", i+1, w.Code)
		}
	}
	w := s.ask("GET", "/v1/view", "")
	if p := problemIn(t, w); w.Code != 429 || p.Code != "too_many" || w.Header().Get("Retry-After") != "20" {
		t.Errorf("got %d %v, want 429 with Retry-After 20 (a third of a minute)", w.Code, w.Header())
	}
	if got, want := w.Header().Get("Ratelimit"), `"views";r=0;t=60, `; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
	if w := s.ask("GET", "/v1/view", "", "Authorization", "Bearer ion"); w.Code != ok {
		t.Errorf("another citizen: got %d, want 200", w.Code)
	}
	if w := s.ask("GET", "/v1/links", ""); w.Code != ok {
		t.Errorf("another operation: got %d, want 200", w.Code)
	}
}

func TestAPortalHasAQuotaForAllItCarries(t *testing.T) {
	s := newScene(t, func(_ *httpapi.Parts, c *httpapi.Conf) { c.PortalPerMinute = 2 })
	s.ask("GET", "/v1/view", "")
	s.ask("GET", "/v1/links", "", "Authorization", "Bearer ion")
	if w := s.ask("GET", "/v1/view", "", "Authorization", "Bearer ion"); w.Code != 429 {
		t.Errorf("got %d, want 429", w.Code)
	}
}

func TestTooManyAtOnceAreShed(t *testing.T) {
	m := &meter{}
	s := newScene(t, func(p *httpapi.Parts, c *httpapi.Conf) { c.InFlight = 1; p.Meter = m })
	s.sources[0].wait = make(chan struct{})
	inside := make(chan int)
	go func() { inside <- s.ask("GET", "/v1/view", "").Code }()
	for m.get("began view_read") == 0 {
		time.Sleep(time.Millisecond)
	}
	var w *httptest.ResponseRecorder
	for w == nil || w.Code == ok { // the first may be counted just after the meter heard of it
		w = s.ask("GET", "/v1/links", "", "Authorization", "Bearer ion")
	}
	if p := problemIn(t, w); w.Code != 503 || p.Code != "overloaded" || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %q %v, want 503 overloaded with Retry-After", w.Code, p.Code, w.Header())
	}
	close(s.sources[0].wait)
	if got := <-inside; got != ok {
		t.Errorf("the one inside: got %d, want 200", got)
	}
	if w := s.ask("GET", "/v1/links", ""); w.Code != ok {
		t.Errorf("afterwards: got %d, want 200", w.Code)
	}
	if m.get("shed link_list") == 0 {
		t.Errorf("nothing was counted as shed")
	}
}

// watched is a body that knows whether it was read.
type watched struct {
	io.Reader
	read bool
}

func (w *watched) Read(p []byte) (int, error) { w.read = true; return w.Reader.Read(p) }

func TestNobodyIsListenedToWhoMayNotAsk(t *testing.T) {
	full := func(_ *httpapi.Parts, c *httpapi.Conf) { c.InFlight = -1 }
	spent := func(_ *httpapi.Parts, c *httpapi.Conf) { c.CallsPerMinute = 1 }
	for name, tc := range map[string]struct {
		target, token string
		change        func(*httpapi.Parts, *httpapi.Conf)
		before        int // requests
		status        int
		read          bool
	}{
		"without a token":              {target: "/v1/links", status: 401},
		"with a bad token":             {target: "/v1/links", token: "Bearer x", status: 401},
		"with another's kind of token": {target: "/v1/creditors/water/obligations/F1/cancel", token: "Bearer ana", status: 403},
		"with a portal's token":        {target: "/v1/links", token: "Bearer portal", status: 403},
		"when there are too many":      {target: "/v1/links", token: "Bearer ana", change: full, status: 503},
		"when the quota is used up":    {target: "/v1/links", token: "Bearer ana", change: spent, before: 1, status: 429},
		"with a good token":            {target: "/v1/links", token: "Bearer ana", status: 400, read: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, tc.change)
			for range tc.before {
				s.ask("GET", "/v1/links", "")
			}
			body := &watched{Reader: strings.NewReader("{")}
			r := httptest.NewRequest("POST", tc.target, body)
			r.Header = http.Header{"Authorization": {tc.token}, "Content-Type": {"application/json"}}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tc.status || body.read != tc.read {
				t.Errorf("got %d and the body read %t, want %d and %t", w.Code, body.read, tc.status, tc.read)
			}
		})
	}
}

// meter remembers what it was told.
type meter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (m *meter) add(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.counts[what]++
}

func (m *meter) get(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[what]
}

func (m *meter) Began(op string) { m.add("began " + op) }
func (m *meter) Ended(op string, code hub.Code, _ time.Duration) {
	m.add("ended " + op + " " + string(code))
}
func (m *meter) Shed(op string) { m.add("shed " + op) }

func TestEveryRequestIsCountedOnce(t *testing.T) {
	m := &meter{}
	s := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Meter = m })
	s.ask("GET", "/v1/view", "")
	s.ask("GET", "/v1/view?x=1", "")
	s.ask("GET", "/v1/view", "", "Authorization", "")
	s.ask("GET", "/v1/view", "", "Accept", "text/event-stream")
	s.ask("DELETE", "/v1/links/1", "", "Authorization", "Bearer portal")
	want := map[string]int{
		"began view_read": 3, "ended view_read ": 1, "ended view_read invalid": 1, "ended view_read unauthenticated": 1,
		"began view_stream": 1, "ended view_stream ": 1, "began link_delete": 1, "ended link_delete forbidden": 1,
	}
	if diff := cmp.Diff(want, m.counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestOurFaultsAreLoggedWithoutWhoAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		logs bool
	}{
		"a store that is away":   {hub.Errorf(hub.CodeUnavailable, "The store is away."), true},
		"an error without code":  {errors.New("broken"), true},
		"a creditor not allowed": {hub.Errorf(hub.CodeInvalid, "no"), false},
		"a client that left":     {context.Canceled, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) {
				p.Views, p.Log = fails{err: tc.err}, slog.New(slog.NewJSONHandler(&out, nil))
			})
			w := s.ask("GET", "/v1/view", "")
			if got := out.Len() > 0; got != tc.logs {
				t.Errorf("logged %q, want a line: %v", out.String(), tc.logs)
			}
			if tc.logs && !strings.Contains(out.String(), w.Header().Get("X-Request-Id")) {
				t.Errorf("the line does not name the request: %s", out.String())
			}
			if strings.Contains(out.String(), "ana") {
				t.Errorf("the line names the citizen: %s", out.String())
			}
		})
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	var out bytes.Buffer
	s := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Log = slog.New(slog.NewJSONHandler(&out, nil)) })
	s.links.panics = "somebody's secret"
	w := s.ask("POST", "/v1/links", linkBody)
	if p := problemIn(t, w); w.Code != 500 || p.Code != "internal" {
		t.Errorf("got %d %q, want 500 internal", w.Code, p.Code)
	}
	if strings.Contains(out.String()+w.Body.String(), "secret") || !strings.Contains(out.String(), "links).Link") {
		t.Errorf("logged %s, want the place and not the value", out.String())
	}
}

func TestATraceIsTakenOver(t *testing.T) {
	s := newScene(t, nil)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for name, tc := range map[string]struct {
		parent string
		taken  bool
	}{
		"a good one":     {"00-" + trace + "-b7ad6b7169203331-01", true},
		"all zero":       {"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", false},
		"in capitals":    {"00-" + strings.ToUpper(trace) + "-b7ad6b7169203331-01", false},
		"longer":         {"00-" + trace + "-b7ad6b7169203331-01-x", false},
		"something else": {strings.Repeat("<", 55), false},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.ask("GET", "/v1/links", "", "Traceparent", tc.parent).Header().Get("X-Request-Id")
			if (got == tc.parent[3:35]) != tc.taken || len(got) != 32 {
				t.Errorf("got %q for %q", got, tc.parent)
			}
		})
	}
}
