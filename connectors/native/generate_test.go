package native_test

import (
	"bytes"
	"flag"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

var update = flag.Bool("update", false, "write the generated part of the example")

const generatedFile = "example/api.gen.go"

// TestTheExampleIsGenerated writes the types, the routes and the codes of the
// example from the document, and compares them with what is there.
func TestTheExampleIsGenerated(t *testing.T) {
	var source bytes.Buffer
	if err := apiTemplate.Execute(&source, apiOf(document(t))); err != nil {
		t.Fatal(err)
	}
	want, err := format.Source(source.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, source.Bytes())
	}
	if *update {
		if err := os.WriteFile(generatedFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(generatedFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the document says (%v): run go generate ./connectors/native", generatedFile, err)
	}
}

func TestTheDocumentIsValid(t *testing.T) {
	doc, err := libopenapi.NewDocument(text(t))
	if err != nil {
		t.Fatal(err)
	}
	v, problems := validator.NewValidator(doc)
	if problems != nil {
		t.Fatal(problems)
	}
	if valid, problems := v.ValidateDocument(); !valid {
		for _, p := range problems {
			t.Errorf("%s: %s", p.Message, p.Reason)
		}
	}
}

func text(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("native.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func document(t *testing.T) *v3.Document {
	t.Helper()
	doc, err := libopenapi.NewDocument(text(t))
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	return &model.Model
}

// api is what the template writes.
type api struct {
	Types []structure
	Core  []operation // every company has them
	More  []operation // what it may offer
	Codes []code
}

type structure struct {
	Name, Doc string
	Fields    []field
}

type field struct{ Name, Type, Tag, Doc string }

type operation struct {
	Name, Doc, Pattern string
	Params             []string // Go names of the texts in path and query
	From               []string // how each is read
	In, Out            string   // types of bodies; In may be ""
}

type code struct{ Name, Text, Status string }

func apiOf(doc *v3.Document) (a api) {
	for name, schema := range doc.Components.Schemas.FromOldest() {
		a.Types = append(a.Types, structureOf(name, schema.Schema()))
	}
	problem, _ := doc.Components.Schemas.Get("Problem")
	codes, _ := problem.Schema().Properties.Get("code")
	for _, node := range codes.Schema().Enum {
		a.Codes = append(a.Codes, code{Name: camel(node.Value), Text: node.Value})
	}
	for path, item := range doc.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			o := operationOf(strings.ToUpper(method)+" "+path, op, append(item.Parameters, op.Parameters...))
			if slices.Contains(op.Tags, "core") {
				a.Core = append(a.Core, o)
			} else {
				a.More = append(a.More, o)
			}
			a.statuses(op)
		}
	}
	return a
}

// statuses finds the codes that a response names in backticks.
func (a *api) statuses(op *v3.Operation) {
	for status, response := range op.Responses.Codes.FromOldest() {
		for i := range a.Codes {
			if strings.Contains(response.Description, "`"+a.Codes[i].Text+"`") {
				a.Codes[i].Status = status
			}
		}
	}
}

func operationOf(pattern string, op *v3.Operation, params []*v3.Parameter) operation {
	o := operation{Name: camel(op.OperationId), Doc: op.Summary, Pattern: pattern, Out: bodyType(op.Responses.FindResponseByCode(200).Content.First().Value())}
	for _, p := range params {
		o.Params = append(o.Params, p.Name)
		if p.In == "path" {
			o.From = append(o.From, `r.PathValue("`+p.Name+`")`)
		} else {
			o.From = append(o.From, `r.URL.Query().Get("`+p.Name+`")`)
		}
	}
	if op.RequestBody != nil {
		o.In = bodyType(op.RequestBody.Content.First().Value())
	}
	return o
}

func bodyType(m *v3.MediaType) string { return refName(m.Schema) }

func refName(s *base.SchemaProxy) string {
	reference := s.GetReference()
	return reference[strings.LastIndexByte(reference, '/')+1:]
}

func structureOf(name string, s *base.Schema) structure {
	out := structure{Name: name, Doc: s.Description}
	for key, property := range s.Properties.FromOldest() {
		f := field{Name: camel(key), Type: typeOf(property), Tag: key, Doc: property.Schema().Description}
		if !slices.Contains(s.Required, key) {
			f.Tag += ",omitzero"
			if property.IsReference() {
				f.Type = "*" + f.Type
			}
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

func typeOf(s *base.SchemaProxy) string {
	if s.IsReference() {
		return refName(s)
	}
	schema := s.Schema()
	switch {
	case schema.Type[0] == "array":
		return "[]" + typeOf(schema.Items.A)
	case schema.Type[0] == "integer":
		return "int64"
	case schema.Type[0] == "boolean":
		return "bool"
	case schema.Format == "date-time":
		return "time.Time"
	}
	return "string"
}

// camel makes a Go name of a name on the wire.
func camel(name string) (out string) {
	for _, word := range strings.Split(name, "_") {
		switch word {
		case "id", "iban", "pv":
			out += strings.ToUpper(word)
		default:
			out += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return out
}

var apiTemplate = template.Must(template.New("api").Funcs(template.FuncMap{"first": func(s string) string {
	return strings.TrimSuffix(strings.SplitN(s, "\n", 2)[0], ".")
}}).Parse(`// Code generated from native.openapi.yaml by go generate ./connectors/native; DO NOT EDIT.

package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)
{{range .Types}}
// {{.Name}}: {{first .Doc}}.
type {{.Name}} struct {
{{- range .Fields}}
	{{.Name}} {{.Type}} ` + "`json:\"{{.Tag}}\"`" + ` // {{first .Doc}}
{{- end}}
}
{{end}}
// The codes of a Problem.
const (
{{- range .Codes}}
	{{.Name}} = "{{.Text}}"
{{- end}}
)

var statuses = map[string]int{
{{- range .Codes}}
	{{.Name}}: {{.Status}},
{{- end}}
}

// Error says the code, which makes a Problem what the calls fail with. Any other
// error becomes the status 500: whether something was done is then not known.
func (p Problem) Error() string { return p.Code }

// Company is what a company implements.
type Company interface {
{{- range .Core}}
	// {{.Name}}: {{.Doc}}
	{{template "method" .}}
{{- end}}
}
{{range .More}}
// Offers{{.Name}} is what a company implements that offers the call.
type Offers{{.Name}} interface {
	// {{.Name}}: {{.Doc}}
	{{template "method" .}}
}
{{end}}
// Handler serves the contract. tokens gives those that are good now: two, while
// the token is changed.
func Handler(c Company, tokens func() []string) http.Handler {
	mux := http.NewServeMux()
{{- range .Core}}
	mux.HandleFunc("{{.Pattern}}", {{template "serve" .}})
{{- end}}
{{- range .More}}
	if c, ok := c.(Offers{{.Name}}); ok {
		mux.HandleFunc("{{.Pattern}}", {{template "serve" .}})
	}
{{- end}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !admitted(r, tokens()) {
			answer(w, nil, Problem{Code: Unauthorized})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func admitted(r *http.Request, tokens []string) bool {
	sent, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	good := 0
	for _, token := range tokens {
		good |= subtle.ConstantTimeCompare([]byte(sent), []byte(token))
	}
	return bearer && sent != "" && good == 1
}

// read decodes a body of at most 1 MiB.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		return Problem{Code: Invalid, Message: "not the JSON of the contract"}
	}
	return nil
}

// answer writes what a call gave, or the Problem it failed with.
func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if problem := (Problem{}); errors.As(err, &problem) && statuses[problem.Code] != 0 {
		status, out = statuses[problem.Code], problem
	} else if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // who hung up hears nothing
}

{{define "method"}}{{.Name}}(ctx context.Context{{range .Params}}, {{.}} string{{end}}{{if .In}}, in {{.In}}{{end}}) ({{.Out}}, error){{end}}
{{define "serve"}}func(w http.ResponseWriter, r *http.Request) {
		{{- if .In}}
		var in {{.In}}
		if err := read(w, r, &in); err != nil {
			answer(w, nil, err)
			return
		}
		{{- end}}
		out, err := c.{{.Name}}(r.Context(){{range .From}}, {{.}}{{end}}{{if .In}}, in{{end}})
		answer(w, out, err)
	}{{end}}
`))
