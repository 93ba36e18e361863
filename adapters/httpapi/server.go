package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"racord/adapters/httpapi/swift"
)

// The patience with clients.
const (
	headerTime = 2 * time.Second
	writeTime  = 15 * time.Second
	idleTime   = 75 * time.Second
)

// Server answers on the open internet: clients that are slow to ask, to send or
// to read are dropped. Plain requests are answered by package swift, all others
// by net/http. A handler with streams is told to HangUp when the server shuts
// down.
type Server struct {
	*http.Server
	swift *swift.Server
	other *handover
}

// NewServer makes a server. Shutdown or Close ends it.
func NewServer(h http.Handler, logs *slog.Logger) *Server {
	s := &Server{Server: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          quiet(logs),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}}
	s.other = &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
	s.swift = &swift.Server{
		Handler: h, Other: s.other.take, ErrorLog: s.ErrorLog,
		HeaderTime: headerTime, WriteTime: writeTime, IdleTime: idleTime,
	}
	if streams, ok := h.(interface{ HangUp() }); ok {
		s.RegisterOnShutdown(streams.HangUp)
	}
	return s
}

// Serve answers on a listener, until Shutdown or Close.
func (s *Server) Serve(l net.Listener) error {
	s.other.addr = l.Addr()
	go func() { _ = s.Server.Serve(s.other) }() // ends with the server
	return s.swift.Serve(l)
}

// Shutdown stops to accept and waits for the answers under way as long as ctx
// allows.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.swift.Shutdown(ctx), s.Server.Shutdown(ctx))
}

// Close ends everything at once.
func (s *Server) Close() error { return errors.Join(s.swift.Close(), s.Server.Close()) }

// handover is the listener through which connections come to net/http.
type handover struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// take passes a connection on, or closes it when nobody takes it any more.
func (h *handover) take(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return &wholeConn{Conn: c}, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return h.addr }

// quiet sends net/http's own complaints, which name addresses and repeat what
// clients sent, to the debug level only.
func quiet(logs *slog.Logger) *log.Logger {
	if logs == nil {
		logs = slog.New(slog.DiscardHandler)
	}
	return slog.NewLogLogger(logs.Handler(), slog.LevelDebug)
}

type connKey struct{}

// wholeConn gathers an announced answer of net/http, headers and body, into one
// write. net/http alone needs two or three once the answer is longer than its
// 4 KiB buffer. It knows the end of the headers by
// their empty line and the end of the body by its length. net/http writes to a
// connection from one goroutine at a time.
type wholeConn struct {
	net.Conn
	body    int    // announced length of the body; 0 = pass on what comes
	missing int    // bytes still to gather once the headers are in; -1 = not known yet
	held    []byte // what was gathered
}

// longestHeld in bytes is an answer that is gathered; a longer one is passed on
// as it comes.
const longestHeld = 256 << 10

// largestIdle in bytes is what a connection keeps between two answers.
const largestIdle = 32 << 10

// announce says how long the body of the next answer is.
func announce(ctx context.Context, body int) {
	if c, ok := ctx.Value(connKey{}).(*wholeConn); ok && body > 0 && body <= longestHeld {
		c.body, c.missing = body, -1
	}
}

// Write holds an announced answer back until it is whole.
func (c *wholeConn) Write(p []byte) (int, error) {
	if c.body == 0 {
		return c.Conn.Write(p)
	}
	if len(c.held) == 0 && c.whole(p) {
		c.body = 0
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p...)
	if !c.whole(c.held) {
		return len(p), nil
	}
	return len(p), c.let()
}

// whole tells whether b holds the headers and all of the body, or so much that
// it is not worth waiting.
func (c *wholeConn) whole(b []byte) bool {
	if c.missing < 0 {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return len(b) > longestHeld
		}
		c.missing = end + 4 + c.body
	}
	return len(b) >= c.missing
}

func (c *wholeConn) let() error {
	_, err := c.Conn.Write(c.held)
	if c.body, c.held = 0, c.held[:0]; cap(c.held) > largestIdle {
		c.held = nil
	}
	return err
}
