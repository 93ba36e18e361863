package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/guard"
	"racord/adapters/httpapi"
	"racord/adapters/telemetry"
	"racord/hub"
	"racord/hub/feed"
)

var _ httpapi.Meter = telemetry.New().HTTP()

func ready(context.Context) error { return nil }

// scrape gives /metrics as a person would read them.
func scrape(t testing.TB, meters *telemetry.Telemetry) string {
	t.Helper()
	return get(t, meters.OpsHandler(ready, nil), "/metrics").Body.String()
}

func get(t testing.TB, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

// store answers what a test wants.
type store struct {
	failure error
	held    []hub.HeldDelivery
	asked   int
}

func (s *store) Ready(context.Context) error { s.asked++; return s.failure }

func (s *store) Held(context.Context) ([]hub.HeldDelivery, error) { return s.held, s.failure }

func (s *store) Cursor(_ context.Context, creditor hub.Name) (hub.Cursor, time.Time, error) {
	if creditor == "heating" || creditor == "parking" {
		return "1", noon.Add(-6 * time.Hour), s.failure
	}
	return "", time.Time{}, hub.Errorf(hub.CodeNotFound, "nothing yet")
}

func (s *store) Undelivered(context.Context) (int, time.Time, error) {
	return len(s.held), time.Now().Add(-time.Hour), s.failure
}

func (s *store) GivenUpLetters(context.Context, time.Time) (int, error) { return 2, s.failure }

func (s *store) GivenUp(context.Context, time.Time) (map[hub.Receiver]int, error) {
	return map[hub.Receiver]int{hub.CreditorReceiver("water"): 1, "portal:Ana Pop": 2, "portal:1850415120007": 3, "portal:6914391e-8bd2-4c01-9f6a-69143910aa42": 4}, s.failure
}

// noInbox takes nothing, but it is there.
type noInbox struct{ hub.Inbox }

// noFeed delivers nothing, but it is there.
type noFeed struct{ hub.Feed }

type noSink struct{ hub.Sink }

// busy gives telemetry to which everything happened once.
func busy(t testing.TB) *telemetry.Telemetry {
	t.Helper()
	meters := telemetry.New()
	meters.Business(hub.ClockFunc(func() time.Time { return noon }))
	meters.WatchStore(&store{held: []hub.HeldDelivery{{Creditor: "heating", HeldAt: time.Now().Add(-time.Hour)}}})
	web := meters.HTTP()
	web.Began("view_read")
	web.Ended("view_read", "", time.Millisecond)
	web.Began("view_read")
	web.Ended("view_read", hub.CodeTooMany, time.Millisecond)
	web.Began("link_create")
	web.Shed("view_read")
	views := meters.View()
	views.Viewed(true, false, 20*time.Millisecond)
	views.Viewed(false, true, 1400*time.Millisecond)
	views.Paged("water", hub.PageMissing)
	views.Looked("l1", 5, 1)
	views.Fetched("water", true)
	views.Refused("water", "unknown_kind")
	views.Remarked("associations", "iban_not_approved")
	allowance := guard.Fixed("water", guard.Limits{Inflight: 8})
	calls := meters.Guard("water", allowance)
	calls.Called(guard.OpObligations, hub.CodeTimeout, time.Second)
	calls.Called(guard.OpObligations, "", time.Second)
	calls.Shed(guard.ShedBreaker)
	calls.Retried()
	calls.Breaker(guard.ClassRead, guard.Open)
	meters.Declared([]*hub.Connector{
		{Creditor: hub.Creditor{Name: "water"}, Traits: hub.Traits{MaxInflight: 8, RPS: 20}},
		{Creditor: hub.Creditor{Name: "heating"}, Feed: noFeed{}},
		{Creditor: hub.Creditor{Name: "waste"}, Feed: noFeed{}},
		{Creditor: hub.Creditor{Name: "parking"}, Inbox: noInbox{}},
	})
	meters.Quarantined("fines", true)
	meters.Unopened("waste", true)
	meters.Unopened("heating", true)
	meters.Unopened("heating", false)
	feeds := meters.Feed()
	feeds.Delivered("heating", feed.Published, 1200, time.Minute)
	feeds.Published("heating", noon.Add(-6*time.Hour))
	feeds.Refused("heating", "bad_amount")
	feeds.Remarked("heating", "encoding_guessed")
	meters.RedisEvent("error", 2)
	return meters
}

var noon = time.Date(2026, 3, 15, 10, 0, 0, 0, time.UTC)

func TestWhatHappenedIsCounted(t *testing.T) {
	got := scrape(t, busy(t))
	for _, want := range []string{
		`racord_http_requests_total{code="ok",operation="view_read"} 1`,
		`racord_http_requests_total{code="too_many",operation="view_read"} 1`,
		`racord_http_inflight_requests{operation="view_read"} 0`,
		`racord_http_inflight_requests{operation="link_create"} 1`,
		`racord_http_request_duration_seconds_count{operation="view_read"} 2`,
		`racord_http_shed_requests_total{operation="view_read"} 1`,
		`racord_views_total{complete="true"} 1`,
		`racord_views_total{complete="false"} 1`,
		`racord_view_duration_seconds_bucket{le="1.5"} 2`,
		`racord_pages_total{connector="water",state="missing"} 1`,
		`racord_cache_lookups_total{level="l1",result="hit"} 5`,
		`racord_cache_lookups_total{level="l1",result="miss"} 1`,
		`racord_fetches_total{connector="water",joined="true"} 1`,
		`racord_refused_records_total{code="unknown_kind",connector="water"} 1`,
		`racord_refused_records_total{code="bad_amount",connector="heating"} 1`,
		`racord_remarks_total{code="iban_not_approved",connector="associations"} 1`,
		`racord_remarks_total{code="encoding_guessed",connector="heating"} 1`,
		`racord_calls_total{code="timeout",connector="water",operation="obligations"} 1`,
		`racord_calls_total{code="ok",connector="water",operation="obligations"} 1`,
		`racord_call_duration_seconds_count{connector="water",operation="obligations"} 2`,
		`racord_calls_shed_total{connector="water",reason="breaker"} 1`,
		`racord_calls_shed_total{connector="water",reason="full"} 0`,
		`racord_calls_retried_total{connector="water"} 1`,
		`racord_breaker_state{class="read",connector="water"} 2`,
		`racord_breaker_moves_total{class="read",connector="water",state="open"} 1`,
		`racord_declared_slots{connector="water"} 8`,
		`racord_declared_slots{connector="waste"} 16`,
		`racord_declared_calls_per_second{connector="water"} 20`,
		`racord_slots_held{connector="water"} 8`,
		`racord_calls_inflight{connector="water"} 0`,
		`racord_connectors_unopened{connector="waste"} 1`,
		`racord_connectors_unopened{connector="heating"} 0`,
		`racord_quarantined{connector="fines"} 1`,
		`racord_quarantined{connector="water"} 0`,
		`racord_feed_deliveries_total{connector="heating",outcome="published"} 1`,
		`racord_feed_records_total{connector="heating"} 1200`,
		`racord_feed_age_seconds{connector="heating"} 21600`,
		`racord_feed_age_seconds{connector="parking"} 21600`,
		`racord_feed_held_deliveries{connector="heating"} 1`,
		`racord_feed_held_deliveries{connector="waste"} 0`,
		`racord_store_up 1`,
		`racord_contact_notices_given_up 2`,
		`racord_webhooks_given_up{audience="creditor",receiver="water"} 1`,
		`racord_webhooks_given_up{audience="portal",receiver="other"} 5`,
		`racord_webhooks_given_up{audience="portal",receiver="6914391e-8bd2-4c01-9f6a-69143910aa42"} 4`,
		`racord_redis_events_total{event="error"} 2`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

func TestNamesHelpAndLabelsKeepTheRules(t *testing.T) {
	labels := []string{"operation", "connector", "class", "code", "state", "reason", "outcome", "level", "result", "joined", "complete", "event", "version", "le", "audience", "receiver", "question"}
	name := regexp.MustCompile(`^(racord|go|process)_[a-z0-9_]+$`)
	found := 0
	for line := range strings.Lines(scrape(t, busy(t))) {
		if help, ok := strings.CutPrefix(line, "# HELP racord_"); ok {
			found++
			if _, sentence, _ := strings.Cut(strings.TrimSpace(help), " "); !strings.HasSuffix(sentence, ".") || strings.ToUpper(sentence[:1]) != sentence[:1] {
				t.Errorf("help is not a sentence: %s", help)
			}
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, _, _ := strings.Cut(line, " ")
		metric, rest, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		if !name.MatchString(metric) {
			t.Errorf("a name that breaks the rules: %s", metric)
		}
		for _, pair := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(rest, -1) {
			if strings.HasPrefix(metric, "racord_") && !slices.Contains(labels, pair[1]) {
				t.Errorf("a label that breaks the rules: %s", series)
			}
		}
	}
	if found < 25 {
		t.Errorf("got %d metrics of the hub, want all", found)
	}
}

func TestNoMistakeMakesALabelOfData(t *testing.T) {
	meters := telemetry.New()
	for _, word := range []hub.Code{"1850415120007", "cnp1850415120007", "https://creditor.example", "Ana Pop", "", "ă", hub.Code(strings.Repeat("a", 41))} {
		meters.HTTP().Ended(string(word), word, 0)
		meters.View().Refused(hub.Name(word), string(word))
	}
	got := scrape(t, meters)
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "racord_refused") && !strings.HasPrefix(line, `racord_refused_records_total{code="other",connector="other"}`) {
			t.Errorf("got %s", line)
		}
	}
	if strings.Contains(got, "18504151") || strings.Contains(got, "Ana") || strings.Contains(got, "creditor.example") {
		t.Errorf("data became a label:\n%s", got)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	meters := telemetry.New()
	for i := range 500 {
		meters.RedisEvent(fmt.Sprintf("event-%d", i), 1)
		meters.View().Refused("water", fmt.Sprintf("code_%d", i))
	}
	got := scrape(t, meters)
	if events := strings.Count(got, "racord_redis_events_total{"); events > 51 {
		t.Errorf("got %d events, want at most 50 and the rest as other", events)
	}
	if codes := strings.Count(got, "racord_refused_records_total{"); codes > 101 {
		t.Errorf("got %d codes, want at most 100 and the rest as other", codes)
	}
	if !strings.Contains(got, `racord_redis_events_total{event="other"} 453`) {
		t.Errorf("what did not fit is not counted as other")
	}
}

func TestCountingFromManySidesLosesNothing(t *testing.T) {
	meters := telemetry.New()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				meters.View().Paged(hub.Name(fmt.Sprintf("c-%d", (i+j)%50)), hub.PageFresh)
			}
		})
	}
	all.Wait()
	sum := 0
	for line := range strings.Lines(scrape(t, meters)) {
		if strings.HasPrefix(line, "racord_pages_total") {
			n := 0
			_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &n)
			sum += n
		}
	}
	if sum != 4000 {
		t.Errorf("got %d pages, want 4000", sum)
	}
}

func TestHealth(t *testing.T) {
	down := errors.New("dial tcp 10.0.0.7: connection refused")
	for name, tc := range map[string]struct {
		target string
		store  error
		drain  bool
		status int
		body   string
	}{
		"alive":                        {"/livez", nil, false, 200, "alive\n"},
		"alive without a store":        {"/livez", down, false, 200, "alive\n"},
		"alive while ending":           {"/livez", nil, true, 200, "alive\n"},
		"ready":                        {"/readyz", nil, false, 200, "ready\n"},
		"not ready without a store":    {"/readyz", down, false, 503, "the store does not answer\n"},
		"not ready while ending":       {"/readyz", nil, true, 503, "ending\n"},
		"profiles":                     {"/debug/pprof/cmdline", nil, false, 200, ""},
		"something the buttons answer": {"/feeds/held", nil, false, 418, "buttons"},
	} {
		t.Run(name, func(t *testing.T) {
			meters := telemetry.New()
			if tc.drain {
				meters.Drain()
			}
			buttons := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "buttons")
			})
			w := get(t, meters.OpsHandler(func(context.Context) error { return tc.store }, buttons), tc.target)
			if w.Code != tc.status || (tc.body != "" && w.Body.String() != tc.body) {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tc.status, tc.body)
			}
		})
	}
}

func TestAStoreThatHangsIsNotReady(t *testing.T) {
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the asker leaves at once; the handler must not wait for the store
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil)
	if telemetry.New().OpsHandler(hangs, nil).ServeHTTP(w, r); w.Code != 503 {
		t.Errorf("got %d, want 503", w.Code)
	}
}

func TestTheStoreIsNotAskedForEveryScrape(t *testing.T) {
	meters, s := telemetry.New(), &store{failure: errors.New("down")}
	meters.WatchStore(s)
	for range 10 {
		if !strings.Contains(scrape(t, meters), "racord_store_up 0\n") {
			t.Fatal("a store that is down is not shown")
		}
	}
	if s.asked != 1 {
		t.Errorf("got %d questions for ten scrapes, want 1", s.asked)
	}
}

// books are those of a city whose bank never let itself be read, and in which a
// line waits for water.
type books struct{}

func (books) Pulse(context.Context) (hub.Pulse, error) {
	water, heating := hub.Standing{Count: 1, Since: noon.Add(-time.Hour)}, hub.Standing{Count: 2, Since: noon.Add(time.Hour)}
	return hub.Pulse{
		Work:     map[hub.WorkKind]hub.Standing{hub.WorkCharge: {Count: 1, Since: noon.Add(-time.Minute)}, hub.WorkLine: {Count: 3, Since: water.Since}},
		LineWork: map[hub.Name]hub.Standing{"water": water, "heating": heating}, At: noon,
	}, nil
}

func (books) Barriers(context.Context) (map[hub.Barrier]hub.Raised, error) { return nil, nil }

func (books) DifferenceSums(context.Context) (open, explained map[hub.Job]hub.Standing, err error) {
	return nil, nil, nil
}

func (books) Runs(context.Context) ([]hub.Run, error) {
	return []hub.Run{{Job: hub.JobBank, First: noon}, {Job: hub.JobAudit, First: noon, Succeeded: noon.Add(time.Hour)}}, nil
}

func TestAJobThatWasNeverDoneIsSeen(t *testing.T) {
	meters := telemetry.New()
	meters.WatchBooks(books{})
	got := scrape(t, meters)
	for _, want := range []string{
		`racord_recon_first_run_timestamp_seconds{comparison="bank"} 1.7735688e+09`,
		`racord_recon_first_run_timestamp_seconds{comparison="audit"} 1.7735688e+09`,
		`racord_recon_last_success_timestamp_seconds{comparison="audit"} 1.7735724e+09`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, `racord_recon_last_success_timestamp_seconds{comparison="bank"}`) {
		t.Error("a success is shown that never was")
	}
}

// TestASuspendedCreditorIsNotForgotten: what it was owed when it was stopped is
// measured against what it declared, and stands beside others' work.
func TestASuspendedCreditorIsNotForgotten(t *testing.T) {
	meters := telemetry.New()
	suspended := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: hub.Traits{Paying: hub.Paying{Class: hub.ClassA}}, Sink: noSink{}}
	suspended.StopPaying()
	meters.Declared([]*hub.Connector{
		suspended, {Creditor: hub.Creditor{Name: "heating"}, Traits: suspended.Traits, Sink: noSink{}}, {Creditor: hub.Creditor{Name: "waste"}},
	})
	meters.WatchBooks(books{})
	got := scrape(t, meters)
	for _, want := range []string{
		`racord_declared_posting_seconds{connector="water"} 300`,
		`racord_postings_stopped{connector="water"} 1`,
		`racord_postings_stopped{connector="heating"} 0`,
		`racord_open_work{kind="line"} 3`,
		`racord_open_work_late_seconds{connector="water",kind="line"} 3600`,
		`racord_open_work_late_seconds{connector="heating",kind="line"} 0`,
		`racord_open_work_late_seconds{connector="",kind="charge"} 60`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, `connector="waste"} 300`) {
		t.Error("a creditor that takes no payments has declared how long they take")
	}
}

// How long nobody need look follows from how a creditor books.
func TestEveryClassHasItsOwnTimeToBook(t *testing.T) {
	pays := func(name hub.Name, paying hub.Paying) *hub.Connector {
		return &hub.Connector{Creditor: hub.Creditor{Name: name}, Traits: hub.Traits{Paying: paying}, Sink: noSink{}}
	}
	meters := telemetry.New()
	meters.Declared([]*hub.Connector{
		pays("keyed", hub.Paying{Class: hub.ClassA}),
		pays("slow", hub.Paying{Class: hub.ClassB, Visible: time.Hour}),
		pays("stated", hub.Paying{Class: hub.ClassC}),
		pays("filed", hub.Paying{Class: hub.ClassF}),
	})
	got := scrape(t, meters)
	for name, seconds := range map[string]int{"keyed": 300, "slow": 300 + 2*3600, "stated": 36 * 3600, "filed": (5*24 + 16) * 3600} {
		if want := fmt.Sprintf("racord_declared_posting_seconds{connector=%q} %d\n", name, seconds); !strings.Contains(got, want) {
			t.Errorf("no line %s", want)
		}
	}
}

func TestMetricsComeAsOpenMetrics(t *testing.T) {
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	busy(t).OpsHandler(ready, nil).ServeHTTP(w, r)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("got %s", w.Header().Get("Content-Type"))
	}
}

func BenchmarkCounting(b *testing.B) {
	meters := busy(b)
	web, views := meters.HTTP(), meters.View()
	b.ReportAllocs()
	for b.Loop() {
		web.Began("view_read")
		views.Paged("water", hub.PageFresh)
		views.Looked("l1", 6, 0)
		views.Viewed(true, false, time.Millisecond)
		web.Ended("view_read", "", time.Millisecond)
	}
}
