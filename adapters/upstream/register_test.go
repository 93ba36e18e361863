package upstream_test

import (
	"bufio"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"racord/adapters/upstream"
	"racord/hub"
)

// ours are the rules of the test's hub.
var ours = upstream.Rules{Own: []string{"Hub.Napoca.ro", "portal.ro"}}

type vector struct{ rule, text string }

// vectors reads a file of rules and addresses.
func vectors(t *testing.T, file string) (all []vector) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		rule, quoted, _ := strings.Cut(lines.Text(), " ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
		all = append(all, vector{rule, text})
	}
	return all
}

func TestHostileAddressesAreNotRegistered(t *testing.T) {
	all := append(vectors(t, "hostile-urls.txt"), vector{"text", "https://api.furnizor.ro/" + strings.Repeat("a", 2048)})
	for _, v := range all {
		if got := upstream.Broken(v.text, ours, ""); got != v.rule {
			t.Errorf("%q: got rule %q, want %q", v.text, got, v.rule)
		}
		if kept, err := upstream.CheckURL(v.text, ours); hub.CodeOf(err) != hub.CodeInvalid || kept != "" {
			t.Errorf("%q: got %q, %v, want a refusal", v.text, kept, err)
		}
	}
	if len(all) < 120 {
		t.Errorf("got %d vectors, want at least 120", len(all))
	}
}

func TestHostileEndpointsAreNotRegistered(t *testing.T) {
	rules := upstream.Rules{Own: ours.Own, Ports: []uint16{22}}
	for _, v := range vectors(t, "hostile-endpoints.txt") {
		if got := upstream.BrokenEndpoint(v.text, rules, ""); got != v.rule {
			t.Errorf("%q: got rule %q, want %q", v.text, got, v.rule)
		}
		if kept, err := upstream.CheckEndpoint(v.text, rules); hub.CodeOf(err) != hub.CodeInvalid || kept != "" {
			t.Errorf("%q: got %q, %v, want a refusal", v.text, kept, err)
		}
	}
}

// Whoever takes a rule away sees a hostile address pass.
func TestEveryRuleOfRegistrationIsNeeded(t *testing.T) {
	all := vectors(t, "hostile-urls.txt")
	for _, rule := range upstream.RulesOfRegistration() {
		passes := slices.ContainsFunc(all, func(v vector) bool { return upstream.Broken(v.text, ours, rule) == "" })
		if !passes && rule != "form" { // what has no form has no name either
			t.Errorf("without rule %s no vector passes, want one that only it refuses", rule)
		}
	}
}

func TestAddressesOfCompaniesAreRegistered(t *testing.T) {
	for text, want := range map[string]string{
		"https://api.furnizor.ro":                 "https://api.furnizor.ro",
		"https://API.Furnizor.RO/v1":              "https://api.furnizor.ro/v1",
		"https://api.furnizor.ro./v1":             "https://api.furnizor.ro/v1",
		"HTTPS://api.furnizor.ro:443/v1?a=b":      "https://api.furnizor.ro:443/v1?a=b",
		"https://api.furnizor.ro:8443/":           "https://api.furnizor.ro:8443/",
		"https://apă-țintă.ro/facturi":            "https://xn--ap-int-j0ae03w.ro/facturi",
		"https://ＡＰＩ。furnizor．ro/":                "https://api.furnizor.ro/",
		"https://3.furnizor2.ro/":                 "https://3.furnizor2.ro/",
		"https://0x.furnizor.ro/":                 "https://0x.furnizor.ro/",
		"https://127.0.0.1.nip.io/":               "https://127.0.0.1.nip.io/", // its address is refused when it is dialled
		"https://nothub.napoca.ro/":               "https://nothub.napoca.ro/",
		"https://localhost.furnizor.ro/":          "https://localhost.furnizor.ro/",
		"https://10.20.1.1/":                      "https://10.20.1.1/",
		"http://10.20.1.1:8080/soap":              "http://10.20.1.1:8080/soap",
		"https://[fd00::7]:9443/":                 "https://[fd00::7]:9443/",
		"https://[fd00:0::7]/":                    "https://[fd00::7]/",
		"https://api.furnizor.ro/a%20b/%E2%82%AC": "https://api.furnizor.ro/a%20b/%E2%82%AC",
	} {
		rules := upstream.Rules{Own: ours.Own, Ports: []uint16{8443}, Inside: []netip.Prefix{
			netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00::/64"),
		}}
		if got, err := upstream.CheckURL(text, rules); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// What the operator opened is an address, in one spelling, and nothing else.
func TestAnOpenedNetworkOpensNoMoreThanItself(t *testing.T) {
	rules := upstream.Rules{Own: ours.Own, Inside: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	for text, want := range map[string]string{
		"http://10.21.0.1/": "scheme", "https://10.21.0.1/": "literal", "https://169283585/": "literal", "http://0x0a140101/": "scheme",
		"ftp://10.20.1.1/": "scheme", "https://a@10.20.1.1/": "user", "https://10.20.1.1:0/": "port", "http://furnizor.ro/": "scheme",
		"https://furnizor.ro:8080/": "port", "https://localhost/": "single", "https://[fe80::1%25eth0]/": "literal",
		"https://[::ffff:10.20.1.1%25eth0]/": "literal", "https://[::ffff:10.20.1.1]/": "literal",
	} {
		if got := upstream.Broken(text, rules, ""); got != want {
			t.Errorf("%q: got rule %q, want %q", text, got, want)
		}
	}
}

func TestEndpointsOfCompaniesAreRegistered(t *testing.T) {
	rules := upstream.Rules{Ports: []uint16{22, 5432}, Inside: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	for text, want := range map[string]string{
		"SFTP.furnizor.ro:22": "sftp.furnizor.ro:22", "grpc.furnizor.ro:443": "grpc.furnizor.ro:443", "db.apă.ro:5432": "db.xn--ap-kla.ro:5432",
		"10.20.1.1:1433": "10.20.1.1:1433",
	} {
		if got, err := upstream.CheckEndpoint(text, rules); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzRegistration(f *testing.F) {
	for _, text := range []string{"https://api.furnizor.ro/", "https://127。0。0。1/", "https://[::ffff:127.0.0.1]/", "https://0x7f.1/", "https://a@b.ro/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept, err := upstream.CheckURL(text, ours)
		if err != nil {
			return
		}
		if again, err := upstream.CheckURL(kept, ours); err != nil || again != kept {
			t.Errorf("%q: kept as %q, which is kept as %q, %v", text, kept, again, err)
		}
	})
}
