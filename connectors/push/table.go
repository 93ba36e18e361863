package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"racord/connectors/lines"
	"racord/hub"
)

// columns are what a CSV may have: the fields of an obligation that are single
// values, those of a part behind its name and a dot.
var columns = []string{
	"id", "kind", "account", "total", "paid", "outstanding", "debtor", "issued_on", "due_on", "legal_stage", "status", "iban",
	"about.type", "about.label", "about.ref",
	"reference.invoice", "reference.pv_series", "reference.pv_number", "reference.decision", "reference.payment_ref",
	"period.from", "period.to", "period.label", "next_change.after", "next_change.reason", "next_change.new_outstanding",
}

// needed are what every row has.
var needed = []string{"id", "kind", "account", "outstanding"}

// table reads a CSV (RFC 4180, one row a line) under a line of names; cells end
// with a comma or, where the names do, with a semicolon. Empty cells say nothing.
func (r *rows) table(body io.Reader) (iter.Seq2[hub.Record, error], error) {
	in := lines.New(body)
	in.SkipMark()
	line, err := in.Next()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, lines.ErrLong) {
		return nil, cut(err)
	}
	s := sheet{rows: r, delimiter: ','}
	if bytes.IndexByte(line, ';') >= 0 {
		s.delimiter = ';'
	}
	if s.names, err = lines.Split(nil, string(line), s.delimiter); err != nil {
		return nil, invalid("header", err.Error())
	}
	for i := range s.names {
		s.names[i] = strings.TrimSpace(s.names[i])
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return r.following(in, s.record), nil
}

// sheet is a CSV whose names were read.
type sheet struct {
	*rows
	names     []string
	delimiter byte
	cells     []string
}

// check finds names that are missing, unknown or twice.
func (s *sheet) check() error {
	for i, name := range s.names {
		if !slices.Contains(columns, name) {
			return invalid("header", fmt.Sprintf("column %d is none of %s", i+1, strings.Join(columns, " ")))
		}
		if slices.Contains(s.names[:i], name) {
			return invalid("header", "two columns are called "+name)
		}
	}
	for _, name := range needed {
		if !slices.Contains(s.names, name) {
			return invalid("header", "there is no column "+name)
		}
	}
	return nil
}

func invalid(pointer, detail string) error {
	err := hub.Errorf(hub.CodeInvalid, "The first line is not valid; errors says why.")
	err.Fields = []hub.Field{{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail}}
	return err
}

// record maps one line, as if it were an object.
func (s *sheet) record(line []byte) hub.Record {
	var err error
	if s.cells, err = lines.Split(s.cells[:0], string(line), s.delimiter); err != nil {
		return refuse("bad_row", "", err.Error())
	}
	if len(s.cells) != len(s.names) {
		return refuse("bad_row", "", fmt.Sprintf("%d cells, not %d", len(s.cells), len(s.names)))
	}
	object := make(map[string]any, len(s.names))
	for i, cell := range s.cells {
		if cell = strings.TrimSpace(cell); cell != "" {
			put(object, s.names[i], cell)
		}
	}
	text, err := json.Marshal(object)
	if err != nil || bytes.Contains(text, []byte(`\ufffd`)) {
		return refuse("bad_row", "", "not UTF-8")
	}
	return s.object(text)
}

// put sets a field, or one of a part of the object.
func put(object map[string]any, name, value string) {
	part, field, nested := strings.Cut(name, ".")
	if !nested {
		object[name] = value
		return
	}
	inner, _ := object[part].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		object[part] = inner
	}
	inner[field] = value
}
