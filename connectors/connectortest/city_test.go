package connectortest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"racord/cmd/city/town"
	"racord/config"
	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/hub"
)

// way is the way out to a town.
func way(t testing.TB, city *town.Town) connectors.Env {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := plain(transport)
	return connectors.Env{
		Secure: func(conf *tls.Config) (read, write connectors.Doer) {
			secure := &http.Transport{DisableCompression: true, TLSClientConfig: conf}
			t.Cleanup(secure.CloseIdleConnections)
			return plain(secure), plain(secure)
		},
		Read: client, Write: client, LocalFiles: true, Clock: hub.ClockFunc(city.Now),
		Dial: (&net.Dialer{}).DialContext,
		Turn: func(context.Context) error { return nil },
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			value, known := city.Credentials()[name]
			if !known {
				return hub.Secret{}, connectors.Failure(hub.CodeAuth, os.ErrNotExist)
			}
			return hub.NewSecret(value), nil
		},
	}
}

// plain is a client that follows nothing.
func plain(over http.RoundTripper) *http.Client {
	return &http.Client{Transport: over, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// demo reads a manifest of the demo city and points it at a town.
func demo(t testing.TB, city *town.Town, file string, change ...string) *connectors.Manifest {
	t.Helper()
	data, err := fs.ReadFile(config.DemoCreditors(), file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := kinds.All().Parse(file, []byte(strings.NewReplacer(change...).Replace(string(data))), func(name string) ([]byte, error) {
		return fs.ReadFile(config.DemoCreditors(), name)
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Rebase("http://127.0.0.1:8090", city.URL())
	m.Rebase("127.0.0.1:8022", city.SFTPAddr())
	m.Rebase("https://127.0.0.1:8443", city.SecureURL())
	return m
}

// clausesOfTheCity is how many clauses have to pass for a creditor: what its
// protocol has no such thing for is left.
var clausesOfTheCity = map[string]int{
	"ditl.yaml": 47, "fines.yaml": 47, "water.yaml": 49, "electricity.yaml": 47, "waste.yaml": 26, "heating.yaml": 16,
	"parking.yaml":      29,
	"roadfines.yaml":    43,
	"transport.yaml":    46,
	"gas.yaml":          47,
	"associations.yaml": 47,
}

// The debtors that the manifests name are people of every town, so this is what
// `racord check` shows.
func TestEveryCreditorOfTheCityPasses(t *testing.T) {
	city := startTown(t)
	for file, want := range clausesOfTheCity {
		t.Run(file, func(t *testing.T) {
			m := demo(t, city, file)
			s := connectortest.For(kinds.All(), m, way(t, city))
			if m.Creditor.Name != "heating" {
				s.Expected = owed(city, m)
			}
			mustPass(t, s, want)
		})
	}
}

func TestTheTaxOfficeAskedByRolePasses(t *testing.T) {
	city := startTown(t)
	m := demo(t, city, "ditl.yaml")
	s := connectortest.For(kinds.All(), m, way(t, city))
	s.Known, s.Other, s.Unknown = role(t, city, "ana"), role(t, city, "ion"), hub.Asked{Account: hub.AccountRef{Creditor: "ditl", Code: "999999999"}}
	s.Expected = owed(city, m)
	mustPass(t, s, 46)
}

func startTown(t *testing.T) *town.Town {
	t.Helper()
	city, err := town.Start(t.Context(), town.Config{Size: "XS", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = city.Close() })
	return city
}

func role(t *testing.T, city *town.Town, login string) hub.Asked {
	t.Helper()
	p, err := city.Person(login)
	if err != nil {
		t.Fatal(err)
	}
	return hub.Asked{Account: hub.AccountRef{Creditor: "ditl", Code: p.Accounts["ditl"][0].Code}}
}

// owed is what ana, whom all manifests name, owes a creditor.
func owed(city *town.Town, m *connectors.Manifest) map[string]int64 {
	all := map[string]int64{}
	for _, d := range city.Truth("ana")[string(m.Creditor.Name)] {
		all[d.ExternalID] = d.Outstanding
	}
	return all
}

func mustPass(t *testing.T, s connectortest.Suite, want int) {
	t.Helper()
	report := connectortest.Run(t.Context(), s)
	got := verdicts(report, connectortest.Passed)
	if s.Creditor.Name == "waste" && slices.ContainsFunc(report.Results, keptDeadline) {
		got-- // its database answers before a deadline can cut it off, unless the machine is slow
	}
	if report.Passed() && got == want {
		return
	}
	var table bytes.Buffer
	if err := report.Table(&table); err != nil {
		t.Fatal(err)
	}
	t.Errorf("want %d clauses passed and none failed, got\n%s", want, &table)
}

func keptDeadline(r connectortest.Result) bool {
	return r.Clause == "a deadline is kept" && r.Verdict == connectortest.Passed
}

// TestTheClassIsMeasured changes how creditors of the city treat postings behind
// the back of their manifests.
func TestTheClassIsMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		file    string
		manners town.Manners
		change  []string
		want    hub.Class
		failed  []string
	}{
		"a tax office that books twice": {"ditl.yaml", town.Manners{Doubles: true}, nil, hub.ClassC,
			[]string{"a posting sent twice is booked once", "the class of postings is the claimed one"}},
		"a register that cannot be asked": {"fines.yaml", town.Manners{Mute: true}, nil, hub.ClassC,
			[]string{"a booking is found", "what was never sent is not found", "what a lost answer left is known later", "a booking can be taken back", "the class of postings is the claimed one"}},
		"a company that takes nothing back": {"water.yaml", town.Manners{Final: true}, nil, hub.ClassA, []string{"a booking can be taken back"}},
		"a company without test payments":   {"water.yaml", town.Manners{}, []string{"  paying: {payer: {account: \"0004418\"}, most: 100000}\n", ""}, hub.ClassC, nil},
		"a company that may be paid little": {"water.yaml", town.Manners{}, []string{"most: 100000", "most: 100"}, hub.ClassC,
			[]string{"a posting sent twice is booked once", "a lost answer says nothing", "the class of postings is the claimed one"}},
	} {
		t.Run(name, func(t *testing.T) {
			city := startTown(t)
			m := demo(t, city, tc.file, tc.change...)
			if err := city.Behave(string(m.Creditor.Name), tc.manners); err != nil {
				t.Fatal(err)
			}
			before := len(city.Book(string(m.Creditor.Name)))
			report := connectortest.Run(t.Context(), connectortest.For(kinds.All(), m, way(t, city)))
			if got := failures(report); report.Class != tc.want || !slices.Equal(got, tc.failed) {
				t.Errorf("got class %s and %q failed, want %s and %q", report.Class, got, tc.want, tc.failed)
			}
			if after := len(city.Book(string(m.Creditor.Name))); name == "a company without test payments" && after != before {
				t.Errorf("got %d payments in the books, want none", after-before)
			}
		})
	}
}
