package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"racord/cmd/racord/gauge"
)

// warm compares remembered views with an nginx cache hit of the same bytes, and
// unchanged views with nginx's 304.
func (s *stage) warm(ctx context.Context) ([]gauge.Figure, error) {
	peer, err := s.nginx(ctx)
	if err != nil {
		return nil, err
	}
	figures, err := s.remembered(ctx, "warm view, L1", s.racord(s.hub, viewPath), peer)
	if err != nil {
		return nil, err
	}
	figures[0] = figures[0].AtLeast(0.55)
	unchanged, err := s.unchanged(ctx, peer)
	return append(figures, unchanged...), err
}

// unchanged compares answers to portals that have the view already.
func (s *stage) unchanged(ctx context.Context, peer contender) ([]gauge.Figure, error) {
	const name = "unchanged view, 304"
	ours := s.racord(s.hub, viewPath)
	var err error
	if ours.tokens, err = s.tokens("etags", s.citizens, func(n int) string { return " " + s.answers[n].etag }); err != nil {
		return nil, err
	}
	if peer.tokens, err = s.tokens("etag", s.citizens, func(int) string { return " " + s.answers[0].etag }); err != nil {
		return nil, err
	}
	peer.name = "nginx 304"
	taken, err := s.alternate(ctx, name, ours, peer)
	if err != nil {
		return nil, err
	}
	for i, c := range []contender{ours, peer} {
		if size := gauge.Median(taken[i].of(sizeOf)); size > 1000 {
			return nil, fmt.Errorf("%s sends %.0f bytes for an unchanged view: that is no 304", c.name, size)
		}
	}
	return []gauge.Figure{
		gauge.Compare(name, "req/s", peer.name, taken[0].of(rateOf), taken[1].of(rateOf)),
		gauge.Compare(name, "CPU µs/req", peer.name, taken[0].of(cpuOf), taken[1].of(cpuOf)),
	}, nil
}

// nginx gives a server with one of the hub's answers in its cache.
func (s *stage) nginx(ctx context.Context) (contender, error) {
	if s.peer.server != nil {
		return s.peer, nil
	}
	from, err := openOrigin(s.answers[0])
	if err != nil {
		return contender{}, err
	}
	s.stops = append(s.stops, from.close)
	server, url, err := startNginx(ctx, s.dir, from)
	if err != nil {
		return contender{}, err
	}
	s.stops = append(s.stops, server.stop)
	s.peer = contender{name: "nginx proxy_cache", url: url + viewPath, tokens: s.yardstick.tokens, server: server}
	said, err := fetch(ctx, s.peer.url, s.citizens[0].token)
	if err == nil && !bytes.Equal(said.body, s.answers[0].body) {
		err = errors.New("nginx answers something else than the hub")
	}
	return s.peer, err
}

// remembered compares views that the hub has in a cache. The first figure is
// the throughput. Pages that creditors were asked for all the same, because a
// cache gave up waiting, are counted; more than one in fifty spoil the
// measurement.
func (s *stage) remembered(ctx context.Context, name string, ours, peer contender) ([]gauge.Figure, error) {
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
	live := float64(after-before) / float64(taken[0].requests()*int64(len(creditors)))
	if live > 0.02 {
		return nil, fmt.Errorf("%s: %.1f %% of the pages were asked live, a warm view asks nobody; is the machine busy?", name, 100*live)
	}
	return []gauge.Figure{
		gauge.Compare(name, "req/s", peer.name, taken[0].of(rateOf), taken[1].of(rateOf)),
		gauge.Compare(name, "CPU µs/req", peer.name, taken[0].of(cpuOf), taken[1].of(cpuOf)),
		gauge.Compare(name, "p99 ms", peer.name, taken[0].of(p99Of), taken[1].of(p99Of)),
		gauge.Compare(name, "bytes/req", peer.name, taken[0].of(sizeOf), taken[1].of(sizeOf)),
		gauge.Alone(name, "% of pages asked live", 100*live),
	}, nil
}

// redisHub opens a hub whose pages come from Redis: more citizens are asked about
// than its in-process cache can hold.
func (s *stage) redisHub(ctx context.Context) (h *hubServer, load contender, err error) {
	server, address, err := startRedis(ctx, s.dir)
	if err != nil {
		return nil, load, err
	}
	s.stops = append(s.stops, server.stop)
	if h, err = s.startHub(ctx, hubSetup{name: "racord-redis", redis: address, cacheMB: 1}); err != nil {
		return nil, load, err
	}
	s.say("%d citizens sign in and see their first view", len(s.issuer.citizens))
	if _, err := h.greet(ctx, s.issuer.citizens); err != nil {
		return nil, load, err
	}
	load = s.racord(h, viewPath)
	load.tokens, err = s.tokens("all", s.issuer.citizens, nothing)
	return h, load, err
}

// redis measures a hub whose pages come from Redis.
func (s *stage) redis(ctx context.Context) ([]gauge.Figure, error) {
	_, ours, err := s.redisHub(ctx)
	if err != nil {
		return nil, err
	}
	peer, err := s.nginx(ctx)
	if err != nil {
		return nil, err
	}
	figures, err := s.remembered(ctx, "warm view, Redis alone", ours, peer)
	if err != nil {
		return nil, err
	}
	figures[0] = figures[0].AtLeast(0.33)
	return figures, nil
}
