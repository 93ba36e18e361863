package swift

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// mostHeaders is how many lines a plain header has.
const mostHeaders = 32

// read gives the request of a header, or nil when it is not plain.
func read(head []byte) *http.Request {
	text, whole := strings.CutSuffix(string(head), "\r\n\r\n")
	line, rest, _ := strings.Cut(text, "\r\n")
	target, isGet := strings.CutPrefix(line, "GET ")
	target, is11 := strings.CutSuffix(target, " HTTP/1.1")
	if len(head) > roomFor || !whole || !isGet || !is11 || !plainTarget(target) {
		return nil
	}
	r := &http.Request{
		Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		RequestURI: target, Body: http.NoBody, URL: &url.URL{},
	}
	r.URL.Path, r.URL.RawQuery, r.URL.ForceQuery = split(target)
	if r.Header = headers(rest); r.Header == nil {
		return nil
	}
	host := r.Header["Host"]
	if len(host) != 1 || !all(host[0], inHost) {
		return nil
	}
	r.Host = host[0]
	delete(r.Header, "Host")
	return r
}

// split parts a target as url.ParseRequestURI does.
func split(target string) (path, query string, force bool) {
	path, query, asked := strings.Cut(target, "?")
	return path, query, asked && query == ""
}

// headers reads the lines of a header; nil when one is not plain.
func headers(text string) http.Header {
	lines := strings.Count(text, "\r\n") + 1
	if text == "" || lines > mostHeaders {
		return nil
	}
	h, values := make(http.Header, lines), make([]string, 0, lines)
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\r\n")
		written, value, ok := strings.Cut(line, ":")
		if !ok || written == "" || !all(written, inToken) {
			return nil
		}
		name, value := textproto.CanonicalMIMEHeaderKey(written), strings.Trim(value, " \t")
		if !all(value, inValue) || !fits(name, value) {
			return nil
		}
		if before, twice := h[name]; twice {
			h[name] = append(before, value)
			continue
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return h
}

// fits tells whether a header lets a request be plain: nothing in it asks for a
// body, another protocol, a stream or the end of the connection.
func fits(name, value string) bool {
	switch name {
	case "Connection":
		return strings.EqualFold(value, "keep-alive")
	case "Content-Length", "Transfer-Encoding", "Te", "Trailer", "Expect", "Upgrade", "Http2-Settings", "Keep-Alive", "Proxy-Connection":
		return false
	case "Accept":
		return value == "*/*" || value == "application/json"
	default:
		return true
	}
}

// plainTarget tells whether a target is a path, perhaps with a query, that needs
// neither decoding nor cleaning.
func plainTarget(target string) bool {
	if target == "" || target[0] != '/' || !all(target, inTarget) {
		return false
	}
	path, query, _ := strings.Cut(target, "?")
	return !strings.Contains(path, "//") && !strings.Contains(path, "/.") && !strings.Contains(query, "?")
}

// class is a set of bytes.
type class [256]bool

func set(members string) *class {
	var c class
	for i := range len(members) {
		c[members[i]] = true
	}
	return &c
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// The bytes of a plain request's parts. RFC 9110 §5.6.2 and §5.5 allow more in
// values, RFC 3986 in targets and hosts.
var (
	inToken  = set(letters + digits + "!#$%&'*+-.^_`|~")
	inTarget = set(letters + digits + "/-._~?=&,:")
	inHost   = set(letters + digits + "-.:[]")
	inValue  = visible()
)

func visible() *class {
	c := class{'\t': true}
	for b := ' '; b < 0x7f; b++ {
		c[b] = true
	}
	return &c
}

func all(s string, c *class) bool {
	for i := range len(s) {
		if !c[s[i]] {
			return false
		}
	}
	return true
}
