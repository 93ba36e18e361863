package main

import (
	"context"
	"fmt"
	"time"
)

// settling is how long the hub has to get over a creditor that begins to hang.
const settling = 2 * time.Second

// deadline of a view in milliseconds, as configured by default.
const deadline = 1500

// victim hangs, witness counts the views: each asks it once.
const (
	victim  = 2
	witness = 0
)

// hang compares the throughput from two seconds after one creditor began to
// hang with that of a healthy city. All latencies since the beginning count.
func (s *stage) hang(ctx context.Context, delay time.Duration) ([]figure, error) {
	name := fmt.Sprintf("one of six hangs, %d ms", delay.Milliseconds())
	if err := s.upstreams.delay(ctx, delay); err != nil {
		return nil, err
	}
	ours := s.racord(s.hub, live)
	var healthy, settled, first, p99 []float64
	for round := range s.rounds {
		well, err := s.once(ctx, ours)
		if err != nil {
			return nil, err
		}
		ill, err := s.outage(ctx, ours)
		if err != nil {
			return nil, err
		}
		s.say("%s, round %d: healthy %.0f req/s, first 2 s %.0f, then %.0f, p99 %.0f ms", name, round+1, well.rate(), ill.first, ill.settled, ill.p99)
		healthy, settled = append(healthy, well.rate()), append(settled, ill.settled)
		first, p99 = append(first, ill.first), append(p99, ill.p99)
	}
	return []figure{
		compare(name, "req/s after 2 s", "healthy", settled, healthy).atLeast(0.9),
		compare(name, "req/s in the first 2 s", "healthy", first, healthy),
		alone(name, "p99 ms, from the start", p99...).within(deadline),
	}, nil
}

// outage is what was seen while a creditor hung: views a second in the first
// two seconds and after, and the latency.
type outage struct{ first, settled, p99 float64 }

// outage lets one creditor hang under load, and waits until the hub uses it
// again afterwards.
func (s *stage) outage(ctx context.Context, c contender) (o outage, err error) {
	type result struct {
		sample
		err error
	}
	ended := make(chan result, 1)
	long := s.load
	long.length += settling + time.Second
	began, err := s.upstreams.calls(ctx)
	if err != nil {
		return o, err
	}
	if err := s.upstreams.hang(ctx, victim); err != nil {
		return o, err
	}
	start := time.Now()
	go func() {
		r, err := drive(ctx, s.dir, c.url, c.tokens, long)
		ended <- result{r, err}
	}()
	marks := [3][]uint64{0: began}
	times := [3]time.Time{0: start}
	for i, pause := range []time.Duration{settling, s.load.length} {
		time.Sleep(pause)
		if marks[i+1], err = s.upstreams.calls(ctx); err != nil {
			return o, err
		}
		times[i+1] = time.Now()
	}
	r := <-ended
	if r.err != nil {
		return o, r.err
	}
	if r.BadAnswers > 0 || r.SocketErrors > 0 {
		return o, fmt.Errorf("while a creditor hangs: %d bad answers, %d socket errors", r.BadAnswers, r.SocketErrors)
	}
	speed := func(i int) float64 {
		return float64(marks[i+1][witness]-marks[i][witness]) / times[i+1].Sub(times[i]).Seconds()
	}
	return outage{speed(0), speed(1), ms(r.P99)}, s.heal(ctx, c)
}

// heal ends the outage and waits for complete views.
func (s *stage) heal(ctx context.Context, c contender) error {
	if err := s.upstreams.hang(ctx, nobody); err != nil {
		return err
	}
	limit := time.Now().Add(2 * time.Minute)
	for n := 0; ; n++ {
		_, err := fetch(ctx, c.url, s.citizens[n%len(s.citizens)].token)
		if err == nil {
			return nil
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("the hub does not use a creditor that answers again: %w", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
