package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
)

// codeLife is how long an authorisation code waits to be redeemed.
const codeLife = time.Minute

// grant is what a code stands for.
type grant struct {
	person    int
	redirect  string
	challenge string
	scope     string
	nonce     string
	expires   time.Time
}

// codes are the authorisation codes not yet redeemed.
type codes struct {
	mu   sync.Mutex
	open map[string]grant
}

func (c *codes) issue(g grant) string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	code := base64.RawURLEncoding.EncodeToString(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]grant{}
	}
	for old, g := range c.open {
		if time.Now().After(g.expires) {
			delete(c.open, old)
		}
	}
	c.open[code] = g
	return code
}

// redeem gives a grant once.
func (c *codes) redeem(code string) (grant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.open[code]
	delete(c.open, code)
	return g, ok && time.Now().Before(g.expires)
}

// authorize logs the person named in login_hint in, or shows whom one can be.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if q.Get("client_id") != Portal || err != nil || !loopback(back) {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "unknown client or redirect_uri"})
		return
	}
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
		send(w, r, back, url.Values{"error": {"invalid_request"}, "state": {q.Get("state")}})
		return
	}
	who, ok := p.people.ByID(q.Get("login_hint"))
	if !ok {
		p.choose(w, r.URL)
		return
	}
	code := p.codes.issue(grant{
		person: who.Index, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		scope: granted(q.Get("scope")), nonce: q.Get("nonce"), expires: time.Now().Add(codeLife),
	})
	send(w, r, back, url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.issuer}})
}

// loopback admits redirects to the caller's own machine only (RFC 8252 §7.3).
func loopback(u *url.URL) bool {
	return u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname())
}

func send(w http.ResponseWriter, r *http.Request, back *url.URL, with url.Values) {
	to, query := *back, back.Query()
	for name, values := range with {
		if values[0] != "" {
			query[name] = values
		}
	}
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// granted is the part of the wanted scope that exists.
func granted(wanted string) string {
	var scope []string
	for _, s := range []string{"openid", "racord"} {
		if slices.Contains(strings.Fields(wanted), s) {
			scope = append(scope, s)
		}
	}
	return strings.Join(scope, " ")
}

var chooser = template.Must(template.New("choose").Parse(`<!DOCTYPE html>
<html lang="ro"><head><meta charset="utf-8"><title>Autentificare – Napoca-Test</title></head>
<body><h1>Cine sunteți?</h1><p>Persoane inventate, pentru demonstrație.</p>
<ul>{{range .}}<li><a href="{{.URL}}">{{.Name}}</a></li>{{end}}</ul></body></html>
`))

func (p *Provider) choose(w http.ResponseWriter, at *url.URL) {
	type choice struct{ Name, URL string }
	var choices []choice
	for i := range min(10, p.people.Len()) {
		who := p.people.Person(i)
		if !who.Named() {
			continue
		}
		query := at.Query()
		query.Set("login_hint", who.Login)
		choices = append(choices, choice{who.Name(), at.Path + "?" + query.Encode()})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = chooser.Execute(w, choices)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		p.redeem(w, r)
	case "client_credentials":
		p.service(w, r)
	default:
		reply(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
	}
}

// redeem turns a code and its PKCE verifier (RFC 7636) into tokens.
func (p *Provider) redeem(w http.ResponseWriter, r *http.Request) {
	g, ok := p.codes.redeem(r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	client, _, basic := r.BasicAuth()
	if !basic {
		client = r.PostForm.Get("client_id")
	}
	if !ok || client != Portal || g.redirect != r.PostForm.Get("redirect_uri") ||
		g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	access, err := p.issue(p.Subject(g.person), Portal, g.scope, assurance)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(Life.Seconds()), "scope": g.scope}
	if strings.Contains(g.scope, "openid") {
		if answer["id_token"], err = p.idToken(g); err != nil {
			reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
			return
		}
	}
	reply(w, http.StatusOK, answer)
}

func (p *Provider) idToken(g grant) (string, error) {
	now := time.Now()
	claims := struct {
		jwt.Claims
		Nonce string `json:"nonce,omitempty"`
		Acr   string `json:"acr"`
	}{
		Claims: jwt.Claims{
			Issuer: p.issuer, Subject: p.Subject(g.person), Audience: jwt.Audience{Portal},
			Expiry: jwt.NewNumericDate(now.Add(Life)), IssuedAt: jwt.NewNumericDate(now),
		},
		Nonce: g.nonce, Acr: assurance,
	}
	return jwt.Signed(p.id).Claims(claims).Serialize()
}

// services are the machines that have tokens of their own, and their scope.
var services = map[string]string{PortalService: "racord", StaffDesk: "racord refunds"}

// service gives a machine a token that speaks for no citizen.
func (p *Provider) service(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	granted, known := deskOf(id)
	if !known || subtle.ConstantTimeCompare([]byte(secret), []byte(p.serviceSecret)) != 1 {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	access, err := p.issueFor(id, granted, "")
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(Life.Seconds()), "scope": granted.scope,
	})
}
