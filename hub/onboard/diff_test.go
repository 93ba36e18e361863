package onboard_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"racord/hub"
)

func TestADiffOfTwoVersions(t *testing.T) {
	s := newScene(t)
	before := hub.ManifestText{YAML: []byte("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"), Files: []hub.ManifestFile{{Name: "x.csv", Data: []byte("1\n")}}}
	after := hub.ManifestText{YAML: []byte("a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n"), Files: []hub.ManifestFile{{Name: "y.csv", Data: []byte("2\n")}}}
	want := `--- version 1/manifest.yaml
+++ version 2/manifest.yaml
@@ -1,5 +1,5 @@
 a
-b
+B
 c
 d
 e
@@ -9,3 +9,4 @@
 i
 j
 k
+l
--- version 1/x.csv
+++ version 2/x.csv
@@ -1,1 +0,0 @@
-1
--- version 1/y.csv
+++ version 2/y.csv
@@ -0,0 +1,1 @@
+2
`
	if got := s.diffOf(before, after); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// diffOf keeps two texts as versions and compares them.
func (s *scene) diffOf(before, after hub.ManifestText) string {
	s.t.Helper()
	r, err := s.store.ChangeRegistration(s.t.Context(), "water", func(r *hub.Registration) error {
		for _, text := range []hub.ManifestText{before, after} {
			r.Versions = append(r.Versions, hub.Version{No: len(r.Versions) + 1, Stage: hub.StageRetired, Text: &text})
		}
		return nil
	})
	s.want("ChangeRegistration", err, "")
	last := len(r.Versions)
	diff, err := s.Diff(s.t.Context(), company, "water", last-1, last)
	s.want("Diff", err, "")
	return diff
}

// TestPatchTakesEveryDiff lets patch(1) make the later text of the earlier one.
func TestPatchTakesEveryDiff(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Fatal("patch is not installed: run make deps (Debian package patch)")
	}
	s, dice, dir := newScene(t), rand.New(rand.NewPCG(1, 2)), t.TempDir()
	for round := range 30 {
		before, after := random(dice, nil), ""
		after = random(dice, strings.SplitAfter(before, "\n"))
		diff := s.diffOf(hub.ManifestText{YAML: []byte(before)}, hub.ManifestText{YAML: []byte(after)})
		file := filepath.Join(dir, fmt.Sprint(round))
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "patch", "-s", "-F0", file)
		cmd.Stdin = strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil && diff != "" {
			t.Fatalf("round %d: %v %s\n%s", round, err, out, diff)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != after {
			t.Fatalf("round %d: got %q (%v), want %q", round, got, err, after)
		}
	}
}

// random writes some lines, changing those that are given here and there.
func random(dice *rand.Rand, lines []string) string {
	var out strings.Builder
	for i := range max(len(lines)-1, 40) {
		switch {
		case i < len(lines) && dice.IntN(8) > 0:
			out.WriteString(lines[i])
		case dice.IntN(4) > 0:
			fmt.Fprintf(&out, "line %d\n", dice.IntN(9))
		}
	}
	out.WriteString("end\n")
	return out.String()
}
