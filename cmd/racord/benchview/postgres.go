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
	"syscall"
)

// startPostgres runs a new PostgreSQL with its defaults and gives the DSN of its
// database.
func startPostgres(ctx context.Context, dir string) (*process, string, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", err
	}
	home := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, "", err
	}
	as, err := unprivileged(home)
	if err != nil {
		return nil, "", err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(home, "data"),
		"--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = as, home
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	_, port, err := net.SplitHostPort(ports[0])
	if err != nil {
		return nil, "", err
	}
	p, err := startAs(as, dir, "postgres", filepath.Join(bin, "postgres"), "-D", filepath.Join(home, "data"), "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	if err != nil {
		return nil, "", err
	}
	if err := p.listening(ctx, ports[0]); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, "postgres://postgres@" + ports[0] + "/postgres?sslmode=disable", nil
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
