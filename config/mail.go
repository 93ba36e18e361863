package config

import (
	"net/mail"
	"strings"
)

// Mail is the operator's relay. Without a host no mail is sent, and notices to
// companies' contacts wait.
type Mail struct {
	Host         string `yaml:"host"`          // under this name it has a certificate; on this machine it needs none
	Port         int    `yaml:"port"`          // default 587 with STARTTLS; 465 = TLS from the first byte
	From         string `yaml:"from"`          // a plain mail address
	Username     string `yaml:"username"`      // "" = it asks for none
	PasswordFile string `yaml:"password_file"` // with username
	CAFile       string `yaml:"ca_file"`       // PEM: who signed its certificate, when no public authority did
}

func (m *Mail) check(refuse func(key, what string)) {
	if *m == (Mail{}) {
		return
	}
	from, err := mail.ParseAddress(m.From)
	switch {
	case m.Host == "" || strings.ContainsAny(m.Host, " :/@"):
		refuse("mail.host", "must be the relay's name or address, without a port")
	case m.Port < 0 || m.Port > 65535:
		refuse("mail.port", "must be from 1 to 65535")
	case err != nil || from.Address != m.From:
		refuse("mail.from", "must be a plain mail address")
	case (m.Username == "") != (m.PasswordFile == ""):
		refuse("mail.password_file", "goes with username: both or neither")
	}
}
