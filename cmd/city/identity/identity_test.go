package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"racord/cmd/city/identity"
	"racord/cmd/city/people"
)

const serviceSecret = "a portal's secret"

// open starts a provider on a real port.
func open(t *testing.T) (*identity.Provider, *people.Registry, string) {
	t.Helper()
	everybody := people.New(1, 200)
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String() + "/oidc"
	provider, err := identity.New(issuer, everybody, serviceSecret)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return provider, everybody, issuer
}

// verified checks a token as a relying party would and returns its claims.
func verified(t *testing.T, issuer, audience, token string) map[string]any {
	t.Helper()
	party, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := party.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}}).Verify(context.Background(), token)
	if err != nil {
		t.Fatalf("token: got %v, want one that verifies", err)
	}
	claims := map[string]any{}
	if err := checked.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestAccessTokensSayLittle(t *testing.T) {
	provider, everybody, issuer := open(t)
	ana, _ := everybody.ByID("ana")
	token, err := provider.Token(ana.Index)
	if err != nil {
		t.Fatal(err)
	}
	claims := verified(t, issuer, "racord", token)
	if claims["azp"] != "demo-portal" || claims["scope"] != "openid racord" || claims["acr"] == "" || claims["jti"] == "" {
		t.Errorf("got claims %v, want the portal, its scope, a level and an id", claims)
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life != 900 {
		t.Errorf("got a life of %v s, want 900", life)
	}
	parts := strings.Split(token, ".")
	head, _ := base64.RawURLEncoding.DecodeString(parts[0])
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if !strings.Contains(string(head), `"typ":"at+jwt"`) || !strings.Contains(string(head), `"alg":"ES256"`) {
		t.Errorf("got header %s, want at+jwt and ES256", head)
	}
	for _, secret := range []string{ana.CNP, "Ana", "Mureșan", ana.ID} {
		if strings.Contains(string(body), secret) {
			t.Errorf("got %q in the token, want neither name nor code", secret)
		}
	}
}

func TestSubjectsArePairwiseAndLasting(t *testing.T) {
	provider, everybody, _ := open(t)
	again, err := identity.New("http://elsewhere/oidc", people.New(1, 200), serviceSecret)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range everybody.Len() {
		sub := provider.Subject(i)
		if seen[sub] || sub != again.Subject(i) {
			t.Fatalf("person %d: got subject %s twice or changed, want one for ever", i, sub)
		}
		seen[sub] = true
	}
}

// call sends a request and returns status and JSON.
func call(t *testing.T, request *http.Request) (int, map[string]any) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request) // redirects are answers here
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{"location": response.Header.Get("Location"), "body": string(body)}
	_ = json.Unmarshal(body, &answer) // pages are not JSON
	return response.StatusCode, answer
}

func post(t *testing.T, url string, form url.Values) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequest("POST", url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return call(t, request)
}

func get(t *testing.T, url, token string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return call(t, request)
}

const (
	verifier = "a-verifier-of-at-least-forty-three-characters-"
	back     = "http://127.0.0.1:9/callback"
)

func authorization() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {"demo-portal"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid racord email"},
		"state": {"s1"}, "nonce": {"n1"}, "login_hint": {"ana"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
}

// code logs ana in and returns the code the portal gets.
func code(t *testing.T, issuer string) string {
	t.Helper()
	status, answer := get(t, issuer+"/authorize?"+authorization().Encode(), "")
	to, err := url.Parse(answer["location"].(string))
	if err != nil || status != http.StatusFound || to.Query().Get("state") != "s1" {
		t.Fatalf("authorize: got status %d to %v, want a redirect with the state", status, to)
	}
	return to.Query().Get("code")
}

func redemption(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "client_id": {"demo-portal"}, "code_verifier": {verifier},
	}
}

func TestCodeFlow(t *testing.T) {
	_, everybody, issuer := open(t)
	form := redemption(code(t, issuer))
	status, tokens := post(t, issuer+"/token", form)
	if status != http.StatusOK || tokens["scope"] != "openid racord" || tokens["token_type"] != "Bearer" {
		t.Fatalf("token: got status %d %v, want tokens for openid racord", status, tokens)
	}
	id := verified(t, issuer, "demo-portal", tokens["id_token"].(string))
	if id["nonce"] != "n1" {
		t.Errorf("id token: got nonce %v, want n1", id["nonce"])
	}
	access := tokens["access_token"].(string)
	sub := verified(t, issuer, "racord", access)["sub"]
	status, told := get(t, issuer+"/userinfo", access)
	ana, _ := everybody.ByID("ana")
	if status != http.StatusOK || told["sub"] != sub || told["cnp"] != ana.CNP || told["name"] != "Ana Mureșan" || told["family_name"] != "Mureșan" {
		t.Errorf("userinfo: got status %d %v, want ana", status, told)
	}
	if status, answer := post(t, issuer+"/token", form); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("the code again: got status %d %v, want invalid_grant", status, answer)
	}
}

func TestCodeFlowRefusals(t *testing.T) {
	_, _, issuer := open(t)
	for name, change := range map[string]func(url.Values){
		"another verifier": func(f url.Values) { f.Set("code_verifier", "x"+verifier) },
		"another redirect": func(f url.Values) { f.Set("redirect_uri", back+"x") },
		"another client":   func(f url.Values) { f.Set("client_id", "demo-portal-service") },
		"no such code":     func(f url.Values) { f.Set("code", "x") },
	} {
		form := redemption(code(t, issuer))
		change(form)
		if status, answer := post(t, issuer+"/token", form); status != http.StatusBadRequest || answer["access_token"] != nil {
			t.Errorf("%s: got status %d, want 400 and no token", name, status)
		}
	}
	for name, change := range map[string]func(url.Values){
		"an unknown client":             func(q url.Values) { q.Set("client_id", "x") },
		"a redirect to another machine": func(q url.Values) { q.Set("redirect_uri", "http://example.invalid/") },
	} {
		query := authorization()
		change(query)
		if status, _ := get(t, issuer+"/authorize?"+query.Encode(), ""); status != http.StatusBadRequest {
			t.Errorf("%s: got status %d, want 400", name, status)
		}
	}
	query := authorization()
	query.Set("code_challenge_method", "plain")
	if _, answer := get(t, issuer+"/authorize?"+query.Encode(), ""); !strings.Contains(answer["location"].(string), "error=invalid_request") {
		t.Errorf("a plain challenge: got %v, want an error at the portal", answer["location"])
	}
}

func TestStrangersChooseWhoTheyAre(t *testing.T) {
	_, _, issuer := open(t)
	query := authorization()
	query.Del("login_hint")
	status, page := get(t, issuer+"/authorize?"+query.Encode(), "")
	if status != http.StatusOK || !strings.Contains(page["body"].(string), "login_hint=istvan") {
		t.Errorf("got status %d %v, want a page with the demo people", status, page["body"])
	}
}

func TestPortalServiceSpeaksForNobody(t *testing.T) {
	_, _, issuer := open(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"demo-portal-service"}, "client_secret": {serviceSecret}}
	status, tokens := post(t, issuer+"/token", form)
	if status != http.StatusOK {
		t.Fatalf("got status %d %v, want a token", status, tokens)
	}
	token := tokens["access_token"].(string)
	if claims := verified(t, issuer, "racord", token); claims["sub"] != "demo-portal-service" || claims["acr"] != nil {
		t.Errorf("got claims %v, want the service itself", claims)
	}
	if status, _ := get(t, issuer+"/userinfo", token); status != http.StatusUnauthorized {
		t.Errorf("userinfo: got status %d, want 401", status)
	}
	form.Set("client_secret", "guess")
	if status, _ := post(t, issuer+"/token", form); status != http.StatusUnauthorized {
		t.Errorf("a wrong secret: got status %d, want 401", status)
	}
}

func TestTheStaffsDeskAloneMayAskForRefunds(t *testing.T) {
	_, _, issuer := open(t)
	for client, want := range map[string]string{"demo-desk": "racord refunds", "demo-portal-service": "racord"} {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {serviceSecret}, "scope": {"racord refunds"}}
		status, tokens := post(t, issuer+"/token", form)
		if status != http.StatusOK {
			t.Fatalf("%s: got status %d %v, want a token", client, status, tokens)
		}
		claims := verified(t, issuer, "racord", tokens["access_token"].(string))
		if claims["scope"] != want || claims["sub"] != client || claims["azp"] != client {
			t.Errorf("%s: got claims %v, want scope %q", client, claims, want)
		}
	}
	query := authorization()
	query.Set("scope", "openid racord refunds")
	if got := granted(t, issuer, query); got != "openid racord" {
		t.Errorf("a citizen was granted %q", got)
	}
}

func TestCompaniesAndApproversHaveTokensOfTheirOwn(t *testing.T) {
	_, _, issuer := open(t)
	for id, want := range map[string]map[string]any{
		"company-water":  {"azp": "demo-company-desk", "scope": "racord connectors", "creditor": "water"},
		"approver-maria": {"azp": "demo-desk", "scope": "racord connectors.approve", "creditor": nil},
	} {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {serviceSecret}}
		status, tokens := post(t, issuer+"/token", form)
		if status != http.StatusOK {
			t.Fatalf("%s: got status %d %v, want a token", id, status, tokens)
		}
		claims := verified(t, issuer, "racord", tokens["access_token"].(string))
		want["sub"] = id
		for name, value := range want {
			if claims[name] != value {
				t.Errorf("%s: got %s %v, want %v", id, name, claims[name], value)
			}
		}
	}
	for _, id := range []string{"company-", "approver-", "company-A B"} {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {serviceSecret}}
		if status, _ := post(t, issuer+"/token", form); status != http.StatusUnauthorized {
			t.Errorf("%q: got status %d, want 401", id, status)
		}
	}
}

// granted is the scope of the token that a citizen gets.
func granted(t *testing.T, issuer string, query url.Values) string {
	t.Helper()
	_, answer := get(t, issuer+"/authorize?"+query.Encode(), "")
	to, err := url.Parse(answer["location"].(string))
	if err != nil {
		t.Fatal(err)
	}
	_, tokens := post(t, issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "client_id": {"demo-portal"}, "redirect_uri": {back}, "code_verifier": {verifier},
	})
	scope, _ := tokens["scope"].(string)
	return scope
}

func TestUserinfoRefusesWhatItDidNotSign(t *testing.T) {
	provider, _, issuer := open(t)
	stranger, err := identity.New(issuer, people.New(1, 200), serviceSecret)
	if err != nil {
		t.Fatal(err)
	}
	good, _ := provider.Token(0)
	forged, _ := stranger.Token(0)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"none":           "",
		"another key":    forged,
		"no signature":   parts[0] + "." + parts[1] + ".",
		"alg none":       base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"another person": parts[0] + "." + strings.Split(forged, ".")[1] + "." + parts[2],
	} {
		if status, answer := get(t, issuer+"/userinfo", token); status != http.StatusUnauthorized || answer["cnp"] != nil {
			t.Errorf("%s: got status %d, want 401", name, status)
		}
	}
	if status, _ := get(t, issuer+"/userinfo", good); status != http.StatusOK {
		t.Errorf("its own: got status %d, want 200", status)
	}
}
