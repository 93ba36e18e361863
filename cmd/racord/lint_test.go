package main_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestLintFindsWhatIsMissingBeforeAHubIsStarted(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lint := func() string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), program, "lint", "--config", filepath.Join(dir, "racord.yaml")).CombinedOutput()
		strict := exec.CommandContext(t.Context(), program, "lint", "--strict", "--config", filepath.Join(dir, "racord.yaml")).Run()
		if doubtful := strings.HasPrefix(string(out), "to be looked at:"); doubtful && strict == nil || !doubtful && (strict == nil) != (err == nil) {
			t.Errorf("got %v with --strict and %v without, with %s", strict, err, out)
		}
		if good := strings.Contains(string(out), "nothing is wrong"); good != (err == nil) {
			t.Errorf("got %v with %s", err, out)
		}
		return string(out)
	}
	manifest, err := os.ReadFile("../../config/creditors/fines.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(nil)
	server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	const bank = "bank: {url: https://bank.example.ro, api_key: key}\n"
	const issuers = "issuers: [{url: https://login.example.ro, portals: [city-portal]}]\n"
	const selling = issuers + "providers: [{kind: euplatesc, key: key, user_key: key, user_api: key, merchants: {fines/%s: '1'}}]\n"
	const telling = issuers + "webhooks: [{creditor: %s, url: https://hooks.example.ro, secret_file: hook}]\n"
	write("racord.yaml", bank+"listen: nowhere\n")
	for _, step := range []struct{ name, text, want string }{
		{"", "", "racord.yaml:2: listen: "},
		{"racord.yaml", bank, "no manifest"},
		{"creditors/fines.yaml", strings.Replace(string(manifest), "category:", "categry:", 1), "fines.yaml:6: categry: unknown key"},
		{"creditors/fines.yaml", string(manifest), filepath.Join("secrets", "bank", "key")},
		{"secrets/bank/key", "k", filepath.Join("secrets", "fines", "fines-api-key")},
		{"secrets/fines/fines-api-key", "", "is empty"},
		{"secrets/fines/fines-api-key", "k", "racord.yaml:1: issuers: is missing"},
		{"racord.yaml", issuers + bank, "nothing is wrong: 1 manifest and 2 files"},
		{"racord.yaml", fmt.Sprintf(selling, "fine"), "racord.yaml:2: providers[0].merchants.'fines/fine': the manifest of fines has no such account"},
		{"secrets/euplatesc/key", "k", "racord.yaml:2: providers: none has a merchant account for fines of fines"},
		{"racord.yaml", fmt.Sprintf(selling, "fines"), "nothing is wrong: 1 manifest and 2 files"},
		{"hook", "whsec_", "nothing is wrong"},
		{"racord.yaml", fmt.Sprintf(telling, "fine"), "webhooks[0].secret_file: "},
		{"hook", "whsec_" + strings.Repeat("QUJD", 8), "racord.yaml:2: webhooks[0].creditor: no manifest is of that name"},
		{"racord.yaml", fmt.Sprintf(telling, "fines"), "nothing is wrong: 1 manifest and 2 files"},
		{"racord.yaml", issuers + "mail: {host: smtp.example.ro, from: a@b.ro, username: racord, password_file: relay.password, ca_file: relay.pem}\n", "relay.pem"},
		{"relay.pem", "-----BEGIN", "mail.password_file: "},
		{"relay.password", "p", "mail: ca_file holds no certificate"},
		{"relay.pem", string(authority), "nothing is wrong: 1 manifest and 3 files"},
		{"racord.yaml", issuers + "store: {postgres_file: dsn}\n", "store.postgres_file: open "},
		{"dsn", "postgres://racord:S3cret@db.example.ro:port/racord", "the PostgreSQL DSN cannot be read"},
		{"dsn", "postgres://racord:S3cret@db.example.ro/racord?sslmode=verify-full", "nothing is wrong: 1 manifest and 2 files"},
	} {
		if step.name != "" {
			write(step.name, step.text)
		}
		if got := lint(); !strings.Contains(got, step.want) || strings.Contains(got, "S3cret") {
			t.Errorf("after %s: got %s, want %q", step.name, got, step.want)
		}
	}
}

// TestTheDemosManifestsPass has every kind there is, and every way to a creditor.
func TestTheDemosManifestsPass(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "creditors"), os.DirFS("../../config/creditors")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "racord.yaml")
	if err := os.WriteFile(file, []byte("issuers: [{url: https://login.example.ro, portals: [city-portal]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := func() string {
		out, _ := exec.CommandContext(t.Context(), program, "lint", "--config", file).CombinedOutput()
		return string(out)
	}
	for _, missing := range regexp.MustCompile(`open (\S+): no such file`).FindAllStringSubmatch(lint(), -1) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(missing[1]), 0o700), os.WriteFile(missing[1], []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if got := lint(); !strings.HasPrefix(got, "nothing is wrong: ") {
		t.Errorf("got %s", got)
	}
}
