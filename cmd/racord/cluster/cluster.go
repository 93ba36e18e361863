// Package cluster makes the PostgreSQL clusters of programs that run a server of
// their own: for a measurement, or to kill it.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Made is a cluster that nobody runs yet.
type Made struct {
	Program string               // the server
	Data    string               // its directory
	As      *syscall.SysProcAttr // as whom to run it; nil = as whoever runs this
}

// Make makes a cluster in home, with a superuser postgres whom it trusts. It
// fails where no PostgreSQL is installed.
func Make(ctx context.Context, home string) (Made, error) {
	bin, err := programs()
	if err != nil {
		return Made{}, err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return Made{}, err
	}
	m := Made{Program: filepath.Join(bin, "postgres"), Data: filepath.Join(home, "data")}
	if m.As, err = unprivileged(home); err != nil {
		return Made{}, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", m.Data,
		"--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = m.As, home
	if out, err := initdb.CombinedOutput(); err != nil {
		return Made{}, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return m, nil
}

// Args are what the server is started with to answer at a port of loopback.
func (m Made) Args(port string, more ...string) []string {
	return append([]string{"-D", m.Data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="}, more...)
}

// DSN is the address of the cluster's own database.
func DSN(address string) string {
	return "postgres://postgres@" + address + "/postgres?sslmode=disable"
}

// programs finds the newest PostgreSQL that is installed: Debian keeps it outside
// PATH.
func programs() (string, error) {
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
