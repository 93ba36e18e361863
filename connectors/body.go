package connectors

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"racord/hub"
)

// Body is the tree a request carries, written in the manifest as YAML and sent
// as JSON or XML. Leaves are templates, escaped by the protocol. The order of
// keys is kept.
type Body struct {
	kind   bodyKind
	keys   []string
	parts  []*Body
	leaf   Template
	isText bool // quoted in JSON; numbers and truth values are not
}

type bodyKind byte

const (
	bodyLeaf bodyKind = iota
	bodyObject
	bodyList
)

func (b *Body) readNode(in *inspection, node ast.Node, field string, tag reflect.StructTag) {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		b.kind = bodyObject
		for _, e := range in.mapping(node, field, 3+strings.Count(field, ".")) {
			part := &Body{}
			part.readNode(in, e.value, join(field, e.key), tag)
			b.keys, b.parts = append(b.keys, e.key), append(b.parts, part)
		}
	case *ast.SequenceNode:
		b.kind = bodyList
		for i, n := range in.sequence(node, field) {
			part := &Body{}
			part.readNode(in, n, fmt.Sprintf("%s[%d]", field, i), tag)
			b.parts = append(b.parts, part)
		}
	case *ast.BoolNode:
		b.leaf.parts = []templatePart{{literal: tokenText(node)}}
	case *ast.IntegerNode:
		if s, ok := in.text(node, field); ok {
			b.leaf.parts = []templatePart{{literal: s}}
		}
	default:
		if s, ok := in.text(node, field); ok {
			b.isText = true
			in.template(&b.leaf, s, field, InBody)
			b.isText = !b.leaf.onlyNumber()
		}
	}
}

// onlyNumber tells whether the template is one hole that is a whole number: a
// page, or an amount in bani.
func (t *Template) onlyNumber() bool {
	return len(t.parts) == 1 && t.parts[0].variable != nil && slices.Contains([]string{"", "bani"}, t.parts[0].argument) &&
		slices.Contains([]string{"page", "amount"}, t.parts[0].variable.name)
}

// AppendJSON appends the tree as JSON.
func (b *Body) AppendJSON(ctx context.Context, dst []byte, v *Vars) ([]byte, error) {
	dst, _, err := b.json(ctx, dst, v)
	return dst, err
}

func (b *Body) json(ctx context.Context, dst []byte, v *Vars) (out []byte, present bool, err error) {
	switch b.kind {
	case bodyLeaf:
		return b.leafJSON(ctx, dst, v)
	case bodyList:
		return b.partsJSON(ctx, dst, v, '[', ']')
	default:
		return b.partsJSON(ctx, dst, v, '{', '}')
	}
}

func (b *Body) leafJSON(ctx context.Context, dst []byte, v *Vars) ([]byte, bool, error) {
	if !b.isText {
		return b.leaf.Append(ctx, dst, v, InBody)
	}
	dst = append(dst, '"')
	dst, present, err := b.leaf.escaped(ctx, dst, v, AppendJSONText)
	return append(dst, '"'), present, err
}

func (b *Body) partsJSON(ctx context.Context, dst []byte, v *Vars, open, end byte) ([]byte, bool, error) {
	dst = append(dst, open)
	first := true
	for i, part := range b.parts {
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		if b.kind == bodyObject {
			dst = append(dst, '"')
			dst, _ = AppendJSONText(dst, b.keys[i])
			dst = append(dst, '"', ':')
		}
		var present bool
		var err error
		if dst, present, err = part.json(ctx, dst, v); err != nil {
			return dst, false, err
		}
		if !present {
			dst = dst[:before]
			continue
		}
		first = false
	}
	gone := first && b.kind == bodyObject && len(b.parts) > 0
	return append(dst, end), !gone, nil // an object all of whose parts are gone goes with them
}

// escaped fills the template with literals and values through one escaper.
func (t *Template) escaped(ctx context.Context, dst []byte, v *Vars, escape func([]byte, string) ([]byte, error)) ([]byte, bool, error) {
	for _, part := range t.parts {
		if part.variable == nil {
			var err error
			if dst, err = escape(dst, part.literal); err != nil {
				return dst, false, err
			}
			continue
		}
		one := Template{parts: []templatePart{part}}
		var present bool
		var err error
		if dst, present, err = one.fill(ctx, dst, v, escape); err != nil || !present {
			return dst, present, err
		}
	}
	return dst, true, nil
}

const hexDigits = "0123456789abcdef"

// AppendJSONText appends what stands between the quotes of a text in JSON. It
// fails with CodeInvalid for what is not UTF-8.
func AppendJSONText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, hub.Errorf(hub.CodeInvalid, "A value is not valid text.")
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// AppendXML appends the tree as XML: keys are elements, "@name" keys attributes
// of the element around them, lists repeat their element. Text is UTF-8; what
// the wire's character set lacks is for the kind to handle.
func (b *Body) AppendXML(ctx context.Context, dst []byte, v *Vars) ([]byte, error) {
	for i, part := range b.parts {
		if strings.HasPrefix(b.keys[i], "@") {
			continue
		}
		var err error
		if dst, err = part.element(ctx, dst, v, b.keys[i]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (b *Body) element(ctx context.Context, dst []byte, v *Vars, name string) ([]byte, error) {
	if b.kind == bodyList {
		for _, part := range b.parts {
			var err error
			if dst, err = part.element(ctx, dst, v, name); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	before := len(dst)
	dst = append(append(dst, '<'), name...)
	dst, err := b.attributes(ctx, dst, v)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '>')
	if b.kind == bodyLeaf {
		var present bool
		if dst, present, err = b.leaf.escaped(ctx, dst, v, AppendXMLText); err != nil {
			return dst, err
		}
		if !present {
			return dst[:before], nil
		}
	} else if dst, err = b.AppendXML(ctx, dst, v); err != nil {
		return dst, err
	}
	return append(append(append(dst, '<', '/'), name...), '>'), nil
}

func (b *Body) attributes(ctx context.Context, dst []byte, v *Vars) ([]byte, error) {
	for i, part := range b.parts {
		name, is := strings.CutPrefix(keyAt(b.keys, i), "@")
		if !is {
			continue
		}
		before := len(dst)
		dst = append(append(append(dst, ' '), name...), '=', '"')
		var present bool
		var err error
		if dst, present, err = part.leaf.escaped(ctx, dst, v, AppendXMLText); err != nil {
			return dst, err
		}
		dst = append(dst, '"')
		if !present {
			dst = dst[:before]
		}
	}
	return dst, nil
}

func keyAt(keys []string, i int) string {
	if i < len(keys) {
		return keys[i]
	}
	return ""
}

// AppendXMLText appends character data, escaped for elements and attributes. It
// fails with CodeInvalid for characters XML cannot hold.
func AppendXMLText(dst []byte, s string) ([]byte, error) {
	for i, c := range s {
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '"':
			dst = append(dst, "&quot;"...)
		case c == '\r' || c == '\n' || c == '\t':
			dst = append(dst, fmt.Sprintf("&#%d;", c)...)
		case c < ' ' || c == 0xFFFE || c == 0xFFFF || c == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return dst, hub.Errorf(hub.CodeInvalid, "A value holds a character XML cannot hold.")
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst, nil
}

// CheckXML reports keys that XML cannot have as names.
func (b *Body) CheckXML(report func(field, problem string)) {
	for i, part := range b.parts {
		key := keyAt(b.keys, i)
		if key != "" && !validXMLName(strings.TrimPrefix(key, "@")) {
			report(key, "not a name XML can have")
		}
		part.CheckXML(func(field, problem string) { report(join(key, field), problem) })
	}
}

func validXMLName(s string) bool {
	prefix, local, has := strings.Cut(s, ":")
	if has {
		return validXMLName(prefix) && validXMLName(local)
	}
	return validStep(s) && s[0] != '@' && s[0] != '-' && (s[0] < '0' || s[0] > '9')
}

// IsZero tells whether there is no body.
func (b *Body) IsZero() bool { return b == nil || b.kind == bodyLeaf && b.leaf.IsZero() }
