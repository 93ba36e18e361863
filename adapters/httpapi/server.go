package httpapi

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// NewServer gives an http.Server for the open internet: clients that are slow to
// ask, to send or to read are dropped. A handler with streams is told to HangUp
// when the server shuts down. Serve it on a listener from Whole.
func NewServer(h http.Handler, logs *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          quiet(logs),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	if streams, ok := h.(interface{ HangUp() }); ok {
		server.RegisterOnShutdown(streams.HangUp)
	}
	return server
}

// quiet sends net/http's own complaints, which name addresses and repeat what
// clients sent, to the debug level only.
func quiet(logs *slog.Logger) *log.Logger {
	if logs == nil {
		logs = slog.New(slog.DiscardHandler)
	}
	return slog.NewLogLogger(logs.Handler(), slog.LevelDebug)
}

type connKey struct{}

// Whole gives a listener whose connections send an answer of known length,
// headers and body, in one write. net/http alone needs two or three once the
// answer is longer than its 4 KiB buffer, which costs a quarter of what a
// replica can answer.
func Whole(l net.Listener) net.Listener { return wholeListener{l} }

type wholeListener struct{ net.Listener }

func (l wholeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wholeConn{Conn: c}, nil
}

// wholeConn gathers an announced answer. It knows the end of the headers by
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
