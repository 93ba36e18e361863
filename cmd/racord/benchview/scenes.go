package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// scene is one measurement.
type scene struct {
	name string
	run  func(*stage, context.Context) ([]figure, error) // a method of the stage
}

// scenes are all measurements in the order they run.
func scenes() []scene {
	return []scene{
		{"cold-0ms", func(s *stage, ctx context.Context) ([]figure, error) { return s.cold(ctx, 0) }},
		{"cold-20ms", func(s *stage, ctx context.Context) ([]figure, error) { return s.cold(ctx, 20*time.Millisecond) }},
		{"hang-20ms", func(s *stage, ctx context.Context) ([]figure, error) { return s.hang(ctx, 20*time.Millisecond) }},
		{"hang-0ms", func(s *stage, ctx context.Context) ([]figure, error) { return s.hang(ctx, 0) }},
		{"warm-l1", (*stage).warm},
		{"warm-redis", (*stage).redis},
	}
}

// live asks for answers that are not older than the question.
const live = viewPath + "?max_staleness=0"

func (s *stage) racord(h *hubServer, path string) contender {
	return contender{name: "racord", url: h.url + path, tokens: s.yardstick.tokens, server: h.process}
}

// cold compares views for which every creditor is asked.
func (s *stage) cold(ctx context.Context, delay time.Duration) ([]figure, error) {
	name := fmt.Sprintf("cold view, %d ms", delay.Milliseconds())
	if err := s.upstreams.delay(ctx, delay); err != nil {
		return nil, err
	}
	before, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	taken, err := s.alternate(ctx, name, s.racord(s.hub, live), s.yardstick)
	if err != nil {
		return nil, err
	}
	after, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.allAsked(after-before, taken); err != nil {
		return nil, err
	}
	ours, peers := taken[0], taken[1]
	rate := compare(name, "req/s", s.yardstick.name, ours.of(rateOf), peers.of(rateOf))
	cpu := compare(name, "CPU µs/req", s.yardstick.name, ours.of(cpuOf), peers.of(cpuOf)).atMost(0.65)
	p99 := compare(name, "p99 ms", s.yardstick.name, ours.of(p99Of), peers.of(p99Of))
	if delay == 0 {
		rate = rate.atLeast(1.35)
	}
	return []figure{rate, cpu, p99}, nil
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
		for _, one := range r {
			views += one.Requests
		}
	}
	if want := views * int64(len(creditors)); calls < want {
		return fmt.Errorf("%d views asked the creditors %d times, a cold view must ask all: %d", views, calls, want)
	}
	return nil
}

// warm compares remembered views with an nginx cache hit of the same bytes, and
// unchanged views with nginx's 304.
func (s *stage) warm(ctx context.Context) ([]figure, error) {
	peer, err := s.nginx(ctx, "nginx proxy_cache", s.citizens, s.answers)
	if err != nil {
		return nil, err
	}
	figures, err := s.remembered(ctx, "warm view, L1", s.racord(s.hub, viewPath), peer, 0.55)
	if err != nil {
		return nil, err
	}
	unchanged, err := s.tokens("etags", s.citizens, func(n int) string { return " " + s.answers[n].etag })
	if err != nil {
		return nil, err
	}
	ours := s.racord(s.hub, viewPath)
	ours.tokens, peer.tokens, peer.name = unchanged, unchanged, "nginx 304"
	taken, err := s.alternate(ctx, "unchanged view, 304", ours, peer)
	if err != nil {
		return nil, err
	}
	for i, r := range taken {
		if size := median(r.of(sizeOf)); size > 1000 {
			return nil, fmt.Errorf("%s sends %.0f bytes for an unchanged view: that is no 304", []string{"racord", "nginx"}[i], size)
		}
	}
	return append(figures, compare("unchanged view, 304", "req/s", peer.name, taken[0].of(rateOf), taken[1].of(rateOf))), nil
}

// nginx starts a server that has the hub's answers to these citizens in its
// cache.
func (s *stage) nginx(ctx context.Context, name string, citizens []citizen, answers []answer) (contender, error) {
	byToken := map[string]answer{}
	for n := range citizens {
		byToken[citizens[n].token] = answers[n]
	}
	from, err := openOrigin(byToken)
	if err != nil {
		return contender{}, err
	}
	server, url, err := startNginx(ctx, s.dir, from)
	if err != nil {
		from.close()
		return contender{}, err
	}
	s.stops = append(s.stops, func() { server.stop(); from.close() })
	tokens, err := s.tokens(name, citizens, nothing)
	if err != nil {
		return contender{}, err
	}
	err = everybody(ctx, citizens, func(ctx context.Context, n int) error {
		_, err := fetch(ctx, url+viewPath, citizens[n].token)
		return err
	})
	return contender{name: name, url: url + viewPath, tokens: tokens, server: server}, err
}

// remembered compares views for which no creditor is asked.
func (s *stage) remembered(ctx context.Context, name string, ours, peer contender, bar float64) ([]figure, error) {
	before, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	taken, err := s.alternate(ctx, name, ours, peer)
	if err != nil {
		return nil, err
	}
	after, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	if after != before {
		return nil, fmt.Errorf("%s: the creditors were asked %d times, a warm view asks nobody", name, after-before)
	}
	return []figure{
		compare(name, "req/s", peer.name, taken[0].of(rateOf), taken[1].of(rateOf)).atLeast(bar),
		compare(name, "CPU µs/req", peer.name, taken[0].of(cpuOf), taken[1].of(cpuOf)),
		compare(name, "p99 ms", peer.name, taken[0].of(p99Of), taken[1].of(p99Of)),
		compare(name, "bytes/req", peer.name, taken[0].of(sizeOf), taken[1].of(sizeOf)),
	}, nil
}

// redis measures a hub whose pages come from Redis: more citizens are asked
// about than its in-process cache can hold.
func (s *stage) redis(ctx context.Context) ([]figure, error) {
	server, address, err := startRedis(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, server.stop)
	h, err := s.startHub(ctx, hubSetup{name: "racord-redis", redis: address, cacheMB: 1})
	if err != nil {
		return nil, err
	}
	s.say("%d citizens sign in and see their first view", len(s.issuer.citizens))
	answers, err := h.greet(ctx, s.issuer.citizens)
	if err != nil {
		return nil, err
	}
	peer, err := s.nginx(ctx, "nginx proxy_cache", s.issuer.citizens, answers)
	if err != nil {
		return nil, err
	}
	ours := s.racord(h, viewPath)
	ours.tokens = peer.tokens
	return s.remembered(ctx, "warm view, Redis alone", ours, peer, 0.33)
}

// profileTo saves a CPU profile of the hub under each kind of load.
func (s *stage) profileTo(ctx context.Context, dir string, o options) error {
	for name, path := range map[string]string{"cold": live, "warm": viewPath} {
		ended := make(chan error, 1)
		go func() {
			_, err := drive(ctx, s.dir, s.hub.url+path, s.yardstick.tokens, o.load)
			ended <- err
		}()
		if err := s.hub.profile(ctx, filepath.Join(dir, name+".pprof"), o.load.length-time.Second); err != nil {
			return err
		}
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}
