package testserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// cluster is a PostgreSQL server.
type cluster struct {
	process *process
	dir     string
	port    int
}

// sharedCluster is the one server of a test process and how many use it.
type sharedCluster struct {
	mu    sync.Mutex
	users int
	*cluster
}

// shared is started by the first test that asks for a database.
var shared sharedCluster

// databases numbers the databases of this process.
var databases atomic.Int64

// Postgres gives the DSN of a new, empty database on the test process's own
// server, which keeps its promises (fsync on).
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	bin := postgresBin(t)
	shared.keep()
	t.Cleanup(shared.release)
	server, err := shared.started(bin)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := server.create(t.Context(), name); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	return server.dsn(name)
}

// PostgresDump gives what pg_dump writes about the database of a DSN.
func PostgresDump(t testing.TB, dsn string) []byte {
	t.Helper()
	dump, err := exec.CommandContext(t.Context(), filepath.Join(postgresBin(t), "pg_dump"), dsn).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return dump
}

// PostgresBackup copies the database of a DSN, which nobody may have open, and
// gives what puts the copy in its place, whoever has it open by then.
func PostgresBackup(t testing.TB, dsn string) (restore func()) {
	t.Helper()
	where, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(where.Path, "/")
	do := func(statement string) {
		t.Helper()
		if err := shared.do(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	do("CREATE DATABASE " + name + "_backup TEMPLATE " + name)
	return func() {
		t.Helper()
		do("DROP DATABASE " + name + " WITH (FORCE)")
		do("CREATE DATABASE " + name + " TEMPLATE " + name + "_backup")
	}
}

// postgresBin finds the directory of the programs of the newest server
// installed: Debian keeps it out of PATH.
func postgresBin(t testing.TB) string {
	t.Helper()
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	slices.Sort(places)
	slices.Reverse(places)
	initdb := program(t, append(places, "initdb"), "postgresql")
	if real, err := filepath.EvalSymlinks(initdb); err == nil {
		initdb = real // the other programs are beside the real one
	}
	return filepath.Dir(initdb)
}

func (s *sharedCluster) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

func (s *sharedCluster) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 && s.cluster != nil {
		s.cluster.stop()
		s.cluster = nil
	}
}

func (s *sharedCluster) started(bin string) (*cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster != nil {
		return s.cluster, nil
	}
	c, err := startCluster(bin)
	if err != nil {
		return nil, err
	}
	s.cluster = c
	return c, nil
}

// startCluster makes a cluster in a new directory and starts it.
func startCluster(bin string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "racord-postgres-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	if err := c.run(bin); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *cluster) run(bin string) error {
	as, err := credential("postgres")
	if err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(c.dir, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: as}, c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if c.port, err = freePort(); err != nil {
		return err
	}
	c.process, err = start("PostgreSQL", as, filepath.Join(bin, "postgres"), "-D", data, "-p", fmt.Sprint(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "log_min_messages=fatal")
	if err != nil {
		return err
	}
	return c.process.await(func() error { return c.do(context.Background(), `SELECT 1`) })
}

func (c *cluster) stop() {
	c.process.stop(syscall.SIGINT) // fast shutdown: connections are ended
	_ = os.RemoveAll(c.dir)        // what is left is in a temporary directory
}

func (c *cluster) dsn(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

func (c *cluster) create(ctx context.Context, name string) error {
	return c.do(ctx, `CREATE DATABASE `+strings.ToLower(name))
}

// do runs a statement in the database "postgres".
func (c *cluster) do(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", c.dsn("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}
