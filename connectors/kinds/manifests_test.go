package kinds_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racord/connectors"
	"racord/connectors/kinds"
)

// Every file config/testdata/bad-*.yaml is named after its mistake and says on
// the line of the mistake what the error must name:
//
//	total: total | mony  # wrong: calls.obligations.map.total: unknown transform
func TestEveryMistakeIsNamedWithFileLineAndField(t *testing.T) {
	files, err := filepath.Glob("../../config/testdata/bad-*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d bad manifests (%v), want at least 20", len(files), err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "bad-config-") {
			continue // mistakes in racord.yaml, which package config looks for
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			line, field, what := marked(t, string(data))
			_, err = kinds.All().Parse(file, data)
			var problems connectors.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got error %v, want problems", err)
			}
			for _, p := range problems {
				if p.File == file && p.Line == line && p.Field == field && strings.Contains(p.What, what) {
					return
				}
			}
			t.Errorf("got %v\nwant %s:%d: %s: … %s …", err, file, line, field, what)
		})
	}
}

// marked reads the comment "# wrong: field: what".
func marked(t *testing.T, text string) (line int, field, what string) {
	t.Helper()
	for i, l := range strings.Split(text, "\n") {
		if _, wrong, found := strings.Cut(l, "# wrong: "); found {
			field, what, _ = strings.Cut(wrong, ": ")
			return i + 1, field, what
		}
	}
	t.Fatal("the file does not mark its mistake with # wrong:")
	return 0, "", ""
}

func TestAllMistakesOfAFileAreReportedAtOnce(t *testing.T) {
	manifest := `kind: rest
creditor: gaz
name: Gaz
category: gaz
traits: {fetch: [by_mail], rps: -1}
settings: {base_url: "ftp://x", auth: {type: none}, colour: red}
calls: {}
`
	_, err := kinds.All().Parse("gaz.yaml", []byte(manifest))
	for _, want := range []string{
		`gaz.yaml:4: category: unknown value "gaz"`, `gaz.yaml:5: traits.fetch[0]: unknown value "by_mail"`,
		"gaz.yaml:5: traits.rps: must be from", "gaz.yaml:6: settings.colour: unknown key", "gaz.yaml:7: calls: obligations is missing",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant a line %q", err, want)
		}
	}
}

func TestManifestsOfTheDemoCityAreGood(t *testing.T) {
	files, err := filepath.Glob("../../config/creditors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d manifests (%v), want some", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := kinds.All().Parse(file, data, beside)
		if err != nil {
			t.Error(err)
			continue
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); string(m.Creditor.Name) != name {
			t.Errorf("%s: got creditor %q, want the name of the file", file, m.Creditor.Name)
		}
	}
}
