package connectors

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Reference gives the reference page of manifests in Markdown, written from the
// same declarations that parse them.
func (c Catalog) Reference() []byte {
	w := &page{}
	w.line("# Connector manifests\n")
	w.line("<!-- Generated from the declarations in this folder: go generate ./connectors/kinds -->\n")
	w.line("A creditor is one YAML file. `kind:` and `creditor:` stand first. Unknown keys, wrong types, missing parts and")
	w.line("contradictions are errors that name file, line and field.\n")
	w.structure("Manifest", "", reflect.TypeFor[header]())
	w.line("Besides: `settings`, the kind's own, and `calls`, one entry a call, where the kind has no calls of its own.\n")
	w.calls()
	w.language()
	for _, k := range c.kinds {
		w.kind(k)
	}
	return w.Bytes()
}

// page is a reference page being written.
type page struct{ bytes.Buffer }

func (w *page) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *page) calls() {
	w.line("## Calls\n")
	w.line("`obligations` asks what one subject owes, `ping` whether the creditor is there, `prove` whether a proof fits an")
	w.line("account, `pull` brings everything in bulk. Of paying: `quote` asks what may be paid now, `post` has a payment booked,")
	w.line("`find` asks whether it was, `reverse` takes a booking back, `statement` lists what was booked on a day. Without `post` a")
	w.line("creditor takes no payments through the hub. `post` and `reverse` are sent once and never repeated by themselves.\n")
	w.structure("A call", "Besides `request`, the kind's own.", reflect.TypeFor[answerPart]())
}

// language describes what stands in fields and requests.
func (w *page) language() {
	w.line("## Fields\n")
	w.line("A field says where a value of ours comes from: a path with named transforms (`Sold | money_ro`), a constant")
	w.line("(`=\"tax.building\"`), or the long form:\n")
	w.rows(reflect.TypeFor[fieldParts](), "")
	w.line("\nA path is names or indexes joined by dots, `@name` for an attribute. It begins at the record, or at the element of an")
	w.line("`each`; with `^.` at the record around the element; with `$.` at the root of the answer.\n")
	w.line("### Transforms\n\n| name | gives | |\n|---|---|---|")
	for _, t := range transforms {
		name := t.name
		if t.parameter != "" {
			name += "(" + t.parameter + ")"
		}
		w.line("| `%s` | %s | %s |", name, t.gives, t.doc)
	}
	w.expressions()
	w.line("\n## Requests\n")
	w.line("Templates have holes: `{{ account }}`. A hole that ends in `?` makes its part of a body, or its query parameter,")
	w.line("disappear when it has no value. Values are escaped by the protocol.\n\n| hole | |\n|---|---|")
	for _, v := range variables {
		w.line("| `{{ %s }}` | %s |", v.name, v.doc)
	}
	w.line("")
}

// expressions describes what expr: may hold.
func (w *page) expressions() {
	w.line("\n### Expressions\n")
	w.line("`expr` is [expr-lang](https://expr-lang.org/docs/language-definition) over `record`, `element` (of an `each`) and `root`.")
	w.line("It has at most %d parts. `let` names a value; a list in brackets holds texts and numbers as they are written. A text", maxExprNodes)
	w.line("that is written has at most %d bytes. Operators", maxText)
	w.line("are `? :`, `not` and `%s`.", strings.Join(exprOperators, "` `"))
	w.line("Functions are the transforms above that need no parentheses, `list`, which makes a list of what may be one")
	w.line("element, several or none, and `%s`.\n", strings.Join(exprBuiltins, "`, `"))
	w.line("A text over %d KiB cannot be used. All expressions about one answer, or a page of it, together take at most %d million", maxExprText>>10, maxExprWork/1_000_000)
	w.line("steps: an element of a list takes one for each part of what is done with it, and a text one for 64 bytes. A list inside a")
	w.line("list of the same answer is well within that. What asks for more refuses its record (`bad_expression`).")
}

func (w *page) kind(k Kind) {
	if k.contract != nil {
		w.line("## Kind `%s`\n\n%s Its calls are its own: a manifest has no `calls`.\n", k.name, k.doc)
	} else {
		w.line("## Kind `%s`\n\n%s Calls: `%s`.\n", k.name, k.doc, strings.Join(k.calls, "`, `"))
	}
	if len(fieldsOf(k.settings)) > 0 {
		w.structure("`settings`", "", k.settings)
	}
	if k.contract == nil {
		w.requests(k)
	}
}

// requests writes a table for each request part, with the calls it belongs to.
func (w *page) requests(k Kind) {
	written := map[reflect.Type]bool{}
	for _, name := range k.calls {
		request := k.requests[name]
		if request == nil || written[request] || len(fieldsOf(request)) == 0 {
			continue
		}
		written[request] = true
		var calls []string
		for _, other := range k.calls {
			if k.requests[other] == request {
				calls = append(calls, other)
			}
		}
		note := ""
		if len(calls) < len(k.calls) {
			note = "Of `" + strings.Join(calls, "`, `") + "`."
		}
		w.structure("`request`", note, request)
	}
}

// structure writes a table of the type's fields, nested ones with their path.
func (w *page) structure(title, note string, t reflect.Type) {
	w.line("### %s\n", title)
	if note != "" {
		w.line("%s\n", note)
	}
	w.rows(t, "")
	w.line("")
}

func (w *page) rows(t reflect.Type, prefix string) {
	if prefix == "" {
		w.line("| field | type | |\n|---|---|---|")
	}
	for _, f := range fieldsOf(t) {
		name, doc := prefix+nameOf(f), f.Tag.Get("doc")
		if f.Tag.Get("required") == "true" {
			doc += " **Required.**"
		}
		w.line("| `%s` | %s | %s%s |", name, typeName(f), strings.ReplaceAll(doc, "|", "\\|"), allowed(f))
		if inner, suffix := nested(f.Type); inner != nil {
			w.rows(inner, name+suffix+".")
		}
	}
}

func allowed(f reflect.StructField) string {
	var parts []string
	if enum := f.Tag.Get("enum"); enum != "" {
		parts = append(parts, "one of `"+strings.ReplaceAll(enum, "|", "` `")+"`")
	}
	if f.Tag.Get("min")+f.Tag.Get("max") != "" {
		unit := ""
		if f.Type == reflect.TypeFor[time.Duration]() {
			unit = " seconds"
		}
		parts = append(parts, limits(f.Tag)+unit)
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// nested gives the struct inside a type and how its path is written.
func nested(t reflect.Type) (inner reflect.Type, suffix string) {
	for {
		switch {
		case t.Kind() == reflect.Struct && ownSchema(t) == nil:
			return t, suffix
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
		case t.Kind() == reflect.Slice && (ownSchema(t) == nil || t == reflect.TypeFor[accountList]()):
			t, suffix = t.Elem(), suffix+"[]"
		case t.Kind() == reflect.Map:
			t, suffix = t.Elem(), suffix+".*"
		default:
			return nil, ""
		}
	}
}

func typeName(f reflect.StructField) string {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Field]():
		return "field: " + string(shapes[f.Tag.Get("as")])
	case t == reflect.TypeFor[Path]():
		return "path"
	case t == reflect.TypeFor[Template]():
		return "template"
	case t == reflect.TypeFor[Body]():
		return "tree of templates"
	case t == reflect.TypeFor[SecretName]():
		return "name of a secret"
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[oneOrMore]():
		return "text or list"
	case t == reflect.TypeFor[accountList]():
		return "list or name of a file"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct:
		return "mapping"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "text"
	default:
		return "number"
	}
}
