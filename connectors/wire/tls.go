package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"racord/connectors"
	"racord/hub"
)

// TLS is how connections are secured where the system's roots and no certificate
// of ours are not what the creditor wants.
type TLS struct {
	Certificate connectors.SecretName `json:"certificate" doc:"Secret with our certificate, and those between it and its issuer's root (PEM)."`
	Key         connectors.SecretName `json:"key" doc:"Secret with the private key of our certificate (PEM)."`
	CA          connectors.SecretName `json:"ca" doc:"Secret with the roots that the creditor's certificate must come from (PEM). Without it, the system's."`
}

// Check finds what is missing.
func (t TLS) Check(report func(field, problem string)) {
	if (t.Certificate == "") != (t.Key == "") {
		report("", "certificate and key belong together")
	}
	if t == (TLS{}) {
		report("", "needs certificate and key, or ca")
	}
}

// Soon is how long before its end a certificate is told about.
const Soon = 30 * 24 * time.Hour

// Config makes the configuration of connections to a host. Secrets are read when
// a connection is made, so that one that is renewed counts from the next on. A
// handshake fails with CodeAuth when our certificate is missing or over, with
// CodeBadData when the creditor's does not come from its roots; both for certain.
func (t TLS) Config(env connectors.Env, host string) *tls.Config {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.Certificate != "" {
		own := &identity{env: env, names: t}
		conf.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := own.get(asked.Context())
			if err != nil {
				return nil, hub.Undone(err)
			}
			return pair, nil
		}
	}
	if t.CA != "" {
		conf.InsecureSkipVerify = true // VerifyConnection does it, with roots that can be renewed
		conf.VerifyConnection = func(state tls.ConnectionState) error {
			if err := t.verify(env, host, state); err != nil {
				return hub.Undone(err)
			}
			return nil
		}
	}
	return conf
}

// secretFor is how long reading a secret may take where no caller's time counts.
const secretFor = 5 * time.Second

// verify is what crypto/tls does by itself, with the creditor's own roots.
func (t TLS) verify(env connectors.Env, host string, state tls.ConnectionState) error {
	ctx, cancel := context.WithTimeout(context.Background(), secretFor)
	defer cancel()
	text, err := env.Secret(ctx, string(t.CA))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text.Reveal())) {
		return connectors.Failure(hub.CodeAuth, fmt.Errorf("the secret %s holds no certificate", t.CA))
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	leaf := state.PeerCertificates[0] // a server always has one
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: cmp.Or(state.ServerName, host), Roots: roots, Intermediates: between}); err != nil {
		return connectors.BadData("the creditor's certificate: %w", err)
	}
	if env.Expires != nil {
		env.Expires("server", leaf.NotAfter)
	}
	return nil
}

// identity is our certificate.
type identity struct {
	env   connectors.Env
	names TLS

	mu   sync.Mutex
	last *tls.Certificate // that was whole
	told time.Time        // when its end was told about
}

// get gives the certificate of the moment. While certificate and key are being
// renewed one after the other, the pair before is good.
func (i *identity) get(ctx context.Context) (*tls.Certificate, error) {
	certificate, err := i.env.Secret(ctx, string(i.names.Certificate))
	if err != nil {
		return nil, err
	}
	key, err := i.env.Secret(ctx, string(i.names.Key))
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	pair, err := tls.X509KeyPair([]byte(certificate.Reveal()), []byte(key.Reveal()))
	switch {
	case err == nil:
		i.last = &pair
	case i.last == nil:
		return nil, connectors.Failure(hub.CodeAuth, errors.New("our certificate and its key cannot be used")) // the cause may repeat them
	}
	return i.last, i.tell(i.last.Leaf.NotAfter)
}

// tell warns once a day of a certificate that is good for thirty days or less,
// and fails when it is over.
func (i *identity) tell(end time.Time) error {
	if i.env.Expires != nil {
		i.env.Expires("client", end)
	}
	left := time.Until(end)
	if left <= 0 {
		return connectors.Failure(hub.CodeAuth, fmt.Errorf("our certificate ended on %s", end.Format(time.DateOnly)))
	}
	if left < Soon && time.Since(i.told) > 24*time.Hour {
		i.told = time.Now()
		i.env.Log.Warn("our certificate ends soon", "certificate", string(i.names.Certificate), "ends_on", end.Format(time.DateOnly), "days", int(left.Hours()/24))
	}
	return nil
}

// certificateRefused tells whether the other side's TLS refused our certificate.
// Nothing of the request was read then, though TLS 1.3 says so only after it was
// written (RFC 8446 §4.4.2.4).
func certificateRefused(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && alert.Op == "remote error" &&
		(strings.Contains(alert.Err.Error(), "certificate") || strings.Contains(alert.Err.Error(), "access denied"))
}
