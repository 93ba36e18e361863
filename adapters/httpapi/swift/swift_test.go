package swift_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/httpapi/swift"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// say answers with all a handler can see of a request.
func say(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["X-Two"] = []string{"a", "b"}
	h.Set("X-Broken", "a\r\nX-Evil: b")
	h.Set("Content-Type", "text/plain")
	switch r.URL.Path {
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	case "/same":
		h.Set("Etag", `"x"`)
		w.WriteHeader(http.StatusNotModified)
	case "/panic":
		panic("mercy")
	case "/long":
		h.Set("Content-Length", "100000")
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	case "/short":
		h.Set("Content-Length", "100")
		_, _ = io.WriteString(w, "less")
	case "/silent":
	default:
		if r.URL.Path == "/known" {
			h.Set("Content-Length", fmt.Sprint(len(seen(r))))
		}
		_, _ = io.WriteString(w, seen(r))
	}
}

func seen(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s %q %q %v %s %v %q %v %d %v %v", r.Method, r.Proto, r.URL.Path, r.URL.RawQuery, r.URL.ForceQuery,
		r.Host, r.Header, body, r.Close, r.ContentLength, r.URL, strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
}

// house is a server, and how many connections it left to net/http.
type house struct {
	address string
	odd     atomic.Int64
	server  *swift.Server
	served  chan error
}

// open serves with a net/http behind it.
func open(t testing.TB) *house {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := log.New(io.Discard, "", 0)
	behind := &http.Server{Handler: http.HandlerFunc(say), ErrorLog: silent, ReadHeaderTimeout: time.Second}
	pass := &passage{conns: make(chan net.Conn), addr: door.Addr()}
	h := &house{address: door.Addr().String(), served: make(chan error, 2)}
	h.server = &swift.Server{
		Handler: behind.Handler, Other: func(c net.Conn) { h.odd.Add(1); pass.conns <- c },
		HeaderTime: time.Second, WriteTime: time.Second, IdleTime: 10 * time.Second, ErrorLog: silent,
	}
	go func() { h.served <- h.server.Serve(door) }()
	go func() { _ = behind.Serve(pass) }()
	t.Cleanup(func() {
		_ = h.server.Close()
		_ = behind.Close()
	})
	return h
}

// alone serves with net/http only.
func alone(t testing.TB) string {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(say), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(door) }()
	t.Cleanup(func() { _ = server.Close() })
	return door.Addr().String()
}

// passage is a listener of connections that were accepted elsewhere.
type passage struct {
	conns chan net.Conn
	once  sync.Once
	addr  net.Addr
}

func (p *passage) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p *passage) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *passage) Addr() net.Addr { return p.addr }

// tell sends bytes, says that no more will come, and gives all that comes back,
// without the dates.
func tell(t interface{ Fatal(...any) }, address, text string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, text)
	_ = c.(*net.TCPConn).CloseWrite()
	all, _ := io.ReadAll(c) // a reset ends it as well
	return dates.ReplaceAllString(string(all), "")
}

var dates = regexp.MustCompile(`Date: [^\r]*\r\n`)

const host = "Host: hub\r\n"

func TestPlainRequestsAreAnsweredAsByNetHTTP(t *testing.T) {
	here, there := open(t), alone(t)
	for name, text := range map[string]string{
		"a path":              "GET /a HTTP/1.1\r\n" + host + "\r\n",
		"a query":             "GET /a?b=c&d=e,f HTTP/1.1\r\n" + host + "\r\n",
		"an empty query":      "GET /a? HTTP/1.1\r\n" + host + "\r\n",
		"headers":             "GET /a HTTP/1.1\r\nHost: hub:80\r\nauthorization:Bearer x.y-z\r\nX-A: \t padded \t\r\nX-a: again\r\nAccept: */*\r\n\r\n",
		"an empty header":     "GET /a HTTP/1.1\r\n" + host + "X-A:\r\n\r\n",
		"kept alive":          "GET /a HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n",
		"two at once":         "GET /a HTTP/1.1\r\n" + host + "\r\nGET /known HTTP/1.1\r\n" + host + "\r\n",
		"no body by status":   "GET /none HTTP/1.1\r\n" + host + "\r\nGET /same HTTP/1.1\r\n" + host + "\r\nGET /a HTTP/1.1\r\n" + host + "\r\n",
		"a long answer":       "GET /long HTTP/1.1\r\n" + host + "\r\nGET /a HTTP/1.1\r\n" + host + "\r\n",
		"an empty answer":     "GET /silent HTTP/1.1\r\n" + host + "\r\n",
		"a panic":             "GET /a HTTP/1.1\r\n" + host + "\r\nGET /panic HTTP/1.1\r\n" + host + "\r\nGET /a HTTP/1.1\r\n" + host + "\r\n",
		"less than announced": "GET /short HTTP/1.1\r\n" + host + "\r\nGET /a HTTP/1.1\r\n" + host + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := here.odd.Load()
			got, want := tell(t, here.address, text), tell(t, there, text)
			if name == "less than announced" { // net/http closes as well, but does not say so before
				got = strings.Replace(got, "Connection: close\r\n", "", 1)
			}
			if got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if here.odd.Load() != before {
				t.Error("was left to net/http")
			}
		})
	}
}

func TestWhatIsNotPlainIsLeftToNetHTTP(t *testing.T) {
	here, there := open(t), alone(t)
	for name, text := range map[string]string{
		"another method":       "POST /a HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhi",
		"no body expected":     "HEAD /a HTTP/1.1\r\n" + host + "\r\n",
		"a body":               "GET /a HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhi",
		"chunks":               "GET /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		"chunks and a length":  "GET /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"two lengths":          "GET /a HTTP/1.1\r\n" + host + "Content-Length: 0\r\nContent-Length: 33\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"a folded header":      "GET /a HTTP/1.1\r\n" + host + "X-A: b\r\n Content-Length: 2\r\n\r\nhi",
		"a blank before colon": "GET /a HTTP/1.1\r\n" + host + "Content-Length : 2\r\n\r\nhi",
		"a bare line feed":     "GET /a HTTP/1.1\n" + "Host: hub\n\n",
		"a line feed inside":   "GET /a HTTP/1.1\r\n" + host + "X-A: b\nContent-Length: 2\r\n\r\nhi",
		"a bare return":        "GET /a HTTP/1.1\r\n" + host + "X-A: b\rContent-Length: 2\r\n\r\nhi",
		"a zero byte":          "GET /a HTTP/1.1\r\n" + host + "X-A: b\x00c\r\n\r\n",
		"no host":              "GET /a HTTP/1.1\r\nX-A: b\r\n\r\n",
		"no header":            "GET /a HTTP/1.1\r\n\r\n",
		"two hosts":            "GET /a HTTP/1.1\r\n" + host + "Host: evil\r\n\r\n",
		"a strange host":       "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"an address":           "GET http://hub/a HTTP/1.1\r\n" + host + "\r\n",
		"an escaped path":      "GET /a%2fb HTTP/1.1\r\n" + host + "\r\n",
		"a path to clean":      "GET /a/../b HTTP/1.1\r\n" + host + "\r\n",
		"a double slash":       "GET //a HTTP/1.1\r\n" + host + "\r\n",
		"a fragment":           "GET /a#b HTTP/1.1\r\n" + host + "\r\n",
		"two blanks":           "GET  /a HTTP/1.1\r\n" + host + "\r\n",
		"an old protocol":      "GET /a HTTP/1.0\r\n" + host + "\r\n",
		"no protocol":          "GET /a\r\n\r\n",
		"another protocol":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"no HTTP":              "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
		"the last one":         "GET /a HTTP/1.1\r\n" + host + "Connection: close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"an upgrade":           "GET /a HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"a stream":             "GET /a HTTP/1.1\r\n" + host + "Accept: text/event-stream\r\n\r\n",
		"an expectation":       "GET /a HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\n",
		"a long header":        "GET /a HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("a", 9000) + "\r\n\r\n",
		"many headers":         "GET /a HTTP/1.1\r\n" + host + strings.Repeat("X-A: b\r\n", 40) + "\r\n",
		"half a request":       "GET /a HTTP/1.1\r\n" + host + "\r\nGET /a HT",
		"plain, then not":      "GET /a HTTP/1.1\r\n" + host + "\r\nPOST /b HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhi",
	} {
		t.Run(name, func(t *testing.T) {
			before := here.odd.Load()
			if got, want := tell(t, here.address, text), tell(t, there, text); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if here.odd.Load() != before+1 {
				t.Error("was not left to net/http")
			}
		})
	}
}

// TestAnyBytesAreAnsweredAsByNetHTTP makes requests of pieces that are right and
// pieces that are nearly so.
func TestAnyBytesAreAnsweredAsByNetHTTP(t *testing.T) {
	here, there := open(t), alone(t)
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"GET ", "/a", "/known", "?b=c", " HTTP/1.1\r\n", "Host: hub\r\n", "X-A: b\r\n", "\r\n", "\r\n\r\n", "\n", " ", ":",
			"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Accept: */*\r\n", "%41", "..", "/", "é", "\x00"}),
		rapid.StringN(0, 3, 6))
	rapid.Check(t, func(r *rapid.T) {
		text := "GET /a" + strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(r, "pieces"), "")
		if rapid.Bool().Draw(r, "begun well") {
			text = "GET /a HTTP/1.1\r\n" + host + strings.TrimPrefix(text, "GET /a")
		}
		text += "\r\n\r\n"
		if got, want := tell(r, here.address, text), tell(r, there, text); got != want {
			r.Fatalf("%q\ngot  %q\nwant %q", text, got, want)
		}
	})
}

func TestWhoIsSlowToAskIsDropped(t *testing.T) {
	here := open(t)
	for name, text := range map[string]string{"silent": "", "half": "GET /a HTTP/1.1\r\nHo", "pipelined": "GET /a HTTP/1.1\r\n" + host + "\r\nGET"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", here.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, text)
			_ = c.SetReadDeadline(time.Now().Add(9 * time.Second)) // before the time between requests ends
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("got %v, want that the connection is closed", err)
			}
		})
	}
}

func TestShutdownWaitsForAnswersAndForNobodyElse(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &swift.Server{HeaderTime: time.Minute, WriteTime: time.Minute, IdleTime: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-answer
			_, _ = io.WriteString(w, "late")
		})}
	served, said, stopped := make(chan error, 1), make(chan string, 1), make(chan error, 1)
	go func() { served <- s.Serve(door) }()
	idle, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	go func() { said <- tell(t, door.Addr().String(), "GET /a HTTP/1.1\r\n"+host+"\r\n") }()
	<-asked
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v on an idle connection, want that it is closed", err)
	}
	select {
	case <-stopped:
		t.Error("did not wait for the answer")
	default:
	}
	close(answer)
	if got := <-said; !strings.HasSuffix(got, "late") {
		t.Errorf("got %q, want the answer", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v, want http.ErrServerClosed", err)
	}
}

// What comes while a request is answered is heard after it: the next request, or
// that there is none.
func TestWhatComesDuringAnAnswerIsHeard(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(c *net.TCPConn)
		answers   int
	}{
		"another request": {func(c *net.TCPConn) { _, _ = io.WriteString(c, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n") }, 2},
		"the end":         {func(c *net.TCPConn) { _ = c.CloseWrite() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			heard, release := make(chan struct{}, 2), make(chan struct{})
			door, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &swift.Server{
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					heard <- struct{}{}
					<-release
					_, _ = io.WriteString(w, r.URL.Path)
				}),
				Other: func(c net.Conn) { _ = c.Close() }, HeaderTime: time.Minute, WriteTime: time.Minute, IdleTime: time.Minute,
			}
			served := make(chan error)
			go func() { served <- server.Serve(door) }()
			defer func() { _ = server.Close(); <-served }()
			c, err := net.Dial("tcp", door.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
			<-heard
			tc.meanwhile(c.(*net.TCPConn))
			time.Sleep(20 * time.Millisecond) // it arrives
			close(release)
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second)) // less than a connection may be idle
			reader := bufio.NewReader(c)
			for i := range tc.answers {
				answer, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
			}
			if tc.answers == 1 {
				if _, err := reader.ReadByte(); err != io.EOF {
					t.Errorf("got %v, want the connection closed", err)
				}
			}
		})
	}
}
