package roadfines

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"racord/cmd/city/gate"
)

// Keys are the register's certificates and keys, and those it gave to the hub.
// Every city makes its own.
type Keys struct {
	server tls.Certificate
	roots  *x509.CertPool
	sign   [2]jose.Signer
	hub    jose.JSONWebKey // the hub's public key
	turn   atomic.Int64

	given map[string]string
}

// ClientLife is how long the hub's certificate is good: near its end, as it is
// for a month of every year.
const ClientLife = 20 * 24 * time.Hour

// NewKeys makes keys.
func NewKeys() (*Keys, error) {
	m := &mint{now: time.Now()}
	root := m.authority()
	server := m.certificate(root, "roadfines.napoca-test.invalid", 90*24*time.Hour)
	client := m.certificate(root, "racord", ClientLife)
	first, second, hubs := m.key("rf-2025"), m.key("rf-2026"), m.key("racord-2026")
	if m.err != nil {
		return nil, m.err
	}
	k := &Keys{server: server.pair, roots: x509.NewCertPool(), hub: hubs.Public()}
	k.roots.AddCert(root.leaf)
	for i, key := range []jose.JSONWebKey{first, second} {
		var err error
		if k.sign[i], err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil); err != nil {
			return nil, err
		}
	}
	k.given = map[string]string{
		"roadfines-certificate": client.chain, "roadfines-key": client.key, "roadfines-ca": root.chain,
		"roadfines-answer-keys": m.text(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{first.Public(), second.Public()}}),
		"roadfines-signing-key": m.text(hubs),
	}
	return k, m.err
}

// Credentials are what the register gave to the hub, by the names of its secrets.
func (k *Keys) Credentials() map[string]string { return k.given }

// TLS is what the register's door wants: a certificate of its own authority.
func (k *Keys) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{k.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: k.roots,
	}
}

// say signs an answer.
func (k *Keys) say(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // answers hold texts and numbers only
	}
	signed, err := k.sign[k.turn.Add(1)%2].Sign(text)
	if err != nil {
		panic(err) // the keys are ours
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		panic(err) // likewise
	}
	w.Header().Set("Content-Type", "application/jose")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, compact)
}

func (k *Keys) refuse(w http.ResponseWriter, status int, code string) {
	k.say(w, status, map[string]string{"code": code})
}

// errSignature is a request that the hub did not sign.
var errSignature = errors.New("roadfines: no good signature")

// open verifies a request.
func (k *Keys) open(req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil || req.Header.Get("Content-Type") != "application/jose" {
		return nil, errSignature
	}
	signed, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || signed.Signatures[0].Protected.KeyID != k.hub.KeyID {
		return nil, errSignature
	}
	return signed.Verify(k.hub.Key)
}

// Voice is how the register says no at its door: signed.
func (k *Keys) Voice() gate.Voice {
	return gate.Voice{
		Busy: func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "2")
			k.refuse(w, http.StatusTooManyRequests, "rate_limited")
		},
		Maintenance: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "900")
			k.refuse(w, http.StatusServiceUnavailable, "maintenance")
		},
		Refused: func(w http.ResponseWriter) { k.refuse(w, http.StatusUnauthorized, "unauthorized") },
		Garble:  garble,
	}
}

// garble changes letters of the payload, as a proxy does that takes it for text.
func garble(_ http.Header, body []byte) []byte {
	broken := make([]byte, len(body))
	for i, c := range body {
		if broken[i] = c; c == 'a' && i > len(body)/3 {
			broken[i] = 'A'
		}
	}
	return broken
}

// mint makes keys and certificates; its first error stays.
type mint struct {
	now    time.Time
	serial int64
	err    error
}

// issued is a certificate with its key.
type issued struct {
	leaf       *x509.Certificate
	private    *ecdsa.PrivateKey
	pair       tls.Certificate
	chain, key string // PEM
}

func (m *mint) authority() issued {
	return m.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Napoca-Test Road Fines Authority"}, NotAfter: m.now.Add(10 * 365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
}

func (m *mint) certificate(by issued, name string, life time.Duration) issued {
	return m.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: m.now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &by)
}

// issue signs a certificate, itself when there is no other.
func (m *mint) issue(of *x509.Certificate, by *issued) (made issued) {
	if made.private = m.private(); m.err != nil {
		return made
	}
	m.serial++
	of.SerialNumber, of.NotBefore = big.NewInt(m.serial), m.now.Add(-time.Hour)
	if by == nil {
		by = &issued{leaf: of, private: made.private}
	}
	raw, err := x509.CreateCertificate(rand.Reader, of, by.leaf, &made.private.PublicKey, by.private)
	m.keep(err)
	secret, err := x509.MarshalPKCS8PrivateKey(made.private)
	m.keep(err)
	made.chain = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	made.key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	if m.err != nil {
		return made
	}
	made.pair, err = tls.X509KeyPair([]byte(made.chain), []byte(made.key))
	m.keep(err)
	made.leaf = made.pair.Leaf
	return made
}

func (m *mint) private() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.keep(err)
	return key
}

func (m *mint) key(id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: m.private(), KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
}

func (m *mint) text(v any) string {
	text, err := json.Marshal(v)
	m.keep(err)
	return string(text)
}

func (m *mint) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}
