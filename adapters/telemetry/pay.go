package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
	"racord/hub/pay"
)

// payMeter counts what happens to payments, in number and in bani: operators
// must know how much money a trouble is about.
type payMeter struct {
	quotes        handles[labelled, prometheus.Counter]
	opened        handles[labelled, prometheus.Counter]
	charges       handles[labelled, sums]
	lines         handles[labelled, sums]
	refunds       handles[labelled, sums]
	notifications handles[labelled, prometheus.Counter]
	zombies       handles[labelled, prometheus.Counter]
}

// labelled is who something happened at, and what.
type labelled struct{ at, state string }

// sums counts things and what they are worth.
type sums struct{ count, bani prometheus.Counter }

func (s sums) add(amount hub.Money) {
	s.count.Inc()
	s.bani.Add(float64(amount.Minor)) // a counter of Prometheus is a float; no money is computed from it
}

var _ pay.Meter = (*payMeter)(nil)

func newPayMeter(t *Telemetry) *payMeter {
	m := &payMeter{}
	m.quotes.make = t.counted("racord_quoted_lines_total", "Lines of quotes, by what the creditor said.", "connector", "state")
	m.opened.make = t.counted("racord_payments_opened_total", "Payments opened, by the provider of their first charge.", "psp", "")
	m.charges.make = t.summed("racord_charges", "charges that reached a state", "psp")
	m.lines.make = t.summed("racord_lines", "lines that reached a state", "connector")
	m.refunds.make = t.summed("racord_refunds", "refunds that reached a state", "psp")
	m.notifications.make = t.counted("racord_notifications_total", "Notifications of payment providers, by what became of them.", "psp", "code")
	m.zombies.make = t.counted("racord_zombies_total", "Booked lines that their creditor still showed as due after its own time.", "connector", "")
	return m
}

// counted makes counters with one or two labels.
func (t *Telemetry) counted(name, help, at, state string) func(labelled) prometheus.Counter {
	labels := []string{at}
	if state != "" {
		labels = append(labels, state)
	}
	vector := t.counter(name, help, labels...)
	return func(l labelled) prometheus.Counter {
		values := []string{t.words.label(kindConnector, l.at)}
		if state != "" {
			values = append(values, t.words.label(kindCode, l.state))
		}
		return vector.WithLabelValues(values...)
	}
}

// summed makes pairs of counters: how many, and how many bani.
func (t *Telemetry) summed(name, what, at string) func(labelled) sums {
	count := t.counted(name+"_total", "How many "+what+".", at, "state")
	bani := t.counted(name+"_bani_total", "Bani of the "+what+".", at, "state")
	return func(l labelled) sums { return sums{count(l), bani(l)} }
}

// provider makes a provider's counters whose first event raises an alert.
func (m *payMeter) provider(psp string) {
	m.refunds.of(labelled{psp, string(hub.RefundFailed)})
	m.notifications.of(labelled{psp, string(hub.CodeUnauthenticated)})
}

// Pay gives the meter of payments.
func (t *Telemetry) Pay() pay.Meter { return t.pay }

// Quoted counts a line of a quote.
func (m *payMeter) Quoted(creditor hub.Name, state pay.QuoteState) {
	m.quotes.of(labelled{string(creditor), string(state)}).Inc()
}

// Opened counts a payment.
func (m *payMeter) Opened(psp string) { m.opened.of(labelled{psp, ""}).Inc() }

// Charged counts a charge that reached a state.
func (m *payMeter) Charged(psp string, state hub.ChargeState, amount hub.Money) {
	m.charges.of(labelled{psp, string(state)}).add(amount)
}

// Lined counts a line that reached a state.
func (m *payMeter) Lined(creditor hub.Name, state hub.LineState, amount hub.Money) {
	m.lines.of(labelled{string(creditor), string(state)}).add(amount)
}

// Refunded counts a refund that reached a state.
func (m *payMeter) Refunded(psp string, state hub.RefundState, amount hub.Money) {
	m.refunds.of(labelled{psp, string(state)}).add(amount)
}

// Notified counts a provider's notification; code "" is one that was taken.
func (m *payMeter) Notified(psp string, code hub.Code) {
	word := string(code)
	if code == "" {
		word = fine
	}
	m.notifications.of(labelled{psp, word}).Inc()
}

// Zombie counts a booked line that is still shown as due.
func (m *payMeter) Zombie(creditor hub.Name) { m.zombies.of(labelled{string(creditor), ""}).Inc() }
