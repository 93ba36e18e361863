package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"racord/hub"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/json"
)

// headers are the members a token's header may have. Anything that brings a key
// along (jwk, jku, x5u, x5c) or changes how the token is read (crit, b64, zip,
// cty) is not among them.
var headers = []string{"alg", "typ", "kid", "x5t", "x5t#S256"}

var (
	errShape    = errors.New("not a compact JWS")
	errHeader   = errors.New("header not allowed")
	errIssuer   = errors.New("not a configured issuer")
	errPortal   = errors.New("not issued to a registered portal")
	errSubject  = errors.New("no subject")
	errTenant   = errors.New("a company's token without its creditor")
	errLifetime = errors.New("expired, not yet valid, or without an end")
)

// refused is the one answer to a token that is not good. The cause is for us.
func refused(cause error) error {
	return hub.Wrap(hub.CodeUnauthenticated, cause, "The access token is missing, expired or not accepted.")
}

// token holds the claims of RFC 9068 that matter here. Members are read with
// exact case and may not stand twice.
type token struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Portal   string   `json:"azp"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	ACR      string   `json:"acr"`
	SignedIn any      `json:"auth_time"`
	Session  any      `json:"sid"`
	Creditor string   `json:"creditor"`
	Expiry   *float64 `json:"exp"`
	NotYet   *float64 `json:"nbf"`
	IssuedAt *float64 `json:"iat"`
}

// verify proves a token, or says that it is not good (CodeUnauthenticated) or
// cannot be checked now (CodeUnavailable).
func (d *Doorman) verify(ctx context.Context, bearer string) (*token, error) {
	claimed, err := peek(bearer)
	if err != nil {
		return nil, refused(err)
	}
	from, ok := d.issuers[claimed.Issuer]
	if !ok {
		return nil, refused(errIssuer)
	}
	keys := &keyhole{issuer: from}
	verifier := oidc.NewVerifier(from.URL, keys, &oidc.Config{
		ClientID:             from.Audience,
		SupportedSigningAlgs: from.Algorithms,
		SkipExpiryCheck:      true, // checked below: go-oidc lets a token be early by five minutes
	})
	if _, err := verifier.Verify(ctx, bearer); err != nil {
		return nil, keys.reason(err)
	}
	if err := d.check(from, claimed); err != nil {
		return nil, refused(err)
	}
	return claimed, nil
}

// peek reads a token strictly and believes nothing yet.
func peek(bearer string) (*token, error) {
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return nil, errShape
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || len(part) == 0 || strings.ContainsAny(part, "\r\n") {
			return nil, errShape
		}
	}
	if err := checkHeader(decoded[0]); err != nil {
		return nil, err
	}
	var t token
	if err := json.Unmarshal(decoded[1], &t); err != nil {
		return nil, errShape
	}
	return &t, nil
}

func checkHeader(raw []byte) error {
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return errHeader
	}
	for name, value := range members {
		if _, text := value.(string); !text || !slices.Contains(headers, name) {
			return errHeader
		}
	}
	kind, _ := members["typ"].(string)
	if kind = strings.ToLower(kind); kind != "at+jwt" && kind != "application/at+jwt" {
		return errHeader // an ID token is not an access token
	}
	if kid, _ := members["kid"].(string); kid == "" {
		return errHeader
	}
	return nil
}

// check judges the claims of a token whose signature, issuer and audience are
// good.
func (d *Doorman) check(from *issuer, t *token) error {
	switch {
	case t.Subject == "":
		return errSubject
	case !slices.Contains(from.Portals, t.Portal), t.ClientID != "" && t.ClientID != t.Portal:
		return errPortal
	case slices.Contains(strings.Fields(t.Scope), scopeConnectors) && !hub.Name(t.Creditor).Valid():
		return errTenant
	case !d.current(t):
		return errLifetime
	}
	return nil
}

func (d *Doorman) current(t *token) bool {
	now, leeway := d.now(), d.conf.Leeway
	switch {
	case t.Expiry == nil, !now.Before(t.expires().Add(leeway)):
		return false
	case t.NotYet != nil && now.Add(leeway).Before(instant(*t.NotYet)):
		return false
	case t.IssuedAt != nil && now.Add(leeway).Before(instant(*t.IssuedAt)):
		return false
	}
	return true
}

func (t *token) expires() time.Time { return instant(*t.Expiry) }

// instant reads a NumericDate (RFC 7519 §2). Beyond 30,000 years it stops.
func instant(seconds float64) time.Time {
	const end = 1 << 40
	return time.UnixMilli(int64(min(max(seconds, -end), end) * 1000))
}

// Scopes that the identity provider grants to few: to the city's staff, and to
// companies for the creditor in the token's claim "creditor".
const (
	scopeRefunds    = "refunds"
	scopeConnectors = "connectors"
	scopeApprove    = "connectors.approve"
)

// caller tells who the token speaks for. Whoever is bound to a creditor approves
// nothing.
func (t *token) caller(from *issuer) hub.Caller {
	scopes := strings.Fields(t.Scope)
	c := hub.Caller{
		Login:     hub.Login{Issuer: t.Issuer, Subject: t.Subject},
		Portal:    t.Portal,
		Assurance: assurance(t.ACR),
		Citizen:   t.Subject != t.Portal && slices.Contains(scopes, oidc.ScopeOpenID),
		Refunds:   slices.Contains(scopes, scopeRefunds),
	}
	if slices.Contains(scopes, scopeConnectors) {
		c.Company = hub.Name(t.Creditor)
	}
	c.Bare = !c.Citizen && !t.portalsOwn(from.Services)
	c.Approver = t.Creditor == "" && slices.Contains(scopes, scopeApprove)
	return c
}

// portalsOwn tells whether a token without openid is one that a client asked for
// itself (client credentials): its subject is the client (RFC 9068 §2.2), or an
// account that the provider made for it. Where it is not said which clients have
// such, a person is known by when or in which session he signed in.
func (t *token) portalsOwn(services []string) bool {
	switch {
	case t.Subject == t.Portal:
		return true
	case len(services) > 0:
		return slices.Contains(services, t.Portal)
	}
	signedIn, _ := t.SignedIn.(float64) // some write 0 where nobody did
	return signedIn <= 0 && t.Session == nil
}

// assurance gives low, substantial or high, from the word itself or the URI of
// an eIDAS level (http://eidas.europa.eu/LoA/substantial).
func assurance(acr string) string {
	switch acr[strings.LastIndexByte(acr, '/')+1:] {
	case "substantial":
		return "substantial"
	case "high":
		return "high"
	default:
		return "low"
	}
}
