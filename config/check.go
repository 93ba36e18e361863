package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// check refuses values that cannot work, naming their key.
func (c *Config) check(refuse func(key, what string)) {
	c.checkDoors(refuse)
	c.checkPlaces(refuse)
	c.checkPace(refuse)
	c.Limits.check(refuse)
	c.Redis.check(refuse)
	c.checkIssuers(refuse)
	c.checkProviders(refuse)
	c.Payments.check(refuse)
	c.checkWebhooks(refuse)
	c.Mail.check(refuse)
	c.Bank.check(refuse)
	c.Wall.check(refuse)
	c.Onboarding.check(refuse)
	if c.Sandbox.Clock != "" && !isRoot(c.Sandbox.Clock) {
		refuse("sandbox.clock", "must be an absolute URL without credentials and query")
	}
}

// within refuses a value outside a range; both ends belong to it.
func within[T cmp.Ordered](refuse func(key, what string), key string, value, least, most T) {
	if !(value >= least && value <= most) { // so that what is no number is refused
		refuse(key, fmt.Sprintf("must be from %v to %v", least, most))
	}
}

// At is the same configuration at other addresses, in which an empty one changes
// nothing. It fails when they cannot work.
func (c Config) At(listen, opsListen string) (Config, error) {
	c.Listen, c.OpsListen = cmp.Or(listen, c.Listen), cmp.Or(opsListen, c.OpsListen)
	var wrong []error
	c.checkDoors(func(key, what string) { wrong = append(wrong, fmt.Errorf("%s: %s", key, what)) })
	return c, errors.Join(wrong...)
}

// checkDoors refuses addresses that nobody can listen on, or that those who need
// them do not reach.
func (c *Config) checkDoors(refuse func(key, what string)) {
	for key, address := range map[string]string{"listen": c.Listen, "ops_listen": c.OpsListen} {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil || port == "" {
			refuse(key, fmt.Sprintf("%q is not an address to listen on; write 127.0.0.1:8080 or :8080", address))
		}
	}
	if _, port, _ := net.SplitHostPort(c.Listen); c.Listen == c.OpsListen && port != "0" {
		refuse("ops_listen", "is the address of the API: the operators' buttons need another")
	}
	c.checkPublic(refuse)
}

// checkPlaces refuses names that nothing can be kept or told under.
func (c *Config) checkPlaces(refuse func(key, what string)) {
	for key, dir := range map[string]string{"data": c.Data, "creditors": c.Creditors, "secrets": c.Secrets} {
		if dir == "" {
			refuse(key, "must name a directory")
		}
	}
	if c.Replica != "" && !nameForm.MatchString(c.Replica) {
		refuse("replica", "must be a name: a lower-case letter and then letters, digits, - or _")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log) {
		refuse("log", fmt.Sprintf("%q is none of debug, info, warn, error", c.Log))
	}
}

// checkPace refuses times and sizes that no hub can keep to.
func (c *Config) checkPace(refuse func(key, what string)) {
	within(refuse, "view.deadline", c.View.Deadline, Duration(100*time.Millisecond), Duration(10*time.Second))
	within(refuse, "view.fetch_for", c.View.FetchFor, Duration(100*time.Millisecond), Duration(time.Minute))
	if c.View.FetchFor < c.View.Deadline {
		refuse("view.fetch_for", "must not be shorter than view.deadline")
	}
	within(refuse, "cache.megabytes", c.Cache.Megabytes, 1, 1<<20)
	within(refuse, "feeds.every", c.Feeds.Every, Duration(time.Second), Duration(24*time.Hour))
	within(refuse, "drain", c.Drain, 0, Duration(10*time.Minute))
}

func (l *Limits) check(refuse func(key, what string)) {
	for key, perMinute := range map[string]int{
		"citizen_per_minute": l.CitizenPerMinute, "calls_per_minute": l.CallsPerMinute, "portal_per_minute": l.PortalPerMinute,
		"sends_per_minute": l.SendsPerMinute, "starts_per_minute": l.StartsPerMinute, "payments_per_minute": l.PaymentsPerMinute,
		"references_per_minute": l.ReferencesPerMinute,
	} {
		within(refuse, "limits."+key, perMinute, 1, 1_000_000_000)
	}
	within(refuse, "limits.in_flight", l.InFlight, 1, 1_000_000)
}

func (r *Redis) check(refuse func(key, what string)) {
	for i, address := range r.Addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			refuse(fmt.Sprintf("redis.addresses[%d]", i), fmt.Sprintf("%q is not a server; write redis.example.ro:6379", address))
		}
	}
	if len(r.Addresses) == 0 && (r.TLS || r.Master != "" || r.Username != "" || r.PasswordFile != "") {
		refuse("redis.addresses", "is missing: without it there is no shared cache")
	}
	if r.Username != "" && r.PasswordFile == "" {
		refuse("redis.password_file", "is missing: username goes with it")
	}
}

// tokenAlgorithms are those that a token may be signed with.
var tokenAlgorithms = []string{"EdDSA", "ES256", "PS256"}

func (c *Config) checkIssuers(refuse func(key, what string)) {
	seen := map[string]bool{}
	for i, issuer := range c.Issuers {
		at := fmt.Sprintf("issuers[%d].", i)
		if !isRoot(issuer.URL) {
			refuse(at+"url", "must be an absolute URL without credentials and query")
		}
		if seen[issuer.URL] {
			refuse(at+"url", "is the address of another issuer")
		}
		seen[issuer.URL] = true
		if len(issuer.Portals) == 0 || slices.Contains(issuer.Portals, "") {
			refuse(at+"portals", "must name at least one registered portal, and no empty one")
		}
		for _, service := range issuer.Services {
			if !slices.Contains(issuer.Portals, service) {
				refuse(at+"services", fmt.Sprintf("%q is none of its portals", service))
			}
		}
		for _, algorithm := range issuer.Algorithms {
			if !slices.Contains(tokenAlgorithms, algorithm) {
				refuse(at+"algorithms", fmt.Sprintf("%q is none of EdDSA, ES256, PS256", algorithm))
			}
		}
	}
}

// check refuses openings for what can be nobody's name.
func (w *Wall) check(refuse func(key, what string)) {
	for name := range w.Creditors {
		if !creditorForm.MatchString(name) {
			refuse("wall.creditors", fmt.Sprintf("%q is not a creditor's name", name))
		}
	}
}
