package swift

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// The states of a connection.
const (
	idle int32 = iota // no byte of a request has come
	busy
	retired // closed while idle
)

// conn is a connection with its buffers.
type conn struct {
	server *Server
	wire   net.Conn
	remote string
	state  atomic.Int32
	served bool   // a request was answered
	in     []byte // bytes read and not used yet
	out    answer

	idleSet, writeSet time.Time // when the deadlines were set last
}

// roomFor in bytes is the longest header of a plain request.
const roomFor = 8 << 10

// slack is by how much a deadline of seconds may be too early: setting one costs
// more than looking at the clock.
const slack = time.Second

// serve answers one request after the other.
func (c *conn) serve() {
	c.in = make([]byte, 0, 2<<10)
	for {
		head, err := c.head()
		if err != nil {
			_ = c.wire.Close()
			return
		}
		r := read(head)
		if r == nil {
			c.handOver()
			return
		}
		r.RemoteAddr = c.remote
		c.in = c.in[:copy(c.in, c.in[len(head):])]
		if !c.answer(r) {
			_ = c.wire.Close()
			return
		}
	}
}

var endOfHead = []byte("\r\n\r\n")

// head reads until the end of a request's header. What is longer than plain
// requests are comes back unfinished.
func (c *conn) head() ([]byte, error) {
	if len(c.in) == 0 {
		if err := c.first(); err != nil {
			return nil, err
		}
	}
	for timed := false; ; {
		if end := bytes.Index(c.in, endOfHead); end >= 0 {
			return c.in[:end+len(endOfHead)], nil
		}
		if len(c.in) >= roomFor || bareLine(c.in) {
			return c.in, nil
		}
		if !timed {
			c.soon()
			timed = true
		}
		switch err := c.more(); {
		case err == io.EOF && c.served && len(c.in) < 4:
			return nil, err // an empty line behind a request, say
		case err == io.EOF:
			return c.in, nil // there may still be somebody who reads what is wrong
		case err != nil:
			return nil, err
		}
	}
}

// bareLine tells whether a line ends without a carriage return, which some
// clients do (RFC 9112 §2.2).
func bareLine(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return false
		}
		if i == 0 || b[i-1] != '\r' {
			return true
		}
		b = b[i+1:]
	}
}

// first waits for the first bytes of a request. While it waits the connection
// may be retired.
func (c *conn) first() error {
	if c.state.Store(idle); c.server.closing.Load() {
		return net.ErrClosed
	}
	if c.served {
		c.later()
	} else {
		c.soon() // who connects has something to ask
	}
	if err := c.more(); err != nil {
		return err
	}
	if !c.state.CompareAndSwap(idle, busy) {
		return net.ErrClosed
	}
	return nil
}

// more reads what has come.
func (c *conn) more() error {
	if len(c.in) == cap(c.in) {
		c.in = append(c.in, 0)[:len(c.in)]
	}
	n, err := c.wire.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// later gives the next request the time between requests.
func (c *conn) later() {
	if now := time.Now(); now.Sub(c.idleSet) > slack {
		c.idleSet = now
		_ = c.wire.SetReadDeadline(now.Add(c.server.IdleTime + slack))
	}
}

// soon gives the rest of a header the time a header has.
func (c *conn) soon() {
	c.idleSet = time.Time{}
	_ = c.wire.SetReadDeadline(time.Now().Add(c.server.HeaderTime))
}

// retire closes the connection if nothing is under way on it.
func (c *conn) retire() {
	if c.state.CompareAndSwap(idle, retired) {
		_ = c.wire.Close()
	}
}

// handOver gives the connection and what was read to whom it may concern.
func (c *conn) handOver() {
	_ = c.wire.SetDeadline(time.Time{})
	c.server.Other(&begun{c.wire, c.in})
}

// answer handles a request and sends the answer. It is false when the
// connection is to be closed.
func (c *conn) answer(r *http.Request) (keep bool) {
	c.out.reset(c.server.closing.Load())
	if !c.handle(r) {
		return false
	}
	out := c.out.finish()
	if now := time.Now(); now.Sub(c.writeSet) > slack {
		c.writeSet = now
		_ = c.wire.SetWriteDeadline(now.Add(c.server.WriteTime + slack))
	}
	_, err := c.wire.Write(out)
	c.served = true
	c.out.shrink()
	return err == nil && !c.out.last
}

// handle calls the handler. A panic ends the connection, as in net/http.
func (c *conn) handle(r *http.Request) (ok bool) {
	defer func() {
		if value := recover(); value != nil {
			ok = false
			if err, is := value.(error); !is || !errors.Is(err, http.ErrAbortHandler) {
				c.server.complain(value)
			}
		}
	}()
	c.server.Handler.ServeHTTP(&c.out, r)
	return true
}

// begun is a connection of which some bytes were read already.
type begun struct {
	net.Conn
	rest []byte
}

// Read gives what was read before, then what comes.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) == 0 {
		b.rest = nil
	}
	return n, nil
}
