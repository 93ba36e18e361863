package httpapi

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"racord/hub"
)

// reference is openapi.yaml in the order a reader asks: what can I call, what do
// I get.
type reference struct {
	Title, Version, Summary, Description string
	Groups                               []group
	Schemes                              []named
	Schemas                              []schema
	Problems                             []trouble
}

// trouble is a sort of problem: what its code stands for, and what to do about it.
type trouble struct {
	Code   hub.Code
	Status int
	Title  string
	Advice string
}

type group struct {
	Name, Description string
	Operations        []described
}

// described is an operation on the page.
type described struct {
	ID, Method, Path, Summary, Description string
	Token                                  string
	Parameters                             []parameter
	Body                                   string // name of the body's schema
	BodyExample                            string
	Responses                              []response
}

type parameter struct {
	Name, In, Description, Type, Example string
	Required                             bool
}

type response struct {
	Status, Description string
	Headers             []string
	Contents            []content
}

type content struct {
	Type, Schema, Link, Example string
}

type named struct{ Name, Description string }

type schema struct {
	Name, Description, Type string
	Values                  []string
	Members                 []member
}

type member struct {
	Name, Type, Link, Description string
	Required                      bool
}

// node is a YAML mapping in its own order.
type node struct {
	items yaml.MapSlice
	root  *node
}

func readReference(raw []byte) (*reference, error) {
	var items yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(raw, &items, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	root := node{items: items}
	root.root = &root
	info := root.at("info")
	ref := &reference{
		Title: info.text("title"), Version: info.text("version"),
		Summary: info.text("summary"), Description: info.text("description"),
	}
	for _, tag := range root.list("tags") {
		ref.Groups = append(ref.Groups, group{
			Name: tag.text("name"), Description: tag.text("description"), Operations: root.operations(tag.text("name")),
		})
	}
	for _, scheme := range root.at("components", "securitySchemes").each() {
		ref.Schemes = append(ref.Schemes, named{scheme.name, scheme.text("description")})
	}
	for _, s := range root.at("components", "schemas").each() {
		ref.Schemas = append(ref.Schemas, s.schema(s.name))
	}
	ref.Problems = root.at("components", "schemas", "ProblemCode").problems()
	return ref, nil
}

// problems gives the sorts of problems in the order of the enumeration.
func (n node) problems() (all []trouble) {
	advice := n.at("x-enumDescriptions")
	for _, text := range n.texts("enum") {
		code := hub.Code(text)
		all = append(all, trouble{code, problemOf(code).status, problemOf(code).title, advice.text(text)})
	}
	return all
}

// value gives the value of a key, nil when there is none.
func (n node) value(key string) any {
	for _, item := range n.items {
		if fmt.Sprint(item.Key) == key {
			return item.Value
		}
	}
	return nil
}

// at follows keys and references to a mapping, an empty one when there is none.
func (n node) at(keys ...string) node {
	for _, key := range keys {
		items, _ := n.value(key).(yaml.MapSlice)
		n = n.child(items)
	}
	return n
}

func (n node) child(items yaml.MapSlice) node {
	c := node{items, n.root}
	if ref := c.text("$ref"); strings.HasPrefix(ref, "#/") && len(items) == 1 {
		return n.root.at(strings.Split(ref[2:], "/")...)
	}
	return c
}

func (n node) text(key string) string {
	if v := n.value(key); v != nil {
		return strings.TrimSpace(fmt.Sprint(v))
	}
	return ""
}

type namedNode struct {
	node
	name string
}

func (n node) each() (all []namedNode) {
	for _, item := range n.items {
		items, _ := item.Value.(yaml.MapSlice)
		all = append(all, namedNode{n.child(items), fmt.Sprint(item.Key)})
	}
	return all
}

func (n node) list(key string) (all []node) {
	values, _ := n.value(key).([]any)
	for _, v := range values {
		items, _ := v.(yaml.MapSlice)
		all = append(all, n.child(items))
	}
	return all
}

func (n node) texts(key string) (all []string) {
	values, _ := n.value(key).([]any)
	for _, v := range values {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// operations gives the operations of a tag, and what a receiver is told.
func (n node) operations(tag string) (all []described) {
	for _, place := range []string{"paths", "webhooks"} {
		for _, path := range n.at(place).each() {
			for _, op := range path.each() {
				if slices.Contains(op.texts("tags"), tag) {
					all = append(all, op.described(path.name))
				}
			}
		}
	}
	return all
}

func (n namedNode) described(path string) described {
	d := described{
		ID: n.text("operationId"), Method: strings.ToUpper(n.name), Path: path,
		Summary: n.text("summary"), Description: n.text("description"), Token: n.token(),
	}
	for _, p := range n.list("parameters") {
		d.Parameters = append(d.Parameters, parameter{
			Name: p.text("name"), In: p.text("in"), Description: p.text("description"),
			Type: typeOf(p.at("schema")), Example: p.text("example"), Required: p.text("required") == "true",
		})
	}
	for _, body := range n.at("requestBody", "content").each() {
		d.Body, d.BodyExample = typeOf(body.inner("schema")), body.example()
	}
	for _, r := range n.at("responses").each() {
		d.Responses = append(d.Responses, r.response())
	}
	return d
}

// tokens are the security schemes in words.
var tokens = map[string]string{
	"citizen": "the citizen's own", "portal": "the portal's", "staff": "one with the scope refunds",
	"company": "the company's", "approver": "an approver's",
}

// token says in words whose token the operation wants.
func (n node) token() string {
	if n.value("security") == nil {
		return tokens["citizen"]
	}
	var all []string
	for _, either := range n.list("security") {
		for _, scheme := range either.each() {
			all = append(all, tokens[scheme.name])
		}
	}
	if all == nil {
		return "none"
	}
	return strings.Join(all, " or ")
}

func (n namedNode) response() response {
	r := response{Status: n.name, Description: n.text("description")}
	for _, h := range n.at("headers").each() {
		r.Headers = append(r.Headers, h.name)
	}
	for _, c := range n.at("content").each() {
		s := c.inner("schema")
		r.Contents = append(r.Contents, content{c.name, typeOf(s), link(s), c.example()})
	}
	return r
}

// example gives the first example as indented JSON, or as it is when it is text.
func (n node) example() string {
	value := n.value("example")
	for _, named := range n.at("examples").each() {
		value = named.value("value")
		break
	}
	if text, ok := value.(string); ok || value == nil {
		return strings.TrimSpace(text)
	}
	encoded, err := json.MarshalIndent(plainJSON{value}, "", "  ")
	if err != nil {
		return ""
	}
	return string(encoded)
}

// plainJSON encodes YAML values in their own order.
type plainJSON struct{ value any }

func (p plainJSON) MarshalJSON() ([]byte, error) {
	items, ok := p.value.(yaml.MapSlice)
	if !ok {
		if list, isList := p.value.([]any); isList {
			wrapped := make([]plainJSON, len(list))
			for i, v := range list {
				wrapped[i] = plainJSON{v}
			}
			return json.Marshal(wrapped)
		}
		return json.Marshal(p.value)
	}
	out := []byte{'{'}
	for i, item := range items {
		key, err := json.Marshal(fmt.Sprint(item.Key))
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(plainJSON{item.Value})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

func (n node) schema(name string) schema {
	s := schema{Name: name, Description: n.text("description"), Type: typeOf(n), Values: n.texts("enum")}
	required := n.texts("required")
	for _, p := range n.raw("properties") {
		s.Members = append(s.Members, member{
			Name: p.name, Type: typeOf(p.node), Link: link(p.node), Description: p.meaning(),
			Required: slices.Contains(required, p.name),
		})
	}
	return s
}

// meaning is what a member stands for: its own description, or else that of the
// schema it refers to.
func (n node) meaning() string {
	if own := n.text("description"); own != "" || n.text("$ref") == "" {
		return own
	}
	return n.root.at("components", "schemas", link(n)).text("description")
}

// raw gives the children without following references, whose names are shown.
func (n node) raw(key string) (all []namedNode) {
	from := n.inner(key)
	for _, item := range from.items {
		name := fmt.Sprint(item.Key)
		all = append(all, namedNode{from.inner(name), name})
	}
	return all
}

// inner gives one child without following a reference, whose name is shown.
func (n node) inner(key string) node {
	items, _ := n.value(key).(yaml.MapSlice)
	return node{items, n.root}
}

// link names the schema that a schema or its items refer to.
func link(n node) string {
	ref := n.text("$ref")
	if ref == "" {
		ref = n.inner("items").text("$ref")
	}
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

// typeOf names a schema's type as people say it.
func typeOf(n node) string {
	switch kind := n.text("type"); {
	case n.text("$ref") != "":
		return link(n)
	case kind == "array":
		return "list of " + typeOf(n.inner("items"))
	case n.value("enum") != nil:
		return strings.Join(n.texts("enum"), " | ")
	case kind == "integer":
		return "whole number"
	case kind == "string" && n.text("format") != "":
		return n.text("format")
	default:
		return kind
	}
}

// breakable lets a long address break where a reader expects it.
func breakable(path string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(path), "/", "<wbr>/"))
}

// prose turns paragraphs and `code` into HTML.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.TrimSpace(paragraph) == "" {
			continue
		}
		out.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			if escaped := template.HTMLEscapeString(part); i%2 == 1 {
				out.WriteString("<code>" + escaped + "</code>")
			} else {
				out.WriteString(escaped)
			}
		}
		out.WriteString("</p>")
	}
	return template.HTML(out.String())
}
