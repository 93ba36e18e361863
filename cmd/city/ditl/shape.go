package ditl

import "bytes"

// shape is an envelope that was understood once, around the code it asks for.
// A caller's requests differ only there, and digits in that place cannot
// change what the rest means.
type shape struct {
	before, after []byte
	asked         request // its query is filled in from each body
	byRole        bool
}

// shapeOf remembers an understood envelope; nil when it has no single place
// for the code.
func shapeOf(body []byte, asked request) *shape {
	s := &shape{asked: asked, byRole: asked.query.role != ""}
	code := asked.query.code + asked.query.role
	if s.byRole == (asked.query.code != "") || !digits([]byte(code)) || bytes.Count(body, []byte(code)) != 1 {
		return nil
	}
	s.before, s.after, _ = bytes.Cut(bytes.Clone(body), []byte(code))
	s.asked.query = query{}
	return s
}

// read understands a body of this shape.
func (s *shape) read(body []byte) (request, bool) {
	middle, ok := bytes.CutPrefix(body, s.before)
	if !ok {
		return request{}, false
	}
	code, ok := bytes.CutSuffix(middle, s.after)
	if !ok || !digits(code) {
		return request{}, false
	}
	asked := s.asked
	if s.byRole {
		asked.query.role = string(code)
	} else {
		asked.query.code = string(code)
	}
	return asked, true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
