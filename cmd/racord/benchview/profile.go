package main

import (
	"context"
	"path/filepath"
	"time"
)

// profileTo saves a CPU profile of the hub under each kind of load.
func (s *stage) profileTo(ctx context.Context, dir string) error {
	for name, path := range map[string]string{"cold": live, "warm": viewPath} {
		ended := make(chan error, 1)
		go func() {
			seen, err := s.once(ctx, s.racord(s.hub, path))
			if err == nil {
				s.say("%s: %.0f req/s, %.1f µs CPU/req, p99 %.1f ms", name, seen.rate(), seen.CPU, ms(seen.P99))
			}
			ended <- err
		}()
		if err := s.hub.profile(ctx, filepath.Join(dir, name+".pprof"), s.load.length-time.Second); err != nil {
			return err
		}
		if err := <-ended; err != nil {
			return err
		}
	}
	return nil
}
