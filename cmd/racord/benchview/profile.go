package main

import (
	"context"
	"path/filepath"
	"time"
)

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
