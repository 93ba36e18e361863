package wire

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"racord/connectors"
	"racord/hub"
)

// earlier is how long before its end a token is renewed, at most a quarter of
// its life.
const earlier = 30 * time.Second

// tokens keeps one OAuth 2.0 token, or the cookie of one session: fetched when
// first needed, renewed early, by one caller while others wait or go on with the
// one that is still good.
type tokens struct {
	auth  Auth
	env   connectors.Env
	fetch func(ctx context.Context, as credentials) (value string, life time.Duration, err error)
	renew chan struct{} // held by the caller that fetches
	wrong refusals      // likewise

	mu    sync.Mutex
	value string
	fresh time.Time // renewed from here on
	until time.Time // not good any more
}

func newTokens(env connectors.Env, auth Auth) *tokens {
	t := &tokens{auth: auth, env: env, renew: make(chan struct{}, 1), wrong: refusals{}}
	if t.fetch = t.token; auth.Session != nil {
		t.fetch = t.login
	}
	return t
}

// get gives a good token, unless it is the one the creditor refused.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	value, fresh, good := t.held(refused)
	if fresh {
		return value, nil
	}
	select {
	case t.renew <- struct{}{}:
	default:
		if good { // somebody is at it, and this one still works
			return value, nil
		}
		select {
		case t.renew <- struct{}{}:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	defer func() { <-t.renew }()
	if value, fresh, good = t.held(refused); fresh {
		return value, nil
	}
	if good { // the call goes on with this one, and needs its time
		var cancel context.CancelFunc
		ctx, cancel = aPart(ctx)
		defer cancel()
	}
	renewed, err := t.fetchAndKeep(ctx)
	if err != nil && good { // the endpoint is away, but this one still works
		t.wait()
		return value, nil
	}
	return renewed, err
}

// aPart leaves three quarters of a call's time to the call.
func aPart(ctx context.Context) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/4)
}

// wait puts off the next renewal, so that an endpoint that is away is not asked
// for every call.
func (t *tokens) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fresh = time.Now().Add(time.Second)
	if t.fresh.After(t.until) {
		t.fresh = t.until
	}
}

func (t *tokens) held(refused string) (value string, fresh, good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	ok := t.value != "" && t.value != refused
	return t.value, ok && now.Before(t.fresh), ok && now.Before(t.until)
}

func (t *tokens) fetchAndKeep(ctx context.Context) (string, error) {
	as, err := t.credentials(ctx)
	if err != nil {
		return "", err
	}
	if err := t.wrong.of(as); err != nil {
		return "", err
	}
	asked := time.Now()
	value, life, err := t.fetch(ctx, as)
	if err != nil {
		t.wrong.note(as, err)
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.until = value, asked.Add(life)
	t.fresh = t.until.Add(-min(earlier, life/4))
	return value, nil
}

// token asks the token endpoint (RFC 6749 §4.4.2), with the client's
// credentials in the Authorization header (§2.3.1).
func (t *tokens) token(ctx context.Context, as credentials) (value string, life time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.auth.Scope != "" {
		form.Set("scope", t.auth.Scope)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.auth.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, connectors.Failure(hub.CodeInternal, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(url.QueryEscape(as.name.Reveal()), url.QueryEscape(as.secret.Reveal()))
	reply, err := exchange(t.env.Read, request)
	if err != nil {
		return "", 0, err
	}
	defer reply.Release()
	return acceptToken(reply)
}

// longestLife is how many seconds a token is used at most, though it may be good
// for ever.
const longestLife = 24 * 60 * 60

// acceptToken reads the answer of the token endpoint.
func acceptToken(reply *Reply) (value string, life time.Duration, err error) {
	if reply.Status != http.StatusOK {
		return "", 0, refusedToken(reply, "token endpoint")
	}
	answer, err := connectors.ParseJSON(reply.Body)
	if err != nil {
		return "", 0, connectors.BadData("token endpoint: %w", err)
	}
	defer answer.Release()
	value, _ = textOf(answer.Root(), "access_token")
	kind, _ := textOf(answer.Root(), "token_type")
	if value == "" || !strings.EqualFold(kind, "bearer") || strings.ContainsAny(value, " \r\n") {
		return "", 0, connectors.BadData("token endpoint: no bearer token in the answer")
	}
	if seconds, ok := textOf(answer.Root(), "expires_in"); ok {
		n, _ := connectors.Bani(seconds)
		life = time.Duration(min(max(n, 0), longestLife)) * time.Second
	}
	if life == 0 {
		life = time.Minute // it did not say
	}
	return value, life, nil
}

// refusedToken says what the refusal of a token or a login means. Wrong
// credentials are 400 invalid_client or 401 (RFC 6749 §5.2).
func refusedToken(reply *Reply, what string) error {
	code := hub.CodeUnavailable
	switch {
	case reply.Status == http.StatusTooManyRequests:
		code = hub.CodeBusy
	case reply.Status >= 400 && reply.Status < 500:
		code = hub.CodeAuth
	}
	failure := connectors.Failure(code, statusError{what, reply.Status})
	failure.RetryAfter = reply.RetryAfter
	return failure
}

func textOf(v connectors.Value, name string) (string, bool) {
	child := v.Child(name)
	if child == nil {
		return "", false
	}
	text, ok := child.AppendText(nil)
	return string(text), ok
}
