package swift

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is an http.ResponseWriter that gathers the answer to one request, to be
// sent in one write. It is used again for the next.
type answer struct {
	header http.Header
	names  []string
	status int
	head   []byte
	body   []byte // behind room for the head, so that both leave in one write
	length int    // what is missing of an announced body; negative = not announced
	last   bool   // the connection is closed after it
}

func (a *answer) reset(last bool) {
	if a.header == nil {
		a.header = make(http.Header, 16)
	}
	clear(a.header)
	if a.body == nil {
		a.body = make([]byte, headRoom, firstRoom)
	}
	a.status, a.head, a.body, a.length, a.last = 0, a.head[:0], a.body[:headRoom], -1, last
}

// The room in bytes for a head, and for a whole answer at first.
const (
	headRoom  = 1 << 10
	firstRoom = 4 << 10
)

// largestKept in bytes is what a connection keeps between two answers.
const largestKept = 32 << 10

func (a *answer) shrink() {
	if cap(a.body) > largestKept {
		a.body = nil
	}
}

// Header gives the headers to be sent.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader ends the headers. Only the first call counts, and no interim
// answers are sent.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < 200 {
		return
	}
	a.status = status
	if !hasBody(status) {
		delete(a.header, "Content-Length")
		if status == http.StatusNotModified {
			delete(a.header, "Content-Type")
		}
		a.length = 0
	} else if announced := a.header["Content-Length"]; len(announced) == 1 {
		if n, err := strconv.Atoi(announced[0]); err == nil && n >= 0 {
			a.length = n
		} else {
			delete(a.header, "Content-Length")
		}
	}
	a.appendHead()
}

// hasBody tells whether an answer may have a body (RFC 9110 §6.4.1).
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// Write adds to the body.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !hasBody(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if a.length >= 0 {
		if len(p) > a.length {
			return 0, http.ErrContentLength
		}
		a.length -= len(p)
	}
	if a.written(p) {
		a.body = a.body[:len(a.body)+len(p)]
	} else {
		a.body = append(a.body, p...)
	}
	return len(p), nil
}

// AvailableBuffer gives an empty buffer to append a body to that is passed to
// the next Write, which then need not copy it (as in bufio.Writer).
func (a *answer) AvailableBuffer() []byte { return a.body[len(a.body):] }

// written tells whether p stands where it would be copied to.
func (a *answer) written(p []byte) bool {
	free := a.body[len(a.body):cap(a.body)]
	return len(p) > 0 && len(p) <= len(free) && &p[0] == &free[0]
}

// finish gives the bytes of the answer.
func (a *answer) finish() []byte {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.length > 0 {
		a.last = true // less than was announced: the client must see that it is not whole
	}
	if a.length < 0 {
		a.head = append(a.head, "Content-Length: "...)
		a.head = strconv.AppendInt(a.head, int64(len(a.body)-headRoom), 10)
		a.head = append(a.head, "\r\n\r\n"...)
	}
	if len(a.head) > headRoom {
		return append(a.head, a.body[headRoom:]...)
	}
	from := headRoom - len(a.head)
	copy(a.body[from:], a.head)
	return a.body[from:]
}

// appendHead writes the status and the headers in the order in which net/http
// does.
func (a *answer) appendHead() {
	out := append(a.head, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = append(append(append(out, ' '), http.StatusText(a.status)...), '\r', '\n')
	a.names = a.names[:0]
	for name := range a.header {
		a.names = append(a.names, name)
	}
	slices.Sort(a.names)
	for _, name := range a.names {
		for _, value := range a.header[name] {
			out = append(append(out, name...), ':', ' ')
			out = append(appendValue(out, value), '\r', '\n')
		}
	}
	out = append(append(append(out, "Date: "...), date()...), '\r', '\n')
	if a.last {
		out = append(out, "Connection: close\r\n"...)
	}
	if a.length >= 0 {
		out = append(out, '\r', '\n')
	}
	a.head = out
}

// appendValue keeps a value on its line.
func appendValue(out []byte, value string) []byte {
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return append(out, value...)
}

// dated is the date of one second as headers have it.
type dated struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[dated]

// date gives the present, written once a second.
func date() string {
	now := time.Now()
	if w := lastDate.Load(); w != nil && w.second == now.Unix() {
		return w.text
	}
	w := &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
	lastDate.Store(w)
	return w.text
}
