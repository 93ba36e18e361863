package identity_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/identity"
	"racord/hub"

	"github.com/go-jose/go-jose/v4"
)

// cnp is a published test vector with serial 000.
const cnp = "1850415120007"

type claims map[string]any

// keyring is made once: RSA keys are slow to find.
var keyring = sync.OnceValue(func() (k struct {
	ec, otherEC *ecdsa.PrivateKey
	p384        *ecdsa.PrivateKey
	rsa, weak   *rsa.PrivateKey
	ed          ed25519.PrivateKey
}) {
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.otherEC, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.weak, _ = rsa.GenerateKey(rand.Reader, 1024)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

// provider is an OpenID Connect issuer that a test holds in its hand.
type provider struct {
	*httptest.Server
	mu       sync.Mutex
	keys     []jose.JSONWebKey
	person   claims
	status   int // of every answer, when not 0
	asked    atomic.Int64
	userinfo atomic.Int64
	waits    chan struct{} // what userinfo waits for, when not nil
	mute     int           // status of userinfo's answers, when not 0
	hangs    chan struct{} // what the keys wait for, when not nil
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	k := keyring()
	p := &provider{
		keys: []jose.JSONWebKey{
			{Key: k.ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"},
			{Key: k.rsa.Public(), KeyID: "rsa", Use: "sig"},
			{Key: k.ed.Public(), KeyID: "ed", Algorithm: "EdDSA"},
			{Key: k.p384.Public(), KeyID: "p384"},
			{Key: k.weak.Public(), KeyID: "weak"},
			{Key: k.ec.Public(), KeyID: "enc", Use: "enc"},
			{Key: k.ec.Public(), KeyID: "agreement", Algorithm: "ECDH-ES"},
		},
		person: claims{"sub": "sub-1", "name": "Ana Pop", "cnp": cnp},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.reply(w, claims{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		set, hangs := jose.JSONWebKeySet{Keys: p.keys}, p.hangs
		p.mu.Unlock()
		if hangs != nil {
			<-hangs
		}
		p.reply(w, set)
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		p.userinfo.Add(1)
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p.mu.Lock()
		person, waits, mute := p.person, p.waits, p.mute
		p.mu.Unlock()
		if waits != nil {
			<-waits
		}
		if mute != 0 {
			w.WriteHeader(mute)
			return
		}
		p.reply(w, person)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) reply(w http.ResponseWriter, body any) {
	p.mu.Lock()
	status := p.status
	p.mu.Unlock()
	if status == http.StatusFound {
		w.Header().Set("Location", p.URL+"/keys")
	}
	w.Header().Set("Content-Type", "application/json")
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// claims of a token that is good in every way.
func (p *provider) claims(now time.Time) claims {
	return claims{
		"iss": p.URL, "sub": "sub-1", "aud": []string{"racord"}, "azp": "demo-portal", "scope": "openid racord",
		"acr": "substantial", "exp": now.Add(15 * time.Minute).Unix(), "iat": now.Unix(), "nbf": now.Unix(), "jti": "1",
	}
}

func (c claims) with(name string, value any) claims {
	changed := claims{}
	for k, v := range c {
		changed[k] = v
	}
	if changed[name] = value; value == nil {
		delete(changed, name)
	}
	return changed
}

func good() claims { return claims{"alg": "ES256", "typ": "at+jwt", "kid": "ec"} }

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func part(v any) string {
	if text, ok := v.(string); ok {
		return b64([]byte(text)) // raw JSON, for what a map cannot say
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b64(raw)
}

// signES256 makes a compact JWS of header and payload, whatever they say.
func signES256(header, payload any, key *ecdsa.PrivateKey) string {
	input := part(header) + "." + part(payload)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + b64(signature[:])
}

func signRSA(header, payload any, key *rsa.PrivateKey, pss bool) string {
	input := part(header) + "." + part(payload)
	sum := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	if pss {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(err)
	}
	return input + "." + b64(signature)
}

func signEd(header, payload any, key ed25519.PrivateKey) string {
	input := part(header) + "." + part(payload)
	return input + "." + b64(ed25519.Sign(key, []byte(input)))
}

// folders remembers whom it enrolled.
type folders struct {
	mu      sync.Mutex
	known   map[hub.Login]hub.Folder
	enrols  int // and renewals
	failing error
	clock   hub.Clock
}

func (f *folders) Folder(_ context.Context, who hub.Login) (hub.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing != nil {
		return hub.Folder{}, f.failing
	}
	if folder, ok := f.known[who]; ok {
		return folder, nil
	}
	return hub.Folder{}, hub.Errorf(hub.CodeNotFound, "nobody")
}

func (f *folders) Enrol(_ context.Context, who hub.Login, name string, ids []hub.Identifier) (hub.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enrols++
	if f.known == nil {
		f.known = map[hub.Login]hub.Folder{}
	}
	f.known[who] = hub.Folder{Party: hub.Party{ID: "p1", Name: name, Identifiers: ids}, ReadAt: f.clock.Now()}
	return f.known[who], nil
}

func (f *folders) Renew(ctx context.Context, who hub.Login, name string, ids []hub.Identifier) (bool, error) {
	before, err := f.Folder(ctx, who)
	if err != nil {
		return false, err
	}
	_, err = f.Enrol(ctx, who, name, ids)
	return !slices.Equal(before.Party.Identifiers, ids), err
}

// timepiece is moved by hand.
type timepiece struct{ atomic.Int64 }

func (c *timepiece) Now() time.Time        { return time.Unix(0, c.Load()) }
func (c *timepiece) pass(by time.Duration) { c.Add(int64(by)) }

type scene struct {
	*identity.Doorman
	issuer  *provider
	folders *folders
	clock   *timepiece
	log     *strings.Builder
}

func newScene(t testing.TB, changes ...func(*identity.Conf)) *scene {
	t.Helper()
	clock := &timepiece{}
	s := &scene{issuer: newProvider(t), folders: &folders{clock: clock}, clock: clock, log: &strings.Builder{}}
	s.clock.Store(time.Now().UnixNano())
	conf := identity.Conf{
		Issuers:  []identity.Issuer{{URL: s.issuer.URL, Portals: []string{"demo-portal", "demo-portal-service"}}},
		Patience: time.Minute, RememberFor: time.Hour, CodesWait: time.Minute, // more than is ever done
	}
	for _, change := range changes {
		change(&conf)
	}
	doorman, err := identity.New(
		conf, identity.Parts{Folders: s.folders, HTTP: s.issuer.Client(), Clock: s.clock, Log: slog.New(slog.NewTextHandler(s.log, nil))},
	)
	if err != nil {
		t.Fatal(err)
	}
	s.Doorman = doorman
	t.Cleanup(doorman.Close)
	return s
}

func (s *scene) token() string {
	return signES256(good(), s.issuer.claims(s.clock.Now()), keyring().ec)
}
