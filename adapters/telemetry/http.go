package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
)

// httpMeter counts what comes through the JSON door.
type httpMeter struct {
	requests handles[outcome, prometheus.Counter]
	duration handles[string, prometheus.Observer]
	inflight handles[string, prometheus.Gauge]
	shed     handles[string, prometheus.Counter]
}

type outcome struct {
	operation string
	code      hub.Code
}

func newHTTPMeter(t *Telemetry) *httpMeter {
	requests := t.counter("racord_http_requests_total", "Requests answered, by operation and by the code of the failure, ok for none.", "operation", "code")
	duration := t.histogram("racord_http_request_duration_seconds", "How long requests took until their answer could be written.", fastBuckets, "operation")
	inflight := t.gauge("racord_http_inflight_requests", "Requests that are being answered.", "operation")
	shed := t.counter("racord_http_shed_requests_total", "Requests refused because too many were under way.", "operation")
	m := &httpMeter{}
	m.requests.make = func(o outcome) prometheus.Counter {
		return requests.WithLabelValues(t.words.label(kindOperation, o.operation), t.code(o.code))
	}
	m.duration.make = func(op string) prometheus.Observer {
		return duration.WithLabelValues(t.words.label(kindOperation, op))
	}
	m.inflight.make = func(op string) prometheus.Gauge {
		m.shed.of(op) // the first that is shed rings
		return inflight.WithLabelValues(t.words.label(kindOperation, op))
	}
	m.shed.make = func(op string) prometheus.Counter { return shed.WithLabelValues(t.words.label(kindOperation, op)) }
	return m
}

// code gives the label of a code; "" is success.
func (t *Telemetry) code(code hub.Code) string {
	if code == "" {
		return fine
	}
	return t.words.label(kindCode, string(code))
}

// HTTP gives the meter of the JSON door.
func (t *Telemetry) HTTP() interface {
	Began(operation string)
	Ended(operation string, code hub.Code, took time.Duration)
	Shed(operation string)
} {
	return t.http
}

// Began counts a request that is being answered.
func (m *httpMeter) Began(operation string) { m.inflight.of(operation).Inc() }

// Ended counts an answer.
func (m *httpMeter) Ended(operation string, code hub.Code, took time.Duration) {
	m.inflight.of(operation).Dec()
	m.requests.of(outcome{operation, code}).Inc()
	m.duration.of(operation).Observe(took.Seconds())
}

// Shed counts a request that was refused because too many were under way.
func (m *httpMeter) Shed(operation string) { m.shed.of(operation).Inc() }
