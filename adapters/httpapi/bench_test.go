package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/view"
)

func raised(_ *httpapi.Parts, c *httpapi.Conf) {
	c.CitizenPerMinute, c.CallsPerMinute, c.PortalPerMinute, c.InFlight = 1e9, 1e9, 1e9, 1e6
}

// sink is a ResponseWriter that costs nothing.
type sink struct {
	header http.Header
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

// remembered gives one view for ever: what is measured is the door alone.
type remembered struct {
	httpapi.Views
	one *view.View
}

func (r remembered) Of(context.Context, hub.Login, view.Ask) (*view.View, error) { return r.one, nil }

func BenchmarkViewHandler(b *testing.B) {
	s := newScene(b, func(p *httpapi.Parts, c *httpapi.Conf) {
		raised(p, c)
		one, err := p.Views.Of(context.Background(), hub.Login{Subject: "ana"}, view.Ask{MaxStaleness: -1})
		if err != nil {
			b.Fatal(err)
		}
		p.Views = remembered{one: &view.View{ // one that a release takes nothing from
			ID: one.ID, AsOf: one.AsOf, Complete: one.Complete, TotalConfirmed: one.TotalConfirmed,
			TotalLastKnown: one.TotalLastKnown, NotCounted: one.NotCounted, Pages: one.Pages,
		}}
	})
	for name, tag := range map[string]string{"warm": "", "not modified": s.ask("GET", "/v1/view", "").Header().Get("Etag")} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/v1/view", nil)
			r.Header.Set("Authorization", "Bearer ana")
			if tag != "" {
				r.Header.Set("If-None-Match", tag)
			}
			w := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				s.ServeHTTP(w, r)
			}
			b.ReportMetric(float64(w.bytes)/float64(b.N), "B/answer")
		})
	}
}

// BenchmarkViewOverTCP measures the whole of a warm view behind one connection,
// and what net/http alone makes of it.
func BenchmarkViewOverTCP(b *testing.B) {
	for name, serve := range map[string]func(*httpapi.Server, net.Listener) error{
		"swift":    (*httpapi.Server).Serve,
		"net/http": func(s *httpapi.Server, l net.Listener) error { return s.Server.Serve(l) },
	} {
		b.Run(name, func(b *testing.B) {
			s := newScene(b, raised)
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := httpapi.NewServer(s, nil)
			go func() { _ = serve(server, plain) }()
			defer server.Close()
			conn, err := net.Dial("tcp", plain.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = fmt.Fprintf(conn, "GET /v1/view HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ana\r\n\r\n")
				answer, err := http.ReadResponse(answers, nil)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
			}
		})
	}
}
