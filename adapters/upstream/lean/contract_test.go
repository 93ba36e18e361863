package lean_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/upstream/lean"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a server that says what it is told, byte for byte.
type script struct {
	listener net.Listener
	opened   atomic.Int64
	ended    atomic.Int64
	requests atomic.Int64
	serving  sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

// stage serves every request of every connection with say, until it returns
// false.
func stage(t testing.TB, say func(c net.Conn, n int64) bool) *script {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return stageOn(t, listener, say)
}

func stageOn(t testing.TB, listener net.Listener, say func(c net.Conn, n int64) bool) *script {
	s := &script{listener: listener}
	s.serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.opened.Add(1)
			s.serving.Go(func() { s.serve(c, say) })
		}
	})
	t.Cleanup(s.close)
	return s
}

func (s *script) serve(c net.Conn, say func(net.Conn, int64) bool) {
	defer s.ended.Add(1)
	defer c.Close()
	reader := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if !say(c, s.requests.Add(1)) {
			return
		}
	}
}

func (s *script) close() {
	_ = s.listener.Close()
	s.hangUp()
	s.serving.Wait()
}

// hangUp closes all connections.
func (s *script) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

func (s *script) url() string { return "http://" + s.listener.Addr().String() + "/debts" }

// transports are the ways to send a request that must behave alike.
func transports() map[string]http.RoundTripper {
	standard := func() *http.Transport {
		return &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 32 << 10}
	}
	dialer := &net.Dialer{}
	return map[string]http.RoundTripper{
		"net/http": standard(),
		"lean":     &lean.Transport{Dial: dialer.DialContext, Fallback: standard(), MaxIdle: 4},
	}
}

// kinds of failure that both must agree on.
const (
	fine     = ""
	broken   = "broken"  // no answer, or not HTTP
	halfway  = "halfway" // the header is good, the body is not
	timedOut = "timed out"
)

func say(answer string) func(net.Conn, int64) bool {
	return func(c net.Conn, _ int64) bool {
		_, err := io.WriteString(c, answer)
		return err == nil
	}
}

func sayAndLeave(answer string) func(net.Conn, int64) bool {
	return func(c net.Conn, n int64) bool { say(answer)(c, n); return false }
}

func TestBothTransportsUnderstandTheSame(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	for name, tc := range map[string]struct {
		method string // default POST
		say    func(net.Conn, int64) bool
		status int
		body   string
		fails  string
		opened int64 // connections after two requests
	}{
		"an answer with a length":         {say: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"an empty answer":                 {say: say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), status: 200, opened: 1},
		"chunks":                          {say: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n ho\r\n0\r\n\r\n"), status: 200, body: "hi ho", opened: 1},
		"chunks and a trailer":            {say: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"), status: 200, body: "hi", opened: 1},
		"until the connection ends":       {say: sayAndLeave("HTTP/1.1 200 OK\r\n\r\nhi"), status: 200, body: "hi", opened: 2},
		"the old protocol":                {say: sayAndLeave("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 2},
		"the old protocol, kept":          {say: say("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"closing after the answer":        {say: sayAndLeave("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 2},
		"saying close, staying open":      {say: say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 2},
		"an error status":                 {say: say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"), status: 503, body: "busy", opened: 1},
		"no content":                      {say: say("HTTP/1.1 204 No Content\r\n\r\n"), status: 204, opened: 1},
		"not modified":                    {say: say("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"), status: 304, opened: 1},
		"a header only":                   {method: "HEAD", say: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), status: 200, opened: 1},
		"a status without a reason":       {say: say("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"continue first":                  {say: say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"early hints first":               {say: say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"early hints for ever":            {say: say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 2000)), fails: broken, opened: 2},
		"two lengths that agree":          {say: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"), status: 200, body: "hi", opened: 1},
		"two lengths that differ":         {say: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"), fails: broken, opened: 2},
		"a length that is none":           {say: say("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi"), fails: broken, opened: 2},
		"a negative length":               {say: say("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi"), fails: broken, opened: 2},
		"an unknown transfer":             {say: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: morse\r\n\r\nhi"), fails: broken, opened: 2},
		"a length and chunks":             {say: say("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), status: 200, body: "hi", opened: 1},
		"a chunk size that is none":       {say: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n"), fails: halfway, opened: 2},
		"a chunk longer than it said":     {say: say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n"), fails: halfway, opened: 2},
		"cut in a chunk":                  {say: sayAndLeave("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi"), fails: halfway, opened: 2},
		"cut before the last chunk":       {say: sayAndLeave("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), fails: halfway, opened: 2},
		"cut in the body":                 {say: sayAndLeave("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"), fails: halfway, opened: 2},
		"cut in the header":               {say: sayAndLeave("HTTP/1.1 200 OK\r\nContent-Le"), fails: broken, opened: 2},
		"cut in the status":               {say: sayAndLeave("HTT"), fails: broken, opened: 2},
		"cut before anything":             {say: sayAndLeave(""), fails: broken, opened: 2},
		"reset":                           {say: reset, fails: broken, opened: 2},
		"not HTTP":                        {say: sayAndLeave("SSH-2.0-OpenSSH_9.2\r\n"), fails: broken, opened: 2},
		"a status that is none":           {say: sayAndLeave("HTTP/1.1 abc OK\r\n\r\n"), fails: broken, opened: 2},
		"a header line without a colon":   {say: say("HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nhi"), fails: broken, opened: 2},
		"a header name with a blank":      {say: sayAndLeave("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nhi"), status: 200, body: "hi", opened: 2},
		"a header that does not end":      {say: say("HTTP/1.1 200 OK\r\nX-Long: " + long + "\r\nContent-Length: 2\r\n\r\nhi"), fails: broken, opened: 2},
		"many headers":                    {say: say("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 10_000) + "Content-Length: 2\r\n\r\nhi"), fails: broken, opened: 2},
		"more than was asked for":         {say: say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), status: 200, body: "hi", opened: 2},
		"a body where none belongs":       {say: say("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi"), status: 204, opened: 2},
		"silence":                         {say: func(net.Conn, int64) bool { return true }, fails: timedOut, opened: 2},
		"one byte at a time, then no end": {say: dripThenHang, fails: timedOut, opened: 2},
	} {
		for which, rt := range transports() {
			t.Run(name+"/"+which, func(t *testing.T) {
				t.Parallel()
				server := stage(t, tc.say)
				defer rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
				for range 2 {
					status, body, fails := exchange(t, rt, tc.method, server.url())
					if fails != tc.fails || fails == fine && (status != tc.status || body != tc.body) {
						t.Fatalf("got %d %q %q, want %d %q %q", status, body, fails, tc.status, tc.body, tc.fails)
					}
					time.Sleep(20 * time.Millisecond) // what comes unasked arrives
				}
				if got := server.opened.Load(); got != tc.opened {
					t.Errorf("got %d connections for two requests, want %d", got, tc.opened)
				}
			})
		}
	}
}

func reset(c net.Conn, _ int64) bool {
	_ = c.(*net.TCPConn).SetLinger(0)
	return false
}

func dripThenHang(c net.Conn, _ int64) bool {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi") {
		if _, err := c.Write([]byte{b}); err != nil {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// exchange sends one request with 250 ms to live and reads the answer whole.
func exchange(t *testing.T, rt http.RoundTripper, method, url string) (status int, body, fails string) {
	if method == "" {
		method = http.MethodPost
	}
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	if deadlineMatters := !strings.Contains(t.Name(), "silence") && !strings.Contains(t.Name(), "one_byte"); deadlineMatters {
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	}
	defer cancel()
	var question io.Reader
	if method == http.MethodPost {
		question = strings.NewReader(`{"q":1}`)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, question)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", kindOf(err, broken)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, string(content), kindOf(err, halfway)
	}
	return resp.StatusCode, string(content), fine
}

func kindOf(err error, otherwise string) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return timedOut
	}
	return otherwise
}

func TestBothTransportsSendTheSame(t *testing.T) {
	for name, build := range map[string]func(url string) *http.Request{
		"a question":             func(url string) *http.Request { return request("POST", url, `{"q":1}`) },
		"a question without any": func(url string) *http.Request { return request("POST", url, "") },
		"a look-up":              func(url string) *http.Request { return request("GET", url+"?page=2&q=%C8%99", "") },
		"a name of its own": func(url string) *http.Request {
			r := request("GET", url, "")
			r.Host = "creditor.example"
			return r
		},
		"headers": func(url string) *http.Request {
			r := request("POST", url, "x")
			r.Header = http.Header{"X-Api-Key": {"k"}, "Accept": {"a", "b"}, "X-Blank": {"  padded\t"}, "User-Agent": {"u"}, "Soapaction": {`"x"`}}
			return r
		},
		"headers it may not set": func(url string) *http.Request {
			r := request("POST", url, "x")
			r.Header = http.Header{"Content-Length": {"99"}, "Transfer-Encoding": {"chunked"}, "Host": {"evil"}, "User-Agent": {"u"}}
			return r
		},
		"a long question":   func(url string) *http.Request { return request("POST", url, strings.Repeat("x", 100_000)) },
		"a longer question": func(url string) *http.Request { return request("POST", url, strings.Repeat("x", 600_000)) },
		"a question of unknown length": func(url string) *http.Request {
			r := request("POST", url, "")
			r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("a"), strings.NewReader("b"))), -1
			return r
		},
		"closing": func(url string) *http.Request {
			r := request("POST", url, "x")
			r.Close = true
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			heard := map[string]string{}
			for which, rt := range transports() {
				server := echo(t)
				resp, err := rt.RoundTrip(build(server.url()))
				if err != nil {
					t.Fatalf("%s: %v", which, err)
				}
				content, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
				heard[which] = strings.ReplaceAll(string(content), server.listener.Addr().String(), "server")
			}
			if heard["lean"] != heard["net/http"] {
				t.Errorf("got  %s\nwant %s", heard["lean"], heard["net/http"])
			}
		})
	}
}

func request(method, url, body string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, reader)
	if err != nil {
		panic(err)
	}
	req.Header.Set("User-Agent", "test")
	return req
}

// echo is a server that tells what it heard.
func echo(t *testing.T) *script {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{listener: listener}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %d %v close=%v %v %d:%.20s", r.Method, r.URL, r.Proto, r.Host, r.ContentLength, r.TransferEncoding, r.Close, r.Header, len(content), content)
	})}
	s.serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { _ = server.Close(); s.serving.Wait() })
	return s
}
