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
// is a list: what leads there must be present.
func (p *Path) each(s *scope, f func(Value) bool) bool {
	last := len(p.steps) - 1
	if last < 0 {
		return s.start(p.from).Each("", f)
	}
	v := follow(s.start(p.from), p.steps[:last])
	return v != nil && v.Each(p.steps[last], f)
}

// leaves puts every value the path leads to on the scope's stack, lists on the
// way entered: "$.Contribuabil.CNP" gives all their codes. The caller cuts the
// stack back to mark.
func (p *Path) leaves(s *scope) (values []Value, mark int) {
	mark = len(s.stack)
	push := s.collect()
	level := mark
	if v := s.start(p.from); v != nil {
		push(v)
	}
	for _, step := range p.steps {
		end := len(s.stack)
		for ; level < end; level++ {
			v := s.stack[level]
			if v.Each(step, push) {
				continue
			}
			if child := v.Child(step); child != nil {
				push(child)
			}
		}
	}
	return s.stack[level:], mark
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
