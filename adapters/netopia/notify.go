package netopia

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"racord/hub"
)

// algorithms is the allow-list. No key is ever used for another.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS512}

// members are what the header of a token may have. What brings a key along, or
// changes how the token is read, is not among them.
var members = []string{"alg", "typ", "kid"}

const (
	header    = "Verification-Token"
	issuer    = "NETOPIA Payments"
	leeway    = 300 * time.Second
	maxToken  = 8 << 10
	maxNotice = 64 << 10
	leastKey  = 2048 // bits
)

// Causes of a refusal.
var (
	errShape    = errors.New("not one compact JWS")
	errMembers  = errors.New("header not allowed")
	errSigner   = errors.New("not signed with the provider's key")
	errIssuer   = errors.New("not from the provider")
	errAudience = errors.New("for somebody else")
	errTainted  = errors.New("the body is not the one that was signed")
	errTime     = errors.New("too old, or from the future")
)

// readKeys reads RSA keys in PEM: public keys or certificates, at least one.
func readKeys(text []byte) (keys []*rsa.PublicKey, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "CERTIFICATE":
			var certificate *x509.Certificate
			if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = certificate.PublicKey
			}
		default:
			err = fmt.Errorf("a block %q is neither a PUBLIC KEY nor a CERTIFICATE", block.Type)
		}
		if err != nil {
			return nil, err
		}
		public, ok := key.(*rsa.PublicKey)
		if !ok || public.N.BitLen() < leastKey {
			return nil, fmt.Errorf("not an RSA key of at least %d bits", leastKey)
		}
		keys = append(keys, public)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in PEM")
	}
	return keys, nil
}

// claims are those of a notification's token. Names count letter for letter.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	Subject  string   `json:"sub"` // base64 of the SHA-512 of the body
	IssuedAt *float64 `json:"iat"`
	NotYet   *float64 `json:"nbf"`
	Expiry   *float64 `json:"exp"`
}

// audience is one name, alone or in a list.
type audience string

// UnmarshalJSON takes a string, or a list of exactly one.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var list []string
	if err := json.Unmarshal(raw, &list); err == nil {
		if len(list) != 1 {
			return errAudience
		}
		*a = audience(list[0])
		return nil
	}
	return json.Unmarshal(raw, (*string)(a))
}

// Read verifies a notification: the token's signature, its issuer, that it is
// for us, that it is for exactly these bytes, and its time. It fails with
// CodeUnauthenticated, or CodeBadData for a signed body that cannot be read. The
// event is the hash of what was signed, the token: the same bytes are the same
// event, however often they come.
func (p *Provider) Read(_ context.Context, h http.Header, body []byte) (hub.Fact, error) {
	tokens := h.Values(header)
	if len(tokens) != 1 || len(tokens[0]) > maxToken || len(body) > maxNotice {
		return hub.Fact{}, forged(errShape)
	}
	signed, payload, err := p.verify(tokens[0])
	if err != nil {
		return hub.Fact{}, forged(err)
	}
	if err := p.check(payload, body); err != nil {
		return hub.Fact{}, forged(err)
	}
	return p.fact(signed, body)
}

// forged is the one answer to a notification that is not the provider's.
func forged(cause error) error {
	return hub.Wrap(hub.CodeUnauthenticated, cause, "The notification is not signed by the payment provider.")
}

// verify proves a token and gives what was signed, and the claims.
func (p *Provider) verify(token string) (signed string, payload []byte, err error) {
	if err := strict(token); err != nil {
		return "", nil, err
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return "", nil, errShape
	}
	for _, key := range p.keys {
		if payload, err := jws.Verify(key); err == nil {
			return token[:strings.LastIndexByte(token, '.')], payload, nil
		}
	}
	return "", nil, errSigner
}

// strict refuses a token with a second spelling, or with a header that says more
// than who signed it and how.
func strict(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errShape
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || part == "" || strings.ContainsAny(part, "\r\n") {
			return errShape
		}
	}
	var said map[string]any
	if err := json.Unmarshal(decoded[0], &said); err != nil {
		return errMembers
	}
	for name, value := range said {
		if _, text := value.(string); !text || !slices.Contains(members, name) {
			return errMembers
		}
	}
	return nil
}

// check judges the claims of a token that the provider signed.
func (p *Provider) check(payload, body []byte) error {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return errShape
	}
	sum := sha512.Sum512(body)
	hash := base64.StdEncoding.EncodeToString(sum[:])
	switch {
	case c.Issuer != issuer:
		return errIssuer
	case string(c.Audience) != p.conf.Signature:
		return errAudience
	case subtle.ConstantTimeCompare([]byte(c.Subject), []byte(hash)) != 1:
		return errTainted
	case !c.current(p.env.Now()):
		return errTime
	}
	return nil
}

// current tells whether a token's time has come and is not over. One that does
// not say when it ends, ends when it begins; the leeway is added to both.
func (c claims) current(now time.Time) bool {
	if c.IssuedAt == nil || instant(*c.IssuedAt).After(now.Add(leeway)) {
		return false
	}
	if c.NotYet != nil && instant(*c.NotYet).After(now.Add(leeway)) {
		return false
	}
	end := c.IssuedAt
	if c.Expiry != nil {
		end = c.Expiry
	}
	return now.Before(instant(*end).Add(leeway))
}

// instant reads a NumericDate (RFC 7519 §2). Beyond 30,000 years it stops.
func instant(seconds float64) time.Time {
	const end = 1 << 40
	return time.UnixMilli(int64(min(max(seconds, -end), end) * 1000))
}

// fact says which order a signed body is about, and no more.
func (p *Provider) fact(signed string, body []byte) (hub.Fact, error) {
	var notice struct {
		Order   orderTold   `json:"order"`
		Payment paymentTold `json:"payment"`
	}
	if err := read(body, &notice); err != nil {
		return hub.Fact{}, err
	}
	if notice.Order.OrderID == "" || len(notice.Order.OrderID) > maxOrder {
		return hub.Fact{}, hub.Errorf(hub.CodeBadData, "A notification of the payment provider names no order.")
	}
	event := sha256.Sum256([]byte(signed))
	return hub.Fact{
		PSP: p.conf.Name, Event: hex.EncodeToString(event[:]), Order: notice.Order.OrderID, Ref: string(notice.Payment.NtpID), Raw: body,
	}, nil
}

// Answers to a notification (IPN): whether to send it again.
const (
	kept      = 0
	temporary = 1
	permanent = 2

	failedGeneral = 0x10000101 // E_VERIFICATION_FAILED_GENERAL
	failedFormat  = 0x10000107 // E_VERIFICATION_FAILED_PAYLOAD_FORMAT
)

// Reply answers a notification as documented: errorType 0 takes it, 1 asks for
// it again, 2 refuses it for good.
func (p *Provider) Reply(w http.ResponseWriter, err error) {
	status, kind, code, message := http.StatusOK, kept, 0, ""
	switch hub.CodeOf(err) {
	case "":
	case hub.CodeUnauthenticated:
		status, kind, code, message = http.StatusUnauthorized, permanent, failedGeneral, "verification failed"
	case hub.CodeBadData:
		status, kind, code, message = http.StatusBadRequest, permanent, failedFormat, "payload format"
	default:
		status, kind, code, message = http.StatusServiceUnavailable, temporary, 1, "try again"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errorType":%d,"errorCode":%d,"errorMessage":%q}`, kind, code, message)
}
