package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/httpapi"
)

// counting counts the writes that reach the network.
type counting struct {
	net.Listener
	writes *atomic.Int64
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l.writes}, err
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// serveOn serves the API on a real connection and gives a way to talk to it.
func serveOn(t *testing.T, h http.Handler, whole bool) (talk *bufio.ReadWriter, writes *atomic.Int64) {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	writes = &atomic.Int64{}
	server := httpapi.NewServer(h, nil)
	serve := server.Serve
	if !whole {
		serve = server.Server.Serve // net/http alone
	}
	go func() { _ = serve(counting{plain, writes}) }()
	conn, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // an answer that never comes fails the test
	t.Cleanup(func() { conn.Close(); server.Close() })
	return bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), writes
}

func request(method, target string, headers ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ana\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func TestAnAnswerLeavesInOneWrite(t *testing.T) {
	s := newScene(t, raised)
	talk, writes := serveOn(t, s, true)
	for i := range 3 {
		_, _ = talk.WriteString(request("GET", "/v1/view"))
		talk.Flush()
		body := read(t, talk.Reader, "GET")
		if len(body) < 8<<10 || !strings.HasSuffix(string(body), "}]}") {
			t.Fatalf("got %d bytes, want a whole view of more than 8 KiB", len(body))
		}
		if got := writes.Load(); got != int64(i+1) {
			t.Errorf("after answer %d: got %d writes", i+1, got)
		}
	}
}

// An answer without its body must not wait for the body that never comes.
func TestAnAnswerToHEADIsNotHeldBack(t *testing.T) {
	talk, writes := serveOn(t, newScene(t, nil), true)
	_, _ = talk.WriteString(request("HEAD", "/v1/view"))
	talk.Flush()
	if body := read(t, talk.Reader, "HEAD"); len(body) != 0 || writes.Load() != 1 {
		t.Errorf("got %d bytes in %d writes, want the headers in one", len(body), writes.Load())
	}
}

func read(t *testing.T, from *bufio.Reader, method string) []byte {
	t.Helper()
	answer, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestGatheringChangesNoByte(t *testing.T) {
	s := newScene(t, raised)
	tag := s.ask("GET", "/v1/view", "").Header().Get("Etag")
	var answers [2]bytes.Buffer
	for i, whole := range []bool{false, true} {
		talk, _ := serveOn(t, s, whole)
		// All at once: pipelined answers must come in order and whole.
		var methods []string
		for _, r := range []struct{ method, text string }{
			{"GET", request("GET", "/v1/view")},
			{"HEAD", request("HEAD", "/v1/view")},
			{"GET", request("GET", "/v1/view", "If-None-Match: "+tag)},
			{"GET", request("GET", "/v1/view", "Accept: text/event-stream")},
			{"POST", request("POST", "/v1/links", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(linkBody)), "Expect: 100-continue") + linkBody},
			{"DELETE", request("DELETE", "/v1/links/1")},
			{"GET", request("GET", "/nowhere")},
			{"GET", request("GET", "/openapi.yaml")},
			{"GET", request("GET", "/v1/view", "Connection: close")},
		} {
			methods = append(methods, r.method)
			_, _ = talk.WriteString(r.text)
		}
		talk.Flush()
		for n, method := range methods {
			answer, err := http.ReadResponse(talk.Reader, &http.Request{Method: method})
			if err == nil && answer.StatusCode == http.StatusContinue {
				answer, err = http.ReadResponse(talk.Reader, &http.Request{Method: method})
			}
			if err != nil {
				t.Fatalf("whole=%v, answer %d: %v", whole, n, err)
			}
			for _, own := range []string{"Date", "X-Request-Id", "Ratelimit"} {
				answer.Header.Del(own)
			}
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode == 404 {
				body = nil // names its request
			}
			fmt.Fprintf(&answers[i], "%d %v %s\n", answer.StatusCode, answer.Header, sorted(body))
		}
	}
	if answers[0].String() != answers[1].String() {
		t.Errorf("as it is:\n%.3000s\ngathered:\n%.3000s", &answers[0], &answers[1])
	}
}

// sorted orders the events of a stream, which come as they come.
func sorted(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte("event: ")) {
		return body
	}
	return fmt.Appendf(nil, "%d bytes of events", len(body))
}

func TestManyAnswersOverManyConnections(t *testing.T) {
	s := newScene(t, raised)
	want := s.ask("GET", "/v1/view", "").Body.String()
	done := make(chan string)
	for range 8 {
		talk, _ := serveOn(t, s, true)
		go func() {
			wrong := ""
			for range 50 {
				_, _ = talk.WriteString(request("GET", "/v1/view"))
				talk.Flush()
				answer, err := http.ReadResponse(talk.Reader, nil)
				if err != nil {
					wrong = err.Error()
					break
				}
				if body, _ := io.ReadAll(answer.Body); string(body) != want {
					wrong = fmt.Sprintf("got %d bytes, want %d", len(body), len(want))
				}
			}
			done <- wrong
		}()
	}
	for range 8 {
		if wrong := <-done; wrong != "" {
			t.Error(wrong)
		}
	}
}
