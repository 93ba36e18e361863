package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racord/connectors/connectortest"
	"racord/hub"
)

const deadEnd = `kind: native
creditor: cablu
name: Cablu TV
category: other
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Cablu TV}]
traits: {fetch: [by_account], timeout: 300ms}
test: {known: {account: "0004411"}, other: {account: "0004412"}, unknown: {account: "0009999"}}
settings: {url: "http://127.0.0.1:9", secret: cablu-token}
`

// TestCheckLeavesASignedReport asks a company that is not there: what failed is
// in the report all the same.
func TestCheckLeavesASignedReport(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	master := bytes.Repeat([]byte{7}, hub.MasterKeyBytes)
	for name, text := range map[string]string{"cablu.yaml": deadEnd, "hub/master.key": string(master), "secrets/cablu/cablu-token": "a-token"} {
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := run(t.Context(), []string{"check", in("cablu.yaml"), "--secrets", in("secrets"), "--allow", "127.0.0.0/8",
		"--report", in("report.json"), "--html", in("report.html"), "--sign", in("hub")}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "does not pass") {
		t.Fatalf("got %v, want a connector that does not pass", err)
	}
	var signed connectortest.Signed
	text, err := os.ReadFile(in("report.json"))
	if err == nil {
		err = json.Unmarshal(text, &signed)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := hub.SigningKey(master, reportsKey)
	if err != nil {
		t.Fatal(err)
	}
	report, err := signed.Open(key.Public().(ed25519.PublicKey))
	if err != nil || report.Creditor != "cablu" || report.Passed() {
		t.Errorf("got %v, %v, want the report of cablu with what failed", report, err)
	}
	if page, err := os.ReadFile(in("report.html")); err != nil || !bytes.Contains(page, []byte("<h1>Conformance of cablu</h1>")) {
		t.Errorf("got %q (%v), want a page", page, err)
	}
}
