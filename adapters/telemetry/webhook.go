package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
)

// webhookMeter counts what receivers of webhooks were told. Receivers are from
// the configuration, a closed set.
type webhookMeter struct {
	told    handles[attempted, prometheus.Counter]
	took    handles[hub.Receiver, prometheus.Observer]
	waiting handles[hub.Receiver, prometheus.Gauge]
}

type attempted struct {
	to   hub.Receiver
	code hub.Code
}

func newWebhookMeter(t *Telemetry) *webhookMeter {
	told := t.counter("racord_webhooks_total", "Attempts to tell a receiver of an event, by what became of them.", "audience", "receiver", "code")
	took := t.histogram("racord_webhook_duration_seconds", "How long receivers took to answer.", fastBuckets, "audience", "receiver")
	waiting := t.gauge("racord_webhooks_waiting", "Events that a receiver is still to be told.", "audience", "receiver")
	m := &webhookMeter{}
	m.told.make = func(a attempted) prometheus.Counter {
		return told.WithLabelValues(append(t.receiver(a.to), t.code(a.code))...)
	}
	m.took.make = func(to hub.Receiver) prometheus.Observer { return took.WithLabelValues(t.receiver(to)...) }
	m.waiting.make = func(to hub.Receiver) prometheus.Gauge {
		m.told.of(attempted{to, ""}) // the first that arrives is an increase
		return waiting.WithLabelValues(t.receiver(to)...)
	}
	return m
}

// receiver gives the labels of a receiver: "portal" or "creditor", and its name.
func (t *Telemetry) receiver(to hub.Receiver) []string {
	audience, name, _ := strings.Cut(string(to), ":")
	return []string{t.words.label(kindEvent, audience), t.words.label(kindReceiver, name)}
}

// Webhooks gives the meter of webhooks.
func (t *Telemetry) Webhooks() interface {
	Told(to hub.Receiver, code hub.Code, took time.Duration)
	Waiting(to hub.Receiver, n int)
} {
	return t.webhook
}

// Told counts an attempt; code "" is one that arrived.
func (m *webhookMeter) Told(to hub.Receiver, code hub.Code, took time.Duration) {
	m.told.of(attempted{to, code}).Inc()
	m.took.of(to).Observe(took.Seconds())
}

// Waiting says how much a receiver is still to be told.
func (m *webhookMeter) Waiting(to hub.Receiver, n int) { m.waiting.of(to).Set(float64(n)) }
