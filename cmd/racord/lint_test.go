package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
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
		if good := strings.HasPrefix(string(out), "nothing is wrong"); good != (err == nil) {
			t.Errorf("got %v with %s", err, out)
		}
		return string(out)
	}
	manifest, err := os.ReadFile("../../config/creditors/fines.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("racord.yaml", "bank: {url: https://bank.example.ro, api_key: key}\nlisten: nowhere\n")
	for _, step := range []struct{ name, text, want string }{
		{"", "", "racord.yaml:2: listen: "},
		{"racord.yaml", "bank: {url: https://bank.example.ro, api_key: key}\n", "no manifest"},
		{"creditors/fines.yaml", strings.Replace(string(manifest), "category:", "categry:", 1), "fines.yaml:6: categry: unknown key"},
		{"creditors/fines.yaml", string(manifest), filepath.Join("secrets", "bank", "key")},
		{"secrets/bank/key", "k", filepath.Join("secrets", "fines", "fines-api-key")},
		{"secrets/fines/fines-api-key", "", "is empty"},
		{"secrets/fines/fines-api-key", "k", "nothing is wrong: 1 manifest and 2 files"},
		{"racord.yaml", "mail: {host: smtp.example.ro, from: a@b.ro, username: racord, password_file: relay.password, ca_file: relay.pem}\n", "relay.pem"},
		{"relay.pem", "-----BEGIN", "mail.password_file: "},
		{"relay.password", "p", "nothing is wrong: 1 manifest and 3 files"},
	} {
		if step.name != "" {
			write(step.name, step.text)
		}
		if got := lint(); !strings.Contains(got, step.want) {
			t.Errorf("after %s: got %s, want %q", step.name, got, step.want)
		}
	}
}
