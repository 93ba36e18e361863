package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"racord/cmd/city/town"
)

// keys runs racord keys on a site.
func (s *site) keys(args ...string) (out string, ok bool) {
	s.t.Helper()
	both, err := exec.CommandContext(s.t.Context(), program, append(append([]string{"keys"}, args...), "--config", s.file)...).CombinedOutput()
	return string(both), err == nil
}

// holds fails the test unless racord keys does what it should and prints a pattern.
func (s *site) holds(pattern string, args ...string) {
	s.t.Helper()
	if out, ok := s.keys(args...); !ok || !regexp.MustCompile(pattern).MatchString(out) {
		s.t.Fatalf("racord keys %v: got %s, want %q", args, out, pattern)
	}
}

// TestKeysChangeBesideARunningHub changes the key of companies' secrets twice:
// while a hub has the database to itself, and while none runs.
func TestKeysChangeBesideARunningHub(t *testing.T) {
	city := startTown(t, town.Config{Size: "S"})
	s := newSite(t, city, plan{})
	s.write("racord.yaml", strings.Replace(s.text("racord.yaml"), "ops_listen: 127.0.0.1:0", "ops_listen: "+free(t, 1)[0], 1))
	if out, ok := s.keys("list"); ok || !strings.Contains(out, "master.key") {
		t.Fatalf("without a hub: got %s, want it refused", out)
	}
	r := s.start()
	water := at(t, city, r, "company-water")
	water.does("", "one", "secret", "set", "water", "water-extra")
	s.holds(`master +current +1`, "list")
	s.holds(`kek-0001 waits in .*kek-0001\.next`, "add")
	s.holds(`(?s)master +current +1\n.*kek-0001 +waiting +0`, "list")
	if out, ok := s.keys("add"); ok || !strings.Contains(out, "waits already") {
		t.Errorf("a second key: got %s, want it refused", out)
	}
	s.holds(`done: 1 secrets wrapped under kek-0001`, "rewrap")
	s.holds(`(?s)master +older +0\n.*kek-0001 +current +1`, "list")
	water.does("", "two", "secret", "set", "water", "water-extra")
	s.holds(`kek-0001 +current +2`, "list")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	s.holds(`kek-0002 waits`, "add")
	s.holds(`(?s)2 of 2\ndone: 2 secrets wrapped under kek-0002`, "rewrap")

	file := filepath.Join(s.dir, "data", "kek", "kek-0002.key")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	s.holds(`kek-0002 +not here +2`, "list")
	for _, command := range []string{"add", "rewrap"} {
		if out, ok := s.keys(command); ok || !strings.Contains(out, "kek-0002 wrapped secrets and is not in") {
			t.Errorf("%s without the key: got %s, want it refused", command, out)
		}
	}
}

// text reads a file of a site.
func (s *site) text(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}
