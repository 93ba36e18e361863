package config

import (
	"net"
	"net/netip"
	"strings"
	"time"
)

// Payments sets how payments are carried out.
type Payments struct {
	PublicURL   string   `yaml:"public_url"`    // where payment providers and payers reach this hub; may be missing where listen is an address of this machine only
	PageLife    Duration `yaml:"page_life"`     // how long a payer may take
	CallFor     Duration `yaml:"call_for"`      // how long one call to a provider may take
	Lease       Duration `yaml:"lease"`         // how long a replica has a piece of work
	LookUpEvery Duration `yaml:"look_up_every"` // how soon a charge without an answer is looked up
	Workers     int      `yaml:"workers"`       // pieces of work of one kind at once
	RefundAgain Duration `yaml:"refund_again"`  // how long after a refund that nobody answered it may be asked for again, if it cannot be seen
	RefundAlone int64    `yaml:"refund_alone"`  // bani; to have more given back takes two of the staff: with 0 always
}

func defaultPayments() Payments {
	return Payments{
		PageLife: Duration(30 * time.Minute), CallFor: Duration(8 * time.Second), Lease: Duration(10 * time.Second),
		LookUpEvery: Duration(2 * time.Second), Workers: 8, RefundAgain: Duration(15 * time.Minute), RefundAlone: 100_000,
	}
}

func (p *Payments) check(refuse func(key, what string)) {
	if p.PublicURL != "" && !isPublic(p.PublicURL) {
		refuse("payments.public_url", "must be https://, a name and no slash at the end: providers call what stands below it; http on this machine only")
	}
	for key, bounded := range map[string]struct{ value, least, most Duration }{
		"page_life":     {p.PageLife, Duration(time.Minute), Duration(time.Hour)},
		"call_for":      {p.CallFor, Duration(500 * time.Millisecond), Duration(time.Minute)},
		"lease":         {p.Lease, Duration(time.Second), Duration(5 * time.Minute)},
		"look_up_every": {p.LookUpEvery, Duration(100 * time.Millisecond), Duration(time.Minute)},
		"refund_again":  {p.RefundAgain, Duration(time.Second), Duration(72 * time.Hour)},
	} {
		within(refuse, "payments."+key, bounded.value, bounded.least, bounded.most)
	}
	within(refuse, "payments.workers", p.Workers, 1, 1000)
	if p.RefundAlone < 0 {
		refuse("payments.refund_alone", "must not be negative")
	}
}

func isPublic(address string) bool {
	return isRoot(address) && goodEndpoint(address) && !strings.HasSuffix(address, "/")
}

// checkPublic refuses providers that could not reach the hub: where it listens is
// an address for others only on this machine.
func (c *Config) checkPublic(refuse func(key, what string)) {
	if len(c.Providers) > 0 && c.Payments.PublicURL == "" && !onThisMachine(c.Listen) {
		refuse("payments.public_url", "is missing: say where providers reach this hub; "+c.Listen+" is no address for them")
	}
}

// onThisMachine tells whether only this machine reaches an address to listen on.
func onThisMachine(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "localhost" {
		return true // the former is told of where listen is checked
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
