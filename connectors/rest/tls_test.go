package rest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/upstream"
	"racord/connectors"
	"racord/hub"
)

// authority issues certificates.
type authority struct {
	t    testing.TB
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t}
	a.leaf = &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.pem, _, a.key = a.sign(a.leaf, 24*time.Hour)
	return a
}

// issue gives a certificate and its key (PEM).
func (a *authority) issue(name string, life time.Duration, ips ...net.IP) (certificate, key string) {
	certificate, key, _ = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: ips, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, life)
	return certificate, key
}

func (a *authority) sign(of *x509.Certificate, life time.Duration) (certificate, key string, private *ecdsa.PrivateKey) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	by := a.key
	if by == nil {
		by = private
	}
	of.SerialNumber, of.NotBefore, of.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-48*time.Hour), time.Now().Add(life)
	raw, err := x509.CreateCertificate(rand.Reader, of, a.leaf, &private.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), private
}

var loopback = net.IPv4(127, 0, 0, 1)

// demanding starts a server that wants certificates of the authority, and tells
// whose it saw last.
func demanding(t testing.TB, a *authority, ip net.IP) (base string, who *atomic.Value) {
	t.Helper()
	who = &atomic.Value{}
	certificate, key := a.issue("server", time.Hour, ip)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(a.pem))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who.Store(r.TLS.PeerCertificates[0].Subject.CommonName)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close") // every call makes a connection
		_, _ = io.WriteString(w, signedBill)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, who
}

// mutual opens a creditor over mutual TLS.
func mutual(t testing.TB, base string, e connectors.Env) *hub.Connector {
	t.Helper()
	manifest := strings.NewReplacer("auth: {type: none}}", "auth: {type: none}, tls: {certificate: gaz-cert, key: gaz-key, ca: gaz-ca}}",
		"QUERY", "", "BASE", base, "traits: {fetch: [by_account]}", "traits: {fetch: [by_account], paying: {class: A}}").Replace(lonely) + `  post:
    request: {method: POST, path: /pay, body: {id: "{{ posting.id }}"}}
    booking: {number: number}
`
	m, err := catalog.Parse("gaz.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), e, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secure is the world with TLS; the secrets may change while it is used.
func secure(t testing.TB, secrets map[string]string) connectors.Env {
	e := newWire(t).env(hub.ClockFunc(time.Now), secrets)
	e.Secure = func(conf *tls.Config) (read, write connectors.Doer) {
		way := upstream.New(upstream.Conf{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
		t.Cleanup(way.Close)
		return way.Secure(conf)
	}
	return e
}

func TestBothSidesShowACertificate(t *testing.T) {
	ours, strangers := newAuthority(t), newAuthority(t)
	certificate, key := ours.issue("racord", time.Hour)
	over, overKey := ours.issue("racord", -time.Hour)
	foreign, foreignKey := strangers.issue("racord", time.Hour)
	base, _ := demanding(t, ours, loopback)
	elsewhere, _ := demanding(t, ours, net.IPv4(10, 0, 0, 1)) // its certificate is another host's
	for name, tc := range map[string]struct {
		base          string
		cert, key, ca string
		want          hub.Code
	}{
		"ours":                          {base, certificate, key, ours.pem, ""},
		"one that is over":              {base, over, overKey, ours.pem, hub.CodeAuth},
		"one they do not take":          {base, foreign, foreignKey, ours.pem, hub.CodeAuth},
		"none":                          {base, "", "", ours.pem, hub.CodeAuth},
		"a key of another":              {base, certificate, foreignKey, ours.pem, hub.CodeAuth},
		"a server of other roots":       {base, certificate, key, strangers.pem, hub.CodeBadData},
		"a server of another name":      {elsewhere, certificate, key, ours.pem, hub.CodeBadData},
		"roots that are no certificate": {base, certificate, key, "none", hub.CodeAuth},
		"a server whose roots we lost":  {base, certificate, key, "", hub.CodeAuth},
	} {
		secrets := map[string]string{}
		for name, value := range map[string]string{"gaz-cert": tc.cert, "gaz-key": tc.key, "gaz-ca": tc.ca} {
			if value != "" {
				secrets[name] = value
			}
		}
		c := mutual(t, tc.base, secure(t, secrets))
		if _, err := ask(t, c.Source, account("7")); hub.CodeOf(err) != tc.want {
			t.Errorf("%s: got %v, want code %q", name, err, tc.want)
		}
		if tc.want == "" {
			continue
		}
		if _, err := c.Sink.Post(t.Context(), []hub.Posting{{ID: "hub:A:1", Amount: hub.Bani(1)}}); hub.CodeOf(err) != tc.want || !hub.Certainly(err) {
			t.Errorf("%s: got %v (certain %t) for a payment, want %s for certain", name, err, hub.Certainly(err), tc.want)
		}
	}
}

// The creditor's token endpoint is another host, whose certificate comes from the
// same roots.
func TestTheRootsAreThoseOfEveryHostOfTheCreditor(t *testing.T) {
	a := newAuthority(t)
	elsewhere, key, _ := a.sign(&x509.Certificate{DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, time.Hour)
	tokens := over(t, elsewhere, key, `{"access_token":"t","token_type":"Bearer","expires_in":300}`)
	certificate, own := a.issue("gaz", time.Hour, loopback)
	manifest := strings.NewReplacer("QUERY", "", "BASE", over(t, certificate, own, signedBill), "auth: {type: none}}",
		`auth: {type: oauth2, token_url: "`+strings.Replace(tokens, "127.0.0.1", "localhost", 1)+`", client_id: gaz-id, client_secret: gaz-secret}, tls: {ca: gaz-ca}}`).Replace(lonely)
	m, err := catalog.Parse("gaz.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), secure(t, map[string]string{"gaz-ca": a.pem, "gaz-id": "hub", "gaz-secret": "s"}), m)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := ask(t, c.Source, account("7")); err != nil || len(answer.Obligations) != 1 {
		t.Errorf("got %v and %v, want the bill", answer.Obligations, err)
	}
}

// over starts a server with a certificate that always answers the same.
func over(t testing.TB, certificate, key, says string) (base string) {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, says)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// A certificate is renewed while it is used: first it, then its key.
func TestARenewedCertificateCountsFromTheNextConnection(t *testing.T) {
	a := newAuthority(t)
	base, who := demanding(t, a, loopback)
	secrets := map[string]string{"gaz-ca": a.pem}
	secrets["gaz-cert"], secrets["gaz-key"] = a.issue("first", time.Hour)
	c := mutual(t, base, secure(t, secrets))
	expect := func(want string) {
		t.Helper()
		if _, err := ask(t, c.Source, account("7")); err != nil || who.Load() != want {
			t.Errorf("got %v as %v, want %s", err, who.Load(), want)
		}
	}
	expect("first")
	certificate, key := a.issue("second", time.Hour)
	secrets["gaz-cert"] = certificate
	expect("first")
	secrets["gaz-key"] = key
	expect("second")
}

func TestTheEndOfACertificateIsToldBefore(t *testing.T) {
	a := newAuthority(t)
	base, _ := demanding(t, a, loopback)
	for life, warned := range map[time.Duration]bool{20 * 24 * time.Hour: true, 200 * 24 * time.Hour: false} {
		secrets := map[string]string{"gaz-ca": a.pem}
		secrets["gaz-cert"], secrets["gaz-key"] = a.issue("racord", life)
		e := secure(t, secrets)
		var lines bytes.Buffer
		ends := map[string]time.Time{}
		e.Log = slog.New(slog.NewTextHandler(&lines, nil))
		e.Expires = func(what string, end time.Time) { ends[what] = end }
		c := mutual(t, base, e)
		for range 2 {
			if _, err := ask(t, c.Source, account("7")); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(lines.String(), "our certificate ends soon"); (got == 1) != warned {
			t.Errorf("%v left: got %d warnings (%s), want one: %t", life, got, &lines, warned)
		}
		if left := time.Until(ends["client"]); left < life-time.Minute || left > life || ends["server"].IsZero() {
			t.Errorf("%v left: got %v told", life, ends)
		}
	}
}

func TestTLSOfItsOwnNeedsHTTPS(t *testing.T) {
	for tls, want := range map[string]string{
		"{ca: gaz-ca}":                        "settings.tls: belongs to an address that begins with https://",
		"{certificate: gaz-cert, ca: gaz-ca}": "settings.tls: certificate and key belong together",
		"{}":                                  "settings.tls: needs certificate and key, or ca",
	} {
		text := strings.NewReplacer("auth: {type: none}}", "auth: {type: none}, tls: "+tls+"}", "QUERY", "", "BASE", "http://gaz.invalid").Replace(lonely)
		if _, err := catalog.Parse("gaz.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", tls, err, want)
		}
	}
}
