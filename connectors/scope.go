package connectors

import (
	"unsafe"

	"racord/hub"
)

// scope is where a field is being read: the record, the element of an each
// inside it, and the root of the answer. It holds the buffers of one answer.
type scope struct {
	root, record, here Value

	buf     []byte             // the text being read
	read    Value              // whose text that is
	other   []byte             // a text put aside
	kept    []byte             // texts of this answer and of others before; it only grows
	stack   []Value            // the places of parts being read
	push    func(Value) bool   // puts a place on the stack; made once
	remarks []hub.QualityEvent // about the record being read

	rootAny  any // for expressions, made once an answer
	rootMade Value
	work     exprWork // what they may still do; nil = all
}

// cleared gives what can be used for another answer.
func (s *scope) cleared() scope { return scope{push: s.push, kept: s.kept} }

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
const keepChunk = 2 << 10

// keep copies text to memory that lives as long as somebody has a text of it. Texts
// share pieces, also those of one answer and the next, so that an answer costs few
// allocations.
func (s *scope) keep(text string) string {
	if cap(s.kept)-len(s.kept) < len(text) {
		s.kept = make([]byte, 0, max(keepChunk, len(text)))
	}
	from := len(s.kept)
	s.kept = append(s.kept, text...)
	own := s.kept[from:]
	return unsafe.String(unsafe.SliceData(own), len(own)) // nothing is written there again
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
