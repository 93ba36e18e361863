package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// storm is the stage and who is on it.
type storm struct {
	options
	dir     string
	say     func(string, ...any)
	nursery *nursery

	program  string // the hub
	conf     string // its configuration, but for addresses
	city     *city
	postgres *database
	redis    *redisServer
	replicas []*replica
	payers   []*payer
	closers  []func()

	tally  tally
	mu     sync.Mutex
	opened []*promise
}

// onClose remembers what to stop; the last started is stopped first.
func (s *storm) onClose(stop func()) { s.closers = append(s.closers, stop) }

func (s *storm) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// open starts everybody: the city, the stores, the hub's replicas. It ends when
// all of them answer and citizens have linked their accounts.
func (s *storm) open(ctx context.Context) error {
	s.nursery = newNursery()
	if err := s.openCity(ctx); err != nil {
		return err
	}
	if err := s.openStores(ctx); err != nil {
		return err
	}
	if err := s.openHub(ctx); err != nil {
		return err
	}
	return s.invite(ctx)
}

// openStores starts PostgreSQL and Redis, unless the hub is to keep all in one
// file.
func (s *storm) openStores(ctx context.Context) (err error) {
	if s.store == "sqlite" {
		return nil
	}
	if s.postgres, err = s.openPostgres(ctx); err != nil {
		return err
	}
	s.onClose(s.postgres.stop)
	if s.redis, err = s.openRedis(ctx); err != nil {
		return err
	}
	s.onClose(s.redis.stop)
	return nil
}

// openHub writes the configuration and starts the replicas, the first of them
// alone: it prepares the database.
func (s *storm) openHub(ctx context.Context) (err error) {
	if s.program = s.racord; s.program == "" {
		if s.program, err = s.build(ctx, "racord"); err != nil {
			return err
		}
	}
	if err := s.configure(ctx); err != nil {
		return err
	}
	for n := range s.options.replicas {
		r, err := s.newReplica(n)
		if err != nil {
			return err
		}
		if err := r.start(); err != nil {
			return err
		}
		if err := r.process.await(ctx, time.Minute); err != nil {
			return err
		}
		s.replicas = append(s.replicas, r)
	}
	s.say("with all migrations, the first replica was ready after %s", s.replicas[0].process.took.Round(time.Millisecond))
	return nil
}

// write puts a file into the stage's directory.
func (s *storm) write(name, text string) error {
	file := filepath.Join(s.dir, name)
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600))
}

// pause waits, or ends with ctx.
func (s *storm) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
