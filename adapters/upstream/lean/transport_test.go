package lean_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/tls"

	"racord/adapters/upstream/lean"
)

func leanly(t testing.TB, change func(*lean.Transport)) *lean.Transport {
	rt := &lean.Transport{Dial: (&net.Dialer{}).DialContext, Fallback: &http.Transport{}, MaxIdle: 8}
	if change != nil {
		change(rt)
	}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func whole(t testing.TB, rt http.RoundTripper, req *http.Request) (string, error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return string(content), err
}

func TestRequestThatCouldBeReadAsSomethingElseIsNotSent(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"a line break in a header":   func(r *http.Request) { r.Header["X-A"] = []string{"b\r\nX-Evil: 1"} },
		"a line feed in a header":    func(r *http.Request) { r.Header["X-A"] = []string{"b\nX-Evil: 1"} },
		"a zero in a header":         func(r *http.Request) { r.Header["X-A"] = []string{"b\x00"} },
		"a blank in a header's name": func(r *http.Request) { r.Header["X A"] = []string{"b"} },
		"a colon in a header's name": func(r *http.Request) { r.Header["X-A: b\r\nX-Evil"] = []string{"1"} },
		"no header's name":           func(r *http.Request) { r.Header[""] = []string{"1"} },
		"a blank in the method":      func(r *http.Request) { r.Method = "GET /evil HTTP/1.1\r\nX:" },
		"a line break in the path":   func(r *http.Request) { r.URL.Opaque = "/a\r\nX-Evil: 1" },
		"a blank in the path":        func(r *http.Request) { r.URL.Opaque = "/a HTTP/1.1" },
		"a blank in the query":       func(r *http.Request) { r.URL.RawQuery = "a=b HTTP/1.1" },
		"a line break in the host":   func(r *http.Request) { r.Host = "a\r\nX-Evil: 1" },
		"a body shorter than said":   func(r *http.Request) { r.ContentLength = 99 },
		"a body longer than said":    func(r *http.Request) { r.ContentLength = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			server := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
			req := request("POST", server.url(), "body")
			spoil(req)
			if got, err := whole(t, leanly(t, nil), req); !errors.As(err, new(lean.NotSent)) {
				t.Errorf("got %q and %v, want that it was not sent", got, err)
			}
			if got := server.requests.Load(); got != 0 {
				t.Errorf("got %d requests heard, want 0", got)
			}
		})
	}
}

func TestNothingIsRepeated(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST"} {
		t.Run(method, func(t *testing.T) {
			server := stage(t, func(c net.Conn, n int64) bool {
				return n == 1 && say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(c, n)
			})
			var turns atomic.Int64
			rt := leanly(t, func(rt *lean.Transport) {
				rt.Turn = func(context.Context) error { turns.Add(1); return nil }
			})
			if _, err := whole(t, rt, request(method, server.url(), "")); err != nil {
				t.Fatal(err)
			}
			if _, err := whole(t, rt, request(method, server.url(), "")); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v, want the loss of the connection", err)
			}
			if server.requests.Load() != 2 || turns.Load() != 2 || server.opened.Load() != 1 {
				t.Errorf("got %d requests in %d turns over %d connections, want 2 in 2 over 1", server.requests.Load(), turns.Load(), server.opened.Load())
			}
		})
	}
}

func TestConnectionClosedMeanwhileIsNotUsed(t *testing.T) {
	server := stage(t, sayAndLeave("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) // without saying so
	rt := leanly(t, nil)
	for i := range 5 {
		if got, err := whole(t, rt, request("POST", server.url(), "x")); got != "hi" || err != nil {
			t.Fatalf("question %d: got %q and %v, want hi", i+1, got, err)
		}
		time.Sleep(10 * time.Millisecond) // the closing arrives
	}
}

func TestSwitchOfProtocolsIsRefused(t *testing.T) {
	server := stage(t, say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
	if got, err := whole(t, leanly(t, nil), request("GET", server.url(), "")); err == nil {
		t.Errorf("got %q, want a refusal", got)
	}
}

func TestTurnComesWithAnOpenConnectionAndMayBeRefused(t *testing.T) {
	server := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	refusal := errors.New("not your turn")
	refuse := true
	rt := leanly(t, func(rt *lean.Transport) {
		rt.Turn = func(context.Context) error {
			if refuse {
				return refusal
			}
			return nil
		}
	})
	if _, err := whole(t, rt, request("POST", server.url(), "x")); !errors.Is(err, refusal) {
		t.Errorf("got %v, want the refusal", err)
	}
	if got := server.requests.Load(); got != 0 {
		t.Errorf("got %d requests, want 0", got)
	}
	refuse = false
	if got, err := whole(t, rt, request("POST", server.url(), "x")); got != "hi" || err != nil {
		t.Errorf("got %q and %v, want hi", got, err)
	}
	if got := server.opened.Load(); got != 1 {
		t.Errorf("got %d connections, want the first one used", got)
	}
}

func TestEarlyCloseKeepsTheConnectionOnlyWhenAllIsThere(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		opened int64
	}{
		"the end of the chunks unread": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 1},
		"a small rest":                 {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi there!", 1},
		"a large rest":                 {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), 2},
		"a rest that never comes":      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := stage(t, say(tc.answer))
			rt := leanly(t, nil)
			for range 2 {
				resp, err := rt.RoundTrip(request("POST", server.url(), "x"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(resp.Body, make([]byte, 2)); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					_ = resp.Body.Close()
				}
			}
			if got := server.opened.Load(); got != tc.opened {
				t.Errorf("got %d connections, want %d", got, tc.opened)
			}
		})
	}
}

func TestCancellationEndsAnExchange(t *testing.T) {
	for name, answer := range map[string]string{
		"before the header": "",
		"in the body":       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan struct{}, 2)
			server := stage(t, func(c net.Conn, n int64) bool {
				defer func() { heard <- struct{}{} }()
				return answer == "" || say(answer)(c, n)
			})
			rt := leanly(t, nil)
			for range 2 {
				ctx, cancel := context.WithCancel(t.Context())
				go func() { <-heard; cancel() }()
				if _, err := whole(t, rt, request("POST", server.url(), "x").WithContext(ctx)); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want the cancellation", err)
				}
			}
			if got := server.opened.Load(); got != 2 {
				t.Errorf("got %d connections, want the cut one not used again", got)
			}
		})
	}
}

func TestLateCancellationLeavesTheNextExchangeAlone(t *testing.T) {
	server := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	rt := leanly(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				got, err := whole(t, rt, request("POST", server.url(), "x").WithContext(ctx))
				go cancel() // as the answer is read
				if got != "hi" || err != nil {
					t.Errorf("got %q and %v, want hi", got, err)
				}
			}
		})
	}
	all.Wait()
}

func TestKeptConnectionsAreFewAndNotForEver(t *testing.T) {
	gather := make(chan struct{})
	var in atomic.Int64
	server := stage(t, func(c net.Conn, n int64) bool {
		if in.Add(1) == 6 {
			close(gather)
		}
		<-gather
		return say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")(c, n)
	})
	rt := leanly(t, func(rt *lean.Transport) { rt.MaxIdle, rt.IdleFor = 3, 50*time.Millisecond })
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() { _, _ = whole(t, rt, request("POST", server.url(), "x")) })
	}
	all.Wait()
	for end := time.Now().Add(10 * time.Second); server.ended.Load() < 6; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %d of 6 connections closed, want all", server.ended.Load())
		}
	}
}

// Each server keeps its own connections, whoever was asked in between.
func TestServersAreNotTakenForEachOther(t *testing.T) {
	ana, bob := stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nana")), stage(t, say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbob"))
	rt := leanly(t, nil)
	ask := func() {
		for _, c := range []struct {
			server *script
			want   string
		}{{ana, "ana"}, {bob, "bob"}, {bob, "bob"}, {ana, "ana"}} {
			if got, err := whole(t, rt, request("POST", c.server.url(), "x")); got != c.want || err != nil {
				t.Errorf("got %q and %v, want %q", got, err, c.want)
			}
		}
	}
	for round := int64(1); round <= 2; round++ {
		ask()
		ask()
		if a, b := ana.opened.Load(), bob.opened.Load(); a != round || b != round {
			t.Errorf("opened %d and %d connections, want %d each: they are kept", a, b, round)
		}
		rt.CloseIdleConnections()
	}
}

func TestSecureConnections(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.RemoteAddr)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := leanly(t, func(rt *lean.Transport) { rt.TLS = &tls.Config{RootCAs: roots} })
	first, err := whole(t, trusting, request("GET", server.URL, ""))
	if err != nil || !strings.HasPrefix(first, "HTTP/1.1 ") {
		t.Fatalf("got %q and %v, want HTTP/1.1", first, err)
	}
	if second, err := whole(t, trusting, request("GET", server.URL, "")); second != first || err != nil {
		t.Errorf("got %q and %v, want the same connection as %q", second, err, first)
	}
	if got, err := whole(t, leanly(t, nil), request("GET", server.URL, "")); err == nil {
		t.Errorf("unknown certificate: got %q, want a refusal", got)
	}
	other := leanly(t, func(rt *lean.Transport) {
		rt.TLS = &tls.Config{RootCAs: roots}
		rt.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}
	})
	if got, err := whole(t, other, request("GET", "https://somebody.else.test", "")); err == nil {
		t.Errorf("another's certificate: got %q, want a refusal", got)
	}
}

func TestHandshakeHasItsOwnDeadline(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	rt := leanly(t, func(rt *lean.Transport) { rt.Handshake = 50 * time.Millisecond })
	_, err = whole(t, rt, request("GET", "https://"+listener.Addr().String(), ""))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestNamesWithoutPortHaveOne(t *testing.T) {
	for url, want := range map[string]string{
		"http://creditor.test/":      "creditor.test:80",
		"https://creditor.test/":     "creditor.test:443",
		"http://creditor.test:8080/": "creditor.test:8080",
		"http://[2001:db8::1]/":      "[2001:db8::1]:80",
		"http://[2001:db8::1]:81/":   "[2001:db8::1]:81",
	} {
		var got string
		rt := leanly(t, func(rt *lean.Transport) {
			rt.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
				got = address
				return nil, io.EOF
			}
		})
		_, _ = whole(t, rt, request("GET", url, ""))
		if got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}
