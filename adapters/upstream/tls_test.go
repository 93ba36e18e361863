package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http/httptest"
)

const oldTLS = tls.VersionTLS11

var quiet = log.New(io.Discard, "", 0)

func pool(server *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return roots
}
