package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
)

// Books are what the operations side reads of payments when it is asked for
// metrics.
type Books interface {
	hub.Pulses
	Barriers(ctx context.Context) (map[hub.Barrier]hub.Raised, error)
	DifferenceSums(ctx context.Context) (open, explained map[hub.Job]hub.Standing, err error)
	Runs(ctx context.Context) ([]hub.Run, error)
}

// WatchBooks makes metrics of the payments that are under way, in number, in
// bani and in age, and of what comparing the books found.
func (t *Telemetry) WatchBooks(books Books) {
	t.registry.MustRegister(&bookMetrics{Telemetry: t, books: books, is: describeBooks()})
}

// bookDescs are the metrics of books.
type bookDescs struct {
	up                                                    *prometheus.Desc
	payments, paymentAge, charges, chargesBani, chargeAge *prometheus.Desc
	lines, linesBani, lineAge, work, workLate, anomalies  *prometheus.Desc
	barriers, differences, differenceBani                 *prometheus.Desc
	firstRun, lastSuccess                                 *prometheus.Desc
}

func describeBooks() bookDescs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return bookDescs{
		up:             desc("racord_books_up", "Whether the books of payments answered a question for these metrics; what they do not answer is left out.", "question"),
		payments:       desc("racord_open_payments", "Payments that are not final.", "state"),
		paymentAge:     desc("racord_open_payment_seconds", "How long ago the oldest payment in a state that is not final was opened.", "state"),
		charges:        desc("racord_open_charges", "Charges with money reserved, being taken or being given back.", "psp"),
		chargesBani:    desc("racord_open_charges_bani", "Bani of the charges with money reserved, being taken or being given back.", "psp"),
		chargeAge:      desc("racord_open_charge_seconds", "How long the oldest of these charges has made no step.", "psp"),
		lines:          desc("racord_open_lines", "Lines whose money was taken and that are neither booked nor given back.", "connector", "state"),
		linesBani:      desc("racord_open_lines_bani", "Bani of the lines whose money was taken and that are neither booked nor given back.", "connector", "state"),
		lineAge:        desc("racord_open_line_seconds", "Business time since the oldest of these lines was paid.", "connector", "state"),
		work:           desc("racord_open_work", "Pieces of work that are not done.", "kind"),
		workLate:       desc("racord_open_work_late_seconds", "How long the first piece of work has been due without being taken up; of lines, by their creditor.", "kind", "connector"),
		anomalies:      desc("racord_anomalies", "Anomalies of the last day, which a person should look at.", "kind"),
		barriers:       desc("racord_barrier", "Whether a part of paying is stopped.", "barrier"),
		differences:    desc("racord_recon_differences", "What two books do not agree about: open, or explained in the last day.", "comparison", "state"),
		differenceBani: desc("racord_recon_difference_bani", "Bani that two books do not agree about: open, or explained in the last day.", "comparison", "state"),
		firstRun:       desc("racord_recon_first_run_timestamp_seconds", "When a comparison was first tried.", "comparison"),
		lastSuccess:    desc("racord_recon_last_success_timestamp_seconds", "When a comparison was last done whole.", "comparison"),
	}
}

type bookMetrics struct {
	*Telemetry
	books Books
	is    bookDescs

	mu     sync.Mutex
	looked time.Time
	last   []prometheus.Metric
}

// Describe names the metrics.
func (b *bookMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		b.is.up, b.is.payments, b.is.paymentAge, b.is.charges, b.is.chargesBani, b.is.chargeAge, b.is.lines, b.is.linesBani, b.is.lineAge,
		b.is.work, b.is.workLate, b.is.anomalies, b.is.barriers, b.is.differences, b.is.differenceBani, b.is.firstRun, b.is.lastSuccess,
	} {
		to <- d
	}
}

// Collect asks the books, unless they were asked a moment ago.
func (b *bookMetrics) Collect(to chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.looked) >= storeLooks {
		b.last = b.look()
		b.looked = time.Now()
	}
	for _, metric := range b.last {
		to <- metric
	}
}

func (b *bookMetrics) look() []prometheus.Metric {
	return answers(b.is.up, question{"payments", b.lookAtPayments}, question{"barriers", b.lookAtBarriers},
		question{"differences", b.lookAtDifferences}, question{"comparisons", b.lookAtRuns})
}

func (b *bookMetrics) lookAtBarriers(ctx context.Context) (seen []prometheus.Metric, err error) {
	raised, err := b.books.Barriers(ctx)
	if err != nil {
		return nil, err
	}
	for _, barrier := range []hub.Barrier{hub.BarrierOpen, hub.BarrierCapture} {
		_, stands := raised[barrier]
		seen = append(seen, gaugeOf(b.is.barriers, oneIf(stands), string(barrier)))
	}
	return seen, nil
}

// busyStates are the states of payments that are counted even when none is in them.
var busyStates = []hub.PaymentState{
	hub.PaymentClaimed, hub.PaymentAwaitingPayer, hub.PaymentAuthorised, hub.PaymentCapturing, hub.PaymentCaptureUnknown,
	hub.PaymentCaptured, hub.PaymentVoiding,
}

var workKinds = []hub.WorkKind{hub.WorkCharge, hub.WorkLine, hub.WorkRefund, hub.WorkClear}

func (b *bookMetrics) lookAtPayments(ctx context.Context) ([]prometheus.Metric, error) {
	pulse, err := b.books.Pulse(ctx)
	if err != nil {
		return nil, err
	}
	return b.lookAtPulse(pulse), nil
}

func (b *bookMetrics) lookAtPulse(p hub.Pulse) (seen []prometheus.Metric) {
	for _, state := range busyStates {
		s := p.Payments[state]
		seen = append(seen, gaugeOf(b.is.payments, float64(s.Count), string(state)), gaugeOf(b.is.paymentAge, age(p.At, s), string(state)))
	}
	seen = b.lookAtLines(p, b.lookAtCharges(p, seen))
	for _, kind := range workKinds {
		s := p.Work[kind]
		seen = append(seen, gaugeOf(b.is.work, float64(s.Count), string(kind)))
		if kind != hub.WorkLine {
			seen = append(seen, gaugeOf(b.is.workLate, age(p.At, s), string(kind), ""))
		}
	}
	late := map[string]float64{}
	for creditor, s := range p.LineWork {
		at := b.connector(creditor)
		late[at] = max(late[at], age(p.At, s))
	}
	for at, seconds := range late {
		seen = append(seen, gaugeOf(b.is.workLate, seconds, string(hub.WorkLine), at))
	}
	anomalies := map[string]int{}
	for kind, n := range p.Anomalies {
		anomalies[b.words.label(kindCode, kind)] += n
	}
	for label, n := range anomalies {
		seen = append(seen, gaugeOf(b.is.anomalies, float64(n), label))
	}
	return seen
}

func (b *bookMetrics) lookAtCharges(p hub.Pulse, seen []prometheus.Metric) []prometheus.Metric {
	sums := map[string]hub.Standing{}
	for psp, s := range p.Charges {
		label := b.words.label(kindConnector, psp)
		sums[label] = together(sums[label], s)
	}
	for label, s := range sums {
		seen = append(seen, gaugeOf(b.is.charges, float64(s.Count), label), gaugeOf(b.is.chargesBani, float64(s.Amount), label),
			gaugeOf(b.is.chargeAge, age(p.At, s), label))
	}
	return seen
}

func (b *bookMetrics) lookAtLines(p hub.Pulse, seen []prometheus.Metric) []prometheus.Metric {
	sums := map[[2]string]hub.Standing{}
	for of, s := range p.Lines {
		labels := [2]string{b.connector(of.Creditor), b.words.label(kindCode, string(of.State))}
		sums[labels] = together(sums[labels], s)
	}
	for labels, s := range sums {
		seen = append(seen, gaugeOf(b.is.lines, float64(s.Count), labels[:]...), gaugeOf(b.is.linesBani, float64(s.Amount), labels[:]...),
			gaugeOf(b.is.lineAge, age(b.business(), s), labels[:]...))
	}
	return seen
}

// together adds up what has the same labels: a registry takes each set of them once.
func together(a, b hub.Standing) hub.Standing {
	switch {
	case a.Count == 0:
		return b
	case b.Count > 0 && b.Since.Before(a.Since):
		a.Since = b.Since
	}
	a.Count += b.Count
	a.Amount += b.Amount
	return a
}

// age is how long something has been so, in seconds; 0 when nothing is.
func age(now time.Time, s hub.Standing) float64 {
	if s.Count == 0 {
		return 0
	}
	return max(0, now.Sub(s.Since).Seconds())
}

func (b *bookMetrics) lookAtDifferences(ctx context.Context) (seen []prometheus.Metric, err error) {
	open, explained, err := b.books.DifferenceSums(ctx)
	if err != nil {
		return nil, err
	}
	for _, job := range hub.Jobs {
		for state, sums := range map[string]map[hub.Job]hub.Standing{"open": open, "explained": explained} {
			seen = append(seen, gaugeOf(b.is.differences, float64(sums[job].Count), string(job), state),
				gaugeOf(b.is.differenceBani, float64(sums[job].Amount), string(job), state))
		}
	}
	return seen, nil
}

func (b *bookMetrics) lookAtRuns(ctx context.Context) (seen []prometheus.Metric, err error) {
	runs, err := b.books.Runs(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		job := b.words.label(kindCode, string(run.Job))
		seen = append(seen, gaugeOf(b.is.firstRun, float64(run.First.Unix()), job))
		if !run.Succeeded.IsZero() {
			seen = append(seen, gaugeOf(b.is.lastSuccess, float64(run.Succeeded.Unix()), job))
		}
	}
	return seen, nil
}
