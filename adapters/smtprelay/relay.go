// Package smtprelay sends companies' contacts their notices by e-mail, through the
// operator's own relay. Nothing crosses a network in clear: a relay elsewhere than
// on this machine must offer TLS (RFC 3207, or RFC 8314 on port 465) under a
// certificate for its name. A notice holds no personal code and no secret.
package smtprelay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"racord/hub"
)

// Conf says which relay is used, and as whom.
type Conf struct {
	Host     string
	Port     int    // default 587; 465 = TLS from the first byte
	From     string // a plain mail address
	Username string // "" = the relay asks for none
	Password hub.Secret
	Roots    *x509.CertPool // who may have signed its certificate; nil = those of the system
	// Dial reaches the relay in another way than by its name.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Cooling time.Duration // how long a company may object to a change
}

// Relay sends mail.
type Relay struct{ conf Conf }

// New makes a Relay. It fails for one that cannot work.
func New(conf Conf) (*Relay, error) {
	if conf.Port == 0 {
		conf.Port = gomail.DefaultPortTLS
	}
	if conf.Host == "" || !plain(conf.From) {
		return nil, errors.New("a mail relay needs a host, and a plain mail address to send from")
	}
	r := &Relay{conf}
	_, err := r.client(nil)
	return r, err
}

// plain tells whether a text is a mail address and nothing else.
func plain(address string) bool {
	parsed, err := mail.ParseAddress(address)
	return err == nil && parsed.Address == address && !strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// Send sends a letter's notice to its contact. It fails with CodeUnavailable when
// the relay cannot be reached, CodeAuth when it does not take our credentials, and
// CodeBadData when it refuses the mail.
func (r *Relay) Send(ctx context.Context, l hub.Letter) error {
	message, err := r.write(l)
	if err != nil {
		return hub.Wrap(hub.CodeBadData, err, "The contact's mail address cannot be used.")
	}
	line := &line{relay: r}
	defer line.hangUp()
	client, err := r.client(line.dial)
	if err != nil {
		return hub.Wrap(hub.CodeInternal, err, "The mail relay is not set up rightly.")
	}
	return failure(client.DialAndSendWithContext(ctx, message))
}

// client is new for every letter: they are few, and a relay forgets connections.
func (r *Relay) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(r.conf.Port), gomail.WithTimeout(15 * time.Second), gomail.WithTLSPolicy(r.policy()),
		gomail.WithTLSConfig(r.secure()),
	}
	if r.conf.Port == gomail.DefaultPortSSL {
		options = append(options, gomail.WithSSL())
	}
	if r.conf.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(r.conf.Username), gomail.WithPassword(r.conf.Password.Reveal()))
	}
	if dial != nil {
		options = append(options, gomail.WithDialContextFunc(dial))
	}
	return gomail.NewClient(r.conf.Host, options...)
}

func (r *Relay) secure() *tls.Config {
	return &tls.Config{ServerName: r.conf.Host, RootCAs: r.conf.Roots, MinVersion: tls.VersionTLS12}
}

// line is the connection of one letter: the library leaves one open on which the
// relay did not want to talk.
type line struct {
	relay *Relay
	conn  net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := l.relay.conf.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	if l.relay.conf.Port == gomail.DefaultPortSSL {
		return tls.Client(conn, l.relay.secure()), nil
	}
	return conn, nil
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// policy asks for TLS wherever a network lies between.
func (r *Relay) policy() gomail.TLSPolicy {
	if ip := net.ParseIP(r.conf.Host); r.conf.Host == "localhost" || ip != nil && ip.IsLoopback() {
		return gomail.NoTLS
	}
	return gomail.TLSMandatory
}

// failure gives what the relay said its code. Its own words may name the contact
// and are not kept.
func failure(err error) error {
	var refused *gomail.SendError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.IsTemp():
		return hub.Wrap(hub.CodeUnavailable, err, fmt.Sprintf("The mail relay does not take the mail now (%d).", refused.ErrorCode()))
	case errors.As(err, &refused) && refused.ErrorCode() != 0:
		return hub.Wrap(hub.CodeBadData, err, fmt.Sprintf("The mail relay refuses the mail (%d).", refused.ErrorCode()))
	case strings.Contains(err.Error(), "STARTTLS"):
		return hub.Wrap(hub.CodeUnavailable, err, "The mail relay offers no TLS.")
	case strings.Contains(strings.ToUpper(err.Error()), "SMTP AUTH"):
		return hub.Wrap(hub.CodeAuth, err, "The mail relay does not take our credentials.")
	default:
		return hub.Wrap(hub.CodeUnavailable, err, "The mail relay cannot be reached.")
	}
}
