// Package telemetry lets operators see what the hub does: metrics with labels
// from closed sets, a log whose lines hold nobody's data, and the operations
// handler with metrics, health and profiles. It belongs on a listener of its
// own, never on the internet.
package telemetry

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"racord/hub"
)

// Telemetry holds the hub's metrics.
type Telemetry struct {
	registry *prometheus.Registry
	words    vocabulary
	http     *httpMeter
	view     *viewMeter
	guard    *guardMetrics
	feed     *feedMeter
	pay      *payMeter
	webhook  *webhookMeter
	redis    handles[string, prometheus.Counter]
	chained  *prometheus.GaugeVec
	clock    atomic.Pointer[hub.Clock]
	feeds    atomic.Pointer[[]hub.Name] // creditors that deliver in bulk
	hours    openingHours
	draining atomic.Bool
}

// New makes the metrics of one hub. Nothing is global: two hubs in one process
// do not meet.
func New() *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry(), words: newVocabulary()}
	t.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	t.registry.MustRegister(&openMetrics{Telemetry: t, open: describeOpen()})
	t.buildInfo()
	t.http = newHTTPMeter(t)
	t.guard = newGuardMetrics(t)
	t.view = newViewMeter(t)
	t.feed = newFeedMeter(t)
	t.pay = newPayMeter(t)
	t.webhook = newWebhookMeter(t)
	t.chained = t.gauge("racord_journal_chained_timestamp_seconds", "When every booking of the journal had its place in the chain, or this hub began to give them theirs.")
	redis := t.counter("racord_redis_events_total", "What the shared cache in Redis did or failed to do.", "event")
	t.redis.make = func(event string) prometheus.Counter {
		return redis.WithLabelValues(t.words.label(kindEvent, event))
	}
	for _, event := range redisTroubles {
		t.redis.of(event)
	}
	return t
}

// redisTroubles are the events that ring at the first time.
var redisTroubles = []string{"altered", "error", "open"}

// RedisEvent counts what the shared cache did or failed to do; events are a
// closed set of words.
func (t *Telemetry) RedisEvent(event string, n int) { t.redis.of(event).Add(float64(n)) }

// Chained says that every booking has its place in the chain now, or that this hub
// begins to give them theirs.
func (t *Telemetry) Chained() { t.chained.WithLabelValues().SetToCurrentTime() }

// Business sets the clock that ages of data are measured with. Without it they
// are measured in real time.
func (t *Telemetry) Business(clock hub.Clock) { t.clock.Store(&clock) }

func (t *Telemetry) business() time.Time {
	if clock := t.clock.Load(); clock != nil {
		return (*clock).Now()
	}
	return time.Now()
}

// Drain makes Ready and /readyz say no, so that nobody sends new requests to a hub that is
// about to end.
func (t *Telemetry) Drain() { t.draining.Store(true) }

func (t *Telemetry) buildInfo() {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	info := t.gauge("racord_build_info", "The version of the hub that runs; the value is always 1.", "version")
	info.WithLabelValues(version).Set(1)
	started := t.gauge("racord_start_time_seconds", "When this hub was started, in real time since the epoch.")
	started.WithLabelValues().Set(float64(time.Now().Unix()))
}

// Store is what the operations side reads of the store when it is asked for
// metrics.
type Store interface {
	Ready(ctx context.Context) error
	Held(ctx context.Context) ([]hub.HeldDelivery, error)
	Cursor(ctx context.Context, creditor hub.Name) (next hub.Cursor, asOf time.Time, err error)
	Undelivered(ctx context.Context) (count int, oldest time.Time, err error)
	GivenUpLetters(ctx context.Context, since time.Time) (int, error)
	GivenUp(ctx context.Context, since time.Time) (map[hub.Receiver]int, error)
}

func (t *Telemetry) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return registered(t, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
}

func (t *Telemetry) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return registered(t, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels))
}

func (t *Telemetry) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return registered(t, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}

func registered[C prometheus.Collector](t *Telemetry, c C) C {
	t.registry.MustRegister(c)
	return c
}

// Buckets in seconds.
var (
	fastBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 2.5, 5, 10}
	slowBuckets = []float64{.1, .5, 1, 5, 10, 30, 60, 120, 300, 600, 1800}
)
