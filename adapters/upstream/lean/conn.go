package lean

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

// server is whom a connection leads to.
type server struct {
	secure bool
	host   string // with or without port, as in the URL
}

func (s server) address() string {
	if _, _, err := net.SplitHostPort(s.host); err == nil {
		return s.host
	}
	host := s.host
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	if s.secure {
		return net.JoinHostPort(host, "443")
	}
	return net.JoinHostPort(host, "80")
}

// conn is a connection with its buffers. One request at a time uses it.
type conn struct {
	net.Conn
	to           server
	socket       *socket // below TLS; nil when it cannot be seen
	reader       *bufio.Reader
	out          []byte
	left         int64  // bytes of header that may still be read; negative = not counted
	exact        exact  // the body of the answer that is read, if it is plain
	cut          func() // ends what is under way, bound once
	watch        *vigils
	vigil        *vigil    // over what is under way
	before, next *conn     // in the vigil
	since        time.Time // in the pool since
}

var (
	errCut    = os.ErrDeadlineExceeded
	errHeader = errors.New("lean: the answer's header is too long")
	errProto  = errors.New("lean: the answer is not HTTP/1")
)

// open makes a new connection.
func (t *Transport) open(ctx context.Context, to server) (*conn, error) {
	wire, err := t.Dial(ctx, "tcp", to.address())
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: wire, to: to, watch: &t.watch, socket: socketOf(wire)}
	if to.secure {
		if c.Conn, err = t.handshake(ctx, wire, to); err != nil {
			_ = wire.Close()
			return nil, err
		}
	}
	c.reader = bufio.NewReader(c)
	c.cut = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	return c, nil
}

func (t *Transport) handshake(ctx context.Context, wire net.Conn, to server) (net.Conn, error) {
	if t.Handshake > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.Handshake)
		defer cancel()
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.TLS != nil {
		conf = t.TLS.Clone()
	}
	conf.NextProtos = []string{"http/1.1"}
	if conf.ServerName == "" {
		conf.ServerName, _, _ = net.SplitHostPort(to.address())
	}
	secured := tls.Client(wire, conf)
	return secured, secured.HandshakeContext(ctx)
}

// Read counts the bytes of a header.
func (c *conn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errHeader
	}
	if c.left > 0 && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	if c.left > 0 {
		c.left -= int64(n)
	}
	return n, err
}

// fail closes the connection and tells why the exchange failed.
func (c *conn) fail(ctx context.Context, err error) error {
	c.watch.leave(c)
	_ = c.Close()
	return failed(ctx, err)
}

// compose makes what ask sends.
func (c *conn) compose(req *http.Request) (err error) {
	c.out, err = appendRequest(c.out[:0], req)
	return err
}

// ask sends what compose made, and ends when the first of the answer is here, or
// sooner. errNotQuiet means that nothing was sent.
func (c *conn) ask() (err error) {
	rest := c.out
	if c.socket != nil && !c.to.secure {
		if rest, err = c.socket.ask(c.out); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		_, err = c.Conn.Write(rest)
		runtime.Gosched() // the answer travels
	}
	return err
}

// lastWords is how long what the other side said before it hung up is read.
const lastWords = 50 * time.Millisecond

// farewell prefers the other side's TLS alert to a failed write: who refuses our
// certificate says so and hangs up while the request is on its way.
func (c *conn) farewell(failed error) error {
	if !c.to.secure || c.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		return failed
	}
	var one [1]byte
	_, err := c.Conn.Read(one[:])
	if said := (*net.OpError)(nil); errors.As(err, &said) && said.Op == "remote error" {
		return err
	}
	return failed
}

// readHeader reads up to the body of the final answer.
func (c *conn) readHeader(req *http.Request, most int64) (*http.Response, error) {
	c.left = most
	if resp := c.readPlain(req, most); resp != nil {
		c.left = -1
		return resp, nil
	}
	const interim = 5 // 1xx answers before the final one
	for range interim + 1 {
		resp, err := http.ReadResponse(c.reader, req)
		if err != nil {
			return nil, nameless(err)
		}
		if resp.StatusCode >= 200 {
			c.left = -1
			return resp, wellFormed(resp)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, errProto
}

// nameless is an error of the connection as it is. Of an answer that cannot be read
// it says no more than that: net/http repeats the line, and that may name a person.
func nameless(err error) error {
	var network net.Error
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, errHeader} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.As(err, &network) {
		return err
	}
	return errProto
}

// wellFormed refuses what http.ReadResponse lets pass.
func wellFormed(resp *http.Response) error {
	if resp.ProtoMajor != 1 {
		return errProto
	}
	return nil
}

// alive looks whether the other side closed a kept connection, or sent what
// nobody asked for. Without TLS that is looked at when it is asked.
func (c *conn) alive() bool {
	switch {
	case !c.to.secure:
		return true
	case c.socket == nil || c.socket.isQuiet():
		return c.empty(time.Unix(1, 0)) // keeps TLS from the socket
	default:
		return c.empty(time.Now().Add(time.Millisecond)) // TLS may have come to say something itself (RFC 8446 §4.6)
	}
}

// empty tells whether TLS holds nothing more: it reads ahead, and what it has
// taken from the socket already nobody sees there. A deadline that passes ends
// neither the connection nor its TLS.
func (c *conn) empty(until time.Time) bool {
	if c.SetReadDeadline(until) != nil {
		return false
	}
	var one [1]byte
	n, err := c.Conn.Read(one[:])
	return n == 0 && errors.Is(err, errCut) && c.SetReadDeadline(time.Time{}) == nil
}

// body is an answer's body. At its end the connection goes back to the pool.
type body struct {
	inner io.ReadCloser
	conn  *conn
	ctx   context.Context
	pool  *Transport
	keep  bool
	err   error // what the body ended with
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.inner.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		b.err = io.EOF
		b.finish(true)
	default:
		b.finish(false)
		err = failed(b.ctx, err)
		b.err = err
	}
	return n, err
}

// Close gives the connection back if nothing but what has arrived already is
// left to read, and closes it otherwise.
func (b *body) Close() error {
	if b.err != nil {
		return nil
	}
	b.finish(b.conn.reader.Buffered() > 0 && b.restIsHere())
	b.err = http.ErrBodyReadAfterClose
	return nil
}

func (b *body) restIsHere() bool {
	if b.conn.SetReadDeadline(time.Unix(1, 0)) != nil {
		return false
	}
	_, err := io.Copy(io.Discard, b.inner)
	return err == nil && b.conn.SetReadDeadline(time.Time{}) == nil
}

func (b *body) finish(whole bool) {
	c := b.conn
	if b.conn = nil; c.watch.leave(c) && whole && b.keep && c.reader.Buffered() == 0 {
		b.pool.pool.put(c, b.pool)
		return
	}
	_ = c.Close()
}
