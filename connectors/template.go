package connectors

import (
	"context"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"racord/hub"
)

// Place is where a template stands in a request; it decides how holes are
// escaped and what they may say.
type Place string

// The places; a settings type names one in the tag `in`.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
	InBody   Place = "body"
)

// Template is a text with holes: "/accounts/{{ account }}". A hole that ends in
// "?" makes a part of a body, or a query parameter, disappear when it has no
// value; any other hole without one fails with CodeUnsupported.
type Template struct {
	parts   []templatePart
	written string
}

type templatePart struct {
	literal  string
	variable *variable // nil for a literal
	argument string
	optional bool
}

func (t *Template) readNode(in *inspection, node ast.Node, field string, tag reflect.StructTag) {
	s, ok := in.text(node, field)
	if !ok {
		return
	}
	in.template(t, s, field, Place(tag.Get("in")))
}

func (in *inspection) template(t *Template, s, field string, place Place) {
	t.written = s
	for s != "" {
		before, rest, open := strings.Cut(s, "{{")
		if before != "" {
			t.parts = append(t.parts, templatePart{literal: before})
		}
		if !open {
			return
		}
		hole, after, closed := strings.Cut(rest, "}}")
		if !closed {
			in.at(field, "a {{ is not closed by }}")
			return
		}
		if part, ok := in.hole(strings.TrimSpace(hole), field, place); ok {
			t.parts = append(t.parts, part)
		}
		s = after
	}
}

// hole reads "account", "cursor?", "secret water-key" or "now | date_ro".
func (in *inspection) hole(s, field string, place Place) (part templatePart, ok bool) {
	s, part.optional = strings.CutSuffix(s, "?")
	name, argument, _ := strings.Cut(strings.TrimSpace(s), " ")
	part.argument = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(argument), "|"))
	i := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if i < 0 {
		in.at(field, "unknown {{ %s }}; %s", name, oneOf(variableNames()))
		return part, false
	}
	part.variable = &variables[i]
	switch {
	case part.variable.personal && place != InBody:
		in.at(field, "{{ %s }} is a personal code: it stands in a body only, never in a path, a query or a header", name)
		return part, false
	case name == "secret" && place != InBody && place != InHeader:
		in.at(field, "a secret stands in a header or a body only")
		return part, false
	case name == "secret":
		in.secretName(part.argument, field)
	default:
		in.holeFits(part, field)
	}
	if in.call != nil {
		in.call.vars[name] = field
	}
	return part, true
}

// holeFits finds a hole that its call cannot fill, and a form that its variable
// does not have.
func (in *inspection) holeFits(part templatePart, field string) {
	v := part.variable
	if v.calls != nil && (in.call == nil || !v.in(in.call.Name)) {
		in.at(field, "{{ %s }} belongs to %s", v.name, strings.Join(v.calls, ", "))
		return
	}
	switch {
	case part.argument == "" || slices.Contains(v.forms, part.argument):
	case v.forms == nil:
		in.at(field, "{{ %s }} takes nothing behind it", v.name)
	default:
		in.at(field, "unknown form of %s; %s", v.name, oneOf(v.forms))
	}
}

// IsZero tells whether there is no template.
func (t *Template) IsZero() bool { return len(t.parts) == 0 }

// String gives the template as it was written.
func (t *Template) String() string { return t.written }

// Constant tells whether the template has no holes.
func (t *Template) Constant() bool {
	return !slices.ContainsFunc(t.parts, func(p templatePart) bool { return p.variable != nil })
}

// Append fills the holes, escaped for the place, and appends the text. present
// is false when an optional hole had no value. It fails with CodeUnsupported
// when another hole has none, and with what the secret store fails with.
func (t *Template) Append(ctx context.Context, dst []byte, v *Vars, place Place) (text []byte, present bool, err error) {
	return t.fill(ctx, dst, v, func(dst []byte, s string) ([]byte, error) { return escape(dst, s, place) })
}

// fill calls literal text and values through one escaper; literals of paths and
// queries are written by the author and stay as they are.
func (t *Template) fill(ctx context.Context, dst []byte, v *Vars, escaped func([]byte, string) ([]byte, error)) ([]byte, bool, error) {
	for _, part := range t.parts {
		if part.variable == nil {
			dst = append(dst, part.literal...)
			continue
		}
		value, err := part.variable.value(ctx, v, part.argument)
		if err != nil {
			return dst, false, err
		}
		if value == "" {
			if part.optional {
				return dst, false, nil
			}
			return dst, false, hub.Errorf(hub.CodeUnsupported, "This creditor cannot be asked that way: the request needs %s.", part.variable.name)
		}
		if dst, err = escaped(dst, value); err != nil {
			return dst, false, err
		}
	}
	return dst, true, nil
}

func escape(dst []byte, s string, place Place) ([]byte, error) {
	switch place {
	case InPath:
		if s == "." || s == ".." {
			return dst, hub.Errorf(hub.CodeInvalid, "This is not an account code.")
		}
		return append(dst, url.PathEscape(s)...), nil
	case InQuery:
		return append(dst, url.QueryEscape(s)...), nil
	case InHeader:
		if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return dst, hub.Errorf(hub.CodeInvalid, "This is not an account code.")
		}
		return append(dst, s...), nil
	default:
		return append(dst, s...), nil
	}
}
