package main

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"racord/cmd/racord/cluster"
)

// database is a PostgreSQL of its own that is killed and recovers.
type database struct {
	cluster.Made
	s       *storm
	address string
	mu      sync.Mutex
	process *process
}

func (s *storm) openPostgres(ctx context.Context) (*database, error) {
	made, err := cluster.Make(ctx, filepath.Join(s.dir, "postgres"))
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	p := &database{Made: made, s: s, address: ports[0]}
	return p, p.start(ctx)
}

func (p *database) dsn() string { return cluster.DSN(p.address) }

// start runs the server until it takes connections. After a kill the children of
// the one before need a moment to notice.
func (p *database) start(ctx context.Context) (err error) {
	_, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	for range 100 {
		as := &syscall.SysProcAttr{}
		if p.As != nil {
			as.Credential = p.As.Credential
		}
		p.process, err = p.s.spawn("postgres", "never", as, p.Program, p.Args(port, "-c", "max_connections=200", "-c", "log_min_messages=fatal")...)
		if err != nil {
			return err
		}
		if err = p.answers(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// answers waits for connections, or for the end of a server that cannot start.
func (p *database) answers(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.process.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return reachable(ctx, p.address, 20*time.Second)
}

// strike kills the postmaster; its children end when they notice.
func (p *database) strike(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	begun := time.Now()
	p.process.kill()
	defer func() { p.s.tally.away(time.Since(begun)) }()
	return p.start(ctx)
}

func (p *database) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.process.cmd.Process.Signal(syscall.SIGQUIT) // "immediate shutdown"
	select {
	case <-p.process.ended:
	case <-time.After(5 * time.Second):
		p.process.kill()
	}
}

// redisServer is a cache that is emptied and killed.
type redisServer struct {
	s       *storm
	program string
	address string
	mu      sync.Mutex
	process *process
	client  *redis.Client
}

func (s *storm) openRedis(ctx context.Context) (*redisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("needs redis-server: run make deps, or apt-get install redis-server")
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &redisServer{s: s, program: program, address: ports[0], client: redis.NewClient(&redis.Options{Addr: ports[0]})}
	return r, r.start(ctx)
}

func (r *redisServer) start(ctx context.Context) (err error) {
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return err
	}
	r.process, err = r.s.spawn("redis", "never", nil, r.program, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", r.s.dir)
	if err != nil {
		return err
	}
	return reachable(ctx, r.address, 10*time.Second)
}

func (r *redisServer) strike(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process.kill()
	return r.start(ctx)
}

// empty forgets all pages.
func (r *redisServer) empty(ctx context.Context) {
	_ = r.client.FlushAll(ctx).Err() // a cache that is down is empty too
}

func (r *redisServer) stop() {
	_ = r.client.Close()
	r.process.kill()
}
