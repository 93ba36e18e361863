package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"racord/cmd/racord/gauge"
)

// settling is how long the hub has to get over a creditor that begins to hang.
const settling = 2 * time.Second

// deadline of a view in milliseconds, as configured by default.
const deadline = 1500

// victim is the creditor that hangs; witness is one that does not, and counts
// the views: each asks it once.
const (
	victim  = 2
	witness = 0
)

// hang compares the throughput from two seconds after one creditor began to
// hang with that of a healthy city. Every round has a hub of its own: one that
// saw an outage a moment ago stays away from the creditor longer.
func (s *stage) hang(ctx context.Context, delay time.Duration) ([]gauge.Figure, error) {
	name := fmt.Sprintf("one of six hangs, %d ms", delay.Milliseconds())
	var well, first, then runs
	var asked []float64
	for round := range s.rounds {
		o, err := s.outage(ctx, fmt.Sprintf("racord-hang-%d-%d", delay.Milliseconds(), round), delay)
		if err != nil {
			return nil, err
		}
		s.say("%s, round %d: healthy %.0f req/s, first 2 s %.0f, then %.0f, p99 %.0f ms", name, round+1,
			o.well.rate(), o.first.rate(), o.then.rate(), ms(max(o.first.P99, o.then.P99)))
		well, first, then, asked = append(well, o.well), append(first, o.first), append(then, o.then), append(asked, 100*o.asked)
	}
	return []gauge.Figure{
		gauge.Compare(name, "req/s after 2 s", "healthy", then.of(rateOf), well.of(rateOf)).AtLeast(0.9),
		gauge.Compare(name, "req/s in the first 2 s", "healthy", first.of(rateOf), well.of(rateOf)),
		gauge.Alone(name, "p99 ms after 2 s", then.of(p99Of)...).Within(deadline),
		gauge.Alone(name, "p99 ms in the first 2 s", first.of(p99Of)...).Within(deadline),
		gauge.Alone(name, "% of views that asked the others", asked...),
	}, nil
}

// outage is what was seen before a creditor hung, in the first two seconds, and
// after.
type outage struct {
	well, first, then sample
	asked             float64 // share of the views after that asked a healthy creditor
}

// outage lets one creditor hang under the load of a new hub.
func (s *stage) outage(ctx context.Context, name string, delay time.Duration) (o outage, err error) {
	h, err := s.startHub(ctx, hubSetup{name: name, cacheMB: 256})
	if err != nil {
		return o, err
	}
	defer h.stop()
	if err := s.upstreams.delay(ctx, delay); err != nil {
		return o, err
	}
	if _, err := h.greet(ctx, s.citizens); err != nil {
		return o, err
	}
	ours := s.racord(h, live)
	var share float64
	if o.well, share, err = s.witnessed(ctx, ours, s.load.length); err != nil {
		return o, err
	}
	if share < 0.98 {
		return o, fmt.Errorf("only %.0f %% of the views of a healthy city were asked live; is the machine busy?", 100*share)
	}
	defer func() { err = errors.Join(err, s.upstreams.hang(context.WithoutCancel(ctx), nobody)) }()
	if err := s.upstreams.hang(ctx, victim); err != nil {
		return o, err
	}
	if o.first, _, err = s.witnessed(ctx, ours, settling); err != nil {
		return o, err
	}
	o.then, o.asked, err = s.witnessed(ctx, ours, s.load.length)
	return o, err
}

// witnessed takes a sample, and the share of its views that asked the witness.
func (s *stage) witnessed(ctx context.Context, c contender, length time.Duration) (sample, float64, error) {
	before, err := s.upstreams.calls(ctx)
	if err != nil {
		return sample{}, 0, err
	}
	run := *s.bench
	run.load.length = length
	seen, err := run.once(ctx, c)
	if err != nil {
		return sample{}, 0, err
	}
	after, err := s.upstreams.calls(ctx)
	if err != nil {
		return sample{}, 0, err
	}
	return seen, float64(after[witness]-before[witness]) / float64(seen.Requests), nil
}
