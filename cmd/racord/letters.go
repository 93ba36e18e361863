package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"racord/adapters/courier"
	"racord/adapters/smtprelay"
	"racord/adapters/webhook"
	"racord/config"
	"racord/hub"
)

// openCourier tells companies what happens to their connectors: their endpoint,
// and their contacts by mail when there is a relay.
func (h *runningHub) openCourier(setup hubSetup, teller *webhook.Teller) error {
	carriers := map[hub.Channel]courier.Carrier{hub.ChannelWebhook: teller.Deliver}
	if setup.Config.Mail.Host != "" {
		relay, err := openRelay(setup.Config)
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
		carriers[hub.ChannelMail] = relay.Send
	}
	post := courier.New(courier.Parts{Letters: h.store, Carriers: carriers, Log: h.log}, courier.Conf{})
	h.behind(post.Run)
	return nil
}

// openRelay reads the relay's password and who signed its certificate.
func openRelay(c config.Config) (*smtprelay.Relay, error) {
	conf := smtprelay.Conf{Host: c.Mail.Host, Port: c.Mail.Port, From: c.Mail.From, Username: c.Mail.Username, Cooling: onboarding(c.Onboarding).Cooling}
	if c.Mail.PasswordFile != "" {
		text, err := os.ReadFile(c.Mail.PasswordFile)
		if err != nil {
			return nil, err
		}
		conf.Password = hub.NewSecret(strings.TrimRight(string(text), "\r\n"))
	}
	if c.Mail.CAFile != "" {
		text, err := os.ReadFile(c.Mail.CAFile)
		if err != nil {
			return nil, err
		}
		if conf.Roots = x509.NewCertPool(); !conf.Roots.AppendCertsFromPEM(text) {
			return nil, errors.New("ca_file holds no certificate in PEM")
		}
	}
	return smtprelay.New(conf)
}
