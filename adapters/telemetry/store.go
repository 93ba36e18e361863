package telemetry

import (
	"context"
	"errors"
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
		read:   prometheus.NewDesc("racord_store_read", "Whether the database answered a question for these metrics; what it does not answer is left out.", []string{"question"}, nil),
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
	unsaid, read              *prometheus.Desc

	mu     sync.Mutex
	looked time.Time
	last   []prometheus.Metric
}

// Describe names the metrics.
func (s *storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.up, s.took, s.held, s.wait, s.age, s.untold, s.late, s.gone, s.unsaid, s.read} {
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	err := s.store.Ready(ctx)
	seen := []prometheus.Metric{gaugeOf(s.took, time.Since(began).Seconds())}
	if err != nil {
		return append(seen, gaugeOf(s.up, 0))
	}
	seen = append(seen, gaugeOf(s.up, 1))
	return append(seen, answers(s.read, question{"feeds", s.lookAtFeeds}, question{"deliveries", s.lookAtHeld}, question{"letters", s.lookAtLetters},
		question{"letters_given_up", s.lookAtGivenUpLetters}, question{"events_given_up", s.lookAtGivenUp})...)
}

// lookAtHeld tells which deliveries wait for a person.
func (s *storeMetrics) lookAtHeld(ctx context.Context) (seen []prometheus.Metric, err error) {
	held, err := s.store.Held(ctx)
	if err != nil {
		return nil, err
	}
	for connector, waiting := range s.waiting(held) {
		seen = append(seen, gaugeOf(s.held, float64(waiting.number), connector))
		if waiting.number > 0 {
			seen = append(seen, gaugeOf(s.wait, time.Since(waiting.oldest).Seconds(), connector))
		}
	}
	return seen, nil
}

// lookAtFeeds tells how old what feeds published is. A feed that never published
// has no age.
func (s *storeMetrics) lookAtFeeds(ctx context.Context) (seen []prometheus.Metric, err error) {
	oldest, err := s.publishedLast(ctx)
	for label, asOf := range oldest {
		seen = append(seen, gaugeOf(s.age, s.business().Sub(asOf).Seconds(), label))
	}
	return seen, err
}

// publishedLast gives by label what moment feeds speak about, as far as the store
// answers.
func (s *storeMetrics) publishedLast(ctx context.Context) (oldest map[string]time.Time, err error) {
	oldest = map[string]time.Time{}
	feeds := s.feeds.Load()
	if feeds == nil {
		return oldest, nil
	}
	for _, creditor := range *feeds {
		label := s.connector(creditor)
		_, asOf, failed := s.store.Cursor(ctx, creditor)
		if failed != nil && hub.CodeOf(failed) != hub.CodeNotFound {
			err = errors.Join(err, failed)
		}
		if before, ok := oldest[label]; failed == nil && !asOf.IsZero() && (!ok || asOf.Before(before)) {
			oldest[label] = asOf
		}
	}
	return oldest, err
}

// lookAtLetters tells what companies were not told yet.
func (s *storeMetrics) lookAtLetters(ctx context.Context) ([]prometheus.Metric, error) {
	count, oldest, err := s.store.Undelivered(ctx)
	if err != nil {
		return nil, err
	}
	age := time.Duration(0)
	if count > 0 {
		age = time.Since(oldest)
	}
	return []prometheus.Metric{gaugeOf(s.untold, float64(count)), gaugeOf(s.late, age.Seconds())}, nil
}

// remembered is how long what was given up is spoken of.
const remembered = 7 * 24 * time.Hour

// lookAtGivenUpLetters tells what companies were told in vain.
func (s *storeMetrics) lookAtGivenUpLetters(ctx context.Context) ([]prometheus.Metric, error) {
	letters, err := s.store.GivenUpLetters(ctx, time.Now().Add(-remembered))
	if err != nil {
		return nil, err
	}
	return []prometheus.Metric{gaugeOf(s.gone, float64(letters))}, nil
}

// lookAtGivenUp tells what receivers were told in vain.
func (s *storeMetrics) lookAtGivenUp(ctx context.Context) (seen []prometheus.Metric, err error) {
	events, err := s.store.GivenUp(ctx, time.Now().Add(-remembered))
	if err != nil {
		return nil, err
	}
	sums := map[[2]string]int{}
	for to, n := range events {
		sums[[2]string(s.receiver(to))] += n
	}
	for labels, n := range sums {
		seen = append(seen, gaugeOf(s.unsaid, float64(n), labels[:]...))
	}
	return seen, nil
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
