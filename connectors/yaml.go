package connectors

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxManifest is the most bytes a manifest has.
const maxManifest = 256 << 10

// maxNesting is how deep a manifest may be nested.
const maxNesting = 24

// entry is one key of a mapping.
type entry struct {
	key   string
	line  int
	value ast.Node
}

// document parses one YAML document to its top-level mapping.
func (in *inspection) document(data []byte) []entry {
	if len(data) > maxManifest {
		in.at("", "larger than %d KiB", maxManifest>>10)
		return nil
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		in.syntax(err)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		in.at("", "must be one YAML document")
		return nil
	}
	return in.mapping(file.Docs[0].Body, "", 0)
}

func (in *inspection) syntax(err error) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		in.sawAt("", syntax.Token.Position.Line)
		in.at("", "not YAML: %s", syntax.Message)
		return
	}
	in.at("", "not YAML: %s", firstLine(err.Error()))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// mapping gives the entries of a mapping in their order; duplicate keys and
// keys that are not plain words are problems.
func (in *inspection) mapping(node ast.Node, field string, depth int) []entry {
	if depth > maxNesting {
		in.at(field, "nested deeper than %d", maxNesting)
		return nil
	}
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		in.at(field, "must be a mapping of keys to values, not %s", describe(node))
		return nil
	}
	entries := make([]entry, 0, len(values))
	for _, v := range values {
		e := entry{keyText(v.Key), v.Key.GetToken().Position.Line, v.Value}
		path := join(field, e.key)
		if e.key == "" || v.Key.IsMergeKey() {
			in.sawAt(field, e.line)
			in.at(field, "a key must be a plain word")
			continue
		}
		if i := slices.IndexFunc(entries, func(o entry) bool { return o.key == e.key }); i >= 0 {
			in.found = append(in.found, Problem{in.file, e.line, path, fmt.Sprintf("stands twice, first on line %d", entries[i].line)})
			continue
		}
		in.sawAt(path, e.line)
		entries = append(entries, e)
	}
	return entries
}

func keyText(key ast.MapKeyNode) string {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value
	case *ast.IntegerNode:
		return k.GetToken().Value
	case *ast.FloatNode:
		return k.GetToken().Value
	case *ast.BoolNode:
		return k.GetToken().Value
	default:
		return ""
	}
}

func (in *inspection) sequence(node ast.Node, field string) []ast.Node {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		in.at(field, "must be a list, not %s", describe(node))
		return nil
	}
	for i, v := range list.Values {
		in.sawAt(fmt.Sprintf("%s[%d]", field, i), v.GetToken().Position.Line)
	}
	return list.Values
}

// text reads a scalar that is meant as text. Numbers that YAML would change
// must be quoted.
func (in *inspection) text(node ast.Node, field string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode:
		raw := n.GetToken().Value
		if _, err := strconv.ParseInt(raw, 10, 64); err == nil && (raw == "0" || raw[0] != '0') {
			return raw, true
		}
		in.at(field, "%s must be quoted, else YAML changes it", raw)
		return "", false
	case *ast.FloatNode:
		in.at(field, "%s must be quoted, else YAML changes it", n.GetToken().Value)
		return "", false
	default:
		in.at(field, "must be text, not %s", describe(node))
		return "", false
	}
}

func describe(node ast.Node) string {
	switch node.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias, which manifests do not use"
	case *ast.TagNode:
		return "a tag, which manifests do not use"
	default:
		return "something else"
	}
}

// nodeReader is a type that reads itself from a manifest.
type nodeReader interface {
	readNode(in *inspection, node ast.Node, field string, tag reflect.StructTag)
}

// into reads a node into a settable Go value, strictly.
func (in *inspection) into(node ast.Node, v reflect.Value, field string, tag reflect.StructTag, depth int) {
	if reader, ok := v.Addr().Interface().(nodeReader); ok {
		reader.readNode(in, node, field, tag)
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		in.duration(node, v, field, tag)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		in.into(node, v.Elem(), field, tag, depth)
	case v.Kind() == reflect.Struct:
		in.structure(node, v, field, depth)
	case v.Kind() == reflect.Slice:
		in.list(node, v, field, tag, depth)
	case v.Kind() == reflect.Map:
		in.table(node, v, field, tag, depth)
	default:
		in.scalar(node, v, field, tag)
	}
}

func (in *inspection) structure(node ast.Node, v reflect.Value, field string, depth int) {
	before := len(in.found)
	entries := in.mapping(node, field, depth+1)
	fields := in.fieldsOf(v.Type())
	seen := map[string]bool{}
	for _, e := range entries {
		path := join(field, e.key)
		f, known := fields.find(e.key)
		if !known {
			in.at(path, "unknown key; %s", oneOf(fields.names()))
			continue
		}
		seen[e.key] = true
		in.into(e.value, v.FieldByIndex(f.Index), path, f.Tag, depth+1)
	}
	if entries == nil && len(in.found) > before {
		return
	}
	for _, f := range fields {
		if name := nameOf(f); f.Tag.Get("required") == "true" && !seen[name] {
			in.at(field, "%s is missing", name)
		}
	}
	if checker, ok := v.Addr().Interface().(interface {
		Check(report func(field, problem string))
	}); ok && len(in.found) == before {
		checker.Check(in.below(field))
	}
}

// structFields are the fields a manifest can set.
type structFields []reflect.StructField

func fieldsOf(t reflect.Type) (fields structFields) {
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous && nameOf(f) != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// fieldsOf finds them once a file: a manifest has many parts of one type.
func (in *inspection) fieldsOf(t reflect.Type) structFields {
	fields, known := in.types[t]
	if !known {
		fields = fieldsOf(t)
		in.types[t] = fields
	}
	return fields
}

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

func (fs structFields) find(name string) (reflect.StructField, bool) {
	for _, f := range fs {
		if nameOf(f) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func (fs structFields) names() []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = nameOf(f)
	}
	return names
}

func (in *inspection) list(node ast.Node, v reflect.Value, field string, tag reflect.StructTag, depth int) {
	nodes := in.sequence(node, field)
	v.Set(reflect.MakeSlice(v.Type(), len(nodes), len(nodes)))
	for i, n := range nodes {
		in.into(n, v.Index(i), fmt.Sprintf("%s[%d]", field, i), tag, depth+1)
	}
	if tag.Get("required") == "true" && len(nodes) == 0 {
		in.at(field, "must not be empty")
	}
}

func (in *inspection) table(node ast.Node, v reflect.Value, field string, tag reflect.StructTag, depth int) {
	entries := in.mapping(node, field, depth+1)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
	for _, e := range entries {
		value := reflect.New(v.Type().Elem()).Elem()
		in.into(e.value, value, join(field, e.key), tag, depth+1)
		v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), value)
	}
}

func (in *inspection) scalar(node ast.Node, v reflect.Value, field string, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.String:
		in.word(node, v, field, tag)
	case reflect.Bool:
		if b, ok := node.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		in.at(field, "must be true or false, not %s", describe(node))
	case reflect.Int, reflect.Int64:
		in.whole(node, v, field, tag)
	case reflect.Float64:
		in.number(node, v, field, tag)
	default:
		panic("connectors: settings cannot hold a " + v.Type().String())
	}
}

func (in *inspection) word(node ast.Node, v reflect.Value, field string, tag reflect.StructTag) {
	s, ok := in.text(node, field)
	if !ok {
		return
	}
	if allowed := tag.Get("enum"); allowed != "" && !slices.Contains(strings.Split(allowed, "|"), s) {
		in.at(field, "unknown value %q; %s", s, oneOf(strings.Split(allowed, "|")))
		return
	}
	if s == "" && tag.Get("required") == "true" {
		in.at(field, "must not be empty")
	}
	v.SetString(s)
}

func (in *inspection) whole(node ast.Node, v reflect.Value, field string, tag reflect.StructTag) {
	written := tokenText(node)
	n, err := strconv.ParseInt(written, 10, 32)
	if _, is := node.(*ast.IntegerNode); !is || err != nil || len(written) > 1 && written[0] == '0' {
		in.at(field, "must be a whole number, not %s", describe(node))
		return
	}
	if in.inside(float64(n), field, tag) {
		v.SetInt(n)
	}
}

func (in *inspection) number(node ast.Node, v reflect.Value, field string, tag reflect.StructTag) {
	_, whole := node.(*ast.IntegerNode)
	_, broken := node.(*ast.FloatNode)
	x, err := strconv.ParseFloat(tokenText(node), 64)
	if !whole && !broken || err != nil {
		in.at(field, "must be a number, not %s", describe(node))
		return
	}
	if in.inside(x, field, tag) {
		v.SetFloat(x)
	}
}

func tokenText(node ast.Node) string {
	if node == nil || node.GetToken() == nil {
		return ""
	}
	return node.GetToken().Value
}

func (in *inspection) duration(node ast.Node, v reflect.Value, field string, tag reflect.StructTag) {
	s, isText := node.(*ast.StringNode)
	if !isText {
		in.at(field, "must be a duration such as 1500ms, 30s or 24h, not %s", describe(node))
		return
	}
	d, err := time.ParseDuration(s.Value)
	if err != nil || d < 0 {
		in.at(field, "%q is not a duration; write 1500ms, 30s or 24h", s.Value)
		return
	}
	if in.inside(d.Seconds(), field, tag) {
		v.SetInt(int64(d))
	}
}

// inside checks the tags min and max; for durations they are in seconds.
func (in *inspection) inside(x float64, field string, tag reflect.StructTag) bool {
	low, errLow := strconv.ParseFloat(tag.Get("min"), 64)
	high, errHigh := strconv.ParseFloat(tag.Get("max"), 64)
	if errLow == nil && x < low || errHigh == nil && x > high {
		in.at(field, "must be %s", limits(tag))
		return false
	}
	return true
}

func limits(tag reflect.StructTag) string {
	switch low, high := tag.Get("min"), tag.Get("max"); {
	case low == "":
		return "at most " + high
	case high == "":
		return "at least " + low
	default:
		return "from " + low + " to " + high
	}
}
