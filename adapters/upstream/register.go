package upstream

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"racord/hub"
)

// Rules are what an address must keep to before a company may register it. The
// zero value allows https at port 443.
type Rules struct {
	Scheme string         // that of URLs; default https
	Ports  []uint16       // approved besides 443
	Own    []string       // names of the hub: no creditor has them, or a name below them
	Inside []netip.Prefix // what the operator opened for the creditor: an IP address in it is one, at any port and without TLS
}

// CheckURL gives a URL that a company registers, a creditor's, a webhook's or
// that of a key set, as it is to be kept: the name in ASCII and lower case. It
// fails with CodeInvalid and the rule that was broken. It looks nothing up: where
// a name leads to is seen by the Wall at every connection.
func CheckURL(text string, rules Rules) (string, error) {
	a := readURL(text)
	if err := a.check(rules); err != nil {
		return "", err
	}
	a.url.Host = a.hostPort()
	return a.url.String(), nil
}

// CheckEndpoint does the same for host:port of what is not HTTP: SFTP, SQL, gRPC.
func CheckEndpoint(text string, rules Rules) (string, error) {
	a := readEndpoint(text, rules)
	if err := a.check(rules); err != nil {
		return "", err
	}
	return a.hostPort(), nil
}

// registered is an address that is being looked at.
type registered struct {
	text    string
	url     *url.URL // nil when it cannot be read
	name    string   // in ASCII and lower case; "" when it is no name
	literal netip.Addr
}

func readURL(text string) registered {
	a := registered{text: text}
	u, err := url.Parse(text)
	if err != nil {
		return a
	}
	a.url = u
	a.readHost(u.Hostname())
	return a
}

// readEndpoint reads host:port as the authority of a URL.
func readEndpoint(text string, rules Rules) registered {
	a := readURL(rules.scheme() + "://" + text)
	if a.text = text; a.url != nil && (a.url.Host != text || a.url.Port() == "") {
		a.url = nil // there is more than host and port, or less
	}
	return a
}

func (a *registered) readHost(host string) {
	a.literal, _ = netip.ParseAddr(host)
	name, err := names.ToASCII(host)
	if name = strings.TrimSuffix(name, "."); err == nil && !strings.HasSuffix(name, ".") {
		a.name = name
	}
}

// names maps what people and attackers write (capitals, full-width letters,
// ideographic dots) to the name that is looked up, and lets only letters, digits
// and hyphens through (UTS #46, RFC 5891).
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// hostPort gives name and port as they are kept: 443 goes without saying in a URL.
func (a *registered) hostPort() string {
	host := a.name
	if a.literal.IsValid() {
		host = a.literal.String()
	}
	if port := a.url.Port(); port != "" {
		return net.JoinHostPort(host, port)
	}
	if a.literal.Is6() {
		return "[" + host + "]"
	}
	return host
}

// check applies the rules in order and says the first that is broken.
func (a *registered) check(rules Rules) error {
	for _, r := range registration {
		if r.broken(a, rules) {
			return hub.Errorf(hub.CodeInvalid, "%s", r.says)
		}
	}
	return nil
}

// rule is one reason not to register an address.
type rule struct {
	name   string
	broken func(*registered, Rules) bool
	says   string // to who registers it; it tells nothing about our network
}

// registration is all of them, in the order in which they are looked at: from the
// second on an address could be read.
var registration = []rule{
	{"text", unfitText, "The address must be of at most 2,048 visible characters, without blanks and backslashes."},
	{"form", func(a *registered, _ Rules) bool { return a.url == nil || a.url.Opaque != "" || a.url.Host == "" }, "This is not an absolute address with a host."},
	{"user", func(a *registered, _ Rules) bool { return a.url.User != nil }, "The address must not hold a user or a password."},
	{"fragment", func(a *registered, _ Rules) bool { return strings.Contains(a.text, "#") }, "The address must not hold a fragment (#)."},
	{"scheme", func(a *registered, r Rules) bool { return a.url.Scheme != r.scheme() && !a.inside(r) }, "The address must begin with https://."},
	{"port", unfitPort, "The port must be 443 or one that the operator approved."},
	{"literal", func(a *registered, r Rules) bool {
		return (a.literal.IsValid() || endsInNumber(a.name)) && !a.inside(r)
	}, "The address must have a name, not a number."},
	{"name", func(a *registered, r Rules) bool { return a.name == "" && !a.inside(r) }, "The host is not a name of the domain name system."},
	{"single", func(a *registered, r Rules) bool { return a.name != "" && !strings.Contains(a.name, ".") }, "The host must be a whole name, with its domain."},
	{"special", func(a *registered, _ Rules) bool { return below(a.name, reserved) }, "The host's name is one that is not public."},
	{"own", func(a *registered, r Rules) bool { return below(a.name, r.own()) }, "The host is not the creditor's."},
}

// reserved are names that never lead to a company on the public internet: the
// registry of special-use names (RFC 6761 and its updates), .internal, and what
// networks call themselves.
var reserved = []string{
	"alt", "arpa", "example", "internal", "invalid", "local", "localhost", "localdomain", "onion", "test",
	"corp", "home", "intranet", "lan", "mail", "private",
}

func (r Rules) scheme() string {
	if r.Scheme == "" {
		return "https"
	}
	return r.Scheme
}

// own gives the hub's names as they are compared. One that cannot be read as a
// name is compared as it is.
func (r Rules) own() (all []string) {
	for _, name := range r.Own {
		if ascii, err := names.ToASCII(name); err == nil {
			name = ascii
		}
		all = append(all, name)
	}
	return all
}

// inside tells whether the host is an IP address in a network that the operator
// opened. One with a zone, or an IPv4 address in IPv6 clothes, is in none.
func (a *registered) inside(r Rules) bool {
	return within(r.Inside, a.literal) && (a.url.Scheme == r.scheme() || a.url.Scheme == "http")
}

func unfitText(a *registered, _ Rules) bool {
	return len(a.text) > 2048 || strings.ContainsFunc(a.text, func(c rune) bool {
		return c == '\\' || c == unicode.ReplacementChar || unicode.IsSpace(c) || !unicode.IsPrint(c)
	})
}

// unfitPort refuses a port that is not approved, and one that is written in
// another way than others read it.
func unfitPort(a *registered, r Rules) bool {
	if port := a.url.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		return err != nil || n == 0 || strconv.FormatUint(n, 10) != port ||
			n != 443 && !slices.Contains(r.Ports, uint16(n)) && !a.inside(r)
	}
	return strings.HasSuffix(a.url.Host, ":")
}

// endsInNumber tells whether a name's last label is a number, as 2130706433,
// 0x7f.1 and 127.1 are to some: then the whole is an IPv4 address to them (WHATWG
// URL, "ends in a number").
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// below tells whether the name is one of the domains, or a name in one of them.
func below(name string, domains []string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		return name == domain || strings.HasSuffix(name, "."+domain)
	})
}
