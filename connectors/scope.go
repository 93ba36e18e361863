package connectors

import (
	"strings"
	"unsafe"

	"racord/hub"
)

// scope is where a field is being read: the record, the element of an each
// inside it, and the root of the answer. It holds the buffers of one answer.
type scope struct {
	root, record, here Value

	buf     []byte // the text being read
	read    Value  // whose text that is
	other   []byte // a text put aside
	kept    strings.Builder
	stack   []Value            // the places of parts being read
	push    func(Value) bool   // puts a place on the stack; made once
	remarks []hub.QualityEvent // about the record being read

	rootAny  any // for expressions, made once an answer
	rootMade Value
	work     exprWork // what they may still do; nil = all
}

// collect gives the function that puts places on the stack.
func (s *scope) collect() func(Value) bool {
	if s.push == nil {
		s.push = func(v Value) bool {
			s.stack = append(s.stack, v)
			return true
		}
	}
	return s.push
}

// aside copies a text so that another can be read beside it.
func (s *scope) aside(text string) string {
	s.other = append(s.other[:0], text...)
	return unsafe.String(unsafe.SliceData(s.other), len(s.other)) // read only until the next aside
}

func (s *scope) start(from anchor) Value {
	switch from {
	case fromRoot:
		return s.root
	case fromRecord:
		return s.record
	default:
		return s.here
	}
}

// text gives the text of a value; it is valid until the next call.
func (s *scope) text(v Value) (string, bool) {
	s.read = v
	if v == nil {
		return "", false
	}
	read, ok := v.AppendText(s.buf[:0])
	s.buf = read
	if !ok || len(read) == 0 {
		return "", ok
	}
	return unsafe.String(&read[0], len(read)), true // read only until buf is filled again
}

// keepChunk is how much text is kept in one piece of memory.
const keepChunk = 1 << 10

// keep copies text to memory that lives as long as the answer. Texts share
// pieces, so that an answer costs few allocations.
func (s *scope) keep(text string) string {
	if text == "" {
		return ""
	}
	if s.kept.Cap()-s.kept.Len() < len(text) {
		s.kept = strings.Builder{}
		s.kept.Grow(max(keepChunk, len(text)))
	}
	from := s.kept.Len()
	s.kept.WriteString(text)
	return s.kept.String()[from:]
}

// keepBytes is keep for bytes that are used again.
func (s *scope) keepBytes(text []byte) string {
	return s.keep(unsafe.String(unsafe.SliceData(text), len(text)))
}

// remark adds a quality event to the record being read, once of a kind.
func (s *scope) remark(code, detail string) {
	for _, earlier := range s.remarks {
		if earlier.Code == code {
			return
		}
	}
	s.remarks = append(s.remarks, hub.QualityEvent{Code: code, Detail: detail})
}

func (s *scope) anyRoot() any {
	if s.rootMade != s.root {
		s.rootAny, s.rootMade = anyOf(s.root), s.root
	}
	return s.rootAny
}
