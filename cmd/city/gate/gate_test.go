package gate_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/gate"
)

const truth = `{"name":"Mureșan","amount":1}`

// serve puts a gate before a creditor that always tells the truth.
func serve(t *testing.T, conf gate.Config, faults ...gate.Fault) (*gate.Gate, string) {
	t.Helper()
	g := gate.New(conf)
	for _, f := range faults {
		if err := g.Set(f); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if gate.Mistaken(r.Context()) {
			_, _ = io.WriteString(w, `{"name":"Pop"}`)
			return
		}
		_, _ = io.WriteString(w, truth)
	})))
	t.Cleanup(server.Close)
	return g, server.URL
}

func TestFaultsDoWhatTheySay(t *testing.T) {
	for kind, want := range map[gate.Kind]struct {
		status int // 0: no answer
		part   string
	}{
		gate.Down:         {0, ""},
		gate.Refuse503:    {503, ""},
		gate.RateLimited:  {429, "rate_limited"},
		gate.Maintenance:  {503, "maintenance"},
		gate.Auth:         {401, "unauthorized"},
		gate.LoginPage:    {200, "<form"},
		gate.WrongCitizen: {200, "Pop"},
		gate.Malformed:    {200, `{"name":"Mure`},
		gate.WrongCoding:  {200, "Mure\x19an"},
		gate.LostAnswer:   {0, ""},
		gate.Huge:         {200, `{"name":"Mureș` + strings.Repeat(" ", 60)},
		gate.Hang:         {200, truth},
		gate.SlowLoris:    {200, truth},
	} {
		t.Run(string(kind), func(t *testing.T) {
			g, url := serve(t, gate.Config{Name: "x"}, gate.Fault{Kind: kind, Delay: time.Millisecond})
			response, err := http.Post(url, "application/json", strings.NewReader(`{}`))
			if want.status == 0 {
				if err == nil {
					t.Fatalf("got status %d, want no answer", response.StatusCode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			start := make([]byte, 200)
			n, _ := io.ReadFull(response.Body, start)
			if response.StatusCode != want.status || !strings.Contains(string(start[:n]), want.part) {
				t.Errorf("got status %d and %q, want %d with %q", response.StatusCode, start[:n], want.status, want.part)
			}
			g.Clear()
			after, err := http.Post(url, "application/json", strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			defer after.Body.Close()
			if body, _ := io.ReadAll(after.Body); string(body) != truth {
				t.Errorf("after Clear: got %q, want the truth", body)
			}
		})
	}
}

func TestRateLimitSaysWhenToComeBack(t *testing.T) {
	_, url := serve(t, gate.Config{Name: "x"}, gate.Fault{Kind: gate.RateLimited})
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: got %q, want 2", got)
	}
}

func TestShareIsDrawnBySeed(t *testing.T) {
	pattern := func(seed int64) string {
		g := gate.New(gate.Config{Name: "x", Seed: seed})
		if err := g.Set(gate.Fault{Kind: gate.Down, Share: 0.3}); err != nil {
			t.Fatal(err)
		}
		var drawn strings.Builder
		for range 1000 {
			if _, hit := g.Draw(); hit {
				drawn.WriteByte('x')
			} else {
				drawn.WriteByte('.')
			}
		}
		return drawn.String()
	}
	one := pattern(1)
	if one != pattern(1) || one == pattern(2) {
		t.Error("got another pattern for the same seed or the same for another, want one for each")
	}
	if hits := strings.Count(one, "x"); hits < 250 || hits > 350 {
		t.Errorf("share 0.3: got %d of 1000, want about 300", hits)
	}
}

func TestFaultsCanBeForPaymentsOnly(t *testing.T) {
	g := gate.New(gate.Config{Name: "x"})
	if err := g.Set(gate.Fault{Kind: gate.Down, Only: gate.Posts}); err != nil {
		t.Fatal(err)
	}
	if err := g.Set(gate.Fault{Kind: gate.Hang, Only: gate.Reads}); err != nil {
		t.Fatal(err)
	}
	if f, _ := g.Draw(); f.Kind != gate.Hang {
		t.Errorf("a question: got %q, want hang", f.Kind)
	}
	if f, _ := g.DrawPost(); f.Kind != gate.Down {
		t.Errorf("a payment: got %q, want down", f.Kind)
	}
}

func TestFaultsAreChecked(t *testing.T) {
	g := gate.New(gate.Config{Name: "x"})
	for name, f := range map[string]gate.Fault{
		"unknown kind":   {Kind: "flood"},
		"share above 1":  {Kind: gate.Down, Share: 1.5},
		"negative share": {Kind: gate.Down, Share: -1},
		"negative delay": {Kind: gate.Hang, Delay: -1},
		"unknown calls":  {Kind: gate.Down, Only: "writes"},
	} {
		if err := g.Set(f); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

// Calls are held inside the creditor until all of them have arrived.
func TestCounterSeesConcurrency(t *testing.T) {
	const callers = 12
	arrived, release := make(chan struct{}, callers), make(chan struct{})
	g := gate.New(gate.Config{Name: "x", Limit: 8})
	server := httptest.NewServer(g.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})))
	defer server.Close()
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() { get(t, server.URL, http.StatusOK) })
	}
	for range 8 {
		<-arrived
	}
	for range callers - 8 { // refused at once, so they come and go one by one
		get(t, server.URL, http.StatusTooManyRequests)
	}
	if c := g.Counter(); c.Inflight != 8 || c.MaxInflight != 9 || c.OverLimit != callers-8 || c.Calls != callers {
		t.Errorf("while held: got %+v, want 8 in flight, 9 at most, 4 over, 12 calls", c)
	}
	close(release)
	calls.Wait()
	server.Close() // waits for the handlers
	if c := g.Counter(); c.Inflight != 0 || c.MaxInAnySecond < 1 || c.MaxInAnySecond > callers {
		t.Errorf("at the end: got %+v, want nothing in flight", c)
	}
	g.Reset()
	if c := g.Counter(); c.Calls != 0 || c.MaxInflight != 0 || c.MaxInAnySecond != 0 {
		t.Errorf("after Reset: got %+v, want zeros", c)
	}
}

func get(t *testing.T, url string, want int) {
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("got status %d, want %d", response.StatusCode, want)
	}
}

// A caller that gives up ends its call at the creditor too.
func TestHangEndsWithTheCaller(t *testing.T) {
	g, url := serve(t, gate.Config{Name: "x"}, gate.Fault{Kind: gate.Hang})
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	for g.Counter().Inflight == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	for g.Counter().Inflight != 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestLatencyProfiles(t *testing.T) {
	if _, err := gate.Profiles("fast"); err == nil {
		t.Error("profile fast: got no error, want one")
	}
	real, err := gate.Profiles("real")
	if err != nil || real["ditl"].P50 != 700*time.Millisecond {
		t.Errorf("profile real: got %v, %v, want ditl at 700ms", real["ditl"], err)
	}
	g, url := serve(t, gate.Config{Name: "x", Latency: gate.Latency{P50: 3 * time.Millisecond, P99: 9 * time.Millisecond}})
	began := time.Now()
	for range 10 {
		get(t, url, http.StatusOK)
	}
	if took := time.Since(began); took < 5*time.Millisecond || g.Counter().Calls != 10 {
		t.Errorf("ten calls of about 3 ms: got %v, want longer", took)
	}
}
