package testserver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// MailConf is what a mail relay wants and offers.
type MailConf struct {
	TLS   *tls.Config // nil = it offers no STARTTLS
	Plain string      // "\x00user\x00password" in base64 that AUTH PLAIN must give; "" = no AUTH
}

// MailRelay is a mail server on loopback that keeps what it is given.
type MailRelay struct {
	Address string

	conf MailConf
	door net.Listener
	ends sync.WaitGroup

	mu      sync.Mutex
	open    map[net.Conn]bool
	refuse  string // the answer to every recipient
	sent    []Mail
	changed chan struct{}
}

// Mail is one message as the relay took it.
type Mail struct {
	From, To string
	Secure   bool // it came over TLS
	Text     string
}

// Mailbox starts a relay that ends with the test.
func Mailbox(t testing.TB, conf MailConf) *MailRelay {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &MailRelay{Address: door.Addr().String(), conf: conf, door: door, open: map[net.Conn]bool{}, changed: make(chan struct{}, 1)}
	m.ends.Go(m.serve)
	t.Cleanup(m.close)
	return m
}

// keep remembers a connection until it ends.
func (m *MailRelay) keep(conn net.Conn) (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[conn] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.open, conn)
		_ = conn.Close()
	}
}

func (m *MailRelay) close() {
	_ = m.door.Close()
	m.mu.Lock()
	for conn := range m.open {
		_ = conn.Close()
	}
	m.mu.Unlock()
	m.ends.Wait()
}

// Refuse lets the relay answer every recipient with a line such as "451 later", or
// take them again when it is "".
func (m *MailRelay) Refuse(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = line
}

// Next waits for the next message.
func (m *MailRelay) Next(t testing.TB) Mail {
	t.Helper()
	for {
		m.mu.Lock()
		if len(m.sent) > 0 {
			first := m.sent[0]
			m.sent = m.sent[1:]
			m.mu.Unlock()
			return first
		}
		m.mu.Unlock()
		select {
		case <-m.changed:
		case <-time.After(30 * time.Second):
			t.Fatal("no mail came")
		}
	}
}

func (m *MailRelay) serve() {
	for {
		conn, err := m.door.Accept()
		if err != nil {
			return
		}
		m.ends.Go(func() {
			defer m.keep(conn)()
			(&mailTalk{relay: m, conn: conn}).run()
		})
	}
}

// mailTalk is one conversation (RFC 5321, as much of it as clients use).
type mailTalk struct {
	relay  *MailRelay
	conn   net.Conn
	read   *bufio.Reader
	mail   Mail
	proved bool
}

func (k *mailTalk) say(line string) { _, _ = fmt.Fprintf(k.conn, "%s\r\n", line) }

func (k *mailTalk) run() {
	k.read = bufio.NewReader(k.conn)
	k.say("220 relay.test ready")
	for {
		line, err := k.read.ReadString('\n')
		if err != nil || !k.answer(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// answer answers a command, and tells whether the conversation goes on.
func (k *mailTalk) answer(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "EHLO" || verb == "HELO":
		k.offer()
	case verb == "STARTTLS":
		return k.secure()
	case verb == "AUTH":
		k.prove(strings.TrimPrefix(rest, "PLAIN "))
	case verb == "QUIT":
		k.say("221 bye")
		return false
	case verb == "MAIL" && k.relay.conf.Plain != "" && !k.proved:
		k.say("530 who are you")
	case verb == "MAIL":
		k.mail = Mail{From: between(rest), Secure: k.mail.Secure}
		k.say("250 ok")
	case verb == "RCPT":
		k.to(between(rest))
	case verb == "DATA":
		return k.take()
	default:
		k.say("250 ok")
	}
	return true
}

func between(text string) string {
	_, text, _ = strings.Cut(text, "<")
	text, _, _ = strings.Cut(text, ">")
	return text
}

func (k *mailTalk) offer() {
	k.say("250-relay.test")
	if k.relay.conf.TLS != nil && !k.mail.Secure {
		k.say("250-STARTTLS")
	}
	if k.relay.conf.Plain != "" {
		k.say("250-AUTH PLAIN")
	}
	k.say("250 8BITMIME")
}

func (k *mailTalk) secure() bool {
	k.say("220 go on")
	secure := tls.Server(k.conn, k.relay.conf.TLS)
	if secure.Handshake() != nil {
		return false
	}
	k.conn, k.read, k.mail.Secure = secure, bufio.NewReader(secure), true
	return true
}

func (k *mailTalk) prove(word string) {
	if k.proved = word == k.relay.conf.Plain; k.proved {
		k.say("235 ok")
	} else {
		k.say("535 no")
	}
}

func (k *mailTalk) to(address string) {
	k.relay.mu.Lock()
	refuse := k.relay.refuse
	k.relay.mu.Unlock()
	if refuse != "" {
		k.say(refuse)
		return
	}
	k.mail.To = address
	k.say("250 ok")
}

func (k *mailTalk) take() bool {
	k.say("354 go on")
	var text strings.Builder
	for {
		line, err := k.read.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	k.mail.Text = text.String()
	k.relay.mu.Lock()
	k.relay.sent = append(k.relay.sent, k.mail)
	k.relay.mu.Unlock()
	select {
	case k.relay.changed <- struct{}{}:
	default:
	}
	k.say("250 ok")
	return true
}
