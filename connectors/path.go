package connectors

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// Path leads to a value of an answer: names or list indexes joined by dots.
// Attributes of XML elements are "@name". It starts at the record, or the
// element of an each; with "^." at the record around an element; with "$." at
// the root of the answer. "$" alone is the root.
type Path struct {
	from  anchor
	steps []string
	text  string
}

// anchor is where a path starts.
type anchor byte

const (
	fromHere anchor = iota
	fromRecord
	fromRoot
)

// ParsePath reads a path and tells what is wrong with it, "" when nothing is.
func ParsePath(s string) (Path, string) {
	p := Path{text: s}
	rest := s
	switch {
	case s == "$":
		p.from = fromRoot
		return p, ""
	case strings.HasPrefix(s, "$."):
		p.from, rest = fromRoot, s[2:]
	case strings.HasPrefix(s, "^."):
		p.from, rest = fromRecord, s[2:]
	}
	p.steps = strings.Split(rest, ".")
	for _, step := range p.steps {
		if !validStep(step) {
			return p, "not a path: names joined by dots, such as pv.series or Debite.@Rol"
		}
	}
	return p, ""
}

func validStep(step string) bool {
	name := strings.TrimPrefix(step, "@")
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return name != ""
}

// String gives the path as it was written.
func (p Path) String() string { return p.text }

// IsZero tells whether there is no path.
func (p Path) IsZero() bool { return p.text == "" }

func (p *Path) readNode(in *inspection, node ast.Node, field string, _ reflect.StructTag) {
	s, ok := in.text(node, field)
	if !ok {
		return
	}
	parsed, wrong := ParsePath(s)
	if wrong != "" {
		in.at(field, "%q is %s", s, wrong)
		return
	}
	*p = parsed
}

// find follows the path from its start, nil when it leads nowhere.
func (p *Path) find(s *scope) Value { return follow(s.start(p.from), p.steps) }

func follow(v Value, steps []string) Value {
	for _, step := range steps {
		if v == nil {
			return nil
		}
		v = v.Child(step)
	}
	return v
}

// each calls f for every value at the end of the path, and tells whether there
// is a list.
func (p *Path) each(s *scope, f func(Value) bool) bool {
	last := len(p.steps) - 1
	if last < 0 {
		return s.start(p.from).Each("", f)
	}
	v := follow(s.start(p.from), p.steps[:last])
	return v == nil || v.Each(p.steps[last], f)
}

// eachText calls f with the text of every value the path leads to when lists on
// the way are entered: "$.Contribuabil.CNP" gives all their codes.
func (p *Path) eachText(s *scope, f func(text string, ok bool)) {
	spread(s, s.start(p.from), p.steps, f)
}

func spread(s *scope, v Value, steps []string, f func(string, bool)) {
	if len(steps) == 0 {
		text, ok := s.text(v)
		f(text, ok)
		return
	}
	if list := v.Each(steps[0], func(child Value) bool { spread(s, child, steps[1:], f); return true }); list {
		return
	}
	if child := v.Child(steps[0]); child != nil {
		spread(s, child, steps[1:], f)
	}
}

// Text gives the text at the end of the path from the root of an answer, ""
// when there is none.
func (p Path) Text(root Value) string {
	v := follow(root, p.steps)
	if v == nil {
		return ""
	}
	text, ok := v.AppendText(nil)
	if !ok {
		return ""
	}
	return string(text)
}
