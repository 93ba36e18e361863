package upstream_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/upstream"
	"racord/connectors/wire"
	"racord/hub"
)

// TestMain names a proxy that does not exist: net/http looks for one only once.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		_ = os.Setenv(name, "http://127.0.0.1:9")
	}
	goleak.VerifyTestMain(m)
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// open gives a way out to the loopback.
func open(t testing.TB, conf upstream.Conf) *upstream.Client {
	conf.Allow = loopback
	client := upstream.New(conf)
	t.Cleanup(client.Close)
	return client
}

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func post(t testing.TB, ctx context.Context, url, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// always grants every retry.
func always(ctx context.Context) context.Context {
	return hub.WithRetries(ctx, func() bool { return true })
}

func TestReaderRepeatsWhatMayPass(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
		}
	}
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, tc := range map[string]struct {
		first  http.HandlerFunc
		budget bool
		want   int64 // requests on the wire
	}{
		"200 is an answer":                  {status(200), true, 1},
		"503 may pass":                      {status(503), true, 2},
		"502 may pass":                      {status(502), true, 2},
		"504 may pass":                      {status(504), true, 2},
		"503 outside the budget":            {status(503), false, 1},
		"503 with a time to wait is obeyed": {status(503, "Retry-After", "1"), true, 1},
		"429 is obeyed":                     {status(429), true, 1},
		"500 is an answer":                  {status(500), true, 1},
		"404 is an answer":                  {status(404), true, 1},
		"a redirect is an answer":           {status(302, "Location", "/elsewhere"), true, 1},
		"a lost connection may pass":        {cut, true, 2},
		"a lost connection, no budget":      {cut, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls, bodies, turns atomic.Int64
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) == "question" {
					bodies.Add(1)
				}
				if calls.Add(1) == 1 {
					tc.first(w, r)
				}
			})
			client := open(t, upstream.Conf{Turn: func(context.Context) error { turns.Add(1); return nil }})
			ctx := hub.WithRetries(t.Context(), func() bool { return tc.budget })
			resp, err := client.Read.Do(post(t, ctx, server.URL, "question"))
			if err == nil {
				_ = resp.Body.Close()
			}
			if got := calls.Load(); got != tc.want {
				t.Errorf("got %d calls, want %d", got, tc.want)
			}
			if got := bodies.Load(); got != tc.want {
				t.Errorf("got %d whole bodies, want %d", got, tc.want)
			}
			if got := turns.Load(); got != tc.want {
				t.Errorf("got %d turns taken, want %d", got, tc.want)
			}
		})
	}
}

// What a creditor says instead of HTTP may name a person.
func TestAnErrorDoesNotRepeatWhatTheCreditorSaid(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var says atomic.Value
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if asked, err := http.ReadRequest(bufio.NewReader(conn)); err == nil { // the whole, or its rest breaks the connection
				_, _ = io.Copy(io.Discard, asked.Body)
			}
			_, _ = io.WriteString(conn, says.Load().(string))
			_ = conn.Close()
		}
	}()
	for name, text := range map[string]string{
		"no HTTP":               "Eroare: POPESCU ION\r\n\r\n",
		"a header that is none": "HTTP/1.1 200 OK\r\nEroare, POPESCU ION\r\n\r\n",
		"a redirect to nowhere": "HTTP/1.1 302 Found\r\nLocation: http://[POPESCU ION\r\nContent-Length: 0\r\n\r\n",
	} {
		says.Store(text)
		for how, body := range map[string]io.Reader{"small": strings.NewReader("x"), "of unknown length": io.MultiReader(strings.NewReader("x"))} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String(), body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := open(t, upstream.Conf{}).Write.Do(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			if redirect := strings.HasPrefix(name, "a redirect"); (err == nil) != redirect || err != nil && strings.Contains(err.Error(), "POPESCU") {
				t.Errorf("%s, to a request %s: got %v", name, how, err)
			}
		}
	}
}

func TestReaderAsksTheBudgetOnlyWhenItWouldRepeat(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	asked := 0
	ctx := hub.WithRetries(t.Context(), func() bool { asked++; return true })
	resp, err := open(t, upstream.Conf{}).Read.Do(post(t, ctx, server.URL, "x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 503 || asked != 1 {
		t.Errorf("got status %d after %d questions, want 503 after 1", resp.StatusCode, asked)
	}
}

func TestReaderDoesNotRepeatLate(t *testing.T) {
	var calls atomic.Int64
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		time.Sleep(120 * time.Millisecond)
		w.WriteHeader(503)
	})
	ctx, cancel := context.WithTimeout(always(t.Context()), 400*time.Millisecond)
	defer cancel()
	resp, err := open(t, upstream.Conf{}).Read.Do(post(t, ctx, server.URL, "x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := calls.Load(); got != 1 {
		t.Errorf("got %d calls, want 1", got)
	}
}

func TestReaderRepeatsARefusedConnection(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	url := server.URL
	server.Close()
	asked := 0
	ctx := hub.WithRetries(t.Context(), func() bool { asked++; return true })
	_, err := open(t, upstream.Conf{}).Read.Do(post(t, ctx, url, "x"))
	if hub.CodeOf(err) != hub.CodeUnavailable || asked != 1 {
		t.Errorf("got %v after %d repetitions, want unavailable after 1", err, asked)
	}
}

func TestWriterSendsOnce(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"503":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"429":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"a lost connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			first := true
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if first { // so that the connection is a used one
					first = false
					return
				}
				calls.Add(1)
				answer(w, r)
			})
			client := open(t, upstream.Conf{})
			for range 2 {
				if resp, err := client.Write.Do(post(t, always(t.Context()), server.URL, "x")); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			}
			if got := calls.Load(); got != 1 {
				t.Errorf("got %d calls, want 1", got)
			}
		})
	}
}

func TestAWriterKnowsWhatWasCertainlyNotSent(t *testing.T) {
	cut := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	hangs := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); <-r.Context().Done() })
	nobody := serve(t, func(http.ResponseWriter, *http.Request) {})
	nobody.Close()
	for name, tc := range map[string]struct {
		url     string
		certain bool
	}{
		"nobody listens":                         {nobody.URL, true},
		"the wall stands before it":              {"http://127.0.0.2:9", true},
		"the connection broke after the writing": {cut.URL, false},
		"no answer in time":                      {hangs.URL, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			resp, err := open(t, upstream.Conf{}).Write.Do(post(t, ctx, tc.url, "body"))
			if err == nil {
				resp.Body.Close()
				t.Fatal("got an answer")
			}
			if got := hub.Certainly(err); got != tc.certain {
				t.Errorf("got certain %v (%v), want %v", got, err, tc.certain)
			}
		})
	}
}

func TestErrorsHaveACodeAndNameNobody(t *testing.T) {
	hang := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-hang:
		}
	})
	defer close(hang)
	client := open(t, upstream.Conf{})
	busy := open(t, upstream.Conf{Turn: func(context.Context) error { return hub.Errorf(hub.CodeBusy, "no turn") }})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	for name, tc := range map[string]struct {
		do   func(*http.Request) (*http.Response, error)
		ctx  context.Context
		host string
		want hub.Code
	}{
		"silence":              {client.Read.Do, short, server.URL, hub.CodeTimeout},
		"silence to a writer":  {client.Write.Do, short, server.URL, hub.CodeTimeout},
		"the caller leaves":    {client.Read.Do, gone, server.URL, hub.CodeCancelled},
		"nobody listens":       {client.Read.Do, t.Context(), "http://127.0.0.1:1", hub.CodeUnavailable},
		"not allowed":          {client.Read.Do, t.Context(), "http://127.0.0.2:1", hub.CodeUnavailable},
		"no turn":              {busy.Read.Do, t.Context(), server.URL, hub.CodeBusy},
		"no turn for a writer": {busy.Write.Do, t.Context(), server.URL, hub.CodeBusy},
		"an unknown protocol":  {client.Read.Do, t.Context(), "gopher://127.0.0.1", hub.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.do(post(t, tc.ctx, tc.host+"/accounts/0004411?secret=s3cret", "x"))
			if got := hub.CodeOf(err); got != tc.want {
				t.Errorf("got %q (%v), want %q", got, err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "0004411") || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %q, want no part of the URL", err)
			}
		})
	}
}

func TestOneFailureDoesNotCloseTheNeighboursConnections(t *testing.T) {
	var fresh sync.Map
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fresh.Store(r.RemoteAddr, true)
		if r.URL.Path == "/down" {
			panic(http.ErrAbortHandler)
		}
	})
	client := open(t, upstream.Conf{})
	get := func(path string) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if resp, err := client.Read.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	var two sync.WaitGroup
	for range 2 {
		two.Go(func() { get("/slow") })
	}
	two.Wait()
	get("/down")
	get("/")
	count := 0
	fresh.Range(func(any, any) bool { count++; return true })
	if count > 3 {
		t.Errorf("got %d connections, want the idle ones reused", count)
	}
}

func TestNothingIsRepeatedBehindTheTurnsBack(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			var calls, turns atomic.Int64
			var down atomic.Bool
			gather := make(chan struct{}, 4)
			server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if r.ContentLength != 0 && method != http.MethodPost {
					t.Errorf("got a body of length %d, want none", r.ContentLength)
				}
				if down.Load() {
					panic(http.ErrAbortHandler)
				}
				gather <- struct{}{}
				for len(gather) < 4 {
					time.Sleep(time.Millisecond)
				}
			})
			client := open(t, upstream.Conf{Turn: func(context.Context) error { turns.Add(1); return nil }})
			do := func() {
				req, _ := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
				if resp, err := client.Read.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			}
			var all sync.WaitGroup
			for range 4 { // four connections are kept
				all.Go(do)
			}
			all.Wait()
			down.Store(true)
			do()
			if calls.Load() != 5 || turns.Load() != 5 {
				t.Errorf("got %d calls in %d turns, want 5 in 5", calls.Load(), turns.Load())
			}
		})
	}
}

func TestAnswerThatDoesNotEndIsCutOff(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	resp, err := open(t, upstream.Conf{MaxBody: 1 << 20}).Read.Do(post(t, t.Context(), server.URL, "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if n != 1<<20 || hub.CodeOf(err) != hub.CodeBadData {
		t.Errorf("got %d bytes and %v, want 1 MiB and bad data", n, err)
	}
}

// A connector's question is sent again from its beginning.
func TestAConnectorsQuestionIsRepeatedWhole(t *testing.T) {
	var heard []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if heard = append(heard, r.Header.Get("X-Asks")+" "+string(body)); len(heard)%2 == 1 {
			w.WriteHeader(503)
		}
	})
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := open(t, upstream.Conf{})
	for _, body := range []string{"about Ana", strings.Repeat("about all ", 40<<10)} { // the long one is net/http's to send
		heard = nil
		req := wire.NewRequest(always(t.Context()), http.MethodPost, to, http.Header{"X-Asks": {"Racord"}}, []byte(body))
		resp, err := client.Read.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := "Racord " + body; resp.StatusCode != 200 || len(heard) != 2 || heard[0] != want || heard[1] != want {
			t.Errorf("of %d bytes: got status %d, and heard %.60q", len(body), resp.StatusCode, heard)
		}
	}
}

func TestLimitBodyEndsExactlyAtTheLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		length int
		said   int64 // by the header; negative = nothing
		want   hub.Code
	}{
		"shorter": {9, -1, ""}, "just as long": {10, -1, ""}, "longer": {11, -1, hub.CodeBadData},
		"said to be just as long": {10, 10, ""}, "said to be longer": {11, 11, hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			resp := &http.Response{ContentLength: tc.said, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", tc.length)))}
			upstream.LimitBody(resp, 10)
			body, err := io.ReadAll(resp.Body)
			if hub.CodeOf(err) != tc.want || len(body) != min(tc.length, 10) {
				t.Errorf("got %d bytes and %v, want %d and %q", len(body), err, min(tc.length, 10), tc.want)
			}
		})
	}
}

func TestCompressedAnswersAreNotAskedFor(t *testing.T) {
	var asked string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.Header.Get("Accept-Encoding") })
	resp, err := open(t, upstream.Conf{}).Read.Do(post(t, t.Context(), server.URL, "x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if strings.Contains(asked, "gzip") {
		t.Errorf("got Accept-Encoding %q, want none", asked)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	_, err := open(t, upstream.Conf{}).Read.Do(post(t, t.Context(), server.URL, "x"))
	if hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("an unknown certificate: got %v, want unavailable", err)
	}
	trusted := upstream.Conf{RootCAs: pool(server)}
	resp, err := open(t, trusted).Read.Do(post(t, t.Context(), server.URL, "x"))
	if err != nil {
		t.Fatalf("a known certificate: got %v, want an answer", err)
	}
	_ = resp.Body.Close()
	server.CloseClientConnections()
	server.TLS.MaxVersion = oldTLS
	if _, err := open(t, trusted).Read.Do(post(t, t.Context(), server.URL, "x")); !errors.As(err, new(*hub.Error)) {
		t.Errorf("TLS 1.1: got %v, want a refusal", err)
	}
}

// TLS 1.3 refuses a certificate after the request was written, and has read
// nothing of it.
func TestARefusedCertificateIsSaidForCertain(t *testing.T) {
	for version, want := range map[uint16]hub.Code{tls.VersionTLS12: hub.CodeUnavailable /* its alert says no more */, tls.VersionTLS13: hub.CodeAuth} {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = quiet
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}
		server.StartTLS()
		conf := &tls.Config{RootCAs: pool(server)}
		_, write := open(t, upstream.Conf{}).Secure(conf)
		if _, err := write.Do(post(t, t.Context(), server.URL, "x")); hub.CodeOf(err) != want || !hub.Certainly(err) {
			t.Errorf("%s without a certificate: got %v (certain %t), want %s for certain", tls.VersionName(version), err, hub.Certainly(err), want)
		}
		conf.Certificates = server.TLS.Certificates
		read, _ := open(t, upstream.Conf{}).Secure(conf)
		if answer, err := read.Do(post(t, t.Context(), server.URL, "x")); err != nil {
			t.Errorf("%s with one: got %v, want an answer", tls.VersionName(version), err)
		} else {
			_ = answer.Body.Close()
		}
		server.Close()
	}
}

func TestWriterSaysWhenNothingWasWritten(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	there := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	busy := hub.Errorf(hub.CodeBusy, "later")
	for name, tc := range map[string]struct {
		url  string
		conf upstream.Conf
		want hub.Code
		sure bool
	}{
		"nobody listens":     {gone.URL, upstream.Conf{}, hub.CodeUnavailable, true},
		"behind the wall":    {"http://169.254.169.254/", upstream.Conf{}, hub.CodeUnavailable, true},
		"no turn":            {there.URL, upstream.Conf{Turn: func(context.Context) error { return busy }}, hub.CodeBusy, true},
		"not TLS":            {strings.Replace(there.URL, "http:", "https:", 1), upstream.Conf{}, hub.CodeUnavailable, true},
		"a lost connection":  {there.URL, upstream.Conf{}, hub.CodeUnavailable, false},
		"an answer too late": {silent.URL, upstream.Conf{}, hub.CodeTimeout, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := open(t, tc.conf).Write.Do(post(t, ctx, tc.url, "x"))
		cancel()
		if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.sure {
			t.Errorf("%s: got %v (certain %t), want %s (%t)", name, err, hub.Certainly(err), tc.want, tc.sure)
		}
	}
	if busy.Certain {
		t.Error("the turn's own error was changed")
	}
}
