package telemetry

import (
	"cmp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/adapters/guard"
	"racord/hub"
	"racord/hub/feed"
)

// guardMetrics are the metrics of all connectors' guards.
type guardMetrics struct {
	words                                   *Telemetry
	calls, shed, retried, moves             *prometheus.CounterVec
	duration                                *prometheus.HistogramVec
	breaker, quarantined, declared, declRPS *prometheus.GaugeVec
	declPost, stopped, unopened             *prometheus.GaugeVec
	credentials                             *prometheus.GaugeVec
	loads                                   *loads
}

func newGuardMetrics(t *Telemetry) *guardMetrics {
	m := &guardMetrics{
		words:       t,
		calls:       t.counter("racord_calls_total", "Calls to creditors that have ended, by operation and by the code of the failure, ok for none.", "connector", "operation", "code"),
		duration:    t.histogram("racord_call_duration_seconds", "How long calls to creditors took.", fastBuckets, "connector", "operation"),
		shed:        t.counter("racord_calls_shed_total", "Calls to creditors that were not made, by the reason.", "connector", "reason"),
		retried:     t.counter("racord_calls_retried_total", "Repetitions of calls to creditors that the budget allowed.", "connector"),
		moves:       t.counter("racord_breaker_moves_total", "Moves of a creditor's breaker into a state, by the class of calls that share it.", "connector", "class", "state"),
		breaker:     t.gauge("racord_breaker_state", "State of a creditor's breaker, by the class of calls that share it: 0 closed, 1 half-open, 2 open.", "connector", "class"),
		quarantined: t.gauge("racord_quarantined", "Whether a connector is stopped because it answered about somebody else.", "connector"),
		declared:    t.gauge("racord_declared_slots", "Calls at once that a creditor declared for all replicas together.", "connector"),
		declRPS:     t.gauge("racord_declared_calls_per_second", "Calls a second that a creditor declared for all replicas together, 0 for any number.", "connector"),
		declPost:    t.gauge("racord_declared_posting_seconds", "How long a creditor may take to book a line, by what it declared, before somebody should look.", "connector"),
		stopped:     t.gauge("racord_postings_stopped", "Whether a creditor that takes payments is told of none, because its connector may not.", "connector"),
		unopened:    t.gauge("racord_connectors_unopened", "Whether a registered version of a creditor's should serve, and cannot be opened here.", "connector"),
		credentials: t.gauge("racord_credential_end_seconds", "When a credential of a connector's ends, in real time since the epoch, as the last connection showed it.", "connector", "credential"),
		loads:       newLoads(),
	}
	t.registry.MustRegister(m.loads)
	return m
}

// Guard gives the meter of one connector's guard. What is a state, such as the
// slots in use, is read from the allowance when metrics are asked for.
func (t *Telemetry) Guard(name hub.Name, allowance *guard.Allowance) guard.Meter {
	if allowance != nil {
		t.guard.loads.watch(t.connector(name), allowance)
	}
	t.guard.quarantined.WithLabelValues(t.connector(name))
	return t.guarding(name, guard.Operations(), guard.Classes())
}

// Provider gives the meter of one payment provider's guard.
func (t *Telemetry) Provider(name string) guard.Meter {
	t.pay.provider(name)
	return t.guarding(hub.Name(name), guard.PSPOperations(), []guard.Class{guard.ClassCharge})
}

// guarding makes the meter of a guard. Counters whose first event raises an alert
// are there from the start.
func (t *Telemetry) guarding(name hub.Name, operations []guard.Operation, classes []guard.Class) guard.Meter {
	label := t.connector(name)
	m := &guardMeter{
		metrics: t.guard, connector: label,
		retried: t.guard.retried.WithLabelValues(label),
		shed:    map[guard.Shed]prometheus.Counter{},
	}
	for _, why := range guard.Sheds() {
		m.shed[why] = t.guard.shed.WithLabelValues(label, string(why))
	}
	m.calls.make = func(c call) prometheus.Counter {
		return t.guard.calls.WithLabelValues(label, string(c.operation), t.code(c.code))
	}
	m.duration.make = func(op guard.Operation) prometheus.Observer {
		return t.guard.duration.WithLabelValues(label, string(op))
	}
	for _, class := range classes {
		t.guard.breaker.WithLabelValues(label, string(class))
	}
	for _, operation := range operations {
		m.calls.of(call{operation, hub.CodeAuth})
	}
	return m
}

// Expires gives a function that notes until when a credential of a connector is
// good. Which one it is comes from a closed set of words.
func (t *Telemetry) Expires(name hub.Name) func(what string, end time.Time) {
	label := t.connector(name)
	return func(what string, end time.Time) {
		t.guard.credentials.WithLabelValues(label, t.words.label(kindEvent, what)).Set(float64(end.Unix()))
	}
}

// undeclared is what the guard allows a creditor that declares nothing.
const undeclared = 16

// Declared tells which creditors are on duty and what they declared they can
// bear. Counters whose first event raises an alert are there from here on: one that
// is born with its first event shows Prometheus no increase.
func (t *Telemetry) Declared(fleet []*hub.Connector) {
	var feeds []hub.Name
	hours := map[string]hub.Traits{}
	for _, c := range fleet {
		label := t.connector(c.Creditor.Name)
		t.guard.declared.WithLabelValues(label).Set(float64(cmp.Or(c.Traits.MaxInflight, undeclared)))
		t.guard.declRPS.WithLabelValues(label).Set(c.Traits.RPS)
		if c.Sink != nil || c.Traits.Paying.Class != "" { // one that was stopped may hold lines all the same
			t.guard.declPost.WithLabelValues(label).Set(bookedWithin(c).Seconds())
			t.guard.stopped.WithLabelValues(label).Set(oneIf(c.Sink == nil))
		}
		if len(c.Traits.Windows) > 0 {
			hours[label] = c.Traits
		}
		t.view.remarked.of(refusedRecord{c.Creditor.Name, notApproved})
		t.pay.zombies.of(labelled{string(c.Creditor.Name), ""})
		if c.Feed != nil || c.Inbox != nil {
			t.feed.deliveries.of(delivery{c.Creditor.Name, feed.Damaged})
			feeds = append(feeds, c.Creditor.Name)
		}
	}
	t.feeds.Store(&feeds)
	t.hours.Store(&hours)
}

// notApproved is the code of the remark on a bank account that nobody approved.
const notApproved = "iban_not_approved"

// bookedWithin is how long a creditor may take to book a line, by what it
// declared; after that an operator should look.
func bookedWithin(c *hub.Connector) time.Duration {
	switch paying := c.Traits.Paying; paying.Class {
	case hub.ClassC:
		return 36 * time.Hour // the next morning's statement, and half a day
	case hub.ClassF:
		return 5*24*time.Hour + 16*time.Hour // from a Thursday evening, which counts for Friday, to noon after the second working day
	default:
		return 5*time.Minute + 2*paying.Visible
	}
}

// Quarantined tells that a connector was stopped or let out again.
func (t *Telemetry) Quarantined(name hub.Name, in bool) {
	t.guard.quarantined.WithLabelValues(t.connector(name)).Set(oneIf(in))
}

// Unopened tells that a creditor has a registered version that should serve and
// that this replica cannot open, or that it has none any more.
func (t *Telemetry) Unopened(name hub.Name, in bool) {
	t.guard.unopened.WithLabelValues(t.connector(name)).Set(oneIf(in))
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

// guardMeter counts what the guard of one connector does.
type guardMeter struct {
	metrics   *guardMetrics
	connector string
	calls     handles[call, prometheus.Counter]
	duration  handles[guard.Operation, prometheus.Observer]
	shed      map[guard.Shed]prometheus.Counter
	retried   prometheus.Counter
}

type call struct {
	operation guard.Operation
	code      hub.Code
}

var _ guard.Meter = (*guardMeter)(nil)

// Called counts a call that has ended.
func (m *guardMeter) Called(op guard.Operation, code hub.Code, took time.Duration) {
	m.calls.of(call{op, code}).Inc()
	m.duration.of(op).Observe(took.Seconds())
}

// Shed counts a call that was not made.
func (m *guardMeter) Shed(why guard.Shed) {
	if counter, ok := m.shed[why]; ok {
		counter.Inc()
	}
}

// Retried counts a repetition.
func (m *guardMeter) Retried() { m.retried.Inc() }

// Breaker tells that the breaker of a class moved.
func (m *guardMeter) Breaker(of guard.Class, to guard.State) {
	m.metrics.breaker.WithLabelValues(m.connector, string(of)).Set(float64(to))
	m.metrics.moves.WithLabelValues(m.connector, string(of), to.String()).Inc()
}

// loads reads how much of every allowance is used when metrics are asked for.
type loads struct {
	held, usable, inflight, waiting *prometheus.Desc

	mu     sync.Mutex
	follow map[string]*guard.Allowance
}

func newLoads() *loads {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"connector"}, nil)
	}
	return &loads{
		held:     desc("racord_slots_held", "Slots for calls to a creditor that this replica has leased."),
		usable:   desc("racord_slots_usable", "Slots that the creditor's complaints about too many calls leave to this replica."),
		inflight: desc("racord_calls_inflight", "Calls to a creditor that are under way."),
		waiting:  desc("racord_calls_waiting", "Calls to a creditor that wait for a slot."),
		follow:   map[string]*guard.Allowance{},
	}
}

func (l *loads) watch(connector string, allowance *guard.Allowance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow[connector] = allowance
}

// Describe names the metrics.
func (l *loads) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{l.held, l.usable, l.inflight, l.waiting} {
		to <- desc
	}
}

// Collect reads the allowances.
func (l *loads) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for connector, allowance := range l.follow {
		load := allowance.Load()
		gauge := func(desc *prometheus.Desc, value int) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), connector)
		}
		gauge(l.held, load.Held)
		gauge(l.usable, load.Usable)
		gauge(l.inflight, load.Inflight)
		gauge(l.waiting, load.Waiting)
	}
}
