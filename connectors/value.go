package connectors

// Value is one node of a decoded answer: a JSON value, an XML element or
// attribute, a cell or a row of a table. It is valid until the answer it
// belongs to is released. A Value that is absent is a nil interface.
type Value interface {
	// Child gives the child of that name or index, nil when there is none. Of
	// several XML children of one name it gives the first.
	Child(name string) Value
	// Each calls f for every value under the name: the elements of a JSON array,
	// all XML children of that name; the name "" means the value itself. It stops
	// when f returns false. It tells whether the name stands for a list, be it an
	// empty one; XML children that may repeat always do.
	Each(name string, f func(Value) bool) (list bool)
	// AppendText appends the text of a single value; ok is false for null and for
	// what has parts.
	AppendText(dst []byte) (text []byte, ok bool)
	// Any gives the value as maps, slices, strings, json.Number and bools, for
	// expressions.
	Any() any
}

// Number is a Value that may be a number of the protocol's own, and not text that
// holds one. A point in such a number is a decimal point, however the manifest
// says that amounts are written.
type Number interface {
	Value
	IsNumber() bool
}

// isNumber tells whether a value is a number of the protocol's own.
func isNumber(v Value) bool {
	n, ok := v.(Number)
	return ok && n.IsNumber()
}

// Row is a record of a table: a line of a CSV file, a row of a query. Columns
// keep their names while values change from record to record.
type Row struct {
	index map[string]int
	names []string
	cells []cell
	shown map[string]any // what Any gave; empty when cells changed since
}

// NewRow makes a row with these columns. Of equal names the first counts.
func NewRow(columns []string) *Row {
	r := &Row{index: make(map[string]int, len(columns)), names: columns, cells: make([]cell, len(columns))}
	for i, name := range columns {
		if _, taken := r.index[name]; !taken {
			r.index[name] = i
		}
	}
	return r
}

// Set fills the row. Values beyond the columns are ignored, columns without a
// value are absent.
func (r *Row) Set(values []string) {
	clear(r.shown)
	for i := range r.cells {
		r.cells[i] = cell{}
		if i < len(values) {
			r.cells[i] = cell{text: values[i], ok: true}
		}
	}
}

// Null makes the column i absent, as a NULL of a database.
func (r *Row) Null(i int) {
	clear(r.shown)
	r.cells[i] = cell{}
}

// Child gives the cell of a column.
func (r *Row) Child(name string) Value {
	i, ok := r.index[name]
	if !ok || !r.cells[i].ok {
		return nil
	}
	return &r.cells[i]
}

// Each gives one cell, or the row itself.
func (r *Row) Each(name string, f func(Value) bool) bool {
	if name == "" {
		f(r)
		return true
	}
	if v := r.Child(name); v != nil {
		f(v)
	}
	return true
}

// AppendText is never ok: a row has parts.
func (r *Row) AppendText(dst []byte) ([]byte, bool) { return dst, false }

// Any gives the row as a map from column to text. It is good until the next
// Set: a night of lines would make a map for every expression otherwise.
func (r *Row) Any() any {
	if len(r.shown) > 0 {
		return r.shown
	}
	if r.shown == nil {
		r.shown = make(map[string]any, len(r.cells))
	}
	for i := len(r.cells) - 1; i >= 0; i-- {
		r.shown[r.names[i]] = r.cells[i].Any()
	}
	return r.shown
}

type cell struct {
	text string
	ok   bool
}

func (c *cell) Child(string) Value { return nil }

func (c *cell) Each(name string, f func(Value) bool) bool {
	if name == "" && c.ok {
		f(c)
	}
	return true
}

func (c *cell) AppendText(dst []byte) ([]byte, bool) { return append(dst, c.text...), c.ok }

func (c *cell) Any() any {
	if !c.ok {
		return nil
	}
	return c.text
}

var (
	_ Value = (*Row)(nil)
	_ Value = (*cell)(nil)
)
