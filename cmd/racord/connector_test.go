package main_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"racord/adapters/testserver"
	"racord/cmd/city/town"
)

// desk is a person or a machine that works on connectors with the command line.
type desk struct {
	t     *testing.T
	hub   string
	token string
}

// at signs somebody in at the city: company-water, approver-maria.
func at(t *testing.T, city *town.Town, r *replica, who string) *desk {
	t.Helper()
	answer, err := http.PostForm(city.URL()+"/oidc/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {who}, "client_secret": {city.Credentials()["desk-client-secret"]},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Token == "" {
		t.Fatalf("no token for %s (%v)", who, err)
	}
	return &desk{t, r.url, said.Token}
}

// run runs racord connector and gives what it printed, refusals too.
func (d *desk) run(stdin string, args ...string) (out string, ok bool) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), program, append([]string{"connector"}, args...)...)
	cmd.Env = append(os.Environ(), "RACORD_HUB="+d.hub, "RACORD_TOKEN="+d.token)
	cmd.Stdin = strings.NewReader(stdin)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err := cmd.Run()
	return both.String(), err == nil
}

// does fails the test unless the command does what it should and prints a text.
func (d *desk) does(want, stdin string, args ...string) {
	d.t.Helper()
	if out, ok := d.run(stdin, args...); !ok || !strings.Contains(out, want) {
		d.t.Fatalf("racord connector %v: got %s, want %q", args, out, want)
	}
}

// fails fails the test unless the command is refused, saying a text.
func (d *desk) fails(want string, args ...string) {
	d.t.Helper()
	if out, ok := d.run("", args...); ok || !strings.Contains(out, want) {
		d.t.Fatalf("racord connector %v: got %s, want a refusal that says %q", args, out, want)
	}
}

// withAccounts puts a line in the place of a manifest's accounts.
func withAccounts(t *testing.T, manifest, line string) string {
	t.Helper()
	changed := regexp.MustCompile(`(?m)^accounts:.*\n( .*\n)*`).ReplaceAllLiteralString(manifest, line+"\n")
	if changed == manifest {
		t.Fatalf("got a manifest without accounts:\n%s", manifest)
	}
	return changed
}

func TestACompanyRegistersWithTheCommandLine(t *testing.T) {
	const canary = "Canary-Key-4711"
	city := startTown(t, town.Config{Size: "S", Latency: "none"})
	relay := testserver.Mailbox(t, testserver.MailConf{})
	host, port, _ := net.SplitHostPort(relay.Address)
	s := newSite(t, city, plan{More: "mail: {host: " + host + ", port: " + port + ", from: racord@city.example}\n"})
	r := s.start()
	gas, maria := at(t, city, r, "company-gas"), at(t, city, r, "approver-maria")

	text, ok := gas.run("", "init", "gas")
	if !ok {
		t.Fatal(text)
	}
	manifest := filepath.Join(s.dir, "gas.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Replace(text, "rps: 10", "rps: fast", 1))
	gas.fails(manifest+":16: traits.rps:", "validate", manifest)
	gas.fails("traits.rps", "draft", manifest)
	gas.fails("traits.rps", "submit", "gas")
	s.write("gas-accounts.csv", "id;iban;beneficiary\na1;RO49AAAA1B31007593840000;Gaz Nord\n")
	write(withAccounts(t, text, "accounts: gas-accounts.csv"))
	gas.does("nothing is wrong", "", "validate", manifest) // and no draft is there
	s.write("gas-accounts.csv", "id;iban;beneficiary\na1;RO00;Gaz Nord\n")
	gas.fails("gas-accounts.csv:2:", "validate", manifest)
	write(text)
	gas.does("nothing is wrong", "", "draft", manifest)
	gas.fails("gas-key: the manifest names this secret", "submit", "gas")
	gas.does("fingerprint", canary+"\n", "secret", "set", "gas", "gas-key")
	gas.fails("it has no contact", "submit", "gas")
	gas.does("noted for dangerous changes: it@gas.example", "", "contacts", "gas", "it@gas.example")
	gas.does("gas-key", "", "secret", "list", "gas")
	gas.does("proving", "", "submit", "gas")
	gas.fails("report: the conformance suite", "promote", "gas", "--to", "shadow")
	gas.fails("approvers", "approve", "gas")
	maria.does("proving", "", "approve", "gas", "--note", "called them back")
	gas.does("1 of 1 approvers", "", "show", "gas")
	gas.does("company-gas", "", "history", "gas")
	write(strings.Replace(text, "api.example.ro", "api2.example.ro", 1))
	gas.does("version 2 is the draft", "", "draft", manifest)
	gas.does("+  base_url: https://api2.example.ro", "", "diff", "gas", "1", "2")
	gas.does("retired", "", "retire", "gas", "--why", "a mistake")
	gas.does("version 3: draft", "", "rollback", "gas", "--version", "1")

	gas.does("other@gas.example", "", "contacts", "gas", "other@gas.example")
	if told := relay.Next(t); told.To != "it@gas.example" || !strings.Contains(told.Text, "other@gas.example") {
		t.Errorf("got %+v, want the contact before told", told)
	}
	gas.does("it@gas.example  contact_changed", "", "show", "gas")

	lost := &desk{t, "http://127.0.0.1:1", "token"}
	lost.fails("the hub at http://127.0.0.1:1 does not answer", "list")

	water := at(t, city, r, "company-water")
	water.fails("no such connector", "show", "gas", "--version", "1")
	water.fails("no such connector", "show", "nobody", "--version", "1")
	if log := r.log.String(); strings.Contains(log, canary) {
		t.Error("the log holds a secret")
	}
}
