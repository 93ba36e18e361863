package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
)

// served is a till behind a server whose limits for short answers are so low that
// a stream which did not lift them would be cut.
func served(t *testing.T, s *till) (base string, server *httpapi.Server) {
	t.Helper()
	server = httpapi.NewServer(s.API, nil)
	server.ReadTimeout, server.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return "http://" + l.Addr().String(), server
}

// follow opens a stream and gives its events as they come.
func follow(t *testing.T, base string, id hub.PaymentID) (next func() (payment, bool)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", base+"/v1/payments/"+string(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ana")
	r.Header.Set("Accept", "text/event-stream")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != ok || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %d of type %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(answer.Body)
	return func() (p payment, more bool) {
		for lines.Scan() {
			if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
				if err := json.Unmarshal([]byte(data), &p); err != nil {
					t.Fatal(err)
				}
				return p, true
			}
		}
		return p, false
	}
}

func TestAPaymentIsFollowedUntilItIsFinal(t *testing.T) {
	s := newTill(t, nil)
	base, _ := served(t, s)
	p := s.opened(t, "k1", debt("ditl", 0))
	next := follow(t, base, p.ID)
	if first, more := next(); !more || first.State != hub.PaymentAwaitingPayer {
		t.Fatalf("got %+v, want the payment as it stands", first)
	}
	time.Sleep(200 * time.Millisecond) // longer than the server gives short answers
	s.psp.authorise()
	s.work(t)
	s.ledger.Hurry()
	last := payment{}
	for p, more := next(); more; p, more = next() {
		last = p
	}
	if last.State != hub.PaymentSettled || !last.Final {
		t.Errorf("the stream ended with %+v, want the payment settled", last)
	}
}

func TestAStreamOfAnothersPaymentIsNone(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	w := s.ask("GET", "/v1/payments/"+string(p.ID), "", "Authorization", "Bearer ion", "Accept", "text/event-stream")
	if problemIn(t, w); w.Code != 404 {
		t.Errorf("got %d, want 404", w.Code)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	s := newTill(t, nil)
	base, server := served(t, s)
	p := s.opened(t, "k1", debt("ditl", 0))
	next := follow(t, base, p.ID)
	next()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Fatalf("got %v: the server waited for a stream", err)
	}
	if _, more := next(); more {
		t.Errorf("the stream goes on")
	}
}

func TestAPersonHoldsFewStreams(t *testing.T) {
	s := newTill(t, nil)
	base, _ := served(t, s)
	p := s.opened(t, "k1", debt("ditl", 0))
	for range 4 {
		next := follow(t, base, p.ID)
		next()
	}
	w := s.ask("GET", "/v1/payments/"+string(p.ID), "", "Accept", "text/event-stream")
	if got := problemIn(t, w); w.Code != 429 || got.Code != "too_many" {
		t.Errorf("the fifth: got %d %q, want 429 too_many: others have room", w.Code, got.Code)
	}
	if w := s.ask("GET", "/v1/payments/"+string(p.ID), ""); w.Code != ok {
		t.Errorf("without a stream: got %d, want 200", w.Code)
	}
	w = s.ask("HEAD", "/v1/payments/"+string(p.ID), "", "Accept", "text/event-stream")
	if got := w.Header().Get("Content-Type"); w.Code != ok || got != "application/json" {
		t.Errorf("HEAD: got %d of type %q, want 200 of what is no stream", w.Code, got)
	}
}

// impatient is an API whose clients have a moment to take what is written, not the
// seconds that a stream gives them.
type impatient struct{ *httpapi.API }

func (i impatient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.API.ServeHTTP(hasty{w}, r)
}

type hasty struct{ http.ResponseWriter }

func (h hasty) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h hasty) SetWriteDeadline(time.Time) error {
	return http.NewResponseController(h.ResponseWriter).SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
}

func TestAQuietStreamEndsWhole(t *testing.T) {
	s := newTill(t, nil)
	server := httpapi.NewServer(impatient{s.API}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+"/v1/payments/"+string(s.opened(t, "k1", debt("ditl", 0)).ID), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ana")
	r.Header.Set("Accept", "text/event-stream")
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	time.Sleep(300 * time.Millisecond) // the time of the only event is over
	s.HangUp()
	if body, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("got %v after %q, want a stream that ends", err, body)
	}
}
