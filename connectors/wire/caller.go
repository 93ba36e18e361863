package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"racord/connectors"
	"racord/hub"
)

// Caller sends requests of one creditor with its credentials.
type Caller struct {
	env    connectors.Env
	auth   Auth
	tokens *tokens
	form   Answers
}

// NewCaller makes a caller. Nothing is sent and no secret is fetched yet.
func NewCaller(env connectors.Env, auth Auth) *Caller {
	return &Caller{env: env, auth: auth, tokens: newTokens(env, auth)}
}

// Reading makes the caller read answers of another form than JSON should have.
func (c *Caller) Reading(form Answers) *Caller {
	c.form = form
	return c
}

// Reply is an answer that was read whole.
type Reply struct {
	Status     int
	Header     http.Header
	Body       []byte        // valid until Release
	RetryAfter time.Duration // 1 s to 1 h, or 0 when the creditor did not say

	buffer *[]byte
	form   Answers
}

// Release gives the memory back; Body may not be used afterwards.
func (r *Reply) Release() {
	if r.buffer != nil && cap(*r.buffer) <= 64<<10 {
		bodies.Put(r.buffer)
	}
	r.buffer, r.Body = nil, nil
}

var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Send adds the credentials, sends the request and reads the answer, whatever
// its status. A request that is safe may be repeated by the environment; one
// that a 401 answers is sent once more with a new token, and one that a 401, a
// redirect or the login page answers, with a new session. It fails with CodeAuth
// (a secret is missing, no token, no session), CodeBadData (too large, an unfit
// redirect), CodeTimeout, CodeUnavailable or the context's own error. A body must
// be one that can be sent again (http.NewRequest sees to that).
func (c *Caller) Send(ctx context.Context, safe bool, request *http.Request) (*Reply, error) {
	return c.send(ctx, safe, connectors.MaxAnswer, nil, request)
}

// Call sends the request of a call: like SendOnce when it changes something, else
// like Send.
func (c *Caller) Call(ctx context.Context, call *connectors.Call, request *http.Request) (*Reply, error) {
	if call.Writes() {
		return c.SendOnce(ctx, request)
	}
	return c.Ask(ctx, call, nil, request)
}

// Ask sends the request of a call that changes nothing, like Send. Its header is the
// letterhead, nil = its own.
func (c *Caller) Ask(ctx context.Context, call *connectors.Call, letterhead *Letterhead, request *http.Request) (*Reply, error) {
	return c.send(ctx, call.Safe, call.Bounds().Bytes, letterhead, request)
}

func (c *Caller) send(ctx context.Context, safe bool, most int, letterhead *Letterhead, request *http.Request) (*Reply, error) {
	doer := c.env.Write
	if safe {
		doer = c.env.Read
	}
	token, err := c.authorize(ctx, request, letterhead, "")
	if err != nil {
		return nil, err
	}
	reply, err := c.fetch(doer, request, most)
	if err != nil {
		return nil, err
	}
	if !c.refusesToken(reply) {
		return reply.answer()
	}
	reply.Release() // nothing was done: the token was refused
	again, err := rewound(ctx, request)
	if err != nil {
		return nil, err
	}
	if _, err := c.authorize(ctx, again, letterhead, token); err != nil {
		return nil, err
	}
	if reply, err = c.fetch(doer, again, most); err != nil {
		return nil, err
	}
	if c.loggedOut(reply) {
		return nil, notLoggedIn(reply)
	}
	return reply.answer()
}

// refusesToken tells whether the creditor did not take what Credential gave.
func (c *Caller) refusesToken(reply *Reply) bool {
	switch c.auth.Type {
	case "oauth2":
		return reply.Status == http.StatusUnauthorized
	case "session": // systems for people send who is not known to the login
		return reply.Status == http.StatusUnauthorized || reply.redirects() || c.loggedOut(reply)
	}
	return false
}

// rewound copies a request so that it can be sent again.
func rewound(ctx context.Context, request *http.Request) (*http.Request, error) {
	again := request.Clone(ctx)
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, connectors.Failure(hub.CodeInternal, err)
		}
		again.Body = body
	}
	return again, nil
}

func (c *Caller) authorize(ctx context.Context, request *http.Request, letterhead *Letterhead, refused string) (token string, err error) {
	header, value, token, err := c.Credential(ctx, refused)
	switch {
	case err != nil:
	case letterhead != nil:
		request.Header = letterhead.with(header, value)
	case header != "":
		request.Header.Set(header, value)
	}
	return token, err
}

// Credential gives the header that shows who we are, "" when there is none, for
// kinds that send it their own way. token is the OAuth 2.0 token in it, "" when
// it is none; refused is the one that was refused last.
func (c *Caller) Credential(ctx context.Context, refused string) (header, value, token string, err error) {
	switch c.auth.Type {
	case "api_key":
		secret, err := c.env.Secret(ctx, string(c.auth.Secret))
		if err != nil {
			return "", "", "", err
		}
		return c.auth.Header, secret.Reveal(), "", nil
	case "bearer":
		secret, err := c.env.Secret(ctx, string(c.auth.Secret))
		if err != nil {
			return "", "", "", err
		}
		return "Authorization", "Bearer " + secret.Reveal(), "", nil
	case "oauth2":
		if token, err = c.tokens.get(ctx, refused); err != nil {
			return "", "", "", err
		}
		return "Authorization", "Bearer " + token, token, nil
	case "session":
		if token, err = c.tokens.get(ctx, refused); err != nil {
			return "", "", "", err
		}
		return "Cookie", c.auth.Session.Cookie + "=" + token, token, nil
	}
	return "", "", "", nil
}

// fetch sends once and reads what comes, at most so many bytes.
func (c *Caller) fetch(doer connectors.Doer, request *http.Request, most int) (*Reply, error) {
	reply, err := fetch(doer, request, most)
	if err != nil {
		return nil, err
	}
	reply.form = c.form
	return reply, nil
}

// exchange sends once and reads an answer for machines.
func exchange(doer connectors.Doer, request *http.Request) (*Reply, error) {
	reply, err := fetch(doer, request, connectors.MaxAnswer)
	if err != nil {
		return nil, err
	}
	return reply.answer()
}

// redirects tells whether the reply sends us elsewhere.
func (r *Reply) redirects() bool {
	return r.Status >= 300 && r.Status < 400 && r.Status != http.StatusNotModified
}

// answer fails when the reply is no answer to a question of a machine.
func (r *Reply) answer() (*Reply, error) {
	var err error
	switch {
	case r.redirects():
		err = connectors.BadData("a redirect (%d), which is not followed", r.Status)
	case r.Status < 300 && isPage(r.Header) && !(r.form.HTML && looksJSON(r.Body)):
		err = connectors.BadData("a page for people (text/html) instead of an answer: the creditor's session or our credentials have ended")
	default:
		return r, nil
	}
	r.Release()
	return nil, err
}

// fetch sends once and reads what comes, at most so many bytes.
func fetch(doer connectors.Doer, request *http.Request, most int) (*Reply, error) {
	response, err := doer.Do(request)
	if err != nil {
		return nil, network(request.Context(), err)
	}
	defer response.Body.Close()
	reply := &Reply{Status: response.StatusCode, Header: response.Header}
	reply.RetryAfter = retryAfter(response.Header)
	if err := reply.read(response.Body, most); err != nil {
		reply.Release()
		if errors.Is(err, errTooLarge) {
			return nil, connectors.BadData("an answer of more than %d bytes", most)
		}
		return nil, network(request.Context(), err)
	}
	return reply, nil
}

var errTooLarge = errors.New("too large")

// read fills the body from a pooled buffer.
func (r *Reply) read(from io.Reader, most int) error {
	r.buffer = bodies.Get().(*[]byte)
	body := (*r.buffer)[:0]
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := from.Read(body[len(body):min(cap(body), most+1)])
		body = body[:len(body)+n]
		*r.buffer, r.Body = body, body
		switch {
		case len(body) > most:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// network classifies a failure below HTTP. What was classified already, the
// limits of the hub among it, stays as it is.
func network(ctx context.Context, err error) error {
	var known *hub.Error
	switch {
	case errors.As(err, &known):
		return known // without the address around it
	case ctx.Err() != nil:
		return connectors.Failure(hub.CodeOf(ctx.Err()), ctx.Err())
	case certificateRefused(err):
		return connectors.Failure(hub.CodeAuth, withoutURL(err))
	case isTimeout(err):
		return connectors.Failure(hub.CodeTimeout, withoutURL(err))
	default:
		return connectors.Failure(hub.CodeUnavailable, withoutURL(err))
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// withoutURL keeps the cause and drops the address, which may name an account.
func withoutURL(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, has := err.(interface{ Temporary() bool }); has || strings.Contains(err.Error(), "://") {
			err = inner
			continue
		}
		return err
	}
}

// statusError is an unfit HTTP status of something.
type statusError struct {
	what   string
	status int
}

func (e statusError) Error() string { return e.what + ": HTTP status " + strconv.Itoa(e.status) }

// retryAfter reads Retry-After (RFC 9110 §10.2.3), seconds or a date, and keeps
// it from 1 s to 1 h.
func retryAfter(h http.Header) time.Duration {
	written := h.Get("Retry-After")
	if written == "" {
		return 0
	}
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(written, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(max(seconds, 0), 3600)) * time.Second
	} else if at, err := http.ParseTime(written); err == nil {
		wait = time.Until(at)
	} else {
		return 0
	}
	return min(max(wait, time.Second), time.Hour)
}
