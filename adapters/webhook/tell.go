package webhook

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"racord/adapters/errand"
	"racord/hub"
)

// Codes of notices that were settled without being sent.
const (
	codeNotWanted hub.Code = "not_wanted"  // the receiver did not ask for such events
	codeNotIts    hub.Code = "not_its_own" // about another creditor's line: never sent
	codeGone      hub.Code = "gone"        // it said that it listens there no more
)

// tell makes one attempt to tell a receiver of a notice, and notes how it went.
// An attempt that the end of the process cut off is not noted: its lease runs out
// and another replica makes it again.
func (t *Teller) tell(ctx context.Context, e *Endpoint, n *hub.Notice) {
	try, again := t.attempt(ctx, e, n)
	if ctx.Err() != nil && try.Code != "" {
		return
	}
	t.settle(ctx, n, try, again)
}

// attempt sends a notice, unless it is not the receiver's to have.
func (t *Teller) attempt(ctx context.Context, e *Endpoint, n *hub.Notice) (hub.Try, *time.Duration) {
	try := hub.Try{Payment: n.Payment, Seq: n.Seq, Receiver: n.Receiver, No: n.Tries + 1}
	switch {
	case n.Creditor != "" && n.Receiver != hub.CreditorReceiver(n.Creditor) && forCreditor(n.Receiver), n.Creditor == "" && forCreditor(n.Receiver):
		try.Code = codeNotIts
		return try, nil
	case !e.wants(n.Type):
		try.Code = codeNotWanted
		return try, nil
	}
	begun := time.Now()
	status, asked, err := t.send(ctx, e, n)
	try.Took, try.Status, try.Code = time.Since(begun), status, hub.CodeOf(err)
	t.Meter.Told(n.Receiver, try.Code, try.Took)
	if err == nil {
		return try, nil
	}
	again := t.next(n, try, asked)
	try.GivenUp = again == nil
	return try, again
}

func forCreditor(to hub.Receiver) bool {
	const mark = "creditor:"
	return len(to) > len(mark) && to[:len(mark)] == mark
}

// send sends a notice once. asked is how long the receiver wants to be left
// alone.
func (t *Teller) send(ctx context.Context, e *Endpoint, n *hub.Notice) (status int, asked time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.conf.Timeout)
	defer cancel()
	body, err := t.compose(ctx, n)
	if err != nil {
		return 0, 0, err
	}
	r, err := e.request(ctx, n.ID(), time.Now(), body)
	if err != nil {
		return 0, 0, err
	}
	answer, err := e.HTTP.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostAnswer) // what it says beside its status is not for us
	return answer.StatusCode, retryAfter(answer.Header.Get("Retry-After")), judged(answer.StatusCode)
}

// mostAnswer in bytes is read of an answer.
const mostAnswer = 4 << 10

// judged gives an answer's status its code. Redirects are not followed: a
// receiver that moved says so to the operator.
func judged(status int) error {
	code := hub.CodeBadData
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusGone:
		code = codeGone
	case status == http.StatusTooManyRequests:
		code = hub.CodeBusy
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		code = hub.CodeAuth
	case status == http.StatusNotFound:
		code = hub.CodeNotFound
	case status/100 == 5:
		code = hub.CodeUnavailable
	}
	return hub.Errorf(code, "The receiver answered %d.", status)
}

// retryAfter reads the header as seconds or as a date, between a second and a day;
// 0 for one that says nothing.
func retryAfter(text string) time.Duration {
	wait := time.Duration(0)
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = time.Until(at)
	} else {
		return 0
	}
	return min(max(wait, time.Second), 24*time.Hour)
}

// next tells when a notice is tried again, nil for never by itself.
func (t *Teller) next(n *hub.Notice, try hub.Try, asked time.Duration) *time.Duration {
	if try.Code == codeGone || n.Tries >= len(t.conf.Waits) {
		t.Log.Error("a webhook was given up", slog.String("operation", "webhook_tell"), slog.String("receiver", string(n.Receiver)),
			slog.String("event", n.ID()), slog.String("code", string(try.Code)), slog.Int("tries", try.No))
		return nil
	}
	wait := max(errand.Spread(t.conf.Waits[n.Tries]), asked)
	return &wait
}

// settle notes an attempt. Who lost the lease meanwhile notes nothing.
func (t *Teller) settle(ctx context.Context, n *hub.Notice, try hub.Try, again *time.Duration) {
	err := errand.Note(ctx, func(ctx context.Context) error { return t.Outbox.Settle(ctx, *n, try, again) })
	if err != nil {
		t.Log.Warn("a webhook's attempt was not noted and will be made again", slog.String("operation", "webhook_tell"),
			slog.String("receiver", string(n.Receiver)), slog.String("code", string(hub.CodeOf(err))))
	}
}
