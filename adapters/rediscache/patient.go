package rediscache

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// dialer opens connections that look once more when time is up.
func dialer(secure *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := net.Dialer{Timeout: 10 * patience, KeepAlive: 5 * time.Minute}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := plain.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if secure == nil {
			return &lastLook{Conn: c}, nil
		}
		secured := tls.Client(&lastLook{Conn: c}, serverOf(address, secure))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, err
		}
		return secured, nil
	}
}

func serverOf(address string, conf *tls.Config) *tls.Config {
	if conf.ServerName != "" {
		return conf
	}
	named := conf.Clone()
	named.ServerName, _, _ = net.SplitHostPort(address)
	return named
}

// lastLook is a connection on which an answer that has arrived is not late. A
// process that has more to do than its cores can wakes up after the deadline of
// an answer that came long before; the read would fail with it in the kernel's
// buffer, and the connection be thrown away.
type lastLook struct {
	net.Conn
	looks int // left, until the next deadline
}

// The bounds of last looks.
const (
	moment   = time.Millisecond // how long one takes when there is nothing
	mostLook = 16               // a long answer comes in several pieces
)

// SetReadDeadline sets the deadline after which there are last looks.
func (c *lastLook) SetReadDeadline(t time.Time) error {
	c.looks = mostLook
	return c.Conn.SetReadDeadline(t)
}

// Read fails with a deadline only when nothing has arrived.
func (c *lastLook) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 || c.looks == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	c.looks--
	if c.Conn.SetReadDeadline(time.Now().Add(moment)) != nil {
		return n, err
	}
	return c.Conn.Read(p)
}

// SyscallConn lets go-redis look whether a kept connection was closed meanwhile.
func (c *lastLook) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}
