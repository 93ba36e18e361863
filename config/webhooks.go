package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
)

// Webhook is where a portal or a creditor is told what happens to payments.
// Exactly one of Portal and Creditor is set.
type Webhook struct {
	Portal     string   `yaml:"portal"`      // client id of a registered portal: hears of the payments it carries
	Creditor   string   `yaml:"creditor"`    // hears of its own lines
	URL        string   `yaml:"url"`         // https; http on this machine only
	SecretFile string   `yaml:"secret_file"` // holds whsec_…, and on a second line one more while it is being changed; read at start
	Events     []string `yaml:"events"`      // types such as line.posted, or line.* for a kind; none = all
}

var (
	eventForm    = regexp.MustCompile(`^[a-z]+\.([a-z_]+|\*)$`)
	creditorForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{1,31}$`)
)

// checkWebhooks refuses endpoints that cannot work, and two of one receiver.
func (c *Config) checkWebhooks(refuse func(key, what string)) {
	seen := map[string]bool{}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		at := fmt.Sprintf("webhooks[%d].", i)
		who := w.Portal + "/" + w.Creditor
		if seen[who] {
			refuse(at+"url", "its receiver has an endpoint already")
		}
		seen[who] = true
		c.checkReceiver(w, at, refuse)
		if !goodEndpoint(w.URL) {
			refuse(at+"url", "must be an https address without credentials")
		}
		if w.SecretFile == "" {
			refuse(at+"secret_file", "must name the file with the secret: without it nobody believes what we say")
		}
		for _, event := range w.Events {
			if !eventForm.MatchString(event) {
				refuse(at+"events", fmt.Sprintf("%q is no type of event; write line.posted or line.*", event))
			}
		}
	}
}

func (c *Config) checkReceiver(w *Webhook, at string, refuse func(key, what string)) {
	switch {
	case (w.Portal == "") == (w.Creditor == ""):
		refuse(at+"portal", "name one receiver, a portal or a creditor")
	case w.Creditor != "" && !creditorForm.MatchString(w.Creditor):
		refuse(at+"creditor", "must be a creditor's name")
	case w.Portal != "" && !slices.ContainsFunc(c.Issuers, func(i Issuer) bool { return slices.Contains(i.Portals, w.Portal) }):
		refuse(at+"portal", fmt.Sprintf("%q is not among the portals of any issuer", w.Portal))
	}
}

func goodEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	local := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && local
}
