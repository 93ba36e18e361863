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

// WatchStore makes metrics of whether the store answers and of the deliveries
// that wait for a person.
func (t *Telemetry) WatchStore(store Store) {
	t.registry.MustRegister(&storeMetrics{
		words: t, store: store,
		up:   prometheus.NewDesc("racord_store_up", "Whether the database answers.", nil, nil),
		took: prometheus.NewDesc("racord_store_ready_seconds", "How long the database took to say that it is ready.", nil, nil),
		held: prometheus.NewDesc("racord_feed_held_deliveries", "Deliveries that wait for a person to publish or drop them.", []string{"connector"}, nil),
		wait: prometheus.NewDesc("racord_feed_held_seconds", "How long the oldest delivery has waited for a person, in real time.", []string{"connector"}, nil),
	})
}

type storeMetrics struct {
	words                *Telemetry
	store                Store
	up, took, held, wait *prometheus.Desc

	mu     sync.Mutex
	looked time.Time
	last   []prometheus.Metric
}

// Describe names the metrics.
func (s *storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.up, s.took, s.held, s.wait} {
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
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
		return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	began := time.Now()
	err := s.store.Ready(ctx)
	answers := []prometheus.Metric{gauge(s.took, time.Since(began).Seconds())}
	if err != nil {
		return append(answers, gauge(s.up, 0))
	}
	answers = append(answers, gauge(s.up, 1))
	held, err := s.store.Held(ctx)
	if err != nil {
		return answers
	}
	for connector, waiting := range s.waiting(held) {
		answers = append(answers, gauge(s.held, float64(waiting.number), connector),
			gauge(s.wait, began.Sub(waiting.oldest).Seconds(), connector))
	}
	return answers
}

type waiting struct {
	number int
	oldest time.Time
}

func (s *storeMetrics) waiting(held []hub.HeldDelivery) map[string]waiting {
	byConnector := map[string]waiting{}
	for _, delivery := range held {
		label := s.words.connector(delivery.Creditor)
		w := byConnector[label]
		if w.number++; w.oldest.IsZero() || delivery.HeldAt.Before(w.oldest) {
			w.oldest = delivery.HeldAt
		}
		byConnector[label] = w
	}
	return byConnector
}
