package rediscache

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errReply = errors.New("redis: not an answer to MGET")

// cut finds the values in the raw answer to an MGET (RESP 2 and 3): an array of
// strings, with nil for what Redis does not have. The values are parts of raw.
func cut(raw []byte, values [][]byte) error {
	head, rest, ok := line(raw)
	if ok && head[0] == '-' {
		return fmt.Errorf("redis: %s", head[1:])
	}
	if n, is := length(head, '*'); !ok || !is || n != len(values) {
		return errReply
	}
	for i := range values {
		if values[i], rest, ok = element(rest); !ok {
			clear(values)
			return errReply
		}
	}
	if len(rest) > 0 {
		clear(values)
		return errReply
	}
	return nil
}

// element takes a string or nil from the front.
func element(raw []byte) (value, rest []byte, ok bool) {
	head, rest, ok := line(raw)
	if !ok {
		return nil, nil, false
	}
	if string(head) == "$-1" || string(head) == "_" {
		return nil, rest, true
	}
	n, ok := length(head, '$')
	if !ok || len(rest) < n+2 || rest[n] != '\r' || rest[n+1] != '\n' {
		return nil, nil, false
	}
	return rest[:n:n], rest[n+2:], true
}

// line takes a line that is not empty from the front.
func line(raw []byte) (text, rest []byte, ok bool) {
	text, rest, ok = bytes.Cut(raw, []byte("\r\n"))
	return text, rest, ok && len(text) > 0
}

// length reads a line that says how long something of a kind is.
func length(head []byte, kind byte) (int, bool) {
	if len(head) < 2 || head[0] != kind || head[1] == '+' || head[1] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(head[1:]), 10, 30)
	return int(n), err == nil
}
