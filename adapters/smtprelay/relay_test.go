package smtprelay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/smtprelay"
	"racord/adapters/testserver"
	"racord/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const relayName = "smtp.city.example"

var login = base64.StdEncoding.EncodeToString([]byte("\x00racord\x00Secret-4711"))

// certificate is the relay's own, and who believes it.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

// conf is a relay across the network that is in truth on loopback.
func conf(server *testserver.MailRelay, roots *x509.CertPool) smtprelay.Conf {
	return smtprelay.Conf{
		Host: relayName, From: "racord@city.example", Username: "racord", Password: hub.NewSecret("Secret-4711"), Roots: roots, Cooling: 48 * time.Hour,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Address)
		},
	}
}

func opened(t *testing.T, c smtprelay.Conf) *smtprelay.Relay {
	t.Helper()
	r, err := smtprelay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func letter(contact, detail string) hub.Letter {
	return hub.Letter{Creditor: "water", No: 3, Channel: hub.ChannelMail, Notice: hub.ContactNotice{
		At: time.Date(2026, 3, 15, 10, 0, 0, 0, time.UTC), Contact: contact, Version: 2, Kind: "accounts_changed", Detail: detail,
	}}
}

func TestANoticeArrivesOverTLS(t *testing.T) {
	conversation, roots := certificate(t, relayName)
	server := testserver.Mailbox(t, testserver.MailConf{TLS: conversation, Plain: login})
	const hostile = "https://x.example\r\n.\r\nMAIL FROM:<evil@x>\r\nBcc: evil@x.example\r\n\u202ereversed"
	if err := opened(t, conf(server, roots)).Send(t.Context(), letter("it@water.example", hostile)); err != nil {
		t.Fatal(err)
	}
	got := server.Next(t)
	if got.From != "racord@city.example" || got.To != "it@water.example" || !got.Secure {
		t.Errorf("got from %s to %s, over TLS %t", got.From, got.To, got.Secure)
	}
	message, err := mail.ReadMessage(strings.NewReader(got.Text))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if subject != "Racord: se schimbă contul de încasare (water)" || message.Header.Get("Bcc") != "" ||
		message.Header.Get("Message-Id") != "<racord-notice-water-3@city.example>" {
		t.Errorf("got headers %v, subject %q", message.Header, subject)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	body := strings.ReplaceAll(string(text), "\r\n", "\n")
	for _, want := range []string{"https://x.example  .  MAIL FROM:<evil@x>  Bcc: evil@x.example   reversed\n", "versiunea 2", "17.03.2026 12:00", "another account"} {
		if err != nil || !strings.Contains(body, want) {
			t.Errorf("got %q (%v), want %q", body, err, want)
		}
	}
}

func TestWhatGoesWrongHasItsCode(t *testing.T) {
	good, roots := certificate(t, relayName)
	foreign, _ := certificate(t, relayName)
	for name, tc := range map[string]struct {
		relay   testserver.MailConf
		refuse  string
		contact string
		change  func(*smtprelay.Conf)
		want    hub.Code
	}{
		"no TLS across a network":       {relay: testserver.MailConf{Plain: login}, want: hub.CodeUnavailable},
		"a certificate of others":       {relay: testserver.MailConf{TLS: foreign, Plain: login}, want: hub.CodeUnavailable},
		"another password":              {relay: testserver.MailConf{TLS: good, Plain: login}, change: func(c *smtprelay.Conf) { c.Password = hub.NewSecret("other") }, want: hub.CodeAuth},
		"a mailbox that does not exist": {relay: testserver.MailConf{TLS: good, Plain: login}, refuse: "550 no such user", want: hub.CodeBadData},
		"a mailbox that is full now":    {relay: testserver.MailConf{TLS: good, Plain: login}, refuse: "452 later", want: hub.CodeUnavailable},
		"an address with a line break":  {relay: testserver.MailConf{TLS: good, Plain: login}, contact: "a@x.example>\r\nRCPT TO:<b@x.example", want: hub.CodeBadData},
		"two addresses":                 {relay: testserver.MailConf{TLS: good, Plain: login}, contact: "a@x.example, b@x.example", want: hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			server := testserver.Mailbox(t, tc.relay)
			server.Refuse(tc.refuse)
			c := conf(server, roots)
			if tc.change != nil {
				tc.change(&c)
			}
			if tc.contact == "" {
				tc.contact = "it@water.example"
			}
			err := opened(t, c).Send(t.Context(), letter(tc.contact, "x"))
			if hub.CodeOf(err) != tc.want || strings.Contains(hub.MessageOf(err), "@") {
				t.Errorf("got %v, want %s and nobody named", err, tc.want)
			}
		})
	}
}
