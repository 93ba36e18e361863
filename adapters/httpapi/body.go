package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"racord/hub"
)

// longestBody in bytes is read of a request.
const longestBody = 64 << 10

// decodeJSON reads a body strictly: JSON only, not too long, every member known
// and given once, nothing behind it.
func decodeJSON(r *http.Request, into any) error {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := options["charset"]; err != nil || kind != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return hub.Errorf(codeMediaType, "The body must be application/json in UTF-8.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, longestBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return hub.Errorf(codeTooLarge, "The body is longer than 64 KiB.")
	case err != nil:
		return hub.Errorf(codeMalformed, "The body did not arrive whole.")
	}
	if err := singleMembers(raw); err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return misfit(raw, into)
	}
	return nil
}

// misfit names the members that do not fit.
func misfit(raw []byte, into any) error {
	if wrong := misfits(raw, reflect.TypeOf(into)); len(wrong) > 0 {
		return invalids(wrong)
	}
	return errNotJSON
}

// singleMembers refuses what is not one JSON value, and members given twice or
// spelled with other capitals: readers would disagree about what was said.
func singleMembers(raw []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(raw))
	tokens.UseNumber()
	if err := walk(tokens, "", 0); err == errNotJSON {
		return brokenAt(raw, tokens.InputOffset())
	} else if err != nil {
		return err
	}
	if _, err := tokens.Token(); err != io.EOF {
		return hub.Errorf(codeMalformed, "The body is more than one JSON value.")
	}
	return nil
}

// deepest is how far values may stand inside each other.
const deepest = 16

var errNotJSON = hub.Errorf(codeMalformed, "The body is not JSON.")

// brokenAt tells how far a body can be read.
func brokenAt(raw []byte, offset int64) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return hub.Errorf(codeMalformed, "The body is empty; this needs JSON.")
	}
	read := raw[:min(offset, int64(len(raw)))]
	line := bytes.Count(read, []byte("\n")) + 1
	column := utf8.RuneCount(read[bytes.LastIndexByte(read, '\n')+1:]) + 1
	return hub.Errorf(codeMalformed, "The body is not JSON from line %d, character %d on.", line, column)
}

func walk(tokens *json.Decoder, at string, depth int) error {
	token, err := tokens.Token()
	switch {
	case err != nil || depth > deepest:
		return errNotJSON
	case token == json.Delim('{'):
		return walkObject(tokens, at, depth)
	case token == json.Delim('['):
		return walkArray(tokens, at, depth)
	case cardToken(token):
		return errCard(at)
	}
	return nil
}

func walkArray(tokens *json.Decoder, at string, depth int) error {
	for i := 0; tokens.More(); i++ {
		if err := walk(tokens, at+"/"+strconv.Itoa(i), depth+1); err != nil {
			return err
		}
	}
	return closing(tokens)
}

func closing(tokens *json.Decoder) error {
	if _, err := tokens.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

func walkObject(tokens *json.Decoder, at string, depth int) error {
	seen := map[string]bool{}
	for tokens.More() {
		token, err := tokens.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return errNotJSON
		}
		if cardIn(name) {
			return errCard(at)
		}
		pointer := at + "/" + step(name)
		if name != strings.ToLower(name) {
			return invalid(pointer, "unknown member")
		}
		if seen[name] {
			return invalid(pointer, "given more than once")
		}
		seen[name] = true
		if err := walk(tokens, pointer, depth+1); err != nil {
			return err
		}
	}
	return closing(tokens)
}
