package connectortest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"

	"racord/hub"
)

// Signed is a report in the form in which it is kept and shown to others. JWS is
// a detached signature (RFC 7515 appendix F, EdDSA of RFC 8037) over the bytes of
// Report without blanks between its parts; "" when nobody signed it.
type Signed struct {
	Report json.RawMessage `json:"report"`
	JWS    string          `json:"jws,omitempty"`
}

// jwsHeader is the protected header.
type jwsHeader struct {
	Algorithm string `json:"alg"`
	Key       string `json:"kid"`
}

// Sign signs the report with the key; with nil it stays unsigned.
func (r Report) Sign(key ed25519.PrivateKey) (Signed, error) {
	payload, err := json.Marshal(r)
	if err != nil || key == nil {
		return Signed{Report: payload}, err
	}
	header, err := json.Marshal(jwsHeader{"EdDSA", hub.KeyID(key.Public().(ed25519.PublicKey))})
	if err != nil {
		return Signed{}, err
	}
	protected := base64.RawURLEncoding.EncodeToString(header)
	signature := ed25519.Sign(key, signingInput(protected, payload))
	return Signed{payload, protected + ".." + base64.RawURLEncoding.EncodeToString(signature)}, nil
}

// Open gives the report when the key signed it. It fails with
// CodeUnauthenticated when it did not, or something was altered since.
func (s Signed) Open(key ed25519.PublicKey) (r Report, err error) {
	refused := hub.Errorf(hub.CodeUnauthenticated, "The report is not as this key signed it.")
	protected, rest, _ := strings.Cut(s.JWS, ".")
	encoded, detached := strings.CutPrefix(rest, ".")
	signature, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || !detached || !headerFits(protected, key) {
		return Report{}, refused
	}
	var payload bytes.Buffer
	if err := json.Compact(&payload, s.Report); err != nil {
		return Report{}, refused
	}
	if !ed25519.Verify(key, signingInput(protected, payload.Bytes()), signature) {
		return Report{}, refused
	}
	return r, json.Unmarshal(payload.Bytes(), &r)
}

// headerFits tells whether the header says this key, and the only algorithm there is.
func headerFits(protected string, key ed25519.PublicKey) bool {
	text, err := base64.RawURLEncoding.DecodeString(protected)
	var header jwsHeader
	return err == nil && json.Unmarshal(text, &header) == nil && header == jwsHeader{"EdDSA", hub.KeyID(key)}
}

func signingInput(protected string, payload []byte) []byte {
	return []byte(protected + "." + base64.RawURLEncoding.EncodeToString(payload))
}
