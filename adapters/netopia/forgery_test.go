package netopia_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"racord/adapters/netopia"
	"racord/adapters/pspwire"
	"racord/hub"
)

const signature = "AAAA-BBBB-CCCC-DDDD-EEEE"

// keys of tests: the provider's, and a stranger's.
type keys struct{ theirs, stranger, weak *rsa.PrivateKey }

var keyring = sync.OnceValue(func() keys {
	generate := func(bits int) *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return key
	}
	return keys{generate(2048), generate(2048), generate(1024)}
})

func publicPEM(t testing.TB, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// contract is a contract that asks the doer.
func contract(t testing.TB, by pspwire.Doer, now func() time.Time, extras ...string) hub.PSP {
	t.Helper()
	p, err := netopia.New(netopia.Conf{
		BaseURL: "https://psp.invalid", Signature: signature, APIKey: "key", PublicKey: publicPEM(t, keyring().theirs),
		Merchants: hub.Merchants{"water/main": "10006"}, Extras: extras,
	}, pspwire.Env{Read: by, Write: by, Now: now, Secret: secretsOf(map[string]string{"key": "k3y"})})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// claims of a token; a nil value leaves one out.
type claims map[string]any

func (c claims) with(name string, value any) claims {
	c = maps.Clone(c)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func hashOf(body []byte) string {
	sum := sha512.Sum512(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// good are the claims of a body that the provider signs now.
func good(body []byte, now time.Time) claims {
	return claims{
		"iss": "NETOPIA Payments", "aud": []string{signature}, "sub": hashOf(body),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// sign makes a token. header adds members to alg and typ.
func sign(t testing.TB, key *rsa.PrivateKey, algorithm jose.SignatureAlgorithm, payload any, header map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := payload.(string)
	if !ok {
		raw, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	signed, err := signer.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// part writes a header or payload of a token by hand.
func part(v any) string {
	if text, ok := v.(string); ok {
		return base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	raw, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// hs signs with the public key as if it were a secret.
func hs(secret []byte, algorithm string, payload any) string {
	input := part(claims{"alg": algorithm, "typ": "JWT"}) + "." + part(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// loosen changes the bits of the last character that belong to no byte: two
// spellings of one signature.
func loosen(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

func headers(token string) http.Header {
	h := http.Header{}
	h.Set("Verification-token", token)
	return h
}

var notice = []byte(`{"order":{"orderID":"RC-1"},"payment":{"amount":20.5,"code":"00","currency":"RON","ntpID":"1309088","status":3}}`)

func TestForgedNotificationsAreRefused(t *testing.T) {
	now := time.Now()
	p := contract(t, nil, func() time.Time { return now })
	k, fine := keyring(), good(notice, now)
	rs := func(payload any, header map[string]any) string { return sign(t, k.theirs, jose.RS512, payload, header) }
	token := rs(fine, nil)
	parts := strings.Split(token, ".")
	ago := func(d time.Duration) int64 { return now.Add(-d).Unix() }
	for name, forged := range map[string]string{
		"empty":                      "",
		"a word":                     "token",
		"two parts":                  parts[0] + "." + parts[1],
		"no signature":               parts[0] + "." + parts[1] + ".",
		"with a scheme":              "Bearer " + token,
		"with a space":               token + " ",
		"with loose trailing bits":   token[:len(token)-1] + loosen(token[len(token)-1]),
		"with padding":               token + "=",
		"too long":                   token + strings.Repeat("A", 8<<10),
		"alg none":                   part(claims{"alg": "none", "typ": "JWT"}) + "." + parts[1] + ".",
		"alg None, their signature":  part(claims{"alg": "None", "typ": "JWT"}) + "." + parts[1] + "." + parts[2],
		"alg empty":                  part(claims{"alg": ""}) + "." + parts[1] + "." + parts[2],
		"alg missing":                part(claims{"typ": "JWT"}) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key":  hs(publicPEM(t, k.theirs), "HS256", fine),
		"HS256 called RS256":         hs(publicPEM(t, k.theirs), "RS256", fine),
		"RS384":                      sign(t, k.theirs, jose.RS384, fine, nil),
		"PS256":                      sign(t, k.theirs, jose.PS256, fine, nil),
		"RS512 called RS256":         part(claims{"alg": "RS256", "typ": "JWT"}) + "." + parts[1] + "." + parts[2],
		"a stranger's key":           sign(t, k.stranger, jose.RS512, fine, nil),
		"a stranger's key in jwk":    sign(t, k.stranger, jose.RS512, fine, map[string]any{"jwk": jose.JSONWebKey{Key: k.stranger.Public()}}),
		"a header that brings a key": rs(fine, map[string]any{"x5u": "https://evil.example/key"}),
		"crit":                       rs(fine, map[string]any{"crit": []string{"exp"}}),
		"another issuer":             rs(fine.with("iss", "NETOPIA"), nil),
		"no issuer":                  rs(fine.with("iss", nil), nil),
		"ISS":                        rs(fine.with("iss", nil).with("ISS", "NETOPIA Payments"), nil),
		"another merchant":           rs(fine.with("aud", []string{"ZZZZ-BBBB-CCCC-DDDD-EEEE"}), nil),
		"another merchant as well":   rs(fine.with("aud", []string{signature, "ZZZZ-BBBB-CCCC-DDDD-EEEE"}), nil),
		"no audience":                rs(fine.with("aud", nil), nil),
		"an empty audience":          rs(fine.with("aud", []string{}), nil),
		"another body":               rs(fine.with("sub", hashOf([]byte("{}"))), nil),
		"no body":                    rs(fine.with("sub", nil), nil),
		"the hash of nothing":        rs(fine.with("sub", hashOf(nil)), nil),
		"the hash in hexadecimal":    rs(fine.with("sub", "00ff"), nil),
		"over":                       rs(fine.with("exp", ago(301*time.Second)), nil),
		"over, by iat":               rs(fine.with("exp", nil).with("iat", ago(301*time.Second)), nil),
		"not begun":                  rs(fine.with("nbf", ago(-301*time.Second)), nil),
		"from the future":            rs(fine.with("iat", ago(-301*time.Second)).with("exp", ago(-600*time.Second)), nil),
		"without iat":                rs(fine.with("iat", nil), nil),
		"exp a word":                 rs(fine.with("exp", "tomorrow"), nil),
		"iat of 30,000 years":        rs(fine.with("iat", 1e300), nil),
		"claims twice":               rs(`{"iss":"x","iss":"NETOPIA Payments","aud":"`+signature+`","sub":"`+hashOf(notice)+`","iat":1}`, nil),
		"claims that are a list":     rs(`[]`, nil),
		"claims that are no JSON":    rs(`claims`, nil),
		"two signatures as JSON":     `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			fact, err := p.Notifier.Read(t.Context(), headers(forged), notice)
			if hub.CodeOf(err) != hub.CodeUnauthenticated || fact.Order != "" {
				t.Errorf("got %+v, %v; want unauthenticated", fact, err)
			}
		})
	}
	twice := headers(token)
	twice.Add("Verification-token", token)
	for name, h := range map[string]http.Header{"no header": {}, "the header twice": twice} {
		if _, err := p.Notifier.Read(t.Context(), h, notice); hub.CodeOf(err) != hub.CodeUnauthenticated {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := p.Notifier.Read(t.Context(), headers(token), notice); err != nil {
		t.Errorf("the token all forgeries are made from: %v", err)
	}
}

func TestWhatTheProviderSignsIsRead(t *testing.T) {
	now := time.Now()
	p := contract(t, nil, func() time.Time { return now })
	fine := good(notice, now)
	for name, token := range map[string]string{
		"RS256":             sign(t, keyring().theirs, jose.RS256, fine, nil),
		"RS512":             sign(t, keyring().theirs, jose.RS512, fine, nil),
		"with a kid":        sign(t, keyring().theirs, jose.RS512, fine, map[string]any{"kid": "1"}),
		"aud as a text":     sign(t, keyring().theirs, jose.RS512, fine.with("aud", signature), nil),
		"no exp":            sign(t, keyring().theirs, jose.RS512, fine.with("exp", nil), nil),
		"299 s over":        sign(t, keyring().theirs, jose.RS512, fine.with("exp", now.Add(-299*time.Second).Unix()), nil),
		"299 s early":       sign(t, keyring().theirs, jose.RS512, fine.with("nbf", now.Add(299*time.Second).Unix()), nil),
		"claims they added": sign(t, keyring().theirs, jose.RS512, fine.with("jti", "7"), nil),
	} {
		fact, err := p.Notifier.Read(t.Context(), headers(token), notice)
		if err != nil || fact.Order != "RC-1" || fact.Ref != "1309088" {
			t.Errorf("%s: got %+v, %v", name, fact, err)
		}
	}
	nameless := []byte(`{"order":{},"payment":{}}`)
	if _, err := p.Notifier.Read(t.Context(), headers(sign(t, keyring().theirs, jose.RS512, good(nameless, now), nil)), nameless); hub.CodeOf(err) != hub.CodeBadData {
		t.Errorf("a signed body without an order: got %v, want bad data", err)
	}
}

func TestAReplayIsTheSameEventUntilItIsTooOld(t *testing.T) {
	now := time.Now()
	p := contract(t, nil, func() time.Time { return now })
	token := sign(t, keyring().theirs, jose.RS512, good(notice, now), nil)
	first, err := p.Notifier.Read(t.Context(), headers(token), notice)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(9 * time.Minute)
	if again, err := p.Notifier.Read(t.Context(), headers(token), notice); err != nil || again.Event != first.Event {
		t.Errorf("9 minutes later: got event %q, %v; want %q", again.Event, err, first.Event)
	}
	now = now.Add(2 * time.Minute)
	if _, err := p.Notifier.Read(t.Context(), headers(token), notice); hub.CodeOf(err) != hub.CodeUnauthenticated {
		t.Errorf("11 minutes later: got %v, want unauthenticated", err)
	}
}

// TestNoMutationIsAccepted sends 10,000 notifications that differ from a good
// one in a bit, a byte, a length or a place.
func TestNoMutationIsAccepted(t *testing.T) {
	now := time.Now()
	p := contract(t, nil, func() time.Time { return now })
	token := sign(t, keyring().theirs, jose.RS256, good(notice, now), nil)
	other := slices.Concat(notice[:len(notice)-2], []byte(`,"method":"card"}}`))
	otherToken := sign(t, keyring().theirs, jose.RS256, good(other, now), nil)
	dice := mathrand.New(mathrand.NewPCG(1, 2))
	mutations := map[string]func() (string, []byte){
		"a bit of the token":    func() (string, []byte) { return string(flip(dice, []byte(token))), notice },
		"a bit of the body":     func() (string, []byte) { return token, flip(dice, notice) },
		"a byte more":           func() (string, []byte) { return token, insert(dice, notice) },
		"a byte less":           func() (string, []byte) { return token, drop(dice, notice) },
		"a character less":      func() (string, []byte) { return string(drop(dice, []byte(token))), notice },
		"a character more":      func() (string, []byte) { return string(insert(dice, []byte(token))), notice },
		"the body of another":   func() (string, []byte) { return token, other },
		"the token of another":  func() (string, []byte) { return otherToken, notice },
		"parts of two tokens":   func() (string, []byte) { return mix(dice, token, otherToken), notice },
		"the token's end gone":  func() (string, []byte) { return token[:dice.IntN(len(token))], notice },
		"the body's end gone":   func() (string, []byte) { return token, notice[:dice.IntN(len(notice))] },
		"upper case in between": func() (string, []byte) { return swapCase(dice, token), notice },
	}
	names := slices.Sorted(maps.Keys(mutations))
	for i := range 10_000 {
		name := names[i%len(names)]
		forged, body := mutations[name]()
		if forged == token && string(body) == string(notice) {
			continue
		}
		if fact, err := p.Notifier.Read(t.Context(), headers(forged), body); hub.CodeOf(err) != hub.CodeUnauthenticated {
			t.Fatalf("%s (%d): got %+v, %v\n%s\n%s", name, i, fact, err, forged, body)
		}
	}
}

func flip(dice *mathrand.Rand, of []byte) []byte {
	out := slices.Clone(of)
	out[dice.IntN(len(out))] ^= 1 << dice.IntN(8)
	return out
}

func insert(dice *mathrand.Rand, into []byte) []byte {
	return slices.Insert(slices.Clone(into), dice.IntN(len(into)+1), byte(dice.IntN(256)))
}

func drop(dice *mathrand.Rand, from []byte) []byte {
	i := dice.IntN(len(from))
	return slices.Delete(slices.Clone(from), i, i+1)
}

// mix takes each part of a token from one of two, and at least one from each.
func mix(dice *mathrand.Rand, a, b string) string {
	from := [2][]string{strings.Split(a, "."), strings.Split(b, ".")}
	pick := 1 + dice.IntN(6) // 001 to 110 in binary
	mixed := make([]string, 3)
	for i := range mixed {
		mixed[i] = from[pick>>i&1][i]
	}
	if joined := strings.Join(mixed, "."); joined != b {
		return joined
	}
	return a[:len(a)-1] // both have one header: this was the other token
}

func swapCase(dice *mathrand.Rand, text string) string {
	out := []byte(text)
	for {
		i := dice.IntN(len(out))
		if c := out[i] | 0x20; c >= 'a' && c <= 'z' {
			out[i] ^= 0x20
			return string(out)
		}
	}
}

func FuzzOnlySignedBytesAreRead(f *testing.F) {
	now := time.Now()
	p := contract(f, nil, func() time.Time { return now })
	token := sign(f, keyring().theirs, jose.RS512, good(notice, now), nil)
	f.Add(token, notice)
	f.Add(token, []byte(`{}`))
	f.Add("", notice)
	f.Add(hs(publicPEM(f, keyring().theirs), "HS256", good(notice, now)), notice)
	f.Fuzz(func(t *testing.T, forged string, body []byte) {
		_, err := p.Notifier.Read(t.Context(), headers(forged), body)
		if err == nil && (forged != token || string(body) != string(notice)) {
			t.Errorf("read %q with %q, which was never signed", body, forged)
		}
		if code := hub.CodeOf(err); err != nil && code != hub.CodeUnauthenticated {
			t.Errorf("got %v, want unauthenticated", err)
		}
	})
}

func TestAKeyThatIsWeakOrNoneIsRefused(t *testing.T) {
	for name, key := range map[string][]byte{
		"nothing":     nil,
		"no PEM":      []byte("MIIB"),
		"1024 bits":   publicPEM(t, keyring().weak),
		"private key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keyring().theirs)}),
		"damaged":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("key")}),
	} {
		_, err := netopia.New(netopia.Conf{BaseURL: "https://psp.invalid", Signature: signature, APIKey: "key", PublicKey: key}, pspwire.Env{})
		if hub.CodeOf(err) != hub.CodeInvalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}
