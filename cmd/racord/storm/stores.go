package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// cluster is a PostgreSQL of its own that is killed and recovers.
type cluster struct {
	s       *storm
	bin     string
	as      *syscall.SysProcAttr
	address string
	mu      sync.Mutex
	process *process
}

func (s *storm) openPostgres(ctx context.Context) (*cluster, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(s.dir, "postgres")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	as, err := unprivileged(home)
	if err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(home, "data"),
		"--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = as, home
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	p := &cluster{s: s, bin: bin, as: as, address: ports[0]}
	return p, p.start(ctx)
}

func (p *cluster) dsn() string {
	return "postgres://postgres@" + p.address + "/postgres?sslmode=disable"
}

// start runs the server until it takes connections. After a kill the children of
// the one before need a moment to notice.
func (p *cluster) start(ctx context.Context) (err error) {
	_, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	for range 100 {
		as := &syscall.SysProcAttr{}
		if p.as != nil {
			as.Credential = p.as.Credential
		}
		p.process, err = p.s.spawn("postgres", "never", as, filepath.Join(p.bin, "postgres"), "-D", filepath.Join(p.s.dir, "postgres", "data"),
			"-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "log_min_messages=fatal")
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
func (p *cluster) answers(ctx context.Context) error {
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
func (p *cluster) strike(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	begun := time.Now()
	p.process.kill()
	defer func() { p.s.tally.away(time.Since(begun)) }()
	return p.start(ctx)
}

func (p *cluster) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.process.cmd.Process.Signal(syscall.SIGQUIT) // "immediate shutdown"
	select {
	case <-p.process.ended:
	case <-time.After(5 * time.Second):
		p.process.kill()
	}
}

// postgresBin finds the newest PostgreSQL that is installed: Debian keeps it
// outside PATH.
func postgresBin() (string, error) {
	places, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	if len(places) > 0 {
		return slices.Max(places), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("needs PostgreSQL: run make deps, or apt-get install postgresql")
	}
	return filepath.Dir(initdb), nil
}

// unprivileged gives root another user to run PostgreSQL as, which refuses root.
// Everybody else runs it himself.
func unprivileged(home string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(who.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(who.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(home, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
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
