package rest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"racord/hub"
)

// signedBill is an answer of a creditor that signs.
const signedBill = `{"bills":[{"id":"G-1","due":1234}]}`

// jwk makes a private key.
func jwk(t testing.TB, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: string(jose.ES256)}
}

// signed makes a compact JWS; more are header parameters besides alg and kid.
func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, payload string, more map[jose.HeaderKey]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: more})
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func publicKeys(t testing.TB, keys ...jose.JSONWebKey) string {
	set := jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.Public())
	}
	return text(t, set)
}

// signing opens a creditor that signs answers and wants requests signed.
func signing(t testing.TB, secrets map[string]string, answer http.HandlerFunc) *hub.Connector {
	t.Helper()
	return signingBy(t, secrets, answer, `  post:
    request: {method: POST, path: /pay, body: {id: "{{ posting.id }}"}}
    errors:
      - {status: 409, at: code, is: paid, code: not_payable, certain: true}
    booking: {number: number}
`)
}

// signingBy is signing with more of the manifest.
func signingBy(t testing.TB, secrets map[string]string, answer http.HandlerFunc, more string) *hub.Connector {
	t.Helper()
	manifest := strings.NewReplacer("auth: {type: none}}", `auth: {type: none}, jws: {answers: {keys: gaz-keys, algorithms: [ES256]}, requests: {key: gaz-own}}}`,
		"at: code, is: unknown, code: not_found", "code: not_found", "method: GET", "method: POST", "QUERY", "body: {account: \"{{ account }}\"}",
		"traits: {fetch: [by_account]}", "traits: {fetch: [by_account], paying: {class: A}}").Replace(lonely) + more
	server := serve(t, answer)
	m, err := catalog.Parse("gaz.yaml", []byte(strings.Replace(manifest, "BASE", server, 1)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), newWire(t).env(hub.ClockFunc(time.Now), secrets), m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func jose200(body string) http.HandlerFunc { return joseStatus(200, "application/jose", body) }

func joseStatus(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestOnlySignedAnswersAreBelieved(t *testing.T) {
	old, fresh, stranger := jwk(t, "2025"), jwk(t, "2026"), jwk(t, "2026")
	nameless, otherAlg := jwk(t, "2026"), jwk(t, "2026")
	nameless.Key, nameless.KeyID = fresh.Key, ""
	otherAlg.Algorithm = string(jose.PS256)
	good := signed(t, jose.ES256, fresh, signedBill, nil)
	parts := strings.Split(good, ".")
	header := func(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }
	keys := publicKeys(t, old, fresh)
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		keys   string
		want   hub.Code // "" = believed
	}{
		"the new key":             {jose200(good), keys, ""},
		"the old key":             {jose200(signed(t, jose.ES256, old, signedBill, nil)), keys, ""},
		"with a type":             {jose200(signed(t, jose.ES256, fresh, signedBill, map[jose.HeaderKey]any{"typ": "JOSE", "cty": "json"})), keys, ""},
		"no signature":            {joseStatus(200, "application/json", signedBill), keys, hub.CodeBadData},
		"no JWS":                  {jose200(signedBill), keys, hub.CodeBadData},
		"another payload":         {jose200(parts[0] + "." + header(`{"bills":[]}`) + "." + parts[2]), keys, hub.CodeBadData},
		"no signature behind":     {jose200(parts[0] + "." + parts[1] + "."), keys, hub.CodeBadData},
		"alg none":                {jose200(header(`{"alg":"none","kid":"2026"}`) + "." + parts[1] + "."), keys, hub.CodeBadData},
		"a MAC of a public key":   {jose200(signed(t, jose.HS256, jose.JSONWebKey{Key: []byte(keys), KeyID: "2026"}, signedBill, nil)), keys, hub.CodeBadData},
		"a stranger's key":        {jose200(signed(t, jose.ES256, stranger, signedBill, nil)), keys, hub.CodeBadData},
		"an unknown kid":          {jose200(signed(t, jose.ES256, jwk(t, "2027"), signedBill, nil)), keys, hub.CodeBadData},
		"no kid":                  {jose200(signed(t, jose.ES256, nameless.Key, signedBill, nil)), keys, hub.CodeBadData},
		"the key brought along":   {jose200(signed(t, jose.ES256, fresh, signedBill, map[jose.HeaderKey]any{"jwk": fresh.Public()})), keys, hub.CodeBadData},
		"an address of keys":      {jose200(signed(t, jose.ES256, fresh, signedBill, map[jose.HeaderKey]any{"jku": "https://evil.invalid/keys"})), keys, hub.CodeBadData},
		"an unknown parameter":    {jose200(signed(t, jose.ES256, fresh, signedBill, map[jose.HeaderKey]any{"b64": false, "crit": []string{"b64"}})), keys, hub.CodeBadData},
		"cut":                     {jose200(good[:len(good)-3]), keys, hub.CodeBadData},
		"an unsigned 404":         {joseStatus(404, "application/json", `{"code":"unknown"}`), keys, hub.CodeBadData},
		"a signed 404":            {joseStatus(404, "application/jose", signed(t, jose.ES256, fresh, `{"code":"unknown"}`, nil)), keys, hub.CodeNotFound},
		"a key of another alg":    {jose200(good), publicKeys(t, jose.JSONWebKey{Key: fresh.Key, KeyID: "2026", Algorithm: string(jose.PS256)}), hub.CodeBadData},
		"no keys of ours":         {jose200(good), `{"keys":[]}`, hub.CodeAuth},
		"no set of ours":          {jose200(good), "-----BEGIN PUBLIC KEY-----", hub.CodeAuth},
		"two of one kid":          {jose200(good), publicKeys(t, fresh, stranger), hub.CodeAuth},
		"a private key of theirs": {jose200(good), text(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{fresh}}), hub.CodeAuth},
	} {
		c := signing(t, map[string]string{"gaz-keys": tc.keys, "gaz-own": text(t, jwk(t, "hub"))}, tc.answer)
		a, err := ask(t, c.Source, account("7"))
		if hub.CodeOf(err) != tc.want || (len(a.Obligations) == 1) != (tc.want == "") {
			t.Errorf("%s: got %v, %v, want code %q", name, a.Obligations, err, tc.want)
		}
	}
}

func TestRequestsAreSigned(t *testing.T) {
	own, theirs := jwk(t, "hub-2026"), jwk(t, "2026")
	var kind, accept string
	var body []byte
	c := signing(t, map[string]string{"gaz-keys": publicKeys(t, theirs), "gaz-own": text(t, own)}, func(w http.ResponseWriter, r *http.Request) {
		kind, accept = r.Header.Get("Content-Type"), r.Header.Get("Accept")
		body, _ = io.ReadAll(r.Body)
		jose200(signed(t, jose.ES256, theirs, signedBill, nil))(w, r)
	})
	if _, err := ask(t, c.Source, account("7")); err != nil {
		t.Fatal(err)
	}
	object, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	payload, err := object.Verify(own.Public())
	if err != nil || string(payload) != `{"account":"7"}` || object.Signatures[0].Protected.KeyID != "hub-2026" || kind != "application/jose" || accept != "application/jose" {
		t.Errorf("got %s (%v) as %s, want the question signed", payload, err, kind)
	}
	for name, key := range map[string]string{
		"no key": "", "a public key": text(t, own.Public()), "no kid": text(t, jwk(t, "")), "no alg": text(t, jose.JSONWebKey{Key: own.Key, KeyID: "x"}),
		"an alg that is not allowed": text(t, jose.JSONWebKey{Key: own.Key, KeyID: "x", Algorithm: "HS256"}),
		"an alg of another key":      text(t, jose.JSONWebKey{Key: own.Key, KeyID: "x", Algorithm: "PS256"}),
	} {
		c := signing(t, map[string]string{"gaz-keys": publicKeys(t, theirs), "gaz-own": key}, jose200(signed(t, jose.ES256, theirs, signedBill, nil)))
		if _, err := ask(t, c.Source, account("7")); hub.CodeOf(err) != hub.CodeAuth || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v, want auth", name, err)
		}
	}
}

// A refusal without a signature says nothing about a payment.
func TestOnlyASignedRefusalIsCertain(t *testing.T) {
	theirs := jwk(t, "2026")
	secrets := map[string]string{"gaz-keys": publicKeys(t, theirs), "gaz-own": text(t, jwk(t, "hub"))}
	for name, tc := range map[string]struct {
		answer  http.HandlerFunc
		want    hub.Code
		certain bool
	}{
		"signed":        {joseStatus(409, "application/jose", signed(t, jose.ES256, theirs, `{"code":"paid"}`, nil)), hub.CodeNotPayable, true},
		"not signed":    {joseStatus(409, "application/json", `{"code":"paid"}`), hub.CodeBadData, false},
		"by a stranger": {joseStatus(409, "application/jose", signed(t, jose.ES256, jwk(t, "2026"), `{"code":"paid"}`, nil)), hub.CodeBadData, false},
		"no receipt":    {joseStatus(201, "application/json", `{"number":"R-1"}`), hub.CodeBadData, false},
	} {
		_, err := signing(t, secrets, tc.answer).Sink.Post(t.Context(), []hub.Posting{{ID: "hub:A:1", Amount: hub.Bani(1)}})
		if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.certain {
			t.Errorf("%s: got %v (certain %t), want %s (%t)", name, err, hub.Certainly(err), tc.want, tc.certain)
		}
	}
}

// What stands between us and the creditor answers without a signature: no rule of
// the manifest counts, though the status is one that a rule knows.
func TestAStatusWithoutASignatureIsNotTheCreditorsWord(t *testing.T) {
	theirs := jwk(t, "2026")
	secrets := map[string]string{"gaz-keys": publicKeys(t, theirs), "gaz-own": text(t, jwk(t, "hub"))}
	status := 0
	c := signingBy(t, secrets, func(w http.ResponseWriter, r *http.Request) { joseStatus(status, "text/html", "<h1>nginx</h1>")(w, r) }, `  post:
    request: {method: POST, path: /pay, body: {id: "{{ posting.id }}"}}
    errors:
      - {status: 409, code: not_payable, certain: true}
      - {status: 410, done: true}
    booking: {number: number}
  find:
    read: true
    request: {method: GET, path: "/pay/{{ posting.id }}"}
    errors:
      - {status: 404, found: absent}
      - {status: 410, found: refused}
    booking: {number: number}
`)
	posting := hub.Posting{ID: "hub:A:1", Amount: hub.Bani(1)}
	for of, want := range map[int]hub.Code{404: hub.CodeBadData, 409: hub.CodeBadData, 410: hub.CodeBadData, 401: hub.CodeAuth, 503: hub.CodeUnavailable} {
		status = of
		if _, err := ask(t, c.Source, account("7")); hub.CodeOf(err) != want {
			t.Errorf("%d to a question: got %v, want %s", of, err, want)
		}
		if receipts, err := c.Sink.Post(t.Context(), []hub.Posting{posting}); hub.CodeOf(err) != want || hub.Certainly(err) {
			t.Errorf("%d to a posting: got %v and %v (certain %t), want %s", of, receipts, err, hub.Certainly(err), want)
		}
		if found, _, err := c.Finder.Find(t.Context(), posting); hub.CodeOf(err) != want {
			t.Errorf("%d to a look-up: got %s and %v, want %s", of, found, err, want)
		}
	}
}

// serve starts a server that answers as the handler says.
func serve(t testing.TB, answer http.HandlerFunc) (base string) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}
