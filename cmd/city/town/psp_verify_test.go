package town_test

import (
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// checkNetopia verifies a notification as a merchant must.
func checkNetopia(p posted, keys map[string]string) (netopiaAnswer, error) {
	var said netopiaAnswer
	block, _ := pem.Decode([]byte(keys["netopia-public-key"]))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return said, err
	}
	token, err := jwt.ParseSigned(p.Header.Get("Verification-token"), []jose.SignatureAlgorithm{jose.RS512})
	if err != nil {
		return said, err
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil {
		return said, err
	}
	want := jwt.Expected{Issuer: "NETOPIA Payments", AnyAudience: jwt.Audience{keys["netopia-pos-signature"]}, Time: time.Now()}
	if err := claims.ValidateWithLeeway(want, time.Second); err != nil {
		return said, err
	}
	if sum := sha512.Sum512(p.Body); claims.Subject != base64.StdEncoding.EncodeToString(sum[:]) {
		return said, errors.New("the body is another one")
	}
	return said, json.Unmarshal(p.Body, &said)
}

func verifyNetopia(t *testing.T, p posted, keys map[string]string) netopiaAnswer {
	t.Helper()
	said, err := checkNetopia(p, keys)
	if err != nil {
		t.Fatalf("notification: %v", err)
	}
	return said
}
