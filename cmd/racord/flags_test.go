package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestOnlyWhatIsPossibleBesideARunningDemoOffersIt: a demo has its database to
// itself, so beside it the books can only be looked at.
func TestOnlyWhatIsPossibleBesideARunningDemoOffersIt(t *testing.T) {
	for command, want := range map[string]bool{"verify": true, "reconcile": false, "recover": false} {
		help, err := exec.CommandContext(t.Context(), program, command, "--help").Output()
		if err != nil || !strings.Contains(string(help), "--config") {
			t.Fatalf("%s --help: got %v, %s", command, err, help)
		}
		if got := strings.Contains(string(help), "--demo"); got != want {
			t.Errorf("racord %s offers --demo: got %t, want %t", command, got, want)
		}
	}
}
