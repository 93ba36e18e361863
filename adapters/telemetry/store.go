package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
)

// storeLooks is how often the store is asked at most, however often metrics are.
const storeLooks = 5 * time.Second

// WatchStore makes metrics of whether the store answers, of how old the records
// of feeds are, of the deliveries that wait for a person, and of what was told in
// vain.
func (t *Telemetry) WatchStore(store Store) {
	t.registry.MustRegister(&storeMetrics{
		Telemetry: t, store: store,
		up:     prometheus.NewDesc("racord_store_up", "Whether the database answers.", nil, nil),
		took:   prometheus.NewDesc("racord_store_ready_seconds", "How long the database took to say that it is ready.", nil, nil),
		held:   prometheus.NewDesc("racord_feed_held_deliveries", "Deliveries that wait for a person to publish or drop them.", []string{"connector"}, nil),
		wait:   prometheus.NewDesc("racord_feed_held_seconds", "How long the oldest delivery has waited for a person, in real time.", []string{"connector"}, nil),
		age:    prometheus.NewDesc("racord_feed_age_seconds", "Business time since the moment that a creditor's published records speak about.", []string{"connector"}, nil),
		untold: prometheus.NewDesc("racord_contact_notices_undelivered", "Notices about connectors that companies' contacts are still to be told.", nil, nil),
		late:   prometheus.NewDesc("racord_contact_notices_undelivered_seconds", "How long the oldest notice that a company was not told has waited.", nil, nil),
		gone:   prometheus.NewDesc("racord_contact_notices_given_up", "Notices that were given up in the last week, though a company's contact was not told.", nil, nil),
		unsaid: prometheus.NewDesc("racord_webhooks_given_up", "Events that were given up in the last week, though the receiver was not told.", []string{"audience", "receiver"}, nil),
	})
}

type storeMetrics struct {
	*Telemetry
	store                     Store
	up, took, held, wait, age *prometheus.Desc
	untold, late, gone        *prometheus.Desc
	unsaid                    *prometheus.Desc

	mu     sync.Mutex
	looked time.Time
	last   []prometheus.Metric
}

// Describe names the metrics.
func (s *storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.up, s.took, s.held, s.wait, s.age, s.untold, s.late, s.gone, s.unsaid} {
		to <- desc
	}
}

// Collect asks the store, unless it was asked a moment ago.
func (s *storeMetrics) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) >= storeLooks {
		s.last = s.look()
		s.looked = time.Now()
	}
	for _, metric := range s.last {
		to <- metric
	}
}

func (s *storeMetrics) look() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	began := time.Now()
	err := s.store.Ready(ctx)
	seen := []prometheus.Metric{gaugeOf(s.took, time.Since(began).Seconds())}
	if err != nil {
		return append(seen, gaugeOf(s.up, 0))
	}
	seen = append(seen, gaugeOf(s.up, 1))
	seen = s.lookAtGivenUp(ctx, s.lookAtLetters(ctx, s.lookAtFeeds(ctx, seen)))
	held, err := s.store.Held(ctx)
	if err != nil {
		return seen
	}
	for connector, waiting := range s.waiting(held) {
		seen = append(seen, gaugeOf(s.held, float64(waiting.number), connector))
		if waiting.number > 0 {
			seen = append(seen, gaugeOf(s.wait, began.Sub(waiting.oldest).Seconds(), connector))
		}
	}
	return seen
}

// lookAtFeeds tells how old what feeds published is. A feed that never published
// has no age.
func (s *storeMetrics) lookAtFeeds(ctx context.Context, seen []prometheus.Metric) []prometheus.Metric {
	feeds := s.feeds.Load()
	if feeds == nil {
		return seen
	}
	oldest := map[string]time.Time{}
	for _, creditor := range *feeds {
		label := s.connector(creditor)
		_, asOf, err := s.store.Cursor(ctx, creditor)
		if before, ok := oldest[label]; err == nil && !asOf.IsZero() && (!ok || asOf.Before(before)) {
			oldest[label] = asOf
		}
	}
	for label, asOf := range oldest {
		seen = append(seen, gaugeOf(s.age, s.business().Sub(asOf).Seconds(), label))
	}
	return seen
}

// lookAtLetters tells what companies were not told yet.
func (s *storeMetrics) lookAtLetters(ctx context.Context, seen []prometheus.Metric) []prometheus.Metric {
	count, oldest, err := s.store.Undelivered(ctx)
	if err != nil {
		return seen
	}
	age := time.Duration(0)
	if count > 0 {
		age = time.Since(oldest)
	}
	return append(seen, gaugeOf(s.untold, float64(count)), gaugeOf(s.late, age.Seconds()))
}

// remembered is how long what was given up is spoken of.
const remembered = 7 * 24 * time.Hour

// lookAtGivenUp tells what receivers and companies were told in vain.
func (s *storeMetrics) lookAtGivenUp(ctx context.Context, seen []prometheus.Metric) []prometheus.Metric {
	since := time.Now().Add(-remembered)
	if letters, err := s.store.GivenUpLetters(ctx, since); err == nil {
		seen = append(seen, gaugeOf(s.gone, float64(letters)))
	}
	events, err := s.store.GivenUp(ctx, since)
	if err != nil {
		return seen
	}
	sums := map[[2]string]int{}
	for to, n := range events {
		sums[[2]string(s.receiver(to))] += n
	}
	for labels, n := range sums {
		seen = append(seen, gaugeOf(s.unsaid, float64(n), labels[:]...))
	}
	return seen
}

func gaugeOf(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

type waiting struct {
	number int
	oldest time.Time
}

func (s *storeMetrics) waiting(held []hub.HeldDelivery) map[string]waiting {
	byConnector := map[string]waiting{}
	if feeds := s.feeds.Load(); feeds != nil {
		for _, creditor := range *feeds {
			byConnector[s.connector(creditor)] = waiting{} // none, said out loud
		}
	}
	for _, delivery := range held {
		label := s.connector(delivery.Creditor)
		w := byConnector[label]
		if w.number++; w.oldest.IsZero() || delivery.HeldAt.Before(w.oldest) {
			w.oldest = delivery.HeldAt
		}
		byConnector[label] = w
	}
	return byConnector
}
