// Package upstream is the only way out of the hub to creditors' systems. Every
// connection goes through a wall that looks at the address really dialled, every
// request waits for its turn, and a read is repeated once at most, when the
// guard's budget allows it.
package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"racord/adapters/upstream/lean"
)

// Conf describes the way out to one creditor. The zero value of a field takes
// its default.
type Conf struct {
	MaxInflight int                         // connections kept open; default 16
	Turn        func(context.Context) error // waits for the creditor's rate; nil = no limit
	Allow       []netip.Prefix              // addresses inside the city that may be dialled
	Deny        []netip.Prefix              // addresses never dialled, even if public: the hub's own
	RootCAs     *x509.CertPool              // nil = the system's
	Resolver    *net.Resolver               // looks names up; nil = the system's
	Connect     time.Duration               // look-up and TCP; default 800 ms
	Handshake   time.Duration               // TLS; default 1 s
	Idle        time.Duration               // how long a connection is kept unused; default 60 s
	MaxBody     int64                       // bytes of an answer, a fuse behind the connectors' own limits; default 64 MiB
}

func (c Conf) withDefaults() Conf {
	if c.MaxInflight <= 0 {
		c.MaxInflight = 16
	}
	if c.Turn == nil {
		c.Turn = func(context.Context) error { return nil }
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 20
	}
	byDefault(&c.Connect, 800*time.Millisecond)
	byDefault(&c.Handshake, time.Second)
	byDefault(&c.Idle, time.Minute)
	return c
}

func byDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 32 << 10

// Client is the way out to one creditor: it shares no connection, cookie or
// credential with another's. It follows no redirect, takes no proxy from the
// environment and asks for no compression.
type Client struct {
	Read  *Reader
	Write *Writer
	wall  *Wall
	dial  *net.Dialer
	base  *lean.Transport
	conf  Conf

	mu   sync.Mutex
	more []*lean.Transport // with TLS of their own
}

// New opens a way out. Close ends it.
func New(conf Conf) *Client {
	conf = conf.withDefaults()
	wall := NewWall(conf.Allow, conf.Deny)
	c := &Client{wall: wall, conf: conf}
	c.dial = &net.Dialer{Timeout: conf.Connect, KeepAlive: 30 * time.Second, Resolver: conf.Resolver, ControlContext: wall.Control}
	c.base = transport(conf, c.dial, &tls.Config{RootCAs: conf.RootCAs, ClientSessionCache: tls.NewLRUClientSessionCache(0)})
	c.Read, c.Write = over(c.base, conf)
	return c
}

// over sends over a transport.
func over(base *lean.Transport, conf Conf) (*Reader, *Writer) {
	wire := &wire{next: base, maxBody: conf.MaxBody}
	return newReader(wire), &Writer{client: plain(wire)}
}

// Secure gives another reader and writer behind the same wall and the same turns,
// whose TLS is what secure says, 1.2 or newer: a certificate of ours, or roots of
// the creditor's own. Sessions are not resumed, so that a connection is made with
// the certificate of the day.
func (c *Client) Secure(secure *tls.Config) (*Reader, *Writer) {
	base := transport(c.conf, c.dial, secure.Clone())
	c.mu.Lock()
	c.more = append(c.more, base)
	c.mu.Unlock()
	return over(base, c.conf)
}

// HTTP is a client for what belongs to no connector, such as an identity
// provider's keys. It sends once and follows no redirect.
func (c *Client) HTTP() *http.Client { return c.Write.client }

// Close closes the connections that are not in use.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, base := range append(c.more, c.base) {
		base.CloseIdleConnections()
	}
}

// transport sends small questions lean, and leaves the rest to net/http.
func transport(conf Conf, dial *net.Dialer, secure *tls.Config) *lean.Transport {
	secure.MinVersion = max(secure.MinVersion, tls.VersionTLS12)
	return &lean.Transport{
		Dial:      dial.DialContext,
		Fallback:  standard(conf, dial, secure),
		Turn:      conf.Turn,
		TLS:       secure,
		Handshake: conf.Handshake,
		MaxIdle:   conf.MaxInflight,
		IdleFor:   conf.Idle,
		MaxHeader: maxHeader,
	}
}

func standard(conf Conf, dial *net.Dialer, secure *tls.Config) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dial.DialContext,
		TLSClientConfig:        secure,
		TLSHandshakeTimeout:    conf.Handshake,
		Protocols:              &protocols,
		DisableCompression:     true, // nothing small can grow large
		DisableKeepAlives:      true, // on a kept connection it logs what arrives unasked, and that may name people
		MaxResponseHeaderBytes: maxHeader,
		ExpectContinueTimeout:  time.Second,
	}
}

// plain is a client that follows nothing and remembers nothing.
func plain(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
