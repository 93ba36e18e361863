package upstream

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"racord/adapters/upstream/lean"
	"racord/hub"
)

// Reader sends requests that may be repeated without harm. A repetition follows
// a refused or lost connection and the statuses 502, 503 and 504, once, after 25
// to 100 ms, as long as little of the time was used and the guard's budget
// allows (hub.MayRetry). 429 and any answer with Retry-After are never repeated.
type Reader struct {
	straight http.RoundTripper // the way out itself
	retrying *retryablehttp.Client
}

func newReader(rt http.RoundTripper) *Reader {
	return &Reader{rt, &retryablehttp.Client{
		HTTPClient:   plain(rt),
		Logger:       nil, // the default logger prints URLs, and URLs name people
		RetryMax:     1,
		RetryWaitMin: 25 * time.Millisecond,
		RetryWaitMax: 100 * time.Millisecond,
		CheckRetry:   again,
		PrepareRetry: rewound,
		Backoff:      jittered,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
}

// Do sends the request. It fails with CodeTimeout, CodeCancelled, CodeUnavailable
// or what the turn fails with; the errors name no URL. Every status is an answer,
// also a redirect.
func (r *Reader) Do(req *http.Request) (resp *http.Response, err error) {
	began := time.Now()
	body, fit := direct(req)
	if fit {
		resp, err = r.straight.RoundTrip(req)
	}
	if !fit || passing(resp, err) {
		try := &attempts{Context: req.Context(), header: req.Header, body: body, began: began}
		if fit {
			try.first = &outcome{resp, err}
		}
		resp, err = r.persist(try, req)
	}
	if err != nil {
		return nil, failure(req.Context(), err)
	}
	return resp, nil
}

// direct tells whether the first attempt needs neither http.Client nor retryablehttp:
// most are the last, and all the two would do is to hand them on. body is nil where
// there is none.
func direct(req *http.Request) (body rewinder, fit bool) {
	if !lean.Small(req) || req.URL.User != nil {
		return nil, false
	}
	body, fit = req.Body.(rewinder)
	return body, fit || req.Body == nil || req.Body == http.NoBody
}

// persist leaves it to retryablehttp whether the request is sent, and sent again.
func (r *Reader) persist(try *attempts, req *http.Request) (*http.Response, error) {
	bare := req.WithContext(try)
	bare.Header = bareHeader
	wrapped, err := try.replayable(bare)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "Something went wrong on our side.")
	}
	return r.retrying.Do(wrapped)
}

// bareHeader is what http.Client sees of a header. Nobody writes to it.
var bareHeader = http.Header{}

// rewinder is a body that can be read again.
type rewinder interface{ Rewind() }

// rewound lets the next attempt read the body from its beginning.
func rewound(req *http.Request) error {
	if try, ok := req.Context().(*attempts); ok && try.body != nil {
		try.body.Rewind()
	}
	return nil
}

// replayable lets retryablehttp rewind the body through the request's own
// GetBody, which copies nothing, if it is not rewound here.
func (a *attempts) replayable(req *http.Request) (*retryablehttp.Request, error) {
	if req.Body == nil || req.Body == http.NoBody || a.body != nil {
		return &retryablehttp.Request{Request: req}, nil
	}
	if req.GetBody == nil {
		return retryablehttp.FromRequest(req)
	}
	open, length := req.GetBody, req.ContentLength
	_ = req.Body.Close()
	again := &retryablehttp.Request{Request: req}
	err := again.SetBody(retryablehttp.ReaderFunc(func() (io.Reader, error) { return open() }))
	req.GetBody, req.ContentLength = open, length
	return again, err
}

// attempts is the context of one request, which knows how often it was sent. The
// request has its header only where it is written: http.Client copies what it sees
// for redirects that nobody follows.
type attempts struct {
	context.Context
	header http.Header
	body   rewinder // nil = it is not rewound: net/http may hold it when an attempt has failed
	first  *outcome // of an attempt that was made already; the next one only tells it
	began  time.Time
	sent   int
}

// outcome is what became of an attempt.
type outcome struct {
	resp *http.Response
	err  error
}

// again decides about a repetition. It is asked after every attempt, also the
// last, and must not spend budget then.
func again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	try, ok := ctx.(*attempts)
	if !ok {
		return false, nil
	}
	try.sent++
	if try.sent > 1 || !passing(resp, err) || !try.early() {
		return false, nil
	}
	return hub.MayRetry(ctx), nil
}

// early tells whether less than a quarter of the time was used.
func (a *attempts) early() bool {
	deadline, limited := a.Deadline()
	return a.Err() == nil && (!limited || 4*time.Since(a.began) < deadline.Sub(a.began))
}

// passing tells whether an outcome may be better the next time.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		return lost(err)
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return resp.Header.Get("Retry-After") == ""
	default:
		return false
	}
}

// lost tells whether there was no connection, or it broke before an answer.
func lost(err error) bool {
	for _, cause := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

func jittered(least, most time.Duration, _ int, _ *http.Response) time.Duration {
	return least + rand.N(most-least)
}

// Writer sends a request exactly once.
type Writer struct {
	client *http.Client
}

// Do sends the request. It fails like Reader.Do. An error is Certain when nothing
// was written: no connection, no turn. After any other failure the other side may
// have done what was asked, or not.
func (w *Writer) Do(req *http.Request) (*http.Response, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, settled(failure(req.Context(), err), err)
	}
	return resp, nil
}

// settled marks a failure before which nothing was written.
func settled(failure, err error) error {
	var unsent lean.NotSent
	var below *net.OpError
	if errors.As(err, &unsent) || errors.As(err, &below) && below.Op == "dial" || alert(err) {
		return hub.Undone(failure)
	}
	return failure
}

// failure gives a transport's error its code and takes the URL out of it.
func failure(ctx context.Context, err error) error {
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	var coded *hub.Error
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &coded):
		return coded
	case alert(err):
		return hub.Wrap(hub.CodeAuth, err, "The creditor's system does not accept the hub's certificate.")
	case errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, context.Canceled):
		return hub.Wrap(hub.CodeCancelled, err, "The question was withdrawn.")
	case ctx.Err() != nil || errors.As(err, &slow) && slow.Timeout():
		return hub.Wrap(hub.CodeTimeout, err, "The creditor did not answer in time.")
	default:
		return hub.Wrap(hub.CodeUnavailable, err, "The creditor cannot be reached.")
	}
}

// alert tells whether the other side refused our certificate. TLS 1.3 says so
// after the request was written, and without having read any of it (RFC 8446
// §4.4.2.4).
func alert(err error) bool {
	var said *net.OpError
	return errors.As(err, &said) && said.Op == "remote error" &&
		(strings.Contains(said.Err.Error(), "certificate") || strings.Contains(said.Err.Error(), "access denied"))
}
