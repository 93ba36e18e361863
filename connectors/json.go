package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"unicode/utf8"
)

// MaxDepth is how deep an answer may be nested.
const MaxDepth = 32

// The ways in which an answer is not what it should be. None repeats data.
var (
	errNotUTF8    = errors.New("not UTF-8")
	errNotJSON    = errors.New("not JSON")
	errDepth      = errors.New("nested too deep")
	errTwice      = errors.New("a key stands twice in one object")
	errTooLarge   = errors.New("larger than the limit")
	errEmptyReply = errors.New("empty")
)

// JSON is a decoded JSON answer: one flat list of values over the text they
// stand in, parsed in a single pass that checks everything. Answers are on the
// path of every cold view, and libraries that are as fast accept what is not
// JSON, or keep the last of two equal keys. Release gives the memory back; no
// Value of it may be used afterwards.
type JSON struct {
	data  []byte
	nodes []jsonNode // the first used are values, in the order of the text
	used  int
	most  int // nodes
	pos   int
}

// jsonNode is a value. Its place in the list and its document never change, so
// that parsing writes no pointers.
type jsonNode struct {
	doc              *JSON
	at               uint32 // own index
	next             uint32 // index of the first node behind this one and its parts
	from, to         uint32 // text of a string (without quotes) or number
	keyFrom, keyTo   uint32 // text of the key, in an object
	kind             jsonKind
	escaped, keyEscd bool // the text, or the key, holds escapes
}

type jsonKind byte

const (
	jsonNull jsonKind = iota
	jsonTrue
	jsonFalse
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

var jsonPool = sync.Pool{New: func() any { return new(JSON) }}

// ParseJSON decodes an answer about one debtor strictly (RFC 8259, UTF-8 only):
// duplicate keys, depth over MaxDepth and anything that is not quite JSON are
// errors. Errors never repeat data. data must not change until Release.
func ParseJSON(data []byte) (*JSON, error) { return ParseJSONWithin(data, AnswerBounds()) }

// ParseJSONWithin is ParseJSON of an answer with other bounds.
func ParseJSONWithin(data []byte, most Bounds) (*JSON, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > most.Bytes:
		return nil, errTooLarge
	case len(data) == 0:
		return nil, errEmptyReply
	case !utf8.Valid(data):
		return nil, errNotUTF8
	}
	d := jsonPool.Get().(*JSON)
	d.data, d.used, d.most, d.pos = data, 0, most.Values, 0
	err := d.value(1)
	if err == nil && d.blank() {
		err = errNotJSON // something behind the value
	}
	if err != nil {
		d.Release()
		return nil, err
	}
	return d, nil
}

// Root gives the answer's value.
func (d *JSON) Root() Value { return &d.nodes[0] }

// Release gives the memory back for the next answer.
func (d *JSON) Release() {
	d.data = nil
	if len(d.nodes) <= 4096 { // what one huge answer needed is not kept
		jsonPool.Put(d)
	}
}

// node adds a value to the list.
func (d *JSON) node(kind jsonKind) *jsonNode {
	if d.used == len(d.nodes) {
		more := make([]jsonNode, max(128, 2*len(d.nodes)))
		copy(more, d.nodes)
		for i := range more {
			more[i].doc, more[i].at = d, uint32(i)
		}
		d.nodes = more
	}
	n := &d.nodes[d.used]
	d.used++
	n.kind, n.from, n.to, n.escaped = kind, 0, 0, false
	n.keyFrom, n.keyTo, n.keyEscd = 0, 0, false
	n.next = uint32(d.used)
	return n
}

// blank skips white space and tells whether there is more.
func (d *JSON) blank() bool {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\n', '\r', '\t':
			d.pos++
		default:
			return true
		}
	}
	return false
}

// value parses one value.
func (d *JSON) value(depth int) error {
	if !d.blank() {
		return errNotJSON
	}
	if d.used >= d.most {
		return errTooLarge
	}
	switch c := d.data[d.pos]; {
	case c == '"':
		n := d.node(jsonString)
		var err error
		n.from, n.to, n.escaped, err = d.text()
		return err
	case c == '{':
		return d.list(jsonObject, '}', depth)
	case c == '[':
		return d.list(jsonArray, ']', depth)
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case c == 't':
		return d.word("true", jsonTrue)
	case c == 'f':
		return d.word("false", jsonFalse)
	default:
		return d.word("null", jsonNull)
	}
}

func (d *JSON) word(word string, kind jsonKind) error {
	if len(d.data)-d.pos < len(word) || string(d.data[d.pos:d.pos+len(word)]) != word {
		return errNotJSON
	}
	d.pos += len(word)
	d.node(kind)
	return nil
}

// list parses an object or an array.
func (d *JSON) list(kind jsonKind, end byte, depth int) error {
	if depth > MaxDepth {
		return errDepth
	}
	first := d.node(kind).at
	d.pos++
	if !d.blank() {
		return errNotJSON
	}
	if d.data[d.pos] == end {
		d.pos++
		return nil
	}
	keys := keySet{doc: d, first: first + 1}
	for {
		if err := d.member(kind, &keys, depth); err != nil {
			return err
		}
		if !d.blank() {
			return errNotJSON
		}
		c := d.data[d.pos]
		d.pos++
		if c == end {
			d.nodes[first].next = uint32(d.used)
			return nil
		}
		if c != ',' {
			return errNotJSON
		}
	}
}

// member parses an element of an array, or a key and its value.
func (d *JSON) member(kind jsonKind, keys *keySet, depth int) error {
	if kind == jsonArray {
		return d.value(depth + 1)
	}
	if !d.blank() || d.data[d.pos] != '"' {
		return errNotJSON
	}
	from, to, escaped, err := d.text()
	if err != nil {
		return err
	}
	if !d.blank() || d.data[d.pos] != ':' {
		return errNotJSON
	}
	d.pos++
	at := d.used
	if err := d.value(depth + 1); err != nil {
		return err
	}
	n := &d.nodes[at]
	n.keyFrom, n.keyTo, n.keyEscd = from, to, escaped
	return keys.add(n)
}

// plainText marks the bytes a string may hold as they are.
var plainText = func() (plain [256]bool) {
	for c := 0x20; c < 256; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// text parses a string and gives where it stands, without its quotes.
func (d *JSON) text() (from, to uint32, escaped bool, err error) {
	start := d.pos + 1
	for i := start; i < len(d.data); i++ {
		c := d.data[i]
		if plainText[c] {
			continue
		}
		switch {
		case c == '"':
			d.pos = i + 1
			return uint32(start), uint32(i), escaped, nil
		case c == '\\':
			length := escapeLength(d.data[i:])
			if length == 0 {
				return 0, 0, false, errNotJSON
			}
			escaped = true
			i += length - 1
		default:
			return 0, 0, false, errNotJSON // a control character
		}
	}
	return 0, 0, false, errNotJSON
}

// escapeLength gives the bytes of the escape that s begins with, 0 for none.
func escapeLength(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(s); ok {
			return 6
		}
	}
	return 0
}

// number parses a number: no leading zeros, digits on both sides of the point.
func (d *JSON) number() error {
	from := d.pos
	if d.data[d.pos] == '-' {
		d.pos++
	}
	whole := d.digits()
	if whole == 0 || whole > 1 && d.data[d.pos-whole] == '0' {
		return errNotJSON
	}
	if d.pos < len(d.data) && d.data[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			return errNotJSON
		}
	}
	if d.pos < len(d.data) && d.data[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.data) && (d.data[d.pos] == '+' || d.data[d.pos] == '-') {
			d.pos++
		}
		if d.digits() == 0 {
			return errNotJSON
		}
	}
	n := d.node(jsonNumber)
	n.from, n.to = uint32(from), uint32(d.pos)
	return nil
}

// digits skips digits and tells how many there were.
func (d *JSON) digits() int {
	from := d.pos
	for d.pos < len(d.data) && d.data[d.pos] >= '0' && d.data[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - from
}

// keySet finds keys that stand twice in one object: by looking at each of a few
// that have the same mark, by a map when there are many.
type keySet struct {
	doc   *JSON
	first uint32
	count int
	marks uint64 // of the keys so far, a bit each
	many  map[string]bool
}

// few is how many keys are compared one by one.
const few = 32

func (k *keySet) add(n *jsonNode) error {
	k.count++
	if k.count <= few {
		mark := k.doc.mark(n)
		known := k.marks&mark != 0
		k.marks |= mark
		if !known {
			return nil
		}
		for i := k.first; i < n.at; i = k.doc.nodes[i].next {
			if k.doc.nodes[i].sameKey(n) {
				return errTwice
			}
		}
		return nil
	}
	if k.many == nil {
		k.many = map[string]bool{}
		for i := k.first; i < n.at; i = k.doc.nodes[i].next {
			k.many[string(k.doc.nodes[i].key(nil))] = true
		}
	}
	key := string(n.key(nil))
	if k.many[key] {
		return errTwice
	}
	k.many[key] = true
	return nil
}

// mark is a bit that equal keys share. One with escapes may be equal to any, and
// has all.
func (d *JSON) mark(n *jsonNode) uint64 {
	switch {
	case n.keyEscd:
		return ^uint64(0)
	case n.keyFrom == n.keyTo:
		return 1
	}
	first, last := d.data[n.keyFrom], d.data[n.keyTo-1]
	return 1 << ((uint32(first) ^ uint32(last)<<2 ^ (n.keyTo-n.keyFrom)*5) & 63)
}

func (n *jsonNode) sameKey(other *jsonNode) bool {
	if n.keyEscd || other.keyEscd {
		return string(n.key(nil)) == string(other.key(nil))
	}
	return n.keyTo-n.keyFrom == other.keyTo-other.keyFrom &&
		string(n.doc.data[n.keyFrom:n.keyTo]) == string(n.doc.data[other.keyFrom:other.keyTo])
}

// key appends the key.
func (n *jsonNode) key(dst []byte) []byte {
	raw := n.doc.data[n.keyFrom:n.keyTo]
	if n.keyEscd {
		return unescape(dst, raw)
	}
	return append(dst, raw...)
}

func (n *jsonNode) child(name string) *jsonNode {
	nodes := n.doc.nodes
	switch n.kind {
	case jsonObject:
		for i := n.at + 1; i < n.next; i = nodes[i].next {
			child := &nodes[i]
			if int(child.keyTo-child.keyFrom) == len(name) && string(n.doc.data[child.keyFrom:child.keyTo]) == name && !child.keyEscd {
				return child
			}
			if child.keyEscd && string(child.key(nil)) == name {
				return child
			}
		}
	case jsonArray:
		index, err := strconv.Atoi(name)
		for i := n.at + 1; err == nil && i < n.next; i = nodes[i].next {
			if index == 0 {
				return &nodes[i]
			}
			index--
		}
	}
	return nil
}

// Child gives a member of an object, or an element of an array by its index.
func (n *jsonNode) Child(name string) Value {
	if child := n.child(name); child != nil {
		return child
	}
	return nil
}

// Each gives the elements of an array. Null counts as an empty one; a member
// that is not there is no list: the creditor did not say that nothing is due.
func (n *jsonNode) Each(name string, f func(Value) bool) bool {
	list := n
	if name != "" {
		list = n.child(name)
	}
	switch {
	case list == nil:
		return false
	case list.kind != jsonArray:
		return list.kind == jsonNull
	}
	nodes := list.doc.nodes
	for i := list.at + 1; i < list.next; i = nodes[i].next {
		if !f(&nodes[i]) {
			break
		}
	}
	return true
}

// AppendText appends a string, or a number or truth value as it is written.
func (n *jsonNode) AppendText(dst []byte) ([]byte, bool) {
	switch n.kind {
	case jsonString:
		raw := n.doc.data[n.from:n.to]
		if n.escaped {
			return unescape(dst, raw), true
		}
		return append(dst, raw...), true
	case jsonNumber:
		return append(dst, n.doc.data[n.from:n.to]...), true
	case jsonTrue:
		return append(dst, "true"...), true
	case jsonFalse:
		return append(dst, "false"...), true
	default:
		return dst, false
	}
}

// Any gives maps, slices, strings, ints, json.Numbers, bools and nil.
func (n *jsonNode) Any() any {
	nodes := n.doc.nodes
	switch n.kind {
	case jsonObject:
		m := map[string]any{}
		for i := n.at + 1; i < n.next; i = nodes[i].next {
			m[string(nodes[i].key(nil))] = nodes[i].Any()
		}
		return m
	case jsonArray:
		list := []any{}
		for i := n.at + 1; i < n.next; i = nodes[i].next {
			list = append(list, nodes[i].Any())
		}
		return list
	case jsonTrue, jsonFalse:
		return n.kind == jsonTrue
	case jsonNull:
		return nil
	}
	text, _ := n.AppendText(nil)
	if n.kind == jsonString {
		return string(text)
	}
	if whole, err := strconv.Atoi(string(text)); err == nil {
		return whole
	}
	return json.Number(text)
}

// IsNumber tells numbers from strings that hold one.
func (n *jsonNode) IsNumber() bool { return n.kind == jsonNumber }

var _ Number = (*jsonNode)(nil)
