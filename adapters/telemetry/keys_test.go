package telemetry_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"racord/adapters/telemetry"
)

// TestEveryFieldThatIsLoggedIsShown reads what the hub logs: a line whose fields
// are hidden tells the operator nothing.
func TestEveryFieldThatIsLoggedIsShown(t *testing.T) {
	found := 0
	for _, room := range []string{"hub", "adapters", "connectors", "cmd/racord"} {
		for key, at := range loggedKeys(t, filepath.Join("../..", room)) {
			found++
			var out bytes.Buffer
			log, err := telemetry.NewLogger(&out, "info")
			if err != nil {
				t.Fatal(err)
			}
			if log.Info("something", key, "value"); strings.Contains(out.String(), "<hidden>") {
				t.Errorf("%s: the field %q is hidden in the log", at, key)
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d fields, want all of them", found)
	}
}

// loggedKeys finds the fields that are logged below a folder, each with one place.
func loggedKeys(t *testing.T, dir string) map[string]token.Position {
	t.Helper()
	set, keys := token.NewFileSet(), map[string]token.Position{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "hubtest") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				for _, key := range keysOf(call) {
					keys[key] = set.Position(call.Pos())
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// fieldsFrom is where the fields begin among the arguments of a logger's method.
var fieldsFrom = map[string]int{"With": 0, "Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3}

// keysOf gives the fields that a call logs: the name in slog.Int("name", …), and
// those in log.Warn("text", "name", …).
func keysOf(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	first, isMethod := fieldsFrom[method.Sel.Name]
	switch from := lastName(method.X); {
	case from == "slog" && len(call.Args) == 2:
		first = 0
	case from != "log" || !isMethod:
		return nil
	}
	for i := first; i+1 < len(call.Args); i += 2 {
		if key, ok := text(call.Args[i]); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// lastName is log of log, of s.log and of s.Log.
func lastName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.ToLower(x.Name)
	case *ast.SelectorExpr:
		return strings.ToLower(x.Sel.Name)
	}
	return ""
}

func text(x ast.Expr) (string, bool) {
	literal, ok := x.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(literal.Value)
	return s, err == nil
}
