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

// tokens keeps one OAuth 2.0 token: fetched when first needed, renewed early,
// by one caller while others wait or go on with the one that is still good.
type tokens struct {
	auth  Auth
	env   connectors.Env
	renew chan struct{} // held by the caller that fetches

	mu    sync.Mutex
	value string
	fresh time.Time // renewed from here on
	until time.Time // not good any more
}

func newTokens(env connectors.Env, auth Auth) *tokens {
	return &tokens{auth: auth, env: env, renew: make(chan struct{}, 1)}
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
	renewed, err := t.fetch(ctx)
	if err != nil && good { // the endpoint is away, but this one still works
		t.wait()
		return value, nil
	}
	return renewed, err
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

// fetch asks the token endpoint (RFC 6749 §4.4.2), with the client's
// credentials in the Authorization header (§2.3.1).
func (t *tokens) fetch(ctx context.Context) (string, error) {
	id, err := t.env.Secret(ctx, string(t.auth.ClientID))
	if err != nil {
		return "", err
	}
	secret, err := t.env.Secret(ctx, string(t.auth.ClientSecret))
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if t.auth.Scope != "" {
		form.Set("scope", t.auth.Scope)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.auth.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", connectors.Failure(hub.CodeInternal, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(url.QueryEscape(id.Reveal()), url.QueryEscape(secret.Reveal()))
	asked := time.Now()
	reply, err := exchange(t.env.Read, request)
	if err != nil {
		return "", err
	}
	defer reply.Release()
	return t.accept(reply, asked)
}

// accept reads the answer of the token endpoint.
func (t *tokens) accept(reply *Reply, asked time.Time) (string, error) {
	if reply.Status != http.StatusOK {
		return "", refusedToken(reply)
	}
	answer, err := connectors.ParseJSON(reply.Body)
	if err != nil {
		return "", connectors.BadData("token endpoint: %w", err)
	}
	defer answer.Release()
	value, _ := textOf(answer.Root(), "access_token")
	kind, _ := textOf(answer.Root(), "token_type")
	if value == "" || !strings.EqualFold(kind, "bearer") || strings.ContainsAny(value, " \r\n") {
		return "", connectors.BadData("token endpoint: no bearer token in the answer")
	}
	life := time.Duration(0)
	if seconds, ok := textOf(answer.Root(), "expires_in"); ok {
		n, _ := connectors.Bani(seconds)
		life = min(time.Duration(max(n, 0))*time.Second, 24*time.Hour)
	}
	if life == 0 {
		life = time.Minute // it did not say
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.until = value, asked.Add(life)
	t.fresh = t.until.Add(-min(earlier, life/4))
	return value, nil
}

// refusedToken says what the refusal of a token means. Wrong credentials are
// 400 invalid_client or 401 (RFC 6749 §5.2).
func refusedToken(reply *Reply) error {
	code := hub.CodeUnavailable
	switch {
	case reply.Status == http.StatusTooManyRequests:
		code = hub.CodeBusy
	case reply.Status >= 400 && reply.Status < 500:
		code = hub.CodeAuth
	}
	failure := connectors.Failure(code, statusError{"token endpoint", reply.Status})
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
