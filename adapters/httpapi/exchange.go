package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"racord/hub"
)

// exchange is one request and its answer as the middleware sees them. It is the
// request's context, so that carrying it costs nothing more.
type exchange struct {
	context.Context
	request *http.Request
	caller  hub.Caller
	refused error // why a notification could not be read
	trace   [traceLength]byte
	tally   tally
	begun   time.Time
	streams bool // the answer is a stream, and has begun

	// Room for header values, one slice less to allocate for each.
	traceHeader, lengthHeader, tagHeader, limitHeader [1]string
}

type exchangeKey struct{}

// Value finds the exchange itself, or what its request carries.
func (x *exchange) Value(key any) any {
	if _, mine := key.(exchangeKey); mine {
		return x
	}
	return x.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func newExchange(r *http.Request) *exchange {
	x := &exchange{Context: r.Context(), request: r, begun: time.Now()}
	x.nameTrace(r.Header)
	return x
}

// traceLength is that of a W3C trace id in hex.
const traceLength = 32

// firstTrace makes the traces of this process unlike those of any other.
var firstTrace, traces = func() (first [8]byte, counter *atomic.Uint64) {
	_, _ = rand.Read(first[:]) // never fails (crypto/rand)
	return first, new(atomic.Uint64)
}()

// nameTrace takes over the trace of a W3C traceparent, else names a new one.
func (x *exchange) nameTrace(h http.Header) {
	if parents := h["Traceparent"]; len(parents) == 1 && validTraceparent(parents[0]) {
		copy(x.trace[:], parents[0][3:])
		return
	}
	var raw [16]byte
	copy(raw[:], firstTrace[:])
	binary.BigEndian.PutUint64(raw[8:], traces.Add(1))
	hex.Encode(x.trace[:], raw[:])
}

// validTraceparent accepts "00-<32 hex>-<16 hex>-<2 hex>" with a trace id that
// is not all zero.
func validTraceparent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	zero := true
	for i := 3; i < 55; i++ {
		c := s[i]
		if i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		zero = zero && (i >= 35 || c == '0')
	}
	return !zero
}

// send writes an answer with a known body: headers and body leave together.
func (x *exchange) send(w http.ResponseWriter, status int, contentType []string, body []byte) error {
	h := w.Header()
	x.head(h)
	h["Content-Type"] = contentType
	x.lengthHeader[0] = strconv.Itoa(len(body))
	h["Content-Length"] = x.lengthHeader[:]
	if x.request.Method != http.MethodHead {
		announce(x, len(body))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
	return nil
}

// head sets the headers that tell about this exchange.
func (x *exchange) head(h http.Header) {
	x.traceHeader[0] = string(x.trace[:])
	h["X-Request-Id"] = x.traceHeader[:]
	if policy := x.tally.policy(); policy != nil {
		x.limitHeader[0] = x.tally.String()
		h["Ratelimit-Policy"] = policy
		h["Ratelimit"] = x.limitHeader[:]
	}
}
