// Package identity is the city's OpenID Connect provider. It signs in the
// simulated inhabitants without asking for a password and issues access tokens
// that carry no name and no personal code; those are told at userinfo only.
// Its tokens live in real time.
package identity

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"racord/cmd/city/people"
)

// Registered clients and the audience of access tokens.
const (
	Portal        = "demo-portal"         // public, authorisation code with PKCE
	PortalService = "demo-portal-service" // confidential, client credentials
	StaffDesk     = "demo-desk"           // the same, with the right to have money given back
	Audience      = "racord"
)

// Life is how long an access token is good.
const Life = 15 * time.Minute

// Provider is an http.Handler for everything under /oidc/.
type Provider struct {
	*http.ServeMux
	issuer        string
	people        *people.Registry
	serviceSecret string
	key           *ecdsa.PrivateKey
	keys          jose.JSONWebKeySet
	access, id    jose.Signer
	pairwise      cipher.Block
	codes         codes
}

// New opens a provider whose issuer is the given URL; the portal service
// and the staff's desk authenticate with serviceSecret. Signing keys are new each time, subjects
// are the same for the same seed.
func New(issuer string, everybody *people.Registry, serviceSecret string) (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	salt := sha256.Sum256(fmt.Appendf(nil, "pairwise %d", everybody.Seed()))
	block, err := aes.NewCipher(salt[:])
	if err != nil {
		return nil, err
	}
	p := &Provider{
		ServeMux: http.NewServeMux(), issuer: issuer, people: everybody, serviceSecret: serviceSecret, key: key, pairwise: block,
	}
	if err := p.sign(key); err != nil {
		return nil, err
	}
	p.HandleFunc("GET /oidc/.well-known/openid-configuration", p.configuration)
	p.HandleFunc("GET /oidc/jwks", p.jwks)
	p.HandleFunc("GET /oidc/authorize", p.authorize)
	p.HandleFunc("POST /oidc/token", p.token)
	p.HandleFunc("GET /oidc/userinfo", p.userinfo)
	p.HandleFunc("POST /oidc/userinfo", p.userinfo)
	return p, nil
}

func (p *Provider) sign(key *ecdsa.PrivateKey) error {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	print, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(print)
	p.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}
	signing := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}}
	if p.access, err = jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("at+jwt")); err != nil {
		return err
	}
	p.id, err = jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT"))
	return err
}

func (p *Provider) configuration(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.issuer + "/authorize",
		"token_endpoint":                        p.issuer + "/token",
		"userinfo_endpoint":                     p.issuer + "/userinfo",
		"jwks_uri":                              p.issuer + "/jwks",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code", "client_credentials"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic", "client_secret_post"},
		"scopes_supported":                      []string{"openid", "racord"},
		"acr_values_supported":                  []string{assurance},
		"claims_supported":                      []string{"sub", "name", "given_name", "family_name", "cnp", "cui"},
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, p.keys) }

// assurance is the level all simulated log-ins have (eIDAS).
const assurance = "substantial"

type accessClaims struct {
	jwt.Claims
	Party    string `json:"azp"`
	Scope    string `json:"scope"`
	Acr      string `json:"acr,omitempty"`
	Creditor string `json:"creditor,omitempty"` // whom a company's token speaks for
}

// Token issues an access token for a person as the portal would get it.
func (p *Provider) Token(person int) (string, error) {
	return p.issue(p.Subject(person), Portal, "openid racord", assurance)
}

func (p *Provider) issue(sub, client, scope, acr string) (string, error) {
	return p.issueFor(sub, desk{client: client, scope: scope}, acr)
}

func (p *Provider) issueFor(sub string, d desk, acr string) (string, error) {
	now, id := time.Now(), make([]byte, 12)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	claims := accessClaims{
		Claims: jwt.Claims{
			Issuer: p.issuer, Subject: sub, Audience: jwt.Audience{Audience}, ID: base64.RawURLEncoding.EncodeToString(id),
			Expiry: jwt.NewNumericDate(now.Add(Life)), IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
		},
		Party: d.client, Scope: d.scope, Acr: acr, Creditor: d.creditor,
	}
	return jwt.Signed(p.access).Claims(claims).Serialize()
}

// Subject is the opaque name a person has towards the hub.
func (p *Provider) Subject(person int) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:], uint64(person))
	copy(block[8:], "racord")
	p.pairwise.Encrypt(block[:], block[:])
	return base64.RawURLEncoding.EncodeToString(block[:])
}

func (p *Provider) person(sub string) (people.Person, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(sub)
	if err != nil || len(raw) != aes.BlockSize {
		return people.Person{}, false
	}
	p.pairwise.Decrypt(raw, raw)
	i := binary.BigEndian.Uint64(raw)
	if string(raw[8:14]) != "racord" || i >= uint64(p.people.Len()) {
		return people.Person{}, false
	}
	return p.people.Person(int(i)), true
}

// userinfo tells who the bearer of a token with scope openid is.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	sub, ok := p.bearer(r)
	who, found := p.person(sub)
	if !ok || !found {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	told := map[string]string{"sub": sub, "name": who.Name()}
	if who.Kind == people.Company {
		told["cui"] = who.CUI
	} else {
		told["given_name"], told["family_name"], told["cnp"] = who.Given, who.Family, who.CNP
	}
	reply(w, http.StatusOK, told)
}

// bearer verifies the request's access token and returns its subject.
func (p *Provider) bearer(r *http.Request) (sub string, ok bool) {
	text, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return "", false
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || token.Headers[0].ExtraHeaders[jose.HeaderType] != "at+jwt" {
		return "", false
	}
	var claims accessClaims
	if token.Claims(p.key.Public(), &claims) != nil {
		return "", false
	}
	want := jwt.Expected{Issuer: p.issuer, AnyAudience: jwt.Audience{Audience}, Time: time.Now()}
	if claims.ValidateWithLeeway(want, 0) != nil || !slices.Contains(strings.Fields(claims.Scope), "openid") {
		return "", false
	}
	return claims.Subject, true
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
