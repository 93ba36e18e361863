// Package swift answers plain requests over HTTP/1.1 itself and leaves all
// others to net/http. Plain is a GET without a body whose every byte is what
// RFC 9112 says without a second thought: at the first that is not, the
// connection, with all that was read of the request, goes to net/http for the
// rest of its life. What it saves is what net/http does for requests that stream,
// upgrade, wait or cancel, half the cost of an answer from memory.
//
// A plain request does not learn that its client has left; its handler must end
// by itself.
package swift

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves plain requests. Its fields are set before Serve.
type Server struct {
	Handler    http.Handler
	Other      func(net.Conn) // takes over a connection that is not plain any more
	HeaderTime time.Duration  // for a request, from its first byte
	WriteTime  time.Duration  // for an answer
	IdleTime   time.Duration  // between two requests
	ErrorLog   *log.Logger    // nil = the standard one

	mu      sync.Mutex
	doors   map[net.Listener]struct{}
	conns   map[*conn]struct{}
	closing atomic.Bool
	gone    sync.WaitGroup
}

// Serve answers on a listener until it is closed. It fails with
// http.ErrServerClosed after Shutdown or Close, else with what Accept fails with.
func (s *Server) Serve(l net.Listener) error {
	if !s.open(l) {
		return http.ErrServerClosed
	}
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.begin(c)
		case s.closing.Load():
			return http.ErrServerClosed
		case passing(err):
			time.Sleep(5 * time.Millisecond)
		default:
			return err
		}
	}
}

// passing tells an error that goes away, such as too many open files.
func passing(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

func (s *Server) open(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.doors == nil {
		s.doors, s.conns = map[net.Listener]struct{}{}, map[*conn]struct{}{}
	}
	s.doors[l] = struct{}{}
	return true
}

// begin serves a connection on a goroutine of its own.
func (s *Server) begin(wire net.Conn) {
	c := &conn{server: s, wire: wire, remote: wire.RemoteAddr().String()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		_ = wire.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.gone.Add(1)
	go func() {
		defer s.end(c)
		c.serve()
	}()
}

func (s *Server) end(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.gone.Done()
}

// Shutdown stops to accept, closes connections that wait for a request, and
// waits for the answers under way as long as ctx allows.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop(func(c *conn) { c.retire() })
	done := make(chan struct{})
	go func() { s.gone.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes everything at once.
func (s *Server) Close() error {
	s.stop(func(c *conn) { _ = c.wire.Close() })
	return nil
}

func (s *Server) stop(each func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for l := range s.doors {
		_ = l.Close()
	}
	for c := range s.conns {
		each(c)
	}
}

func (s *Server) complain(value any) {
	logger := s.ErrorLog
	if logger == nil {
		logger = log.Default()
	}
	logger.Printf("swift: a handler panicked with %T\n%s", value, debug.Stack())
}
