package main

import (
	"context"
	"fmt"
	"time"

	"racord/cmd/racord/gauge"
)

// scene is one measurement.
type scene struct {
	name string
	run  func(*stage, context.Context) ([]gauge.Figure, error) // a method of the stage
}

// scenes are all measurements in the order they run.
func scenes() []scene {
	return []scene{
		{"cold-0ms", func(s *stage, ctx context.Context) ([]gauge.Figure, error) { return s.cold(ctx, 0) }},
		{"cold-20ms", func(s *stage, ctx context.Context) ([]gauge.Figure, error) { return s.cold(ctx, 20*time.Millisecond) }},
		{"hang-20ms", func(s *stage, ctx context.Context) ([]gauge.Figure, error) { return s.hang(ctx, 20*time.Millisecond) }},
		{"hang-0ms", func(s *stage, ctx context.Context) ([]gauge.Figure, error) { return s.hang(ctx, 0) }},
		{"warm-l1", (*stage).warm},
		{"warm-redis", (*stage).redis},
		{"postgres", (*stage).postgres},
	}
}

// live asks for answers that are not older than the question.
const live = viewPath + "?max_staleness=0"

func (s *stage) racord(h *hubServer, path string) contender {
	return contender{name: "racord", url: h.url + path, tokens: s.yardstick.tokens, server: h.process}
}

// cold compares views for which every creditor is asked.
func (s *stage) cold(ctx context.Context, delay time.Duration) ([]gauge.Figure, error) {
	name := fmt.Sprintf("cold view, %d ms", delay.Milliseconds())
	taken, err := s.asking(ctx, name, delay, s.hub)
	if err != nil {
		return nil, err
	}
	ours, peers, peer := taken[0], taken[1], s.yardstick.name
	rate := gauge.Compare(name, "req/s", peer, ours.of(rateOf), peers.of(rateOf))
	cpu := gauge.Compare(name, "CPU µs/req", peer, ours.of(cpuOf), peers.of(cpuOf)).AtMost(0.65)
	if delay == 0 {
		rate = rate.AtLeast(1.35)
	}
	return []gauge.Figure{rate, cpu, gauge.Compare(name, "p99 ms", peer, ours.of(p99Of), peers.of(p99Of))}, nil
}

// asking measures a hub and the yardstick, and makes sure that no cache
// answered: each view asked each creditor.
func (s *stage) asking(ctx context.Context, name string, delay time.Duration, h *hubServer) ([]runs, error) {
	if err := s.upstreams.delay(ctx, delay); err != nil {
		return nil, err
	}
	before, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	taken, err := s.alternate(ctx, name, s.racord(h, live), s.yardstick)
	if err != nil {
		return nil, err
	}
	after, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	return taken, s.allAsked(after-before, taken)
}

// asked gives how many questions all creditors have got.
func (s *stage) asked(ctx context.Context) (sum int64, err error) {
	calls, err := s.upstreams.calls(ctx)
	for _, n := range calls {
		sum += int64(n)
	}
	return sum, err
}

// allAsked makes sure that no cache answered: each view asked each creditor.
func (s *stage) allAsked(calls int64, taken []runs) error {
	views := int64(0)
	for _, r := range taken {
		views += r.requests()
	}
	if want := views * int64(len(creditors)); calls < want {
		return fmt.Errorf("%d views asked the creditors %d times, a cold view must ask all: %d", views, calls, want)
	}
	return nil
}

// postgres measures a hub whose store is PostgreSQL, without a bar.
func (s *stage) postgres(ctx context.Context) ([]gauge.Figure, error) {
	server, dsn, err := startPostgres(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, server.stop)
	h, err := s.startHub(ctx, hubSetup{name: "racord-postgres", postgres: dsn, cacheMB: 256})
	if err != nil {
		return nil, err
	}
	if _, err := h.greet(ctx, s.citizens); err != nil {
		return nil, err
	}
	peer, err := s.nginx(ctx)
	if err != nil {
		return nil, err
	}
	const name = "PostgreSQL, cold view, 0 ms"
	taken, err := s.asking(ctx, name, 0, h)
	if err != nil {
		return nil, err
	}
	figures := []gauge.Figure{
		gauge.Compare(name, "req/s", s.yardstick.name, taken[0].of(rateOf), taken[1].of(rateOf)),
		gauge.Compare(name, "CPU µs/req", s.yardstick.name, taken[0].of(cpuOf), taken[1].of(cpuOf)),
	}
	warm, err := s.remembered(ctx, "PostgreSQL, warm view, L1", s.racord(h, viewPath), peer)
	return append(figures, warm...), err
}
