package lean_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/adapters/upstream/lean"
)

// vault is a listener whose connections are secure, and hold back what they
// write when they are told to.
type vault struct {
	net.Listener
	conf *tls.Config
}

func (v vault) Accept() (net.Conn, error) {
	c, err := v.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(&gatherer{Conn: c}, v.conf), nil
}

// gatherer writes to held while there is one.
type gatherer struct {
	net.Conn
	held *bytes.Buffer
}

func (g *gatherer) Write(p []byte) (int, error) {
	if g.held != nil {
		return g.held.Write(p)
	}
	return g.Conn.Write(p)
}

// together says each text in a TLS record of its own; all arrive at once.
func together(texts ...string) func(net.Conn, int64) bool {
	return func(c net.Conn, _ int64) bool {
		wire := c.(*tls.Conn).NetConn().(*gatherer)
		wire.held = &bytes.Buffer{}
		for _, text := range texts {
			if _, err := io.WriteString(c, text); err != nil {
				return false
			}
		}
		records := wire.held.Bytes()
		wire.held = nil
		_, err := wire.Write(records)
		return err == nil
	}
}

// secureStage is a stage behind TLS of one version, and who trusts it.
func secureStage(t *testing.T, version uint16, say func(net.Conn, int64) bool) (*script, *x509.CertPool) {
	known := httptest.NewTLSServer(nil)
	defer known.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(known.Certificate())
	conf := &tls.Config{Certificates: known.TLS.Certificates, MinVersion: version, MaxVersion: version,
		ClientAuth: tls.RequestClientCert} // so that tickets go out when the handshake is over, as with most servers
	return stageOn(t, vault{listener, conf}, say), roots
}

// hidden is a connection whose socket cannot be looked at.
type hidden struct{ net.Conn }

func TestSecureConnectionThatHoldsMoreThanWasAskedForIsNotUsed(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	short, long := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n"+strings.Repeat("x", 8000)
	for name, tc := range map[string]struct {
		records []string
		opened  int64 // connections after three requests
	}{
		"nothing more":               {[]string{short}, 1},
		"an answer in several":       {[]string{long[:100], long[100:]}, 1},
		"a second answer":            {[]string{short, evil}, 3},
		"a second one in one record": {[]string{short + evil}, 3},
		"a long one, then another":   {[]string{long + evil}, 3},
		"the beginning of another":   {[]string{short, evil[:3]}, 3},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, seen := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/seen=%t", name, tls.VersionName(version), seen), func(t *testing.T) {
					server, roots := secureStage(t, version, together(tc.records...))
					url := strings.Replace(server.url(), "http:", "https:", 1)
					rt := leanly(t, func(rt *lean.Transport) {
						rt.TLS = &tls.Config{RootCAs: roots}
						if dial := rt.Dial; !seen {
							rt.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
								c, err := dial(ctx, network, address)
								return hidden{c}, err
							}
						}
					})
					for i := range 3 {
						if got, err := whole(t, rt, request("POST", url, "x")); err != nil || got == "evil" {
							t.Fatalf("question %d: got %q and %v, want its own answer", i+1, got, err)
						}
					}
					if got := server.opened.Load(); got != tc.opened {
						t.Errorf("got %d connections for three requests, want %d", got, tc.opened)
					}
				})
			}
		}
	}
}

// TestANewConnectionIsNotTakenForOneThatSaysTooMuch waits for its turn until the
// server's session tickets are there.
func TestANewConnectionIsNotTakenForOneThatSaysTooMuch(t *testing.T) {
	server, roots := secureStage(t, tls.VersionTLS13, together("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	rt := leanly(t, func(rt *lean.Transport) {
		rt.TLS = &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
		rt.Turn = func(context.Context) error { time.Sleep(50 * time.Millisecond); return nil }
	})
	for range 3 {
		if got, err := whole(t, rt, request("POST", strings.Replace(server.url(), "http:", "https:", 1), "x")); err != nil || got != "hi" {
			t.Fatalf("got %q and %v", got, err)
		}
	}
	if got := server.opened.Load(); got != 1 {
		t.Errorf("got %d connections for three requests, want one", got)
	}
}

// The server refuses our certificate after our handshake is over, and has hung up
// before the request is written.
func TestWhoRefusesOurCertificateIsHeardThoughItHungUp(t *testing.T) {
	known := httptest.NewTLSServer(nil)
	defer known.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		wire, err := listener.Accept()
		if err != nil {
			return
		}
		refuse := &tls.Config{Certificates: known.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
		_ = tls.Server(wire, refuse).Handshake()
		_ = wire.(*net.TCPConn).SetLinger(0) // a reset, so that the write fails
		_ = wire.Close()
	}()
	rt := leanly(t, func(rt *lean.Transport) {
		rt.TLS = known.Client().Transport.(*http.Transport).TLSClientConfig
		rt.Turn = func(context.Context) error { <-hungUp; return nil }
		rt.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return hidden{c}, err // or it would be seen to be closed, and another opened
		}
	})
	_, err = whole(t, rt, request("POST", "https://"+listener.Addr().String(), "x"))
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("got %v, want the alert", err)
	}
}
