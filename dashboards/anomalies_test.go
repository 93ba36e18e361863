package dashboards_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryKindOfAnomalyHasItsWord: whoever reads GET /anomalies finds each kind
// that the hub notes in the runbook, and no other.
func TestEveryKindOfAnomalyHasItsWord(t *testing.T) {
	_, section, _ := strings.Cut(string(file(t, "runbooks.md")), "\n## RacordAnomalies\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\* `(\\w+)`: ").FindAllStringSubmatch(section, -1) {
		told = append(told, m[1])
	}
	slices.Sort(told)
	if diff := cmp.Diff(anomalies(t), told); diff != "" {
		t.Errorf("kinds of anomalies (-hub +runbook):\n%s", diff)
	}
}

// anomalies gives the kinds that are noted anywhere in the hub, and by its store.
func anomalies(t *testing.T) []string {
	t.Helper()
	kinds := append(anomaliesIn(t, "../hub"), anomaliesIn(t, "../adapters/sqlstore")...)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func anomaliesIn(t *testing.T, root string) (kinds []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "hubtest":
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		places := token.NewFileSet()
		source, err := parser.ParseFile(places, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(source, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); !ok || method.Sel.Name != "Anomaly" || len(call.Args) != 2 {
				return true
			}
			kind, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the kind of an anomaly is written out, so that its word can be looked for", places.Position(call.Pos()))
				return true
			}
			word, err := strconv.Unquote(kind.Value)
			if err != nil {
				t.Error(err)
			}
			kinds = append(kinds, word)
			return true
		})
		return nil
	})
	if err != nil || len(kinds) == 0 {
		t.Fatalf("%s: got %d kinds (%v)", root, len(kinds), err)
	}
	return kinds
}
