package identity_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"racord/hub"

	"github.com/go-jose/go-jose/v4"
)

// hs256 signs with a secret, as somebody would who hopes that the public key is
// taken for one.
func hs256(header, payload any, secret []byte) string {
	input := part(header) + "." + part(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// cut gives the three parts of a token to be put together wrongly.
func cut(token string) (header, payload, signature string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

func TestForgedTokensAreRefused(t *testing.T) {
	s := newScene(t)
	k, now := keyring(), s.clock.Now()
	fine := s.issuer.claims(now)
	token := s.token()
	h, p, sig := cut(token)
	_, p2, _ := cut(signES256(good(), fine.with("sub", "sub-2"), k.ec))
	ec := func(header claims, body any) string { return signES256(header, body, k.ec) }
	jwk := jose.JSONWebKey{Key: k.otherEC.Public(), KeyID: "ec", Algorithm: "ES256"}
	raw, _ := base64.RawURLEncoding.DecodeString(sig)
	flipped := append([]byte(nil), raw...)
	flipped[7] ^= 1

	forgeries := map[string]string{
		"empty":                                   "",
		"a word":                                  "token",
		"two dots":                                "..",
		"two parts":                               h + "." + p,
		"four parts":                              token + "." + sig,
		"longer than 8 KiB":                       token + strings.Repeat("A", 8<<10),
		"with the scheme in front":                "Bearer " + token,
		"with a space behind":                     token + " ",
		"with a line break inside":                h + "." + p[:8] + "\n" + p[8:] + "." + sig,
		"with padding":                            h + "." + p + "." + sig + "=",
		"in standard base64":                      h + "." + p + "." + base64.RawStdEncoding.EncodeToString([]byte{0xfb, 0xff, 0xfe}),
		"with loose trailing bits":                h + "." + p + "." + sig[:len(sig)-1] + loosen(sig[len(sig)-1]),
		"header is not JSON":                      b64([]byte("ES256")) + "." + p + "." + sig,
		"payload is not JSON":                     ec(good(), "no claims"),
		"payload is a list":                       ec(good(), []string{"iss"}),
		"payload is null":                         ec(good(), "null"),
		"JSON serialisation":                      `{"protected":"` + h + `","payload":"` + p + `","signature":"` + sig + `"}`,
		"alg none":                                part(good().with("alg", "none")) + "." + p + ".",
		"alg None with a signature":               part(good().with("alg", "None")) + "." + p + "." + sig,
		"alg empty":                               part(good().with("alg", "")) + "." + p + "." + sig,
		"alg missing":                             part(good().with("alg", nil)) + "." + p + "." + sig,
		"alg a number":                            part(good().with("alg", 256)) + "." + p + "." + sig,
		"alg in lower case":                       ec(good().with("alg", "es256"), fine),
		"alg twice, the good one second":          ec2(`{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec"}`, fine),
		"HS256 with the public key as secret":     hs256(good().with("alg", "HS256"), fine, publicPEM(t, k.ec.Public())),
		"HS256 with the RSA public key as secret": hs256(claims{"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}, fine, publicPEM(t, k.rsa.Public())),
		"HS256 with an empty secret":              hs256(good().with("alg", "HS256"), fine, nil),
		"HS256 called ES256":                      hs256(good(), fine, publicPEM(t, k.ec.Public())),
		"RS256 by the right key":                  signRSA(claims{"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}, fine, k.rsa, false),
		"RS256 called PS256":                      signRSA(claims{"alg": "PS256", "typ": "at+jwt", "kid": "rsa"}, fine, k.rsa, false),
		"PS256 by a key of 1024 bits":             signRSA(claims{"alg": "PS256", "typ": "at+jwt", "kid": "weak"}, fine, k.weak, true),
		"PS256 over a key for ES256":              signRSA(claims{"alg": "PS256", "typ": "at+jwt", "kid": "ec"}, fine, k.rsa, true),
		"EdDSA over a key for ES256":              signEd(claims{"alg": "EdDSA", "typ": "at+jwt", "kid": "ec"}, fine, k.ed),
		"ES256 over a key for EdDSA":              ec(good().with("kid", "ed"), fine),
		"ES256 over a P-384 key":                  signES256(good().with("kid", "p384"), fine, k.otherEC),
		"signed with an encryption key":           ec(good().with("kid", "enc"), fine),
		"signed with a key for another algorithm": ec(good().with("kid", "agreement"), fine),
		"signed by a stranger":                    signES256(good(), fine, k.otherEC),
		"signed by a stranger, its key in jwk":    signES256(good().with("jwk", jwk), fine, k.otherEC),
		"the right signature and a jwk":           ec(good().with("jwk", jwk), fine),
		"jku":                                     ec(good().with("jku", "https://evil.example/keys"), fine),
		"x5u":                                     ec(good().with("x5u", "https://evil.example/cert"), fine),
		"x5c":                                     ec(good().with("x5c", []string{"MIIB"}), fine),
		"crit":                                    ec(good().with("crit", []string{"exp"}), fine),
		"b64 false":                               ec(good().with("b64", false), fine),
		"zip":                                     ec(good().with("zip", "DEF"), fine),
		"nested (cty JWT)":                        ec(good().with("cty", "JWT"), fine),
		"no kid":                                  ec(good().with("kid", nil), fine),
		"empty kid":                               ec(good().with("kid", ""), fine),
		"unknown kid":                             ec(good().with("kid", "other"), fine),
		"kid as a path":                           ec(good().with("kid", "../../dev/null"), fine),
		"kid as SQL":                              ec(good().with("kid", "ec' OR '1'='1"), fine),
		"kid a number":                            ec(good().with("kid", 1), fine),
		"typ JWT (an ID token)":                   ec(good().with("typ", "JWT"), fine),
		"typ missing":                             ec(good().with("typ", nil), fine),
		"typ logout+jwt":                          ec(good().with("typ", "logout+jwt"), fine),
		"altered payload":                         h + "." + p2 + "." + sig,
		"altered header":                          part(good().with("x5t", "a")) + "." + p + "." + sig,
		"altered signature":                       h + "." + p + "." + b64(flipped),
		"empty signature":                         h + "." + p + ".",
		"signature of zeros":                      h + "." + p + "." + b64(make([]byte, 64)),
		"signature cut short":                     h + "." + p + "." + b64(raw[:63]),
		"signature of another token":              strings.Join([]string{h, p, last(signES256(good(), fine.with("jti", "2"), k.ec))}, "."),
		"signature in DER":                        h + "." + p + "." + b64(append([]byte{0x30, 0x44}, raw...)),
		"wrong issuer":                            ec(good(), fine.with("iss", "https://evil.example")),
		"issuer with a slash more":                ec(good(), fine.with("iss", s.issuer.URL+"/")),
		"issuer in capitals":                      ec(good(), fine.with("iss", strings.ToUpper(s.issuer.URL))),
		"no issuer":                               ec(good(), fine.with("iss", nil)),
		"issuer twice":                            ec(good(), `{"iss":"https://evil.example","iss":"`+s.issuer.URL+`"}`),
		"issuer spelled ISS":                      ec(good(), fine.with("iss", nil).with("ISS", s.issuer.URL)),
		"wrong audience":                          ec(good(), fine.with("aud", "other")),
		"audience that begins alike":              ec(good(), fine.with("aud", []string{"racord-admin"})),
		"audience is the portal (an ID token)":    ec(good(), fine.with("aud", "demo-portal")),
		"empty audience":                          ec(good(), fine.with("aud", []string{})),
		"no audience":                             ec(good(), fine.with("aud", nil)),
		"unregistered portal":                     ec(good(), fine.with("azp", "evil-portal")),
		"a company without its creditor":          ec(good(), fine.with("scope", "connectors")),
		"a company whose creditor is no name":     ec(good(), fine.with("scope", "connectors").with("creditor", "../x")),
		"no portal":                               ec(good(), fine.with("azp", nil)),
		"client_id and azp differ":                ec(good(), fine.with("client_id", "evil-portal")),
		"portal spelled AZP":                      ec(good(), fine.with("azp", nil).with("AZP", "demo-portal")),
		"no subject":                              ec(good(), fine.with("sub", nil)),
		"empty subject":                           ec(good(), fine.with("sub", "")),
		"subject a list":                          ec(good(), fine.with("sub", []string{"sub-1"})),
		"expired":                                 ec(good(), fine.with("exp", now.Add(-61*time.Second).Unix())),
		"expired at the epoch":                    ec(good(), fine.with("exp", 0)),
		"end before the beginning of time":        ec(good(), fine.with("exp", -1e300)),
		"no end":                                  ec(good(), fine.with("exp", nil)),
		"end is null":                             ec(good(), `{"iss":"`+s.issuer.URL+`","sub":"sub-1","aud":"racord","azp":"demo-portal","exp":null}`),
		"end is a string":                         ec(good(), fine.with("exp", "9999999999")),
		"end is true":                             ec(good(), fine.with("exp", true)),
		"not yet valid":                           ec(good(), fine.with("nbf", now.Add(2*time.Minute).Unix())),
		"not valid for ages":                      ec(good(), fine.with("nbf", 1e300)),
		"issued in the future":                    ec(good(), fine.with("iat", now.Add(2*time.Minute).Unix())),
		"an encrypted token":                      strings.Repeat("ey.", 4) + "ey",
	}
	if len(forgeries) < 60 {
		t.Fatalf("got %d forgeries, want at least 60", len(forgeries))
	}
	for name, forged := range forgeries {
		t.Run(name, func(t *testing.T) {
			caller, err := s.Admit(context.Background(), forged)
			if code := hub.CodeOf(err); code != hub.CodeUnauthenticated {
				t.Errorf("got code %q (caller %+v), want %q", code, caller, hub.CodeUnauthenticated)
			}
			if err != nil && len(forged) > 40 && strings.Contains(err.Error(), forged[:40]) {
				t.Errorf("the error repeats the token")
			}
		})
	}
	if s.folders.enrols != 0 || s.issuer.userinfo.Load() != 0 {
		t.Errorf("got %d enrolments and %d questions about a person, want none", s.folders.enrols, s.issuer.userinfo.Load())
	}
	if _, err := s.Admit(context.Background(), token); err != nil {
		t.Errorf("the token all forgeries are made from: %v", err)
	}
}

func ec2(header string, payload any) string { return signES256(header, payload, keyring().ec) }

func last(token string) string { _, _, sig := cut(token); return sig }

// loosen changes the bits of the last character that belong to no byte: two
// spellings of one signature.
func loosen(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

func FuzzOnlyTheSignedWordsAreAdmitted(f *testing.F) {
	s := newScene(f)
	token := s.token()
	signed := token[:strings.LastIndexByte(token, '.')]
	h, p, sig := cut(token)
	for _, seed := range []string{
		token, token + "=", h + ".." + sig, h + "." + p + ".", "..", "", part(good().with("alg", "none")) + "." + p + ".",
		part(good().with("kid", "rsa")) + "." + p + "." + sig, h + "." + part("{}") + "." + sig,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bearer string) {
		_, err := s.Admit(context.Background(), bearer)
		if err == nil && !strings.HasPrefix(bearer, signed+".") {
			t.Errorf("admitted %q, which the issuer never signed", bearer)
		}
		if code := hub.CodeOf(err); err != nil && code != hub.CodeUnauthenticated {
			t.Errorf("got code %q, want %q", code, hub.CodeUnauthenticated)
		}
	})
}
