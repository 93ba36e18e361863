package main

import (
	"context"
	"net"
	"path/filepath"

	"racord/cmd/racord/cluster"
)

// startPostgres runs a new PostgreSQL with its defaults and gives the DSN of its
// database.
func startPostgres(ctx context.Context, dir string) (*process, string, error) {
	made, err := cluster.Make(ctx, filepath.Join(dir, "postgres"))
	if err != nil {
		return nil, "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", err
	}
	_, port, err := net.SplitHostPort(ports[0])
	if err != nil {
		return nil, "", err
	}
	p, err := startAs(made.As, dir, "postgres", made.Program, made.Args(port)...)
	if err != nil {
		return nil, "", err
	}
	if err := p.listening(ctx, ports[0]); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, cluster.DSN(ports[0]), nil
}
