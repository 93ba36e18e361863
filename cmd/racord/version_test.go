package main_test

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestTheProgramSaysWhichItIs(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), program, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); !strings.HasPrefix(got, "racord ") || !strings.Contains(got, runtime.Version()) || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, want one line with the version and Go's", got)
	}
}
