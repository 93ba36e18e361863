package lean

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// largest is the largest body that is sent in one piece with its header.
const largest = 256 << 10

var errRequest = errors.New("lean: the request cannot be sent as it is")

// Small tells whether a request can be written in one piece; what is not goes to the
// fallback.
func Small(req *http.Request) bool {
	switch {
	case req.URL == nil || req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return false
	case req.Method == http.MethodConnect || len(req.TransferEncoding) > 0 || len(req.Trailer) > 0:
		return false
	case req.Body != nil && req.Body != http.NoBody && (req.ContentLength <= 0 || req.ContentLength > largest):
		return false
	case req.Header["Expect"] != nil || req.Header["Upgrade"] != nil || req.Header["Trailer"] != nil:
		return false
	default:
		return ascii(req.URL.Host) && ascii(req.Host)
	}
}

// ascii tells whether a name needs no encoding (RFC 5891).
func ascii(host string) bool {
	for i := range len(host) {
		if host[i] >= 0x80 {
			return false
		}
	}
	return true
}

// plain tells whether a host can stand in a header.
func plain(host string) bool {
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c == 0x7f || c == '/' || c == '\\' || c == '@' || c == '#' || c == '?' || c == '%' {
			return false
		}
	}
	return host != ""
}

// once keeps http.Transport from repeating a request by itself when a kept
// connection turns out to be closed: such a repetition would take no turn. It
// repeats only what it can rewind.
func once(req *http.Request) *http.Request {
	single := *req
	single.GetBody = nil
	if req.Body == nil || req.Body == http.NoBody {
		single.Body = nothing{}
	}
	return &single
}

// nothing is an empty body that http.Transport does not know to be empty.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

// appendRequest appends a request as it goes over the wire (RFC 9112). It fails
// when a part of it would be read as something else.
func appendRequest(out []byte, req *http.Request) ([]byte, error) {
	method, host := req.Method, req.Host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = req.URL.Host
	}
	uri := req.URL.RequestURI()
	if !token(method) || !target(uri) || !plain(host) {
		return nil, errRequest
	}
	out = append(out, method...)
	out = append(out, ' ')
	out = append(out, uri...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, host...)
	out = append(out, '\r', '\n')
	out, err := appendHeader(out, req)
	if err != nil {
		return nil, err
	}
	return appendBody(out, req)
}

func appendHeader(out []byte, req *http.Request) ([]byte, error) {
	if _, own := req.Header["User-Agent"]; !own {
		out = append(out, "User-Agent: racord\r\n"...)
	}
	if req.Close {
		out = append(out, "Connection: close\r\n"...)
	}
	for name, values := range req.Header {
		if !token(name) {
			return nil, errRequest
		}
		if ours(name) {
			continue
		}
		for _, value := range values {
			if !text(value) {
				return nil, errRequest
			}
			out = append(out, name...)
			out = append(out, ':', ' ')
			out = append(out, textproto.TrimString(value)...)
			out = append(out, '\r', '\n')
		}
	}
	return out, nil
}

// ours tells whether a header is written from the request's own fields.
func ours(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection":
		return true
	default:
		return false
	}
}

func appendBody(out []byte, req *http.Request) ([]byte, error) {
	length := int(req.ContentLength)
	if req.Body == nil || req.Body == http.NoBody {
		length = 0
	}
	if length > 0 || req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(length), 10)
		out = append(out, '\r', '\n')
	}
	out = append(out, '\r', '\n')
	if length == 0 {
		return out, nil
	}
	head := len(out)
	out = append(out, make([]byte, length)...)
	if _, err := io.ReadFull(req.Body, out[head:]); err != nil {
		return nil, errors.Join(errRequest, err)
	}
	out = append(out, 0)
	if n, _ := req.Body.Read(out[head+length:]); n > 0 {
		return nil, errRequest // longer than it said
	}
	return out[:head+length], nil
}

// token tells whether s is a token of RFC 9110 §5.6.2.
func token(s string) bool {
	for i := range len(s) {
		if !inToken[s[i]] {
			return false
		}
	}
	return s != ""
}

// inToken marks the characters of a token.
var inToken = func() (marked [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		marked[c] = strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) < 0
	}
	return marked
}()

// text tells whether s can be a header's value: nothing in it ends the line.
func text(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// target tells whether s can stand in a request line.
func target(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return s != ""
}
