package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"racord/connectors"
	"racord/hub"
)

// JWS is how bodies are signed: compact JWS (RFC 7515 §7.1) whose payload is the
// JSON, of type application/jose.
type JWS struct {
	Answers  *Verifying `json:"answers" doc:"The creditor signs its answers. One without a good signature is not read, a refusal neither."`
	Requests *Signing   `json:"requests" doc:"The creditor wants requests with a body signed."`
}

// Check finds what says nothing.
func (j JWS) Check(report func(field, problem string)) {
	if j.Answers == nil && j.Requests == nil {
		report("", "needs answers or requests")
	}
}

// Verifying says whose signatures are good.
type Verifying struct {
	Keys       connectors.SecretName `json:"keys" doc:"Secret with the creditor's public keys: a JWK set (RFC 7517 §5) in which every key has kid and alg. While a key is changed it holds both." required:"true"`
	Algorithms []Algorithm           `json:"algorithms" doc:"What may be used." required:"true" enum:"ES256|EdDSA|PS256"`
}

// Signing says how we sign.
type Signing struct {
	Key connectors.SecretName `json:"key" doc:"Secret with our private key: a JWK with kid and alg, of ES256, EdDSA or PS256." required:"true"`
}

// Algorithm is one of JWA (RFC 7518, RFC 8037).
type Algorithm string

// algorithms are all that may ever be used: no MAC, whose key the creditor could
// not be told from us by; no RSA with PKCS #1 v1.5; and surely not none.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256}

// jwsType is the type of a signed body (RFC 7515 §9.2.1).
const jwsType = "application/jose"

// Signatures verifies answers and signs requests of one creditor.
type Signatures struct {
	env connectors.Env
	jws JWS
}

// NewSignatures makes what a manifest says; nil says nothing.
func NewSignatures(env connectors.Env, j *JWS) *Signatures {
	if j == nil {
		return &Signatures{env: env}
	}
	return &Signatures{env: env, jws: *j}
}

// Accept is what we can read (RFC 9110 §12.5.1).
func (s *Signatures) Accept() string {
	if s.jws.Answers == nil {
		return "application/json"
	}
	return jwsType
}

// Needed tells whether answers are signed.
func (s *Signatures) Needed() bool { return s.jws.Answers != nil }

// Open gives the JSON of a reply, with its signature verified where answers are
// signed. It fails with CodeBadData when the signature is missing or no good,
// with CodeAuth when we have no keys to verify it with.
func (s *Signatures) Open(ctx context.Context, reply *Reply) ([]byte, error) {
	if !s.Needed() {
		return reply.JSON()
	}
	if kind, _ := content(reply.Header); kind != jwsType {
		return nil, connectors.BadData("an answer that is not signed")
	}
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	signed, kid, err := s.parse(reply.Body)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(keys.Keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid })
	if i < 0 {
		return nil, connectors.BadData("an answer that is signed with a key we do not know")
	}
	if alg := signed.Signatures[0].Protected.Algorithm; keys.Keys[i].Algorithm != alg {
		return nil, connectors.BadData("an answer that is signed with another algorithm than its key's")
	}
	payload, err := signed.Verify(keys.Keys[i].Key)
	if err != nil {
		return nil, connectors.BadData("an answer whose signature is not good")
	}
	return payload, nil
}

// allowed are the header parameters of an answer. Others are refused, jwk, jku,
// x5c and x5u first of all: a message does not say which key it is verified with
// (RFC 8725 §3.10).
var allowed = []string{"alg", "kid", "typ", "cty"}

// parse reads a compact JWS and the name of its key.
func (s *Signatures) parse(body []byte) (signed *jose.JSONWebSignature, kid string, err error) {
	first, _, _ := bytes.Cut(body, []byte("."))
	header, err := base64.RawURLEncoding.DecodeString(string(first))
	if err != nil {
		return nil, "", connectors.BadData("an answer that is no JWS")
	}
	var parameters map[string]json.RawMessage
	if err := json.Unmarshal(header, &parameters); err != nil {
		return nil, "", connectors.BadData("an answer that is no JWS")
	}
	for name := range parameters {
		if !slices.Contains(allowed, name) {
			return nil, "", connectors.BadData("an answer whose signature has a header that is not allowed")
		}
	}
	var wanted []jose.SignatureAlgorithm
	for _, a := range s.jws.Answers.Algorithms {
		wanted = append(wanted, jose.SignatureAlgorithm(a))
	}
	if signed, err = jose.ParseSignedCompact(string(body), wanted); err != nil {
		return nil, "", connectors.BadData("an answer that is no JWS of an algorithm that is allowed")
	}
	if kid = signed.Signatures[0].Protected.KeyID; kid == "" {
		return nil, "", connectors.BadData("an answer whose signature does not name its key")
	}
	return signed, kid, nil
}

// keys reads the creditor's public keys.
func (s *Signatures) keys(ctx context.Context) (set jose.JSONWebKeySet, err error) {
	name := s.jws.Answers.Keys
	secret, err := s.env.Secret(ctx, string(name))
	if err != nil {
		return set, err
	}
	if err := json.Unmarshal([]byte(secret.Reveal()), &set); err != nil || len(set.Keys) == 0 {
		return set, keyFailure(name, "is no set of keys")
	}
	for i, k := range set.Keys {
		twice := slices.ContainsFunc(set.Keys[:i], func(o jose.JSONWebKey) bool { return o.KeyID == k.KeyID })
		if !k.IsPublic() || k.KeyID == "" || twice || !slices.Contains(algorithms, jose.SignatureAlgorithm(k.Algorithm)) {
			return set, keyFailure(name, "must hold public keys, each with a kid of its own and an alg that is allowed")
		}
	}
	return set, nil
}

// Kind is the type of what Sign gives.
func (s *Signatures) Kind() string {
	if s.jws.Requests == nil {
		return "application/json"
	}
	return jwsType
}

// Sign gives what is sent in the place of a body.
func (s *Signatures) Sign(ctx context.Context, body []byte) (signed []byte, err error) {
	if s.jws.Requests == nil {
		return body, nil
	}
	name := s.jws.Requests.Key
	secret, err := s.env.Secret(ctx, string(name))
	if err != nil {
		return nil, err
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(secret.Reveal()), &key); err != nil || key.IsPublic() || !key.Valid() || key.KeyID == "" ||
		!slices.Contains(algorithms, jose.SignatureAlgorithm(key.Algorithm)) {
		return nil, keyFailure(name, "is no private key with a kid and an alg that is allowed")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key},
		(&jose.SignerOptions{}).WithContentType("application/json"))
	if err != nil {
		return nil, keyFailure(name, "does not fit its alg")
	}
	object, err := signer.Sign(body)
	if err != nil {
		return nil, keyFailure(name, "does not sign")
	}
	text, err := object.CompactSerialize()
	if err != nil {
		return nil, connectors.Failure(hub.CodeInternal, errors.New("the signature cannot be written"))
	}
	return []byte(text), nil
}

// keyFailure is a key of ours that is no good; the key itself is never repeated.
func keyFailure(name connectors.SecretName, what string) error {
	return connectors.Failure(hub.CodeAuth, fmt.Errorf("the secret %s %s", name, what))
}
