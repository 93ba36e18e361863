package wire

import (
	"bytes"
	"net/http"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
)

// content reads Content-Type without allocating: the type and its charset, both
// as written.
func content(h http.Header) (kind, charset string) {
	kind, rest, _ := strings.Cut(h.Get("Content-Type"), ";")
	for rest != "" {
		var parameter string
		parameter, rest, _ = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "charset") {
			charset = strings.Trim(value, `"`)
		}
	}
	return strings.TrimSpace(kind), charset
}

// Answers says how answers differ from what RFC 8259 asks of JSON.
type Answers struct {
	HTML    bool   `json:"html" doc:"The creditor calls its JSON text/html, as PHP does unless it is told otherwise."`
	Charset string `json:"charset" doc:"Character set of answers, whatever they say themselves." enum:"utf-8|windows-1250|iso-8859-2|iso-8859-16|iso-8859-1|windows-1252"`
}

// looksJSON tells whether a body begins as JSON does and as no page does.
func looksJSON(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// isPage tells whether the answer is HTML.
func isPage(h http.Header) bool {
	kind, _ := content(h)
	return strings.EqualFold(kind, "text/html") || strings.EqualFold(kind, "application/xhtml+xml")
}

// eightBit are the character sets of JSON that is not UTF-8, against RFC 8259
// §8.1, but says so.
var eightBit = map[string]*charmap.Charmap{
	"windows-1250": charmap.Windows1250, "iso-8859-2": charmap.ISO8859_2, "iso-8859-16": charmap.ISO8859_16,
	"iso-8859-1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252,
}

// JSON gives the body as UTF-8, for which it must be called JSON or nothing in
// particular. It fails with CodeBadData for other types and for character sets
// that are not known here.
func (r *Reply) JSON() ([]byte, error) {
	kind, charset := content(r.Header)
	if !maybeJSON(kind) && !(r.form.HTML && isPage(r.Header)) {
		return nil, connectors.BadData("an answer that does not call itself JSON")
	}
	if r.form.Charset != "" {
		charset = r.form.Charset
	}
	if isUTF8(charset) {
		return r.Body, nil
	}
	set, known := eightBit[strings.ToLower(charset)]
	if !known {
		return nil, connectors.BadData("an answer in a character set that is not known here")
	}
	text, err := set.NewDecoder().Bytes(r.Body)
	if err != nil {
		return nil, connectors.BadData("an answer that is not in the character set it names")
	}
	return text, nil
}

// isUTF8 tells whether a character set is UTF-8 or part of it. utf8 is no name of it
// (RFC 3629 §8), but what systems in PHP are often told to say.
func isUTF8(charset string) bool {
	for _, name := range [...]string{"", "utf-8", "utf8", "us-ascii"} {
		if strings.EqualFold(charset, name) {
			return true
		}
	}
	return false
}

// maybeJSON refuses what is surely something else. Systems call JSON text/plain
// and worse.
func maybeJSON(kind string) bool {
	switch {
	case kind == "", strings.EqualFold(kind, "application/json"), strings.EqualFold(kind, "text/plain"):
		return true
	case len(kind) > 5 && strings.EqualFold(kind[len(kind)-5:], "+json"):
		return true
	}
	for _, other := range [...]string{"text/json", "application/x-json", "text/javascript", "application/javascript", "application/octet-stream"} {
		if strings.EqualFold(kind, other) {
			return true
		}
	}
	return false
}
