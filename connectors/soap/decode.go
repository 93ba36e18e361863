package soap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"racord/connectors"
)

// decode reads an envelope of at most so many elements and gives the one of its
// body, with local names: prefixes are the sender's taste.
func decode(body []byte, contentType string, most int) (payload *element, guessed bool, err error) {
	text, guessed, err := toUTF8(body, contentType)
	if err != nil {
		return nil, false, err
	}
	root, err := tree(text, most)
	if err != nil {
		return nil, false, err
	}
	payload, err = root.payload()
	return payload, guessed, err
}

// tree reads a document without document type, entities of its own and
// processing instructions.
func tree(text []byte, most int) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // it is UTF-8 already
	b := builder{most: most}
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return b.finished()
		}
		if err != nil {
			return nil, fmt.Errorf("not XML at byte %d", decoder.InputOffset())
		}
		if err := b.step(token); err != nil {
			return nil, err
		}
	}
}

// builder grows the tree.
type builder struct {
	root  *element
	open  []*element
	names []string // as written, to see that they are closed in order
	count int
	most  int // elements
}

func (b *builder) step(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return b.start(t)
	case xml.EndElement:
		return b.end(written(t.Name))
	case xml.CharData:
		if len(b.open) > 0 {
			last := b.open[len(b.open)-1]
			last.text = append(last.text, t...)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return errors.New("text outside the document")
		}
	case xml.Directive:
		return errors.New("a document type, which messages must not have (SOAP 1.1 §3)")
	case xml.ProcInst:
		if t.Target != "xml" {
			return errors.New("a processing instruction, which messages must not have (SOAP 1.1 §3)")
		}
	}
	return nil
}

func (b *builder) start(t xml.StartElement) error {
	if b.count++; b.count > b.most {
		return fmt.Errorf("more than %d elements", b.most)
	}
	if len(b.open) >= connectors.MaxDepth {
		return fmt.Errorf("nested deeper than %d", connectors.MaxDepth)
	}
	e := &element{name: t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			e.attributes = append(e.attributes, attribute{a.Name.Local, a.Value})
		}
	}
	if len(b.open) == 0 {
		if b.root != nil {
			return errors.New("two documents in one answer")
		}
		b.root = e
	} else {
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, e)
	}
	b.open, b.names = append(b.open, e), append(b.names, written(t.Name))
	return nil
}

func (b *builder) end(name string) error {
	last := len(b.open) - 1
	if last < 0 || b.names[last] != name {
		return errors.New("elements are not closed in order")
	}
	b.open, b.names = b.open[:last], b.names[:last]
	return nil
}

func (b *builder) finished() (*element, error) {
	if b.root == nil || len(b.open) > 0 {
		return nil, errors.New("the document is not complete")
	}
	return b.root, nil
}

func written(name xml.Name) string { return name.Space + ":" + name.Local }

// element is a node of an answer.
type element struct {
	name       string
	text       []byte
	attributes []attribute
	children   []*element
}

type attribute struct{ name, value string }

// payload gives the one element of the envelope's body.
func (e *element) payload() (*element, error) {
	if e.name != "Envelope" {
		return nil, errors.New("not a SOAP envelope")
	}
	for _, child := range e.children {
		if child.name == "Body" && len(child.children) == 1 {
			return child.children[0].unprefixed(), nil
		}
	}
	return nil, errors.New("the envelope's body is not one element")
}

// unprefixed cuts the prefix from a fault's code, which is a qualified name: a
// manifest says FailedAuthentication, whatever prefix the sender likes (SOAP 1.1
// §4.4).
func (e *element) unprefixed() *element {
	if e.name != "Fault" {
		return e
	}
	for _, child := range e.children {
		if child.name == "faultcode" {
			child.text = child.text[bytes.LastIndexByte(child.text, ':')+1:]
		}
	}
	return e
}

// Child gives the first child of that name, or the attribute of "@name".
func (e *element) Child(name string) connectors.Value {
	if attr, is := strings.CutPrefix(name, "@"); is {
		for i := range e.attributes {
			if e.attributes[i].name == attr {
				return &e.attributes[i]
			}
		}
		return nil
	}
	for _, child := range e.children {
		if child.name == name {
			return child
		}
	}
	return nil
}

// Each gives all children of that name.
func (e *element) Each(name string, f func(connectors.Value) bool) bool {
	if name == "" {
		f(e)
		return true
	}
	for _, child := range e.children {
		if child.name == name && !f(child) {
			break
		}
	}
	return true
}

// AppendText gives the text of an element without children, without blanks at
// both ends.
func (e *element) AppendText(dst []byte) ([]byte, bool) {
	if len(e.children) > 0 {
		return dst, false
	}
	return append(dst, connectors.CommaBelow(string(bytes.TrimSpace(e.text)))...), true
}

// Any gives children and attributes as a map, several of one name as a list.
func (e *element) Any() any {
	if len(e.children) == 0 && len(e.attributes) == 0 {
		return connectors.CommaBelow(string(bytes.TrimSpace(e.text)))
	}
	m := map[string]any{}
	for _, a := range e.attributes {
		m["@"+a.name] = a.value
	}
	for _, child := range e.children {
		switch earlier := m[child.name].(type) {
		case nil:
			m[child.name] = child.Any()
		case []any:
			m[child.name] = append(earlier, child.Any())
		default:
			m[child.name] = []any{earlier, child.Any()}
		}
	}
	return m
}

func (a *attribute) Child(string) connectors.Value { return nil }

func (a *attribute) Each(name string, f func(connectors.Value) bool) bool {
	if name == "" {
		f(a)
	}
	return true
}

func (a *attribute) AppendText(dst []byte) ([]byte, bool) {
	return append(dst, connectors.CommaBelow(a.value)...), true
}

func (a *attribute) Any() any { return connectors.CommaBelow(a.value) }

var (
	_ connectors.Value = (*element)(nil)
	_ connectors.Value = (*attribute)(nil)
)
