package wire

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"racord/hub"
)

// credentials are what a token or a session is asked for with.
type credentials struct{ name, secret hub.Secret }

// credentials fetches those that count for this call.
func (t *tokens) credentials(ctx context.Context) (as credentials, err error) {
	name, secret := t.auth.ClientID, t.auth.ClientSecret
	if s := t.auth.Session; s != nil {
		name, secret = s.User, s.Password
	}
	if as.name, err = t.env.Secret(ctx, string(name)); err != nil {
		return as, err
	}
	as.secret, err = t.env.Secret(ctx, string(secret))
	return as, err
}

// mark tells credentials apart without keeping them.
func (as credentials) mark() [sha256.Size]byte {
	name := sha256.Sum256([]byte(as.name.Reveal()))
	return sha256.Sum256(append(name[:], as.secret.Reveal()...))
}

// keptWrong is how long credentials that were refused are not tried again. Systems
// lock an account after a few wrong passwords, and every call needs a token.
const keptWrong = 30 * time.Second

// refusals remembers the credentials that were refused last; others are tried at
// once.
type refusals map[[sha256.Size]byte]refusal

type refusal struct {
	err   error
	until time.Time
}

// of gives what these credentials were refused with, nil when they may be tried.
func (r refusals) of(as credentials) error {
	if one := r[as.mark()]; time.Now().Before(one.until) {
		return one.err
	}
	return nil
}

// note remembers that the other side refused them. What kept us from asking says
// nothing about the account.
func (r refusals) note(as credentials, err error) {
	var said statusError
	if hub.CodeOf(err) != hub.CodeAuth || !errors.As(err, &said) && !errors.Is(err, errNoEntry) {
		return
	}
	now := time.Now()
	for mark, one := range r {
		if now.After(one.until) {
			delete(r, mark)
		}
	}
	r[as.mark()] = refusal{err, now.Add(keptWrong)}
}
