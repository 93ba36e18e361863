package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// MaxAnswer is the most bytes an answer may have.
const MaxAnswer = 1 << 20

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

// JSON is a decoded JSON answer. Release gives its memory back; no Value of it
// may be used afterwards.
type JSON struct {
	parser fastjson.Parser
	root   *fastjson.Value
	size   int
}

var jsonPool = sync.Pool{New: func() any { return new(JSON) }}

// ParseJSON decodes an answer strictly (RFC 8259, UTF-8 only): duplicate keys,
// depth over MaxDepth and anything that is not quite JSON are errors. Errors
// never repeat data.
func ParseJSON(data []byte) (*JSON, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > MaxAnswer:
		return nil, errTooLarge
	case len(data) == 0:
		return nil, errEmptyReply
	case !utf8.Valid(data):
		return nil, errNotUTF8
	}
	j := jsonPool.Get().(*JSON)
	root, err := j.parser.ParseBytes(data)
	if err != nil {
		j.Release()
		return nil, errNotJSON // the library's own message repeats data
	}
	j.root, j.size = root, len(data)
	if err := strict(root, 1); err != nil {
		j.Release()
		return nil, err
	}
	if fastjson.ValidateBytes(data) != nil { // the parser lets bad numbers and escapes pass
		j.Release()
		return nil, errNotJSON
	}
	return j, nil
}

// Root gives the answer's value.
func (j *JSON) Root() Value { return (*jsonValue)(j.root) }

// Release gives the memory back for the next answer.
func (j *JSON) Release() {
	j.root = nil
	if j.size <= 64<<10 { // what one huge answer needed is not kept
		jsonPool.Put(j)
	}
}

// strict checks depth and duplicate keys.
func strict(v *fastjson.Value, depth int) (err error) {
	switch v.Type() {
	case fastjson.TypeObject:
		if depth > MaxDepth {
			return errDepth
		}
		object, _ := v.Object()
		return strictObject(object, depth)
	case fastjson.TypeArray:
		if depth > MaxDepth {
			return errDepth
		}
		elements, _ := v.Array()
		for _, element := range elements {
			if err := strict(element, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func strictObject(object *fastjson.Object, depth int) (err error) {
	var small [24][]byte
	keys := small[:0]
	object.Visit(func(key []byte, v *fastjson.Value) {
		for _, earlier := range keys {
			if err == nil && string(earlier) == string(key) {
				err = errTwice
			}
		}
		keys = append(keys, key)
		if err == nil {
			err = strict(v, depth+1)
		}
	})
	return err
}

// jsonValue is a fastjson value as a Value.
type jsonValue fastjson.Value

func (v *jsonValue) lib() *fastjson.Value { return (*fastjson.Value)(v) }

func (v *jsonValue) Child(name string) Value {
	child := v.lib().Get(name)
	if child == nil {
		return nil
	}
	return (*jsonValue)(child)
}

func (v *jsonValue) Each(name string, f func(Value) bool) bool {
	list := v.lib()
	if name != "" {
		list = list.Get(name)
	}
	if list == nil || list.Type() == fastjson.TypeNull {
		return true
	}
	if list.Type() != fastjson.TypeArray {
		return false
	}
	elements, _ := list.Array()
	for _, element := range elements {
		if !f((*jsonValue)(element)) {
			break
		}
	}
	return true
}

func (v *jsonValue) AppendText(dst []byte) ([]byte, bool) {
	lib := v.lib()
	switch lib.Type() {
	case fastjson.TypeString:
		text, _ := lib.StringBytes()
		return append(dst, text...), true
	case fastjson.TypeNumber, fastjson.TypeTrue, fastjson.TypeFalse:
		return lib.MarshalTo(dst), true
	default:
		return dst, false
	}
}

func (v *jsonValue) Any() any {
	lib := v.lib()
	switch lib.Type() {
	case fastjson.TypeObject:
		object, _ := lib.Object()
		m := make(map[string]any, object.Len())
		object.Visit(func(key []byte, child *fastjson.Value) { m[string(key)] = (*jsonValue)(child).Any() })
		return m
	case fastjson.TypeArray:
		elements, _ := lib.Array()
		list := make([]any, len(elements))
		for i, element := range elements {
			list[i] = (*jsonValue)(element).Any()
		}
		return list
	case fastjson.TypeString:
		text, _ := lib.StringBytes()
		return string(text)
	case fastjson.TypeNumber:
		if n, err := lib.Int(); err == nil {
			return n
		}
		return json.Number(lib.String())
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return lib.Type() == fastjson.TypeTrue
	default:
		return nil
	}
}

var _ Value = (*jsonValue)(nil)
