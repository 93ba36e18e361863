package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"racord/connectors"
	"racord/hub"
)

// SendOnce adds the credentials, sends a request that changes something exactly
// once and reads the answer, whatever its status. It fails like Send; an error
// is Certain when the request was not written: without a token, without a turn,
// without a connection, with the login page for an answer. A token or a session
// that is refused is not used again, but nothing is repeated.
func (c *Caller) SendOnce(ctx context.Context, request *http.Request) (*Reply, error) {
	token, err := c.authorize(ctx, request, nil, "")
	if err != nil {
		return nil, hub.Undone(err)
	}
	attempt := &attempt{doer: c.env.Write}
	reply, err := c.fetch(attempt, request, connectors.MaxAnswer)
	switch {
	case err != nil && attempt.unsent:
		return nil, hub.Undone(err)
	case err != nil:
		return nil, err
	}
	if c.refusesToken(reply) {
		c.tokens.forget(token)
	}
	if c.loggedOut(reply) {
		return nil, hub.Undone(notLoggedIn(reply))
	}
	return reply.answer()
}

// Refused tells that the creditor does not take a token: it is not used again.
func (c *Caller) Refused(token string) { c.tokens.forget(token) }

// attempt sends and remembers whether anything was written.
type attempt struct {
	doer   connectors.Doer
	unsent bool
}

// Do sends the request.
func (a *attempt) Do(request *http.Request) (*http.Response, error) {
	response, err := a.doer.Do(request)
	a.unsent = err != nil && unsent(err)
	return response, err
}

// unsent tells whether an error came before the request was written: the way out
// says so, or there never was a connection.
func unsent(err error) bool {
	var dial *net.OpError
	return hub.Certainly(err) || errors.As(err, &dial) && dial.Op == "dial" || certificateRefused(err)
}

// forget lets a token be renewed before its time.
func (t *tokens) forget(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if value != "" && t.value == value {
		t.fresh, t.until = time.Time{}, time.Time{}
	}
}
