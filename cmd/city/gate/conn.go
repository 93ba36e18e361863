package gate

import (
	"context"
	"io"
	"net"
	"time"
)

// Silence listens without a word until the caller goes or time is up.
func Silence(conn net.Conn, d time.Duration) {
	_ = conn.SetReadDeadline(time.Now().Add(d))
	_, _ = io.Copy(io.Discard, conn)
}

// Drip returns a connection that sends one byte at a time, pausing after each,
// until ctx ends.
func Drip(ctx context.Context, conn net.Conn, pause time.Duration) net.Conn {
	return &drip{conn, ctx, pause}
}

type drip struct {
	net.Conn
	ctx   context.Context
	pause time.Duration
}

// Write sends b slowly.
func (d *drip) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := d.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		if !sleep(d.ctx, d.pause) {
			return i + 1, d.ctx.Err()
		}
	}
	return len(b), nil
}
