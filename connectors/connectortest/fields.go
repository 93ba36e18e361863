package connectortest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"racord/hub"
)

// unknownFields adds a field to every object of an answer.
func unknownFields(ctx context.Context, r *run) finding {
	if r.answerErr != nil || len(r.answer.Obligations) == 0 {
		return skipped("there is no answer to add to")
	}
	added := 0
	a, w, err := r.disturbed(ctx, tamper{reply: func(p reply) reply {
		body, n := withStrangers(p.body)
		added += n
		p.body = body
		return p
	}})
	switch {
	case added == 0:
		return skipped("answers are neither JSON nor XML")
	case err != nil:
		return failed(w, "an answer with unknown fields failed with %v", err)
	}
	if field := difference(r.answer.Obligations, a.Obligations); field != "" && !r.unstable {
		return failed(w, "unknown fields changed %s", field)
	}
	return passed()
}

// withStrangers adds fields that nobody knows, and tells how many.
func withStrangers(body []byte) ([]byte, int) {
	switch start := bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n"); {
	case len(start) == 0:
		return body, 0
	case start[0] == '{' || start[0] == '[':
		return strangersJSON(body)
	case start[0] == '<':
		return strangersXML(body)
	}
	return body, 0
}

// strangersJSON adds a member to every object.
func strangersJSON(body []byte) (out []byte, added int) {
	text, escaped := false, false
	for i, c := range body {
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case text && c == '\\':
			escaped = true
		case c == '"':
			text = !text
		case !text && c == '{':
			out = append(out, `"x_unknown_to_racord":{"a":[1,null,"b"]}`...)
			if rest := bytes.TrimLeft(body[i+1:], " \t\r\n"); len(rest) > 0 && rest[0] != '}' {
				out = append(out, ',')
			}
			added++
		}
	}
	return out, added
}

// framing are elements that belong to SOAP and take no others.
var framing = []string{"Envelope", "Header", "Body"}

// strangersXML adds an element at the end of every element that has children.
func strangersXML(body []byte) (out []byte, added int) {
	parent := false // the tag before ended an element
	for len(body) > 0 {
		open := bytes.IndexByte(body, '<')
		end := bytes.IndexByte(body, '>')
		if open < 0 || end < open {
			break
		}
		tag := body[open : end+1]
		closing := bytes.HasPrefix(tag, []byte("</"))
		out = append(out, body[:open]...)
		if closing && parent && !slices.Contains(framing, localName(tag)) {
			out = append(out, `<XUnknownToRacord xmlns="urn:unknown" a="1">x</XUnknownToRacord>`...)
			added++
		}
		out = append(out, tag...)
		parent = closing || bytes.HasSuffix(tag, []byte("/>"))
		body = body[end+1:]
	}
	return append(out, body...), added
}

// localName is the name of an end tag without its prefix.
func localName(tag []byte) string {
	name := bytes.TrimSpace(tag[2 : len(tag)-1])
	if colon := bytes.IndexByte(name, ':'); colon >= 0 {
		name = name[colon+1:]
	}
	return string(name)
}

// wrongCharset lets an answer claim UTF-8 while its letters are windows-1250,
// as careless systems do.
func wrongCharset(ctx context.Context, r *run) finding {
	if r.answerErr != nil || len(r.answer.Obligations) == 0 {
		return skipped("there is no answer to change")
	}
	changed := false
	a, w, err := r.disturbed(ctx, tamper{reply: func(p reply) reply {
		p, did := mislabelled(p)
		changed = changed || did
		return p
	}})
	switch {
	case !changed:
		return skipped("the answer has no letters beyond ASCII")
	case err != nil && slices.Contains(unusable, hub.CodeOf(err)):
		return passed()
	case err != nil:
		return failed(w, "an answer in the wrong character set gave %v; want code bad_data", err)
	}
	if field := difference(r.answer.Obligations, a.Obligations); field != "" && !r.unstable {
		return failed(w, "letters in the wrong character set changed %s", field)
	}
	return passed()
}

// mislabelled makes an answer say UTF-8 and be windows-1250.
func mislabelled(p reply) (reply, bool) {
	if !bytes.ContainsFunc(p.body, func(c rune) bool { return c > 0x7f }) {
		return p, false
	}
	for _, declared := range []string{"windows-1250", "iso-8859-2", "iso-8859-16"} {
		if at := bytes.Index(bytes.ToLower(p.body[:min(len(p.body), 128)]), []byte(declared)); at > 0 {
			p.body = slices.Replace(slices.Clone(p.body), at, at+len(declared), []byte("UTF-8")...)
			p.header = p.header.Clone()
			p.header.Set("Content-Type", "text/xml; charset=utf-8")
			return p, true
		}
	}
	text, err := encoding.ReplaceUnsupported(charmap.Windows1250.NewEncoder()).Bytes([]byte(cedillas.Replace(string(p.body))))
	p.body = text
	return p, err == nil && !utf8.Valid(text)
}

// cedillas are what windows-1250 has for letters with a comma below.
var cedillas = strings.NewReplacer("ș", "ş", "Ș", "Ş", "ț", "ţ", "Ț", "Ţ")
