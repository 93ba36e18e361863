package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"racord/hub"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// algorithms is the allow-list: asymmetric, with one meaning each.
var algorithms = []string{"EdDSA", "ES256", "PS256"}

// issuer is one configured OpenID Connect provider: where it answers and the
// keys it signs with.
type issuer struct {
	Issuer
	door   *Doorman
	client *http.Client

	mu      sync.Mutex
	known   *published    // the last good answer
	tried   time.Time     // when it was asked last
	failure error         // of the last time it was asked
	asking  chan struct{} // closed when the question under way is answered
}

func newIssuer(trusted Issuer, door *Doorman, client *http.Client) (*issuer, error) {
	orElse(&trusted.Audience, "racord")
	if len(trusted.Algorithms) == 0 {
		trusted.Algorithms = algorithms
	}
	for _, name := range trusted.Algorithms {
		if !slices.Contains(algorithms, name) {
			return nil, hub.Errorf(hub.CodeInvalid, "issuer %s: algorithm %q is not one of EdDSA, ES256, PS256", trusted.URL, name)
		}
	}
	if len(trusted.Portals) == 0 || slices.Contains(trusted.Portals, "") {
		return nil, hub.Errorf(hub.CodeInvalid, "issuer %s: needs the names of its registered portals", trusted.URL)
	}
	return &issuer{Issuer: trusted, door: door, client: client}, nil
}

// published is what an issuer says about itself.
type published struct {
	keys     map[string][]jose.JSONWebKey // by key id
	userinfo string
	readAt   time.Time
}

// keyhole verifies the signature of one token and keeps the typed reason why
// not: go-oidc turns it into text.
type keyhole struct {
	*issuer
	err error
}

var _ oidc.KeySet = (*keyhole)(nil)

// VerifySignature gives the payload of a token signed by the issuer.
func (k *keyhole) VerifySignature(ctx context.Context, bearer string) ([]byte, error) {
	payload, err := k.verify(ctx, bearer)
	k.err = err
	return payload, err
}

// reason tells why the token did not pass: because it is not good, unless the
// keys could not be had.
func (k *keyhole) reason(err error) error {
	switch hub.CodeOf(k.err) {
	case "", hub.CodeUnauthenticated:
		return refused(err)
	default:
		return k.err
	}
}

func (i *issuer) verify(ctx context.Context, bearer string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(bearer, i.allowed())
	if err != nil {
		return nil, refused(err)
	}
	header := signed.Signatures[0].Protected
	keys, err := i.keys(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if !fits(key, header.Algorithm) {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, refused(errors.New("no key of the issuer made this signature"))
}

func (i *issuer) allowed() (list []jose.SignatureAlgorithm) {
	for _, name := range i.Algorithms {
		list = append(list, jose.SignatureAlgorithm(name))
	}
	return list
}

// fits tells whether a public key is for this algorithm, and strong enough.
func fits(key jose.JSONWebKey, algorithm string) bool {
	if (key.Algorithm != "" && key.Algorithm != algorithm) || (key.Use != "" && key.Use != "sig") {
		return false
	}
	switch public := key.Key.(type) {
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && public.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return algorithm == "PS256" && public.N.BitLen() >= 2048
	default:
		return false
	}
}

// keys gives the issuer's keys of this id. A key id not seen before makes it
// ask the issuer, but not more often than the pause allows.
func (i *issuer) keys(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	now, conf := i.door.now(), i.door.conf
	if known := i.last(); known != nil && now.Sub(known.readAt) < conf.KeysKept && len(known.keys[id]) > 0 {
		if now.Sub(known.readAt) > conf.KeysFresh {
			i.ask(now) // behind: the last good keys serve meanwhile
		}
		return known.keys[id], nil
	}
	known, err := i.askAndWait(ctx, now)
	if err != nil {
		return nil, err
	}
	if len(known.keys[id]) == 0 {
		return nil, refused(errors.New("unknown key id"))
	}
	return known.keys[id], nil
}

func (i *issuer) last() *published {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.known
}

// ask starts a question to the issuer unless one is under way or the last one
// was a moment ago. The channel is closed when the answer is there. For an issuer
// that was silent the last time only whoever starts a question waits: tokens under
// a key that nobody knows cost strangers nothing, and each would hold a place.
func (i *issuer) ask(now time.Time) <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.asking != nil && i.failure == nil {
		return i.asking
	}
	done := make(chan struct{})
	if i.asking != nil || !i.tried.IsZero() && now.Sub(i.tried) < i.door.conf.KeysPause {
		close(done)
		return done
	}
	i.asking, i.tried = done, now
	i.door.running.Add(1)
	go i.read(done)
	return done
}

func (i *issuer) askAndWait(ctx context.Context, now time.Time) (*published, error) {
	select {
	case <-i.ask(now):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.failure != nil {
		return nil, unreachable(i.failure)
	}
	return i.known, nil
}

func unreachable(cause error) error {
	return hub.Wrap(hub.CodeUnavailable, cause, "The identity provider cannot be reached now.")
}

// read asks the issuer where it answers and which keys it has. A failure leaves
// what was known.
func (i *issuer) read(done chan struct{}) {
	defer i.door.running.Done()
	ctx, cancel := context.WithTimeout(i.door.base, i.door.conf.Patience)
	defer cancel()
	found, err := i.discover(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		i.known = found
	}
	i.note(err)
	i.failure = err
	i.asking = nil
	close(done)
}

// note logs that the issuer became unreachable, or answers again. The caller
// holds the lock.
func (i *issuer) note(err error) {
	switch {
	case err != nil && i.failure == nil && i.door.base.Err() == nil:
		i.door.log.Warn("the identity provider cannot be reached: citizens who are new, and tokens under a new key, must wait", "issuer", i.host(), "error", err)
	case err == nil && i.failure != nil:
		i.door.log.Info("the identity provider answers again", "issuer", i.host())
	}
}

// host is what a log may hold of the issuer's address.
func (i *issuer) host() string {
	if at, err := url.Parse(i.URL); err == nil {
		return at.Host
	}
	return ""
}

func (i *issuer) discover(ctx context.Context) (*published, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.URL)
	if err != nil {
		return nil, silenced(err, "discovery failed")
	}
	var where struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, silenced(err, "discovery document without keys")
	}
	var set jose.JSONWebKeySet
	if err := i.get(ctx, where.Keys, "", &set); err != nil {
		return nil, err
	}
	found := &published{keys: map[string][]jose.JSONWebKey{}, userinfo: provider.UserInfoEndpoint(), readAt: i.door.now()}
	for _, key := range set.Keys {
		if key.KeyID != "" && key.IsPublic() {
			found.keys[key.KeyID] = append(found.keys[key.KeyID], key)
		}
	}
	if len(found.keys) == 0 {
		return nil, errors.New("the issuer publishes no keys")
	}
	return found, nil
}
