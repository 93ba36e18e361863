package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/native"
	"racord/hub"
)

// manifest is all that connects the example.

// suite leads to the company's server.
func suite(t *testing.T, company http.Handler) connectortest.Suite {
	t.Helper()
	server := httptest.NewServer(company)
	t.Cleanup(server.Close)
	catalog := connectors.NewCatalog(native.Kind)
	manifest, err := os.ReadFile("cablu.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := catalog.Parse("cablu.yaml", manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Rebase("http://127.0.0.1:8099", server.URL)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return connectortest.For(catalog, m, connectors.Env{
		Read: client, Write: client, Clock: hub.ClockFunc(time.Now),
		Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("a-token-of-the-test"), nil },
	})
}

func TestTheExamplePassesTheWholeSuite(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("a-token-of-yesterday\na-token-of-the-test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := connectortest.Test(t, suite(t, described(t, Handler(testBooks(time.Now), fileOf(tokens)))))
	if report.Class != hub.ClassA || !report.Posted {
		t.Errorf("got class %q (posted: %t), want class A proved", report.Class, report.Posted)
	}
}

// described holds every request and answer against the document.
func described(t *testing.T, company http.Handler) http.Handler {
	t.Helper()
	text, err := os.ReadFile("../native.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	v, problems := validator.NewValidator(doc)
	if problems != nil {
		t.Fatal(problems)
	}
	seen := map[string]bool{}
	t.Cleanup(func() {
		if len(seen) != 6 {
			t.Errorf("the suite made the calls %v, want the four and the two that are offered", seen)
		}
	})
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		again := func() *http.Request {
			copied := r.Clone(r.Context())
			copied.URL.Path, copied.Body = "/v1"+r.URL.Path, io.NopCloser(bytes.NewReader(body))
			return copied
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorded := httptest.NewRecorder()
		company.ServeHTTP(recorded, r)
		mu.Lock()
		defer mu.Unlock()
		_, wrong := v.ValidateHttpRequestResponse(again(), recorded.Result())
		for _, p := range wrong {
			t.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, p.Message, p.Reason)
		}
		first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		seen[fmt.Sprint(r.Method, " ", first, " ", rest != "", strings.HasSuffix(rest, "reversal"))] = true
		maps.Copy(w.Header(), recorded.Header())
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
	})
}

// forgetful is a company that does not look at a posting's id.
type forgetful struct{ *Books }

func (f forgetful) Post(ctx context.Context, id string, in Payment) (Posting, error) {
	if f.posting(id) == nil {
		return f.Books.Post(ctx, id, in)
	}
	posting, err := f.Books.Post(ctx, id+"-again", in)
	posting.Posting = id
	return posting, err
}

func TestACompanyThatBooksTwiceIsOfClassC(t *testing.T) {
	report := connectortest.Run(t.Context(), suite(t, Handler(forgetful{testBooks(time.Now)}, func() []string { return []string{"a-token-of-the-test"} })))
	if report.Class != hub.ClassC || report.Passed() {
		t.Errorf("got class %s (passed: %t), want C for a company that books twice", report.Class, report.Passed())
	}
}

// mostLines is how much a company has to write.
const mostLines = 100

func TestWhatACompanyWritesIsShort(t *testing.T) {
	lines := 0
	for _, file := range []string{"company.go", "offers.go"} {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				lines += set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
			}
		}
	}
	if lines == 0 || lines >= mostLines {
		t.Errorf("its functions have %d lines, want fewer than %d", lines, mostLines)
	}
}
