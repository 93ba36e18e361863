package main

import (
	"context"
	"net"
)

// startRedis runs a Redis that keeps nothing on disk.
func startRedis(ctx context.Context, dir string) (*process, string, error) {
	program, err := lookUp("redis-server")
	if err != nil {
		return nil, "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", err
	}
	host, port, err := net.SplitHostPort(ports[0])
	if err != nil {
		return nil, "", err
	}
	p, err := start(dir, "redis", program, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", dir)
	if err != nil {
		return nil, "", err
	}
	if err := p.listening(ctx, ports[0]); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, ports[0], nil
}
