package dashboards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"racord/adapters/guard"
	"racord/adapters/telemetry"
	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/feed"
	"racord/hub/pay"
)

// store is always ready and holds one delivery.
type store struct{}

func (store) Ready(context.Context) error { return nil }

func (store) Held(context.Context) ([]hub.HeldDelivery, error) {
	return []hub.HeldDelivery{{Creditor: "heating", HeldAt: time.Now().Add(-time.Hour)}}, nil
}

func (store) Cursor(context.Context, hub.Name) (hub.Cursor, time.Time, error) {
	return "1", time.Now().Add(-time.Hour), nil
}

func (store) Undelivered(context.Context) (int, time.Time, error) {
	return 1, time.Now().Add(-2 * time.Hour), nil
}

func (store) GivenUpLetters(context.Context, time.Time) (int, error) { return 1, nil }

func (store) GivenUp(context.Context, time.Time) (map[hub.Receiver]int, error) {
	return map[hub.Receiver]int{hub.CreditorReceiver("water"): 1}, nil
}

// Payments of every kind are under way, and some things are wrong.

func (store) Pulse(context.Context) (hub.Pulse, error) {
	now := time.Now()
	some := hub.Standing{Count: 2, Amount: 5000, Since: now.Add(-time.Hour)}
	return hub.Pulse{
		Payments: map[hub.PaymentState]hub.Standing{hub.PaymentCaptured: some}, Charges: map[string]hub.Standing{"netopia": some},
		Lines: map[hub.OpenLine]hub.Standing{{Creditor: "water", State: hub.LineStuck}: some, {Creditor: "water", State: hub.LineDue}: some},
		Work:  map[hub.WorkKind]hub.Standing{hub.WorkLine: some}, LineWork: map[hub.Name]hub.Standing{"water": some}, Anomalies: map[string]int{"line_stuck": 1}, At: now,
	}, nil
}

func (store) Barriers(context.Context) (map[hub.Barrier]hub.Raised, error) {
	return map[hub.Barrier]hub.Raised{hub.BarrierCapture: {Reason: "test"}}, nil
}

func (store) DifferenceSums(context.Context) (open, explained map[hub.Job]hub.Standing, err error) {
	return map[hub.Job]hub.Standing{hub.JobBank: {Count: 1, Amount: 7}}, nil, nil
}

func (store) Runs(context.Context) ([]hub.Run, error) {
	return []hub.Run{{Job: hub.JobBank, First: time.Now().Add(-time.Hour), Succeeded: time.Now().Add(-time.Hour)}}, nil
}

type noFeed struct{ hub.Feed }

type noSink struct{ hub.Sink }

// hubAtWork gives the hub's real operations handler, with everything happening
// until the test ends.
func hubAtWork(t *testing.T) http.Handler {
	t.Helper()
	meters := telemetry.New()
	meters.WatchStore(store{})
	meters.WatchBooks(store{})
	meters.Declared([]*hub.Connector{
		{Creditor: hub.Creditor{Name: "water"}, Sink: noSink{}, Traits: hub.Traits{MaxInflight: 8, RPS: 20}},
		{Creditor: hub.Creditor{Name: "heating"}, Feed: noFeed{}, Traits: hub.Traits{MaxInflight: 2, Paying: hub.Paying{Class: hub.ClassF}, Windows: []hub.Window{{From: 0, To: 1}}}},
	})
	calls := meters.Guard("water", guard.Fixed("water", guard.Limits{Inflight: 8, RPS: 20}))
	calls.Breaker(guard.ClassRead, guard.Open)
	meters.Provider("netopia").Breaker(guard.ClassCharge, guard.Open)
	happen := func() {
		happenOnce(meters, calls)
	}
	happen()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				happen()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return meters.OpsHandler(store{}.Ready, nil)
}

func happenOnce(meters *telemetry.Telemetry, calls guard.Meter) {
	web, views, feeds := meters.HTTP(), meters.View(), meters.Feed()
	for _, code := range []hub.Code{"", hub.CodeInvalid, hub.CodeUnavailable} {
		web.Began("view_read")
		web.Ended("view_read", code, 3*time.Millisecond)
	}
	web.Shed("view_read")
	views.Viewed(true, false, time.Millisecond)
	views.Viewed(false, false, 1400*time.Millisecond)
	for _, state := range []hub.PageState{hub.PageFresh, hub.PageStale, hub.PageMissing, hub.PageNotLinked} {
		views.Paged("water", state)
	}
	views.Looked("l1", 3, 1)
	views.Looked("l2", 1, 1)
	views.Fetched("water", true)
	views.Fetched("water", false)
	views.Refused("water", "unknown_kind")
	views.Remarked("water", "iban_not_approved")
	calls.Called(guard.OpObligations, "", 20*time.Millisecond)
	calls.Called(guard.OpObligations, hub.CodeTimeout, time.Second)
	calls.Called(guard.OpObligations, hub.CodeBadData, time.Second)
	calls.Called(guard.OpObligations, hub.CodeAuth, time.Second)
	calls.Shed(guard.ShedFull)
	calls.Retried()
	meters.Expires("water")("client", time.Now().Add(240*time.Hour))
	calls.Breaker(guard.ClassRead, guard.Open)
	feeds.Delivered("heating", feed.Published, 1200, time.Minute)
	feeds.Delivered("heating", feed.Damaged, 3, time.Second)
	meters.Chained()
	meters.RedisEvent("hit", 3)
	meters.RedisEvent("error", 1)
	meters.RedisEvent("altered", 1)
	meters.Quarantined("water", true)
	meters.Unopened("water", true)
	paid := meters.Pay()
	paid.Quoted("water", pay.Confirmed)
	paid.Opened("netopia")
	paid.Charged("netopia", hub.ChargeCaptured, hub.Bani(5000))
	paid.Lined("water", hub.LinePosted, hub.Bani(5000))
	paid.Refunded("netopia", hub.RefundFailed, hub.Bani(10))
	paid.Notified("netopia", hub.CodeUnauthenticated)
	paid.Zombie("water")
	told := meters.Webhooks()
	told.Told(hub.CreditorReceiver("water"), "", 20*time.Millisecond)
	told.Told(hub.PortalReceiver("city-portal"), hub.CodeUnavailable, time.Second)
	told.Waiting(hub.PortalReceiver("city-portal"), 3)
}

// eventful finds what an alert counts events of: every one of them rings, so the
// first must too.
var eventful = regexp.MustCompile(`(?:increase|rate)\((\w+)\{?(?:(\w+)=~?"([^"]+)")?\}?\[\w+\]\)\) > 0`)

// quiet gives a hub that has just been started, and at which nothing has happened.
func quiet() (*telemetry.Telemetry, guard.Meter) {
	meters := telemetry.New()
	meters.Declared([]*hub.Connector{
		{Creditor: hub.Creditor{Name: "water"}},
		{Creditor: hub.Creditor{Name: "heating"}, Feed: noFeed{}},
	})
	meters.Provider("netopia")
	meters.HTTP().Began("view_read")
	meters.Webhooks().Waiting(hub.CreditorReceiver("water"), 0)
	return meters, meters.Guard("water", guard.Fixed("water", guard.Limits{Inflight: 8}))
}

// TestEveryEventThatRingsIsCountedFromZero: a counter that is born with its first
// event shows no increase, and an alert that waits for one stays silent.
func TestEveryEventThatRingsIsCountedFromZero(t *testing.T) {
	meters, _ := quiet()
	w := httptest.NewRecorder()
	meters.OpsHandler(store{}.Ready, nil).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	found := 0
	for _, r := range rulesIn(t, "alerts.yaml") {
		for _, m := range eventful.FindAllStringSubmatch(r.Expr, -1) {
			for value := range strings.SplitSeq(m[3], "|") {
				found++
				series := m[1] + `{.*`
				if m[2] != "" {
					series += fmt.Sprintf("%s=%q.*", m[2], value)
				}
				if !regexp.MustCompile("(?m)^" + series + " 0$").MatchString(w.Body.String()) {
					t.Errorf("%s cannot see a first event: there is no %s", r.Alert, series)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("got %d kinds of events, want all", found)
	}
}

func TestOneEventRings(t *testing.T) {
	t.Parallel()
	meters, calls := quiet()
	ops := httptest.NewServer(meters.OpsHandler(store{}.Ready, nil))
	t.Cleanup(ops.Close)
	prometheus := scraped(t, ops.URL, "")
	deadline := time.Now().Add(30 * time.Second)
	if n, err := await(prometheus, "count_over_time(racord_build_info[1m]) >= 2", deadline, false); n == 0 || err != nil {
		t.Fatalf("nothing is scraped: %v", err)
	}
	happenOnce(meters, calls)
	for _, r := range rulesIn(t, "alerts.yaml") {
		if !eventful.MatchString(r.Expr) || r.Alert == "RacordReceiverUnheard" { // there the event is the good news
			continue
		}
		if n, err := await(prometheus, r.Expr, deadline, false); n == 0 || err != nil {
			t.Errorf("%s does not hear of one event: %v", r.Alert, err)
		}
	}
}

// sizes are the endings that one metric has in the text format.
var sizes = regexp.MustCompile(`_(bucket|count|sum)$`)

func TestEveryMetricIsShownAndEveryShownMetricExists(t *testing.T) {
	w := httptest.NewRecorder()
	hubAtWork(t).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	exist := map[string]bool{"ALERTS": true}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		exist[m[1]] = true
	}
	for _, r := range rulesIn(t, "recording.yaml") {
		exist[r.Record] = true
	}
	shown, name := map[string]bool{}, regexp.MustCompile(`\b((racord|connector|level):[a-zA-Z0-9_:]+|(racord|go|process)_[a-z0-9_]+|ALERTS)\b`)
	for where, query := range queries(t) {
		for _, metric := range name.FindAllString(query, -1) {
			metric = sizes.ReplaceAllString(metric, "")
			if shown[metric] = true; !exist[metric] {
				t.Errorf("%s asks for %s, which the hub does not have", where, metric)
			}
		}
	}
	for metric := range exist {
		if strings.HasPrefix(metric, "racord_") && !shown[metric] {
			t.Errorf("%s stands on no panel and in no rule", metric)
		}
	}
}

// TestNoLabelIsPrometheusOwn: job and instance say where a sample was scraped, and a
// metric's own labels of these names are renamed to exported_… then.
func TestNoLabelIsPrometheusOwn(t *testing.T) {
	w := httptest.NewRecorder()
	hubAtWork(t).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, sample := range regexp.MustCompile(`(?m)^\w+\{(?:.*,)?(?:job|instance)=.*$`).FindAllString(w.Body.String(), -1) {
		t.Errorf("got %s", sample)
	}
}

// silent are queries without an answer when nothing is wrong.
var silent = []string{"rule RacordAbsent", "rule RacordStoreDown", "rule RacordStoreUnread", "rule RacordBooksUnread", "rule RacordAllowanceExceeded", "rule RacordFeedLate", "rule RacordViewsLate", "rule RacordPaymentOld", "rule RacordComparingLate",
	"rule RacordReplicaLost", "rule RacordJournalUnchained", "rule RacordRefundFailed", "rule RacordDebtsNotCleared", "rule RacordNotificationsRefused"}

func TestEveryQueryRunsOnARealPrometheus(t *testing.T) {
	t.Parallel()
	ops := httptest.NewServer(hubAtWork(t))
	t.Cleanup(ops.Close)
	dir := unpacked(t)
	prometheus := scraped(t, ops.URL, filepath.Join(dir, "recording.yaml")+", "+filepath.Join(dir, "alerts.yaml"))
	deadline := time.Now().Add(30 * time.Second) // for all: the first scrapes and evaluations take a moment
	for where, query := range queries(t) {
		switch series, err := await(prometheus, query, deadline, slices.Contains(silent, where)); {
		case err != nil:
			t.Errorf("%s: %v", where, err)
		case series == 0 && !slices.Contains(silent, where):
			t.Errorf("%s has no answer: %s", where, query)
		}
	}
	for _, target := range []string{"/api/v1/rules", "/api/v1/targets"} {
		if body := get(t, prometheus+target); strings.Contains(body, `"health":"err"`) || strings.Contains(body, `"health":"down"`) {
			t.Errorf("%s: %s", target, body)
		}
	}
}

// scraped starts a Prometheus that asks one hub for metrics.
func scraped(t *testing.T, ops, rules string) (url string) {
	t.Helper()
	return testserver.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [%s]
scrape_configs:
  - job_name: racord
    static_configs: [{targets: [%q]}]
`, rules, strings.TrimPrefix(ops, "http://")))
}

// ask runs a query and tells how many series it gives.
func ask(prometheus, query string) (series int, err error) {
	answer, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var said struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return 0, err
	}
	if said.Status != "success" {
		return 0, fmt.Errorf("%s: %s", said.Error, query)
	}
	return len(said.Data.Result), nil
}

// await asks until the query has an answer, or once when none is needed.
func await(prometheus, query string, deadline time.Time, once bool) (series int, err error) {
	for {
		series, err = ask(prometheus, query)
		if series > 0 || err != nil || once || time.Now().After(deadline) {
			return series, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func get(t *testing.T, target string) string {
	t.Helper()
	answer, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
