package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
	"racord/hub/feed"
)

// feedMeter counts what nightly files and lists bring.
type feedMeter struct {
	words      *Telemetry
	deliveries handles[delivery, prometheus.Counter]
	records    handles[hub.Name, prometheus.Counter]
	duration   handles[hub.Name, prometheus.Observer]
	refused    *handles[refusedRecord, prometheus.Counter]
	age        *prometheus.Desc
	clock      atomic.Pointer[hub.Clock]

	mu        sync.Mutex
	published map[string]time.Time // business time
}

type delivery struct {
	creditor hub.Name
	outcome  feed.Outcome
}

var _ feed.Meter = (*feedMeter)(nil)

func newFeedMeter(t *Telemetry) *feedMeter {
	deliveries := t.counter("racord_feed_deliveries_total", "Looks at a creditor's feed, by what became of them.", "connector", "outcome")
	records := t.counter("racord_feed_records_total", "Records read from a creditor's feed, refused ones included.", "connector")
	duration := t.histogram("racord_feed_delivery_duration_seconds", "How long a delivery took from the first byte to its decision.", slowBuckets, "connector")
	m := &feedMeter{words: t, published: map[string]time.Time{}, refused: t.view.refused}
	m.age = prometheus.NewDesc("racord_feed_age_seconds", "Business time since the moment that a creditor's published records speak about.", []string{"connector"}, nil)
	m.deliveries.make = func(d delivery) prometheus.Counter {
		return deliveries.WithLabelValues(t.connector(d.creditor), t.words.label(kindCode, string(d.outcome)))
	}
	m.records.make = func(name hub.Name) prometheus.Counter { return records.WithLabelValues(t.connector(name)) }
	m.duration.make = func(name hub.Name) prometheus.Observer { return duration.WithLabelValues(t.connector(name)) }
	t.registry.MustRegister(m)
	return m
}

// Feed gives the meter of feeds.
func (t *Telemetry) Feed() feed.Meter { return t.feed }

// Delivered counts a look at a feed.
func (m *feedMeter) Delivered(creditor hub.Name, outcome feed.Outcome, records int, took time.Duration) {
	m.deliveries.of(delivery{creditor, outcome}).Inc()
	m.records.of(creditor).Add(float64(records))
	if outcome == feed.Published || outcome == feed.Held || outcome == feed.Damaged {
		m.duration.of(creditor).Observe(took.Seconds())
	}
}

// Published remembers the moment that a creditor's published records speak about.
func (m *feedMeter) Published(creditor hub.Name, asOf time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.published[m.words.connector(creditor)] = asOf
}

// Refused counts a record that was left out.
func (m *feedMeter) Refused(creditor hub.Name, code string) {
	m.refused.of(refusedRecord{creditor, code}).Inc()
}

// Describe names the metric of ages.
func (m *feedMeter) Describe(to chan<- *prometheus.Desc) { to <- m.age }

// Collect tells how old the published records are now.
func (m *feedMeter) Collect(to chan<- prometheus.Metric) {
	now := time.Now()
	if clock := m.clock.Load(); clock != nil {
		now = (*clock).Now()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for connector, asOf := range m.published {
		to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, now.Sub(asOf).Seconds(), connector)
	}
}
