package soap

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
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

// toUTF8 decodes an answer by the character set it names: in its XML
// declaration, else in its Content-Type, else UTF-8. What names UTF-8 and is
// not is windows-1250 here; guessed tells so.
func toUTF8(body []byte, contentType string) (text []byte, guessed bool, err error) {
	named := strings.ToLower(declared(body, contentType))
	if named == "" || named == "utf-8" || named == "us-ascii" {
		if utf8.Valid(body) {
			return body, false, nil
		}
		text, err = charmap.Windows1250.NewDecoder().Bytes(body)
		return text, true, err
	}
	set, known := charsets[named]
	if !known {
		return nil, false, fmt.Errorf("a character set that is not known here")
	}
	text, err = set.NewDecoder().Bytes(body)
	return text, false, err
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
