package kinds_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// waysOut are the doors to the world that are not connectors.Env. Whoever takes
// one goes round the wall against hostile addresses, the creditor's limits and
// the company's secrets.
var waysOut = map[string][]string{
	"net/http":                {"Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport", "Client", "Transport", "ListenAndServe"},
	"net":                     {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialUnix", "Dialer", "Listen", "ListenTCP", "Resolver", "DefaultResolver", "LookupHost", "LookupIP", "LookupAddr"},
	"crypto/tls":              {"Dial", "DialWithDialer", "Dialer"},
	"golang.org/x/crypto/ssh": {"Dial"},
	"google.golang.org/grpc":  {"Dial", "DialContext"},
	"os":                      {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "StartProcess"},
	"os/exec":                 {"Command", "CommandContext"},
	"syscall":                 {"Socket", "Connect", "Exec"},
}

func TestKindsReachTheWorldOnlyThroughTheirEnv(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		return look(t, path)
	})
	if err != nil || files < 20 {
		t.Errorf("looked at %d files (%v), want all of connectors", files, err)
	}
}

func look(t *testing.T, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	names := map[string]string{} // local name → import path
	for _, i := range file.Imports {
		imported := strings.Trim(i.Path.Value, `"`)
		name := filepath.Base(imported)
		if i.Name != nil {
			name = i.Name.Name
		}
		if name == "." {
			t.Errorf("%s imports everything of %s", path, imported)
		}
		names[name] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := s.X.(*ast.Ident); ok && slices.Contains(waysOut[names[of.Name]], s.Sel.Name) {
			t.Errorf("%s: %s.%s is a way out that is not connectors.Env", set.Position(s.Pos()), of.Name, s.Sel.Name)
		}
		return true
	})
	return nil
}
