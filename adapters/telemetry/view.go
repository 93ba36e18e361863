package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
	"racord/hub/view"
)

// viewMeter counts what views do.
type viewMeter struct {
	views    handles[bool, prometheus.Counter]
	late     prometheus.Counter
	duration prometheus.Observer
	pages    handles[paged, prometheus.Counter]
	looked   handles[looked, prometheus.Counter]
	fetched  handles[fetched, prometheus.Counter]
	refused  *handles[refusedRecord, prometheus.Counter]
	remarked *handles[refusedRecord, prometheus.Counter]
}

type paged struct {
	creditor hub.Name
	state    hub.PageState
}

type looked struct {
	level string
	hit   bool
}

type fetched struct {
	creditor hub.Name
	joined   bool
}

type refusedRecord struct {
	creditor hub.Name
	code     string
}

var _ view.Meter = (*viewMeter)(nil)

func newViewMeter(t *Telemetry) *viewMeter {
	views := t.counter("racord_views_total", "Views given, by whether every creditor's page was fresh.", "complete")
	late := t.counter("racord_views_late_total", "Views that came after their deadline, as it is configured.")
	pages := t.counter("racord_pages_total", "Pages shown, by creditor and state.", "connector", "state")
	lookups := t.counter("racord_cache_lookups_total", "Pages looked for in a cache level, by whether they were there.", "level", "result")
	fetches := t.counter("racord_fetches_total", "Questions that no cache could answer, by whether another caller had asked already.", "connector", "joined")
	records := t.counter("racord_refused_records_total", "Records of creditors that were left out because they could not be trusted.", "connector", "code")
	remarks := t.counter("racord_remarks_total", "Remarks on records of creditors that were shown nevertheless, such as a bank account that nobody approved.", "connector", "code")
	duration := t.histogram("racord_view_duration_seconds", "How long a view took from the question to the last page.", fastBuckets)
	m := &viewMeter{late: late.WithLabelValues(), duration: duration.WithLabelValues(), refused: &handles[refusedRecord, prometheus.Counter]{}, remarked: &handles[refusedRecord, prometheus.Counter]{}}
	m.views.make = func(complete bool) prometheus.Counter { return views.WithLabelValues(yesNo(complete)) }
	m.pages.make = func(p paged) prometheus.Counter {
		return pages.WithLabelValues(t.connector(p.creditor), t.words.label(kindCode, string(p.state)))
	}
	m.looked.make = func(l looked) prometheus.Counter {
		return lookups.WithLabelValues(t.words.label(kindEvent, l.level), hitMiss(l.hit))
	}
	m.fetched.make = func(f fetched) prometheus.Counter {
		return fetches.WithLabelValues(t.connector(f.creditor), yesNo(f.joined))
	}
	m.refused.make = func(r refusedRecord) prometheus.Counter {
		return records.WithLabelValues(t.connector(r.creditor), t.words.label(kindCode, r.code))
	}
	m.remarked.make = func(r refusedRecord) prometheus.Counter {
		return remarks.WithLabelValues(t.connector(r.creditor), t.words.label(kindCode, r.code))
	}
	m.views.of(true)
	m.views.of(false)
	return m
}

func (t *Telemetry) connector(name hub.Name) string {
	return t.words.label(kindConnector, string(name))
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func hitMiss(hit bool) string {
	if hit {
		return "hit"
	}
	return "miss"
}

// View gives the meter of views.
func (t *Telemetry) View() view.Meter { return t.view }

// Viewed counts a view.
func (m *viewMeter) Viewed(complete, late bool, took time.Duration) {
	m.views.of(complete).Inc()
	if late {
		m.late.Inc()
	}
	m.duration.Observe(took.Seconds())
}

// Paged counts a page.
func (m *viewMeter) Paged(creditor hub.Name, state hub.PageState) {
	m.pages.of(paged{creditor, state}).Inc()
}

// Looked counts cache look-ups.
func (m *viewMeter) Looked(level string, hits, misses int) {
	m.looked.of(looked{level, true}).Add(float64(hits))
	m.looked.of(looked{level, false}).Add(float64(misses))
}

// Fetched counts a question that no cache could answer.
func (m *viewMeter) Fetched(creditor hub.Name, joined bool) {
	m.fetched.of(fetched{creditor, joined}).Inc()
}

// Remarked counts a remark on a record that was kept.
func (m *viewMeter) Remarked(creditor hub.Name, code string) {
	m.remarked.of(refusedRecord{creditor, code}).Inc()
}

// Refused counts a record that was left out.
func (m *viewMeter) Refused(creditor hub.Name, code string) {
	m.refused.of(refusedRecord{creditor, code}).Inc()
}
