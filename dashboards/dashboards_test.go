package dashboards_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racord/dashboards"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ RefID, Expr string }
}

type dashboard struct {
	UID         string
	Title       string
	Panels      []panel
	Annotations struct {
		List []struct{ Expr string }
	}
}

type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := dashboards.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// walls gives every dashboard by the name of its file.
func walls(t *testing.T) map[string]dashboard {
	t.Helper()
	all := map[string]dashboard{}
	for _, name := range []string{"overview.json", "payments.json"} {
		var d dashboard
		if err := json.Unmarshal(file(t, name), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = d
	}
	return all
}

func rulesIn(t *testing.T, name string) (all []rule) {
	t.Helper()
	var r rules
	if err := yaml.Unmarshal(file(t, name), &r); err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no rules", name)
	}
	return all
}

// queries gives every query there is, by where it stands.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, d := range walls(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				all[fmt.Sprintf("%s panel %q %s", name, p.Title, target.RefID)] = plainQuery(target.Expr)
			}
		}
		for _, a := range d.Annotations.List {
			all[name+" annotations"] = a.Expr
		}
	}
	for _, name := range []string{"recording.yaml", "alerts.yaml"} {
		for _, r := range rulesIn(t, name) {
			all["rule "+r.Record+r.Alert] = r.Expr
		}
	}
	return all
}

// plainQuery puts what Grafana would put in the place of its variables.
func plainQuery(expr string) string {
	return strings.NewReplacer("$connector", ".*", "$instance", ".*", "$__rate_interval", "1m").Replace(expr)
}

func TestEveryPanelSaysWhatItShows(t *testing.T) {
	for name, d := range walls(t) {
		titles, ids := map[string]bool{}, map[int]bool{}
		for _, p := range d.Panels {
			if titles[p.Title] || ids[p.ID] {
				t.Errorf("%s: panel %q or its id %d is there twice", name, p.Title, p.ID)
			}
			titles[p.Title], ids[p.ID] = true, true
			if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
				t.Errorf("%s: panel %q has no description or no query", name, p.Title)
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	for name, d := range walls(t) {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: panel %q overlaps %q at %d,%d", name, p.Title, other, x, y)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

func TestEveryAlertHasItsRunbook(t *testing.T) {
	var alerts, sections []string
	for _, r := range rulesIn(t, "alerts.yaml") {
		alerts = append(alerts, r.Alert)
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s says not what is wrong", r.Alert)
		}
		if want := "runbooks.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
			t.Errorf("%s: got runbook %q, want %q", r.Alert, r.Annotations["runbook"], want)
		}
		if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
			t.Errorf("%s: got severity %q, want page or ticket", r.Alert, r.Labels["severity"])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(file(t, "runbooks.md")), -1) {
		sections = append(sections, m[1])
	}
	slices.Sort(alerts)
	slices.Sort(sections)
	if diff := cmp.Diff(alerts, sections); diff != "" {
		t.Errorf("sections (-alerts +runbooks):\n%s", diff)
	}
}

// promtool runs Debian's promtool on the rules, laid out in one folder.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed: run make deps (Debian package prometheus)")
	}
	cmd := exec.Command(tool, args...)
	cmd.Dir = unpacked(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// unpacked lays the rules and their tests out in one folder.
func unpacked(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	tests, err := os.ReadFile("testdata/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"recording.yaml": file(t, "recording.yaml"), "alerts.yaml": file(t, "alerts.yaml"), "alerts_test.yaml": tests,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRulesAreRules(t *testing.T) { promtool(t, "check", "rules", "recording.yaml", "alerts.yaml") }

func TestAlertsRingWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool(t, "test", "rules", "alerts_test.yaml")
}

func TestEveryAlertIsTested(t *testing.T) {
	tests, err := os.ReadFile("testdata/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rulesIn(t, "alerts.yaml") {
		if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n") {
			t.Errorf("%s is not tested", r.Alert)
		}
	}
}
