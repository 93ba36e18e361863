// Package lean is an http.RoundTripper for small questions to few servers. It
// speaks HTTP/1.1 over kept connections, writes a request in one piece, reads
// the answer in the caller's own goroutine, and repeats nothing. What is not a
// small question (an upgrade, a body of unknown length) it leaves to a fallback.
//
// A connection costs no goroutine: whether the other side closed it meanwhile, or
// said something, is looked at before it is asked.
package lean

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// Transport sends requests. Its fields are set before the first use; Dial and
// Fallback are needed.
type Transport struct {
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Fallback  http.RoundTripper           // for what is not a small question
	Turn      func(context.Context) error // called when a connection is ready, before the request is written; nil = at once
	TLS       *tls.Config                 // nil = the defaults
	Handshake time.Duration               // 0 = as long as the request may take
	MaxIdle   int                         // connections kept for each server
	IdleFor   time.Duration               // how long; 0 = for ever
	MaxHeader int64                       // bytes of an answer's header; 0 = 32 KiB

	pool  pool
	watch vigils
}

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip sends the request and reads the answer's header. The body is to be
// closed; read to its end, it gives the connection back. When the request's
// context ends, RoundTrip and the reading of the body fail with its error. An
// error before the request was written is NotSent.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !Small(req) {
		return t.fallback(req)
	}
	ctx := req.Context()
	c, err := t.connection(ctx, req)
	if err != nil {
		closeBody(req)
		return nil, NotSent{err}
	}
	err = c.compose(req)
	closeBody(req)
	if err != nil {
		return nil, NotSent{c.fail(ctx, err)}
	}
	if c, err = t.ask(ctx, c); err != nil {
		return nil, err
	}
	return t.answer(ctx, c, req)
}

// NotSent is an error before which nothing of the request was written: there was
// no connection, no turn, or it cannot be sent as it is.
type NotSent struct{ Err error }

// Error is that of the cause.
func (n NotSent) Error() string { return n.Err.Error() }

// Unwrap gives the cause.
func (n NotSent) Unwrap() error { return n.Err }

// connection gives an open connection whose turn it is. A new one is opened
// before the turn, so that requests arrive as evenly as their turns come; a kept
// one is looked at after it, because it may have been closed meanwhile.
func (t *Transport) connection(ctx context.Context, req *http.Request) (c *conn, err error) {
	to := server{req.URL.Scheme == "https", req.URL.Host}
	if c = t.pool.take(to); c == nil {
		if c, err = t.open(ctx, to); err != nil {
			return nil, err
		}
	}
	if t.Turn != nil {
		if err := t.Turn(ctx); err != nil {
			t.pool.put(c, t)
			return nil, err
		}
	}
	for c != nil && !c.alive() {
		_ = c.Close()
		c = t.pool.take(to)
	}
	if c == nil {
		return t.open(ctx, to)
	}
	return c, nil
}

func (t *Transport) fallback(req *http.Request) (*http.Response, error) {
	if t.Turn != nil {
		if err := t.Turn(req.Context()); err != nil {
			closeBody(req)
			return nil, NotSent{err}
		}
	}
	resp, err := t.Fallback.RoundTrip(once(req))
	if err != nil && strings.Contains(err.Error(), "malformed ") {
		err = errProto // as nameless
	}
	return resp, err
}

// CloseIdleConnections closes the connections that are not in use.
func (t *Transport) CloseIdleConnections() {
	t.pool.close()
	if closer, ok := t.Fallback.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// ask sends what c composed, over another connection when c turns out to be no good:
// others that were kept, and one that is opened for it.
func (t *Transport) ask(ctx context.Context, c *conn) (*conn, error) {
	for opened := false; ; {
		t.watch.join(ctx, c)
		err := c.ask()
		switch {
		case err == nil:
			return c, nil
		case err != errNotQuiet:
			return nil, c.fail(ctx, c.farewell(err))
		case opened:
			return nil, NotSent{c.fail(ctx, err)}
		}
		_ = c.fail(ctx, err)
		next := t.pool.take(c.to)
		if next == nil {
			if next, err = t.open(ctx, c.to); err != nil {
				return nil, NotSent{err}
			}
			opened = true
		}
		next.out, c = c.out, next
	}
}

// answer reads the header of the answer.
func (t *Transport) answer(ctx context.Context, c *conn, req *http.Request) (*http.Response, error) {
	if cap(c.out) > 16<<10 {
		c.out = nil // one large question is no reason to keep its room
	}
	resp, err := c.readHeader(req, t.maxHeader())
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	b := &body{inner: resp.Body, conn: c, ctx: ctx, pool: t, keep: !resp.Close && !req.Close}
	if resp.Body == http.NoBody {
		b.finish(true)
		return resp, nil
	}
	resp.Body = b
	return resp, nil
}

func (t *Transport) maxHeader() int64 {
	if t.MaxHeader > 0 {
		return t.MaxHeader
	}
	return 32 << 10
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// failed prefers the context's error: it is why the connection was cut.
func failed(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if errors.Is(err, errCut) {
		return context.DeadlineExceeded
	}
	return err
}
