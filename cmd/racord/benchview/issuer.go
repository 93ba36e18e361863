package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// portal is the client the citizens' tokens were issued to.
const portal = "bench-portal"

// tokenLife is longer than the longest benchmark.
const tokenLife = 6 * time.Hour

// issuer is an OpenID Connect provider with simulated citizens.
type issuer struct {
	url      string
	citizens []citizen
	bearers  map[string]*citizen
	keys     jose.JSONWebKeySet
	server   *http.Server
}

// openIssuer starts a provider on loopback and gives each citizen a token.
func openIssuer(count int) (*issuer, error) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &issuer{url: "http://" + door.Addr().String(), citizens: make([]citizen, count), bearers: map[string]*citizen{}}
	if err := i.issue(); err != nil {
		_ = door.Close()
		return nil, err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	routes.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { reply(w, i.keys) })
	routes.HandleFunc("GET /userinfo", i.userinfo)
	i.server = &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = i.server.Serve(door) }() // ends with close
	return i, nil
}

func (i *issuer) close() { _ = i.server.Close() }

// issue signs a token for every citizen (ES256, RFC 9068).
func (i *issuer) issue() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	const id = "bench"
	i.keys.Keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}}
	signing := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}
	signer, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return err
	}
	for n := range i.citizens {
		c := &i.citizens[n]
		c.subject, c.cnp = fmt.Sprintf("citizen-%06d", n), cnpOf(n)
		if c.token, err = i.sign(signer, c.subject); err != nil {
			return err
		}
		i.bearers[c.token] = c
	}
	return nil
}

func (i *issuer) sign(signer jose.Signer, subject string) (string, error) {
	now := time.Now()
	standard := jwt.Claims{
		Issuer: i.url, Subject: subject, Audience: jwt.Audience{"racord"}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(tokenLife)),
	}
	own := map[string]any{"azp": portal, "client_id": portal, "scope": "openid racord", "acr": "substantial"}
	return jwt.Signed(signer).Claims(standard).Claims(own).Serialize()
}

func (i *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{
		"issuer": i.url, "jwks_uri": i.url + "/jwks", "userinfo_endpoint": i.url + "/userinfo",
		"authorization_endpoint": i.url + "/authorize", "token_endpoint": i.url + "/token",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (i *issuer) userinfo(w http.ResponseWriter, r *http.Request) {
	c, ok := i.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		http.Error(w, "unknown token", http.StatusUnauthorized)
		return
	}
	reply(w, map[string]string{"sub": c.subject, "name": "Ana Mureșan", "cnp": c.cnp})
}

func reply(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // who went away needs no answer
}

// everybody runs do for each citizen, a few at once, until one fails.
func everybody(ctx context.Context, citizens []citizen, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	const atOnce = 16
	turn := make(chan int)
	done := make(chan struct{})
	for range atOnce {
		go func() {
			defer func() { done <- struct{}{} }()
			for n := range turn {
				if err := do(ctx, n); err != nil {
					cancel(err)
				}
			}
		}()
	}
	for n := 0; n < len(citizens) && ctx.Err() == nil; n++ {
		turn <- n
	}
	close(turn)
	for range atOnce {
		<-done
	}
	return context.Cause(ctx)
}
