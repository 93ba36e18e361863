package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
	"racord/hub/feed"
)

// feedMeter counts what nightly files and lists bring. How old the published
// records are is read from the store: another replica may have published them.
type feedMeter struct {
	deliveries handles[delivery, prometheus.Counter]
	records    handles[hub.Name, prometheus.Counter]
	duration   handles[hub.Name, prometheus.Observer]
	refused    *handles[refusedRecord, prometheus.Counter]
	remarked   *handles[refusedRecord, prometheus.Counter]
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
	m := &feedMeter{refused: t.view.refused, remarked: t.view.remarked}
	m.deliveries.make = func(d delivery) prometheus.Counter {
		return deliveries.WithLabelValues(t.connector(d.creditor), t.words.label(kindCode, string(d.outcome)))
	}
	m.records.make = func(name hub.Name) prometheus.Counter { return records.WithLabelValues(t.connector(name)) }
	m.duration.make = func(name hub.Name) prometheus.Observer { return duration.WithLabelValues(t.connector(name)) }
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

// Published has nothing to count: Delivered has counted it.
func (m *feedMeter) Published(hub.Name, time.Time) {}

// Refused counts a record that was left out.
func (m *feedMeter) Refused(creditor hub.Name, code string) {
	m.refused.of(refusedRecord{creditor, code}).Inc()
}

// Remarked counts a remark on a record that was kept.
func (m *feedMeter) Remarked(creditor hub.Name, code string) {
	m.remarked.of(refusedRecord{creditor, code}).Inc()
}
