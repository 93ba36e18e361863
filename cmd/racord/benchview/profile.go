package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// situation is what a hub is profiled under.
type situation struct {
	name  string
	hub   *hubServer
	load  contender
	delay time.Duration // of each creditor's answer
}

// profiled are the situations a hub is profiled under.
func (s *stage) profiled(ctx context.Context) ([]situation, error) {
	redis, fromRedis, err := s.redisHub(ctx)
	return []situation{
		{"cold", s.hub, s.racord(s.hub, live), 0},
		{"cold-20ms", s.hub, s.racord(s.hub, live), 20 * time.Millisecond},
		{"warm", s.hub, s.racord(s.hub, viewPath), 0},
		{"warm-redis", redis, fromRedis, 0},
	}, err
}

// profileTo saves for each situation where the hub's time went (NAME.cpu.pprof) and
// what it had allocated until its end (NAME.allocs.pprof).
func (s *stage) profileTo(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	situations, err := s.profiled(ctx)
	if err != nil {
		return err
	}
	for _, l := range situations {
		if err := s.upstreams.delay(ctx, l.delay); err != nil {
			return err
		}
		if err := s.profile(ctx, l, dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) profile(ctx context.Context, l situation, dir string) error {
	ended := make(chan error, 1)
	go func() {
		seen, err := s.once(ctx, l.load)
		if err == nil {
			s.say("%s: %.0f req/s, %.1f µs CPU/req, p99 %.1f ms", l.name, seen.rate(), seen.CPU, ms(seen.P99))
		}
		ended <- err
	}()
	during := fmt.Sprintf("profile?seconds=%d", int((s.load.length - time.Second).Seconds()))
	if err := l.hub.save(ctx, during, filepath.Join(dir, l.name+".cpu.pprof")); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	return l.hub.save(ctx, "allocs", filepath.Join(dir, l.name+".allocs.pprof"))
}

// save writes one of the hub's profiles to a file.
func (h *hubServer) save(ctx context.Context, profile, file string) error {
	url := h.ops + "/debug/pprof/" + profile
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	said, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer said.Body.Close()
	if said.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, said.StatusCode)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, said.Body)
	return err
}
