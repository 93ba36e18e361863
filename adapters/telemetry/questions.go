package telemetry

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// question is one of what the store is asked when metrics are. Names are a closed
// set of words.
type question struct {
	name string
	ask  func(ctx context.Context) ([]prometheus.Metric, error)
}

// answers puts questions at once, each with its own patience: one that takes long
// keeps no other from being answered. What is not answered is left out, and up says
// so, for an alert cannot ring about what is not there.
func answers(up *prometheus.Desc, questions ...question) []prometheus.Metric {
	seen := make([][]prometheus.Metric, len(questions))
	var all sync.WaitGroup
	for i, q := range questions {
		all.Go(func() { seen[i] = q.answer(up) })
	}
	all.Wait()
	return slices.Concat(seen...)
}

func (q question) answer(up *prometheus.Desc) []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seen, err := q.ask(ctx)
	return append(seen, gaugeOf(up, oneIf(err == nil), q.name))
}
