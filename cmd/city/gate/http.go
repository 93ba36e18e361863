package gate

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// Voice is how a creditor says no. Each function writes a whole answer.
type Voice struct {
	Busy        func(http.ResponseWriter) // too many calls
	Maintenance func(http.ResponseWriter, *http.Request)
	Refused     func(http.ResponseWriter)                              // wrong credentials
	Garble      func(header http.Header, body []byte) (damaged []byte) // wrong_encoding
}

// JSON is the voice of the REST creditors.
func JSON() Voice {
	say := func(status int, code, retryAfter string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"code":"`+code+`","error":"`+code+`"}`)
		}
	}
	closed := say(http.StatusServiceUnavailable, "maintenance", "900")
	return Voice{
		Busy:        say(http.StatusTooManyRequests, "rate_limited", "2"),
		Maintenance: func(w http.ResponseWriter, _ *http.Request) { closed(w) },
		Refused:     say(http.StatusUnauthorized, "unauthorized", ""),
		Garble:      func(_ http.Header, body []byte) []byte { return latin(body) },
	}
}

// latin writes letters beyond ASCII as single bytes, which is not UTF-8.
func latin(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		out = append(out, byte(r))
	}
	return out
}

const maxBody = 1 << 20

// Wrap puts the door before a creditor's interface.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, over := g.Enter()
		defer leave()
		body, ok := swallow(w, r)
		if !ok {
			return
		}
		if over {
			g.voice.Busy(w)
			return
		}
		g.Wait(r.Context())
		g.serve(w, r, next, g.posts(r, body))
	})
}

// WrapUncounted puts the faults of the door, but not its counters, before a
// side entrance such as a token endpoint.
func (g *Gate) WrapUncounted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := swallow(w, r); ok {
			g.serve(w, r, next, false)
		}
	})
}

// swallow reads the whole request: only then does the server notice that a
// caller has gone away.
func swallow(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxBody), r.ContentLength)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return nil, false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, true
}

// readAll reads a body in one piece when its length is known.
func readAll(from io.Reader, length int64) ([]byte, error) {
	if length <= 0 || length > maxBody {
		return io.ReadAll(from)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(from, body)
	return body, err
}

func (g *Gate) serve(w http.ResponseWriter, r *http.Request, next http.Handler, post bool) {
	f, hit := g.draw(post)
	if !hit {
		next.ServeHTTP(w, r)
		return
	}
	switch f.Kind {
	case Down:
		cut()
	case Refuse503:
		w.WriteHeader(http.StatusServiceUnavailable)
	case RateLimited:
		g.voice.Busy(w)
	case Maintenance:
		g.voice.Maintenance(w, r)
	case Auth:
		g.voice.Refused(w)
	case LoginPage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, loginPage)
	case Hang:
		if sleep(r.Context(), f.DelayOr(30*time.Second)) {
			next.ServeHTTP(w, r)
		}
	case WrongCitizen:
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), mistaken{}, true)))
	default:
		g.damage(w, r, next, f)
	}
}

// damage lets the creditor answer and spoils the answer on its way out.
func (g *Gate) damage(w http.ResponseWriter, r *http.Request, next http.Handler, f Fault) {
	answer := &recorder{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(answer, r)
	body := answer.body.Bytes()
	switch f.Kind {
	case LostAnswer:
		cut()
	case LostSilence:
		sleep(r.Context(), f.DelayOr(30*time.Second))
		cut()
	case WrongCoding:
		body = g.voice.Garble(w.Header(), body)
	case Malformed:
		body = body[:len(body)/2]
		dropTrailers(w.Header())
	}
	w.WriteHeader(answer.status)
	switch f.Kind {
	case SlowLoris:
		trickle(r.Context(), w, body, f.DelayOr(100*time.Millisecond))
	case Huge:
		flood(r.Context(), w, body)
	default:
		_, _ = w.Write(body)
	}
}

// dropTrailers lets an answer that stops in the middle end without a word.
func dropTrailers(h http.Header) {
	for _, name := range h.Values("Trailer") {
		h.Del(name)
	}
}

// cut closes the connection; net/http does so silently for this panic.
func cut() { panic(http.ErrAbortHandler) }

func trickle(ctx context.Context, w http.ResponseWriter, body []byte, pause time.Duration) {
	out := http.NewResponseController(w)
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil || out.Flush() != nil || !sleep(ctx, pause) {
			return
		}
	}
}

// floodSize is where even a patient reader has had enough: 256 MiB.
const floodSize = 256 << 20

func flood(ctx context.Context, w http.ResponseWriter, body []byte) {
	if len(body) > 1 {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	blanks := bytes.Repeat([]byte(strings.Repeat(" ", 63)+"\n"), 1024)
	for sent := 0; sent < floodSize && ctx.Err() == nil; sent += len(blanks) {
		if _, err := w.Write(blanks); err != nil {
			return
		}
	}
}

// Mistaken reports whether the creditor is to answer about a neighbour of the
// person it is asked about.
func Mistaken(ctx context.Context) bool {
	yes, _ := ctx.Value(mistaken{}).(bool)
	return yes
}

type mistaken struct{}

// recorder keeps an answer back.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) Flush()                      {} // it is sent when it is whole

const loginPage = `<!DOCTYPE html>
<html lang="ro"><head><title>Autentificare</title></head>
<body><form method="post"><h1>Sesiunea a expirat</h1>
<label>Utilizator <input name="user"></label><label>Parola <input name="pass" type="password"></label>
<button>Intră</button></form></body></html>
`
