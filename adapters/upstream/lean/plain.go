package lean

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// readPlain reads the header of the most ordinary answer, that has arrived whole
// and says the length of its body. It gives nil, and has read nothing, for any
// other: http.ReadResponse knows all there are, at twice the cost.
func (c *conn) readPlain(req *http.Request, most int64) *http.Response {
	r := c.reader
	if _, err := r.Peek(1); err != nil || req.Method == http.MethodHead {
		return nil
	}
	here, _ := r.Peek(min(r.Buffered(), int(min(most, 32<<10))))
	end := bytes.Index(here, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	line, lines, _ := strings.Cut(string(here[:end]), "\r\n")
	resp := &http.Response{Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if !plainStatus(line, resp) || !plainHeader(lines, resp) {
		return nil
	}
	_, _ = r.Discard(end + 4)
	resp.Body = http.NoBody
	if resp.ContentLength > 0 {
		c.exact = exact{from: r, left: resp.ContentLength}
		resp.Body = &c.exact
	}
	return resp
}

// plainStatus reads "HTTP/1.1 200 OK" and the like of answers with a body.
func plainStatus(line string, resp *http.Response) bool {
	status, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok || len(status) < 4 || status[3] != ' ' || !text(status) {
		return false
	}
	code, err := strconv.ParseUint(status[:3], 10, 16)
	resp.Status, resp.StatusCode = status, int(code)
	return err == nil && code >= 200 && code <= 599 && code != http.StatusNoContent && code != http.StatusNotModified
}

// mostLines is how many a plain header has.
const mostLines = 24

// plainHeader reads lines of which one says the length of the body and none
// says anything else about it or the connection.
func plainHeader(lines string, resp *http.Response) bool {
	count := strings.Count(lines, "\r\n") + 1
	if count > mostLines {
		return false
	}
	resp.Header = make(http.Header, count)
	values := make([]string, 0, count)
	for lines != "" {
		var line string
		line, lines, _ = strings.Cut(lines, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) || !text(value) {
			return false
		}
		value = textproto.TrimString(value)
		name = textproto.CanonicalMIMEHeaderKey(name)
		if _, twice := resp.Header[name]; twice || special(name) {
			return false
		}
		values = append(values, value)
		resp.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	length := resp.Header["Content-Length"]
	if len(length) != 1 {
		return false
	}
	n, err := strconv.ParseUint(length[0], 10, 62)
	resp.ContentLength = int64(n)
	return err == nil
}

// special tells a header that means more than it says.
func special(name string) bool {
	switch name {
	case "Connection", "Transfer-Encoding", "Trailer", "Upgrade", "Pragma":
		return true
	default:
		return false
	}
}

// exact is a body of known length.
type exact struct {
	from *bufio.Reader
	left int64
}

// Read fails with io.ErrUnexpectedEOF when the body ends too early.
func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.from.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case e.left == 0:
		err = io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close reads nothing more.
func (e *exact) Close() error { return nil }
