package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

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
		return explain(err)
	}
	return nil
}

// explain names the member that does not fit.
func explain(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return invalid("/"+strings.ReplaceAll(wrong.Field, ".", "/"), "not a "+plain(wrong.Type.Kind().String()))
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return invalid(shortened(name), "unknown member")
	default:
		return errNotJSON
	}
}

// plain gives the JSON word for a Go kind.
func plain(kind string) string {
	switch kind {
	case "struct", "map":
		return "object"
	case "string":
		return "string"
	default:
		return "whole number"
	}
}

// singleMembers refuses what is not one JSON value, and members given twice or
// spelled with other capitals: readers would disagree about what was said.
func singleMembers(raw []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(raw))
	tokens.UseNumber()
	if err := walk(tokens, "", 0); err != nil {
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
	for tokens.More() {
		if err := walk(tokens, at+"/-", depth+1); err != nil {
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
		pointer := at + "/" + shortened(name)
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
