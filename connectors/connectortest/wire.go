package connectortest

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"racord/connectors"
	"racord/hub"
)

// wire stands between a connector and the world: it remembers what went over it
// and disturbs it on purpose.
type wire struct {
	tamper tamper
	env    connectors.Env // the way out
	lines  logLines

	mu        sync.Mutex
	exchanges []*exchange
	secrets   []string // every secret the connector saw
	turns     int
	conns     count // of what is not HTTP
	flights   count // of HTTP: from the request to the closed answer
}

// count is how many there are and how many there were at most.
type count struct{ now, most int }

func (c *count) up() {
	c.now++
	c.most = max(c.most, c.now)
}

// wrap gives the environment a connector is opened with.
func (w *wire) wrap(env connectors.Env) connectors.Env {
	w.env = env
	watched := env
	watched.Read, watched.Write = w.over(env.Read), w.over(env.Write)
	watched.Log = slog.New(slog.NewTextHandler(&w.lines, nil))
	watched.Dial = w.dial
	if env.Secure != nil {
		watched.Secure = func(conf *tls.Config) (read, write connectors.Doer) {
			read, write = env.Secure(conf)
			return w.over(read), w.over(write)
		}
	}
	watched.Turn = func(ctx context.Context) error {
		w.mu.Lock()
		w.turns++
		w.mu.Unlock()
		if env.Turn == nil {
			return nil
		}
		return env.Turn(ctx)
	}
	watched.Secret = func(ctx context.Context, name string) (hub.Secret, error) {
		secret, err := env.Secret(ctx, name)
		if w.tamper.secret != nil && err == nil {
			secret = hub.NewSecret(w.tamper.secret(secret.Reveal()))
		}
		w.mu.Lock()
		w.secrets = append(w.secrets, secret.Reveal())
		w.mu.Unlock()
		return secret, err
	}
	return watched
}

func (w *wire) over(d connectors.Doer) connectors.Doer {
	if d == nil {
		return nil
	}
	return doer{w, d}
}

// doer is HTTP that is watched.
type doer struct {
	wire *wire
	next connectors.Doer
}

// Do sends what the tamper makes of the request and gives what it makes of the
// answer. Requests for tokens and logins pass untouched.
func (d doer) Do(request *http.Request) (*http.Response, error) {
	request, body, err := withBody(request)
	if err != nil {
		return nil, err
	}
	token := d.wire.isLogin(request, body)
	t := d.wire.tamper
	if token {
		t = tamper{}
	}
	if t.request != nil {
		request = t.request(request, body)
	}
	e := d.wire.begin(request, token)
	response, err := t.send(d.next, request)
	if err != nil {
		d.wire.land()
		e.fail(err)
		return nil, err
	}
	e.answered(response)
	response.Body = &answerBody{ReadCloser: response.Body, wire: d.wire, exchange: e}
	return response, nil
}

// isLogin tells whether a request asks for a token (RFC 6749 §4.4.2), or logs in
// with a form that holds one of the connector's secrets.
func (w *wire) isLogin(request *http.Request, body []byte) bool {
	if bytes.Contains(body, []byte("grant_type=client_credentials")) {
		return true
	}
	if !strings.HasPrefix(request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.secrets, func(secret string) bool {
		return len(secret) >= shortest && bytes.Contains(body, []byte(url.QueryEscape(secret)))
	})
}

// withBody copies a request and gives what it carries.
func withBody(request *http.Request) (*http.Request, []byte, error) {
	if request.Body == nil || request.Body == http.NoBody {
		return request, nil, nil
	}
	body, err := io.ReadAll(request.Body)
	_ = request.Body.Close() // as a client does
	if err != nil {
		return nil, nil, err
	}
	copied := request.Clone(request.Context())
	carry(copied, body)
	return copied, body, nil
}

// carry gives a request a body that can be sent again.
func carry(request *http.Request, body []byte) {
	request.ContentLength = int64(len(body))
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

func (w *wire) begin(request *http.Request, token bool) *exchange {
	e := newExchange(request, token)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exchanges = append(w.exchanges, e)
	w.flights.up()
	return e
}

func (w *wire) land() {
	w.mu.Lock()
	w.flights.now--
	w.mu.Unlock()
}

// answerBody notices what is read and when the answer is closed.
type answerBody struct {
	io.ReadCloser
	wire     *wire
	exchange *exchange
	once     sync.Once
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.exchange.heard(p[:n])
	return n, err
}

func (b *answerBody) Close() error {
	b.once.Do(b.wire.land)
	return b.ReadCloser.Close()
}

// dial opens connections for what is not HTTP.
func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	if w.tamper.silent {
		c = silence()
	} else {
		var err error
		if c, err = w.env.Dial(ctx, network, address); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.conns.up()
	w.mu.Unlock()
	return &conn{Conn: c, wire: w}, nil
}

// conn notices when it is closed.
type conn struct {
	net.Conn
	wire *wire
	once sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() {
		c.wire.mu.Lock()
		c.wire.conns.now--
		c.wire.mu.Unlock()
	})
	return c.Conn.Close()
}

// silence is a connection whose other end listens and never says a word.
func silence() net.Conn {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }() // ends when ours is closed
	return ours
}

// logLines is what a connector wrote to its log.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// spokeHTTP tells whether there was a request that was not for a token.
func (w *wire) spokeHTTP() bool {
	return w.last() != nil
}

// sent gives the requests that were not for tokens.
func (w *wire) requests() (all []*exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.exchanges {
		if !e.token {
			all = append(all, e)
		}
	}
	return all
}

// last is the last request that was not for a token, nil when there was none.
func (w *wire) last() *exchange {
	if w == nil {
		return nil
	}
	all := w.requests()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// counts gives turns taken, answers left open and the most of them at once, and
// the most connections at once.
func (w *wire) counts() (turns int, flights, conns count) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns, w.flights, w.conns
}
