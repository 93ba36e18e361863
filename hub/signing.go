package hub

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// SigningKey derives the Ed25519 key of a purpose from the master key
// (HKDF-SHA-256): what the hub signs with it others can check, but not make.
func SigningKey(master []byte, purpose string) (ed25519.PrivateKey, error) {
	if len(master) != MasterKeyBytes {
		return nil, Errorf(CodeInvalid, "a master key has %d bytes, got %d", MasterKeyBytes, len(master))
	}
	seed, err := hkdf.Key(sha256.New, master, nil, "racord sign "+purpose, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// KeyID names a public key: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3).
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(key) + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
