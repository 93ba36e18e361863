package main_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows says what each room of the house may import of the project. The
// longest name that matches rules; a name ending in /... stands for all below.
var arrows = map[string][]string{
	"hub":              {},
	"hub/...":          {"hub"}, // use cases meet through hub, never each other
	"connectors/...":   {"hub", "connectors/..."},
	"adapters/...":     {"hub"},
	"adapters/httpapi": {"hub", "hub/view", "hub/link", "hub/pay", "hub/onboard", "hub/push"}, // a door to the use cases
	"adapters/telemetry": {
		"hub", "hub/view", "hub/feed", "hub/pay", "adapters/guard", // it counts what they tell
	},
	"adapters/sqlite": {"hub", "adapters/sqlstore"},
	"adapters/postgres": {
		"hub", "adapters/sqlstore", // the statements both databases share
	},
	"adapters/netopia":   {"hub", "adapters/pspwire"},
	"adapters/euplatesc": {"hub", "adapters/pspwire"}, // what all providers have in common
	"adapters/webhook":   {"hub", "adapters/errand"},
	"adapters/courier":   {"hub", "adapters/errand"}, // what is brought until it arrives
	"config":             {},
	"dashboards":         {},
	"cmd/city/...":       {"cmd/city/..."},
	"cmd/racord/...":     {"hub/...", "connectors/...", "adapters/...", "config", "dashboards", "cmd/..."},
}

// vocabulary is what must be readable without knowing any library.
var vocabulary = []string{"hub", "hub/view", "hub/link", "hub/feed", "hub/pay", "hub/push", "hub/reconcile", "hub/roster", "hub/vault", "hub/onboard", "hub/chain"}

// waysOut are the doors to the world that a connector kind must not open by
// itself: it is given connectors.Env.
var waysOut = map[string][]string{
	"net":  {"Dial", "DialTimeout", "Dialer", "Listen", "Resolver", "LookupHost", "LookupIP"},
	"http": {"Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport", "Client", "Transport"},
	"os":   {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
	"tls":  {"Dial", "Dialer"},
	"ssh":  {"Dial"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestArrowsPointToTheHub(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := rule(room(p.ImportPath))
		if !known {
			t.Errorf("%s: the house has no such room", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "racord/") && !permits(allowed, room(imported)) && !sameRoom(p.ImportPath, imported) {
				t.Errorf("%s imports %s; it may import %v", p.ImportPath, imported, allowed)
			}
		}
	}
}

func TestTheVocabularyNeedsNoLibrary(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(vocabulary, room(p.ImportPath)) {
			continue
		}
		for _, imported := range p.Imports {
			if strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				t.Errorf("%s imports %s; it needs only the standard library", p.ImportPath, imported)
			}
		}
	}
}

func TestAConnectorReachesTheWorldOnlyThroughWhatItIsGiven(t *testing.T) {
	err := filepath.WalkDir("../../connectors", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok && isWayOut(selector) {
				t.Errorf("%s: a way out that is not connectors.Env", set.Position(n.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isWayOut(s *ast.SelectorExpr) bool {
	from, ok := s.X.(*ast.Ident)
	return ok && slices.Contains(waysOut[from.Name], s.Sel.Name)
}

func packages(t *testing.T) (all []goPackage) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "racord/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func room(path string) string { return strings.TrimPrefix(path, "racord/") }

func rule(name string) (allowed []string, known bool) {
	longest := ""
	for pattern, list := range arrows {
		if matches(pattern, name) && len(pattern) > len(longest) {
			longest, allowed, known = pattern, list, true
		}
	}
	return allowed, known
}

func permits(allowed []string, name string) bool {
	return slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, name) })
}

func matches(pattern, name string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	return name == pattern
}

// sameRoom tells whether both are parts of one adapter, such as
// adapters/upstream and adapters/upstream/lean.
func sameRoom(a, b string) bool {
	first, second := strings.Split(a, "/"), strings.Split(b, "/")
	return len(first) > 2 && len(second) > 2 && first[1] == "adapters" && slices.Equal(first[:3], second[:3])
}
