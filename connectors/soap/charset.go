package soap

import (
	"bytes"
	"errors"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
)

// charsets are what creditors write in, by their IANA names.
var charsets = map[string]encoding.Encoding{
	"windows-1250": charmap.Windows1250, "cp1250": charmap.Windows1250,
	"iso-8859-2": charmap.ISO8859_2, "iso-8859-16": charmap.ISO8859_16,
	"iso-8859-1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252,
}

// cedillas are what character sets without a comma below have in its place.
var cedillas = strings.NewReplacer("ș", "ş", "Ș", "Ş", "ț", "ţ", "Ț", "Ţ")

// encode turns UTF-8 into the character set of requests.
func encode(text []byte, charset string) ([]byte, error) {
	if charset == "utf-8" {
		return text, nil
	}
	return charsets[charset].NewEncoder().Bytes([]byte(cedillas.Replace(string(text))))
}

// mark may stand before UTF-8.
const mark = "\xef\xbb\xbf"

// errCharset is what an answer fails with whose letters cannot be made out.
var errCharset = errors.New("in a character set that is not known here, or damaged")

// toUTF8 decodes an answer by the character set it names: in its XML
// declaration, else in its Content-Type, else UTF-8. Systems often name the
// wrong one: what is UTF-8 and no chance is read as that, and what names UTF-8
// and is not is windows-1250 here; guessed tells so.
func toUTF8(body []byte, contentType string) (text []byte, guessed bool, err error) {
	if rest, marked := bytes.CutPrefix(body, []byte(mark)); marked {
		body = rest
	}
	named := strings.ToLower(declared(body, contentType))
	multibyte, stray := letters(body)
	claimsUTF8 := named == "" || named == "utf-8" || named == "utf8" || named == "us-ascii"
	set, known := charsets[named]
	switch {
	case stray == 0 && (claimsUTF8 || known && (multibyte == 0 || !chance(body, set))):
		return body, multibyte > 0 && !claimsUTF8, nil
	case claimsUTF8 && multibyte < stray:
		text, err = charmap.Windows1250.NewDecoder().Bytes(body)
		return text, true, err
	case claimsUTF8 || !known:
		return nil, false, errCharset
	}
	text, err = set.NewDecoder().Bytes(body)
	return text, false, err
}

// chance tells whether text in a code page is UTF-8 by chance only: it has more of
// the letters spoken here when it is read as it says. ĂŞ in windows-1250 is ê in
// UTF-8.
func chance(body []byte, named encoding.Encoding) bool {
	text, err := named.NewDecoder().Bytes(body)
	if err != nil {
		return false
	}
	beyond, here := connectors.CountSpoken(string(text))
	others, fewer := connectors.CountSpoken(string(body))
	return here*others > fewer*beyond
}

// letters counts what beyond ASCII is UTF-8 and what is not. Text in a code page
// is next to never UTF-8 by chance.
func letters(body []byte) (multibyte, stray int) {
	if utf8.Valid(body) {
		multibyte = len(body) - utf8.RuneCount(body)
		return multibyte, 0
	}
	for len(body) > 0 {
		c, size := utf8.DecodeRune(body)
		switch {
		case size > 1:
			multibyte++
		case c == utf8.RuneError:
			stray++
		}
		body = body[size:]
	}
	return multibyte, stray
}

// declared finds the name of the character set.
func declared(body []byte, contentType string) string {
	head := body[:min(len(body), 128)]
	if _, after, ok := bytes.Cut(head, []byte("encoding=")); ok && len(after) > 1 && bytes.HasPrefix(head, []byte("<?xml")) {
		if name, _, closed := bytes.Cut(after[1:], after[:1]); closed {
			return string(name)
		}
	}
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return parameters["charset"]
}
