package httpapi_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/view"

	"github.com/google/go-cmp/cmp"
)

// shown is a view as a portal reads it.
type shown struct {
	ViewID    string    `json:"view_id"`
	Complete  bool      `json:"complete"`
	Confirmed hub.Money `json:"total_confirmed"`
	Pages     []struct {
		Creditor    hub.Name
		State       hub.PageState
		Obligations []hub.Obligation
	}
}

func TestTheViewIsOnePagePerCreditor(t *testing.T) {
	s := newScene(t, nil)
	w := s.ask("GET", "/v1/view", "")
	got := decode[shown](t, w)
	if w.Code != ok || len(got.Pages) != len(names) || !got.Complete || got.Confirmed != hub.Bani(12*7015) {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Cache-Control": {"private, no-cache"}, "Vary": {"Authorization, Accept"},
		"X-Content-Type-Options": {"nosniff"}, "Referrer-Policy": {"no-referrer"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Etag":                    {`W/"` + got.ViewID + `"`},
		"Ratelimit-Policy":        {`"views";q=30;w=60, "portal";q=60000;w=60`},
		"Ratelimit":               {`"views";r=29;t=2, "portal";r=59999;t=1`},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, w.Header()[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := w.Header().Get("X-Request-Id"); len(got) != 32 {
		t.Errorf("got request id %q, want 32 characters", got)
	}
}

func TestAViewCanBeNarrowed(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		want  []hub.Name
	}{
		"one":      {"?creditor=water", []hub.Name{"water"}},
		"repeated": {"?creditor=ditl&creditor=water", []hub.Name{"ditl", "water"}},
		"a list":   {"?creditor=ditl,water", []hub.Name{"ditl", "water"}},
		"an age":   {"?creditor=ditl&max_staleness=90s", []hub.Name{"ditl"}},
		"seconds":  {"?creditor=ditl&max_staleness=90", []hub.Name{"ditl"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			var got []hub.Name
			for _, p := range decode[shown](t, s.ask("GET", "/v1/view"+tc.query, "")).Pages {
				got = append(got, p.Creditor)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("creditors (-want +got):\n%s", diff)
			}
		})
	}
}

// heard remembers what the use case was asked.
type heard struct {
	httpapi.Views
	ask   view.Ask
	who   hub.Login
	until time.Duration
}

func (h *heard) Of(ctx context.Context, who hub.Login, ask view.Ask) (*view.View, error) {
	h.ask, h.who = ask, who
	if last, ok := ctx.Deadline(); ok {
		h.until = time.Until(last)
	}
	return h.Views.Of(ctx, who, ask)
}

func TestWhatTheUseCaseIsAsked(t *testing.T) {
	var views heard
	s := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) { views.Views = p.Views; p.Views = &views })
	s.ask("GET", "/v1/view", "")
	if views.ask.MaxStaleness >= 0 || views.until != 0 {
		t.Errorf("without parameters: got %+v within %v, want the creditors' own freshness and no deadline", views.ask, views.until)
	}
	s.ask("GET", "/v1/view?max_staleness=2m", "", "Authorization", "bearer ion", "Request-Timeout-Ms", "700")
	if views.ask.MaxStaleness != 2*time.Minute || views.who.Subject != "ion" {
		t.Errorf("got %+v about %v, want 2m about ion", views.ask, views.who)
	}
	if views.until <= 0 || views.until > 700*time.Millisecond {
		t.Errorf("got a deadline in %v, want at most 700ms", views.until)
	}
}

func TestAnUnchangedViewIsNotSentAgain(t *testing.T) {
	s := newScene(t, nil)
	tag := s.ask("GET", "/v1/view", "").Header().Get("Etag")
	for name, tc := range map[string]struct {
		tags string
		want int
	}{
		"the same":           {tag, http.StatusNotModified},
		"the strong form":    {tag[2:], http.StatusNotModified},
		"one of several":     {`"a", ` + tag + ` , W/"b"`, http.StatusNotModified},
		"anything":           {"*", http.StatusNotModified},
		"another":            {`W/"other"`, ok},
		"a part of it":       {tag[:len(tag)-2] + `"`, ok},
		"a name without \"s": {tag[3 : len(tag)-1], ok},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.ask("GET", "/v1/view", "", "If-None-Match", tc.tags)
			if w.Code != tc.want {
				t.Errorf("got %d, want %d", w.Code, tc.want)
			}
			if w.Code == http.StatusNotModified && (w.Body.Len() > 0 || w.Header().Get("Etag") != tag || w.Header().Get("Ratelimit") == "") {
				t.Errorf("got %d bytes under %v, want none, the tag and what is left of the quota", w.Body.Len(), w.Header())
			}
		})
	}
}

func TestPagesArriveOneByOne(t *testing.T) {
	s := newScene(t, nil)
	late := s.sources[2]
	late.wait = make(chan struct{})
	server := httptest.NewServer(s)
	defer server.Close()
	r, _ := http.NewRequest("GET", server.URL+"/v1/view", nil)
	r.Header.Set("Authorization", "Bearer ana")
	r.Header.Set("Accept", "text/event-stream")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got type %q, want text/event-stream", got)
	}
	lines := bufio.NewScanner(answer.Body)
	var events []string
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			events = append(events, name)
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && len(events) == 5 {
			if strings.Contains(data, `"creditor":"water"`) {
				t.Errorf("the late page is among the first five")
			}
			close(late.wait) // only now: the first five came without it
		}
	}
	want := []string{"page", "page", "page", "page", "page", "page", "view"}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTheLastEventSumsUp(t *testing.T) {
	s := newScene(t, nil)
	w := s.ask("GET", "/v1/view", "", "Accept", "text/event-stream")
	_, last, _ := strings.Cut(w.Body.String(), "event: view\ndata: ")
	if !strings.HasPrefix(last, `{"view_id":"`) || strings.Contains(last, "pages") || !strings.HasSuffix(last, "}\n\n") {
		t.Errorf("got %q, want the view without its pages", last)
	}
}

// halfway fails after its first page.
type halfway struct{ httpapi.Views }

func (h halfway) Stream(ctx context.Context, who hub.Login, ask view.Ask, each func(*view.Page) error) (*view.View, error) {
	_ = each(&view.Page{Creditor: "water", State: hub.PageMissing})
	return nil, hub.Errorf(hub.CodeUnavailable, "The store is away.")
}

func TestAStreamThatFailsSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*httpapi.Parts, *httpapi.Conf)
		target string
		status int
		want   string
	}{
		"halfway":     {func(p *httpapi.Parts, _ *httpapi.Conf) { p.Views = halfway{} }, "/v1/view", ok, "event: problem\ndata: {\"type\":\"/docs#problem-unavailable\""},
		"at the door": {nil, "/v1/view?creditor=nobody", http.StatusBadRequest, `"code":"invalid"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScene(t, tc.change).ask("GET", tc.target, "", "Accept", "text/event-stream")
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("got %d %s, want %d and %s", w.Code, w.Body, tc.status, tc.want)
			}
		})
	}
}

// broken panics after its first page.
type broken struct{ httpapi.Views }

func (broken) Stream(_ context.Context, _ hub.Login, _ view.Ask, each func(*view.Page) error) (*view.View, error) {
	_ = each(&view.Page{Creditor: "water", State: hub.PageMissing})
	panic("a page that nobody can read")
}

func TestAStreamThatFailsEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		views httpapi.Views
		last  string
	}{
		"halfway": {halfway{}, "event: problem\ndata: "},
		"a panic": {broken{}, "event: page\ndata: "},
	} {
		t.Run(name, func(t *testing.T) {
			talk, _ := serveOn(t, newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Views = tc.views }), true)
			_, _ = talk.WriteString(request("GET", "/v1/view", "Accept: text/event-stream"))
			talk.Flush()
			events := strings.Split(strings.TrimSuffix(string(read(t, talk.Reader, "GET")), "\n\n"), "\n\n")
			if last := events[len(events)-1]; len(events) > 2 || !strings.HasPrefix(last, tc.last) {
				t.Errorf("got %q, want it to end with %q and nothing behind", events, tc.last)
			}
		})
	}
}

func TestAcceptChoosesTheFormat(t *testing.T) {
	s := newScene(t, raised)
	for accept, want := range map[string]string{
		"":                                       "application/json",
		"*/*":                                    "application/json",
		"application/json":                       "application/json",
		"application/*":                          "application/json",
		"text/html, */*;q=0.1":                   "application/json",
		"text/event-stream":                      "text/event-stream",
		"text/*":                                 "text/event-stream",
		"text/event-stream, application/json":    "application/json",
		"application/json;q=0.5, text/*;q=0.6":   "text/event-stream",
		"text/event-stream;q=0, */*":             "application/json",
		"application/json;q=0, */*":              "text/event-stream",
		"text/html":                              "application/problem+json",
		"application/json;q=0":                   "application/problem+json",
		"application/json;q=0, text/plain;q=0.3": "application/problem+json",
		";;;":                                    "application/problem+json",
	} {
		t.Run(accept, func(t *testing.T) {
			w := s.ask("GET", "/v1/view", "", "Accept", accept)
			if got := w.Header().Get("Content-Type"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
