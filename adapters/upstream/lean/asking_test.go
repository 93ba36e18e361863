package lean_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/upstream/lean"
)

// Questions that share their time are cut off together, but for those that were
// answered before; others are not.
func TestTheEndOfAContextCutsOffAllThatIsAskedUnderIt(t *testing.T) {
	const asked = 20
	heard, release := make(chan struct{}, asked+1), make(chan struct{})
	silent := stage(t, func(c net.Conn, n int64) bool { heard <- struct{}{}; return true })
	slow := stage(t, func(c net.Conn, n int64) bool {
		heard <- struct{}{}
		<-release
		return say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")(c, n)
	})
	quick := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	rt := leanly(t, nil)
	shared, cancel := context.WithCancel(t.Context())
	answered := func(ctx context.Context, url string) {
		if got, err := whole(t, rt, request("POST", url, "x").WithContext(ctx)); got != "hi" || err != nil {
			t.Errorf("got %q and %v, want hi", got, err)
		}
	}
	var asking sync.WaitGroup
	for range asked {
		asking.Go(func() {
			answered(shared, quick.url())
			if got, err := whole(t, rt, request("POST", silent.url(), "x").WithContext(shared)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %q and %v, want the cancellation", got, err)
			}
		})
	}
	asking.Go(func() { answered(t.Context(), slow.url()) })
	for range asked + 1 {
		<-heard
	}
	cancel()
	close(release)
	asking.Wait()
	if got, err := whole(t, rt, request("POST", quick.url(), "x").WithContext(shared)); !errors.Is(err, context.Canceled) {
		t.Errorf("under the context that ended: got %q and %v, want the cancellation", got, err)
	}
	answered(t.Context(), quick.url())
}

// However fast an answer is, it is not missed.
func TestNoAnswerIsMissed(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "a moment later": 20 * time.Microsecond} {
		t.Run(name, func(t *testing.T) {
			server := stage(t, func(c net.Conn, n int64) bool {
				time.Sleep(after)
				return say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")(c, n)
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that is missed ends here
			defer cancel()
			rt := leanly(t, nil)
			for i := range 1000 {
				if got, err := whole(t, rt, request("POST", server.url(), "x").WithContext(ctx)); got != "hi" || err != nil {
					t.Fatalf("question %d: got %q and %v, want hi", i, got, err)
				}
			}
			if got := server.opened.Load(); got != 1 {
				t.Errorf("got %d connections, want 1", got)
			}
		})
	}
}

// A connection on which somebody speaks before anything was asked is not used: the
// next answer on it would not be ours.
func TestWhoSpeaksUnaskedIsNotAsked(t *testing.T) {
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	spoke := make(chan struct{}, 1)
	server := stage(t, func(c net.Conn, n int64) bool {
		if !say(answer)(c, n) {
			return false
		}
		time.Sleep(5 * time.Millisecond) // the asker has read its answer
		defer func() { spoke <- struct{}{} }()
		return say("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nsomebody else")(c, n)
	})
	rt := leanly(t, nil)
	for i := range 3 {
		if got, err := whole(t, rt, request("POST", server.url(), "x")); got != "hi" || err != nil {
			t.Errorf("question %d: got %q and %v, want hi", i, got, err)
		}
		<-spoke
	}
	if got := server.opened.Load(); got != 3 {
		t.Errorf("got %d connections, want 3", got)
	}
}

// Who hangs up while a turn is waited for is asked over another connection, once.
func TestAHangUpBeforeTheQuestionIsNoFailure(t *testing.T) {
	server := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	rt := leanly(t, func(rt *lean.Transport) {
		rt.Turn = func(context.Context) error {
			for server.opened.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			server.hangUp()
			time.Sleep(10 * time.Millisecond) // that arrives
			return nil
		}
	})
	if got, err := whole(t, rt, request("POST", server.url(), "x")); got != "hi" || err != nil {
		t.Errorf("got %q and %v, want hi", got, err)
	}
	if server.requests.Load() != 1 || server.opened.Load() != 2 {
		t.Errorf("got %d requests over %d connections, want 1 and 2", server.requests.Load(), server.opened.Load())
	}
}

// Who says goodbye to everybody before anything was asked was certainly told
// nothing.
func TestAServerThatOnlySaysGoodbyeIsToldNothing(t *testing.T) {
	gone := make(chan struct{}, 2)
	rt := leanly(t, func(rt *lean.Transport) {
		rt.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			<-gone
			return c, err
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var parting sync.WaitGroup
	defer parting.Wait()
	defer listener.Close()
	parting.Go(func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			_ = c.Close()
			gone <- struct{}{}
		}
	})
	got, err := whole(t, rt, request("POST", "http://"+listener.Addr().String(), "x"))
	if !errors.As(err, new(lean.NotSent)) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q and %v, want that nothing was sent", got, err)
	}
}

// What a socket does not take at once is written as there is room.
func TestALargeRequestToASlowReaderArrivesWhole(t *testing.T) {
	server := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	rt := leanly(t, func(rt *lean.Transport) {
		rt.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(4 << 10)
			}
			return c, err
		}
	})
	for range 3 {
		if got, err := whole(t, rt, request("POST", server.url(), strings.Repeat("x", 250<<10))); got != "hi" || err != nil {
			t.Fatalf("got %q and %v, want hi", got, err)
		}
	}
	if server.requests.Load() != 3 || server.opened.Load() != 1 {
		t.Errorf("got %d requests over %d connections, want 3 over 1", server.requests.Load(), server.opened.Load())
	}
}
