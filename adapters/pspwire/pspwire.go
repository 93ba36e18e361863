// Package pspwire is what the adapters of payment providers have in common: one
// exchange of a request for an answer, which is read whole and never without a
// bound; failures that say whether anything can have been done; and amounts
// written and read exactly, in bani.
package pspwire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"racord/hub"
)

// Doer sends one HTTP request. It follows no redirect.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Env is an adapter's only way to the outside world.
type Env struct {
	Read   Doer // may repeat a request, within the guard's budget: for questions
	Write  Doer // sends once: for what moves money
	Secret func(ctx context.Context, name string) (hub.Secret, error)
	Now    func() time.Time // real time, which signatures and tokens carry
}

// MaxAnswer bounds an answer, in bytes: 500 orders are about 300 kB.
const MaxAnswer = 4 << 20

// Reply is an answer that was read whole.
type Reply struct {
	Status int
	Body   []byte
}

// Exchange sends a request and reads the answer. An answer with the status 2xx,
// 400, 404, 409 or 422 is the provider's word, for the adapter to read. All else
// is a failure: CodeAuth (401, 403), CodeBusy (429), CodeUnavailable,
// CodeTimeout, CodeCancelled or CodeBadData. It is Certain when the provider did
// nothing for sure: no connection came to be, or it refused us at the door.
func Exchange(to Doer, req *http.Request) (Reply, error) {
	resp, err := to.Do(req)
	if err != nil {
		return Reply{}, broken(req.Context(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return Reply{}, broken(req.Context(), err)
	case len(body) > MaxAnswer:
		return Reply{}, BadData("an answer of more than %d bytes", MaxAnswer)
	}
	if err := turnedAway(resp); err != nil {
		return Reply{}, err
	}
	return Reply{Status: resp.StatusCode, Body: body}, nil
}

// turnedAway is the failure that a status alone says.
func turnedAway(resp *http.Response) error {
	cause := errors.New("HTTP status " + strconv.Itoa(resp.StatusCode))
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300, s == http.StatusBadRequest, s == http.StatusNotFound, s == http.StatusConflict, s == http.StatusUnprocessableEntity:
		return nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return hub.NotDone(hub.Wrap(hub.CodeAuth, cause, "The payment provider refused our credentials."))
	case s == http.StatusTooManyRequests:
		busy := hub.NotDone(hub.Wrap(hub.CodeBusy, cause, "The payment provider asks us to come back later."))
		busy.RetryAfter = retryAfter(resp.Header)
		return busy
	case s >= 500:
		return hub.Wrap(hub.CodeUnavailable, cause, "The payment provider has a fault.")
	default:
		return hub.Wrap(hub.CodeBadData, cause, "The payment provider's answer cannot be understood.")
	}
}

// retryAfter reads seconds (RFC 9110 §10.2.3), at most an hour.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}

// broken is a failure below HTTP, in the words of paying. It keeps what the way
// out knows: the code, and whether anything was sent.
func broken(ctx context.Context, err error) error {
	code := hub.CodeOf(err)
	if code == hub.CodeInternal { // nobody classified it: a body that broke off
		if code = hub.CodeOf(ctx.Err()); code == "" {
			code = hub.CodeUnavailable
		}
	}
	failure := hub.Wrap(code, err, sentences[code])
	if failure.Message == "" {
		failure.Message = "The payment provider cannot be reached."
	}
	failure.Certain, failure.RetryAfter = hub.Certainly(err), hub.RetryAfterOf(err)
	return failure
}

var sentences = map[hub.Code]string{
	hub.CodeTimeout:   "The payment provider did not answer in time.",
	hub.CodeCancelled: "The question was withdrawn.",
	hub.CodeBadData:   "The payment provider's answer cannot be understood.",
}

// BadData is an answer that cannot be trusted. Nobody knows what was done. The
// cause must not hold what the answer says of the payer.
func BadData(format string, args ...any) error {
	cause := hub.Errorf(hub.CodeBadData, format, args...)
	return hub.Wrap(hub.CodeBadData, errors.New(cause.Message), "The payment provider's answer cannot be understood.")
}

// Refused is a provider's definite no: it did nothing, and says so.
func Refused(code hub.Code, cause error) error {
	return hub.NotDone(hub.Wrap(code, cause, "The payment provider refused."))
}

// Unable is a request that must not be sent as it is: our own mistake.
func Unable(format string, args ...any) error {
	cause := hub.Errorf(hub.CodeInvalid, format, args...)
	return hub.NotDone(hub.Wrap(hub.CodeInvalid, errors.New(cause.Message), "The payment cannot be put to the payment provider."))
}

// Before is a failure of a question that comes before what moves money: nothing
// of that was done.
func Before(err error) error {
	var known *hub.Error
	if !errors.As(err, &known) {
		known = hub.Wrap(hub.CodeOf(err), err, "The payment provider cannot be reached.")
	}
	sure := *known
	return hub.NotDone(&sure)
}
