// Package bearer is the small OAuth 2.0 authorisation server a utility runs for
// its partners: client credentials in, opaque bearer tokens out (RFC 6749 §4.4,
// RFC 6750). Tokens live in real time, not in the city's.
package bearer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Issuer gives and checks tokens for one client. Tokens carry their own expiry
// under a MAC, so none is stored.
type Issuer struct {
	id, secret string
	life       time.Duration
	key        []byte
}

// New returns an issuer for one client; tokens live for life.
func New(id, secret string, life time.Duration) *Issuer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return &Issuer{id: id, secret: secret, life: life, key: key}
}

// ServeHTTP is the token endpoint. The client authenticates with HTTP Basic or
// in the form.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"unsupported_grant_type"}`))
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != i.id || subtle.ConstantTimeCompare([]byte(secret), []byte(i.secret)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"%s","token_type":"Bearer","expires_in":%d}`, i.Token(), int(i.life.Seconds()))
}

// Token makes a token that is good from now on.
func (i *Issuer) Token() string {
	raw := make([]byte, 24, 24+sha256.Size)
	binary.BigEndian.PutUint64(raw, uint64(time.Now().Add(i.life).UnixNano()))
	_, _ = rand.Read(raw[8:24])
	return base64.RawURLEncoding.EncodeToString(i.seal(raw))
}

func (i *Issuer) seal(raw []byte) []byte {
	mac := hmac.New(sha256.New, i.key)
	mac.Write(raw[:24])
	return mac.Sum(raw[:24])
}

// Admits reports whether the request carries a token that is still good.
func (i *Issuer) Admits(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 24+sha256.Size {
		return false
	}
	if !hmac.Equal(raw, i.seal(append(make([]byte, 0, len(raw)), raw[:24]...))) {
		return false
	}
	return time.Now().UnixNano() < int64(binary.BigEndian.Uint64(raw))
}

// Guard lets only admitted requests through to next.
func (i *Issuer) Guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !i.Admits(r) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_token"}`))
			return
		}
		next(w, r)
	}
}
