package sqlview

import (
	"maps"
	"slices"
	"strings"

	"racord/connectors"
)

// Insert is the row that tells of a posting.
type Insert struct {
	Into    string                         `json:"insert" doc:"Table the row is inserted into, with its schema if it needs one." required:"true"`
	Values  map[string]connectors.Template `json:"values" doc:"Columns and what they get; NULL for an optional hole without a value." required:"true" in:"body"`
	Key     string                         `json:"key" doc:"Column of values that the table has once only. A row that is there already is read, and is the answer."`
	Columns []string                       `json:"columns" doc:"Columns of the row that are read back; the role must be allowed to read them."`
}

// Select is how rows about postings are found.
type Select struct {
	From    string                         `json:"select" doc:"Table or view the rows stand in." required:"true"`
	Columns []string                       `json:"columns" doc:"Columns that are read." required:"true"`
	Where   map[string]connectors.Template `json:"where" doc:"Columns and what they must be." in:"body"`
	Day     string                         `json:"day" doc:"Of statement: column with the moment of booking, a timestamp in Europe/Bucharest."`
}

// Check finds what cannot work.
func (r Insert) Check(report func(field, problem string)) {
	checkNames(report, "insert", r.Into, r.Columns, slices.Collect(maps.Keys(r.Values)))
	if _, has := r.Values[r.Key]; r.Key != "" && !has {
		report("key", "not among values")
	}
	if r.Key != "" && len(r.Columns) == 0 {
		report("columns", "needed to read the row that is there already")
	}
}

// Check finds what cannot work.
func (r Select) Check(report func(field, problem string)) {
	checkNames(report, "select", r.From, r.Columns, slices.Collect(maps.Keys(r.Where)))
	if r.Day != "" && !isName(r.Day) {
		report("day", notName)
	}
	if (r.Day == "") == (len(r.Where) == 0) {
		report("", "needs exactly one of where, day")
	}
}

const notName = "not a name: letters, digits, _ and $, not beginning with a digit, 63 at most"

func checkNames(report func(field, problem string), field, table string, columns, keys []string) {
	if slices.ContainsFunc(strings.Split(table, "."), func(part string) bool { return !isName(part) }) {
		report(field, notName)
	}
	for _, name := range columns {
		if !isName(name) {
			report("columns", "every column is a name")
			break
		}
	}
	for _, name := range keys {
		if !isName(name) {
			report("", name+": "+notName)
			break
		}
	}
}

// statement is a query that was made from a request, with its parameters.
type statement struct {
	text    string
	params  []connectors.Template
	columns []string
	day     bool   // the parameters are two days
	again   string // of an insert: reads the row that has the key already
	key     int    // which parameter that is
}

func statementsOf(m *connectors.Manifest) map[string]*statement {
	all := map[string]*statement{}
	if c := m.Calls[connectors.CallPost]; c != nil {
		all[c.Name] = insertOf(connectors.RequestOf[Insert](c))
	}
	for _, name := range []string{connectors.CallFind, connectors.CallStatement} {
		if c := m.Calls[name]; c != nil {
			all[name] = selectOf(connectors.RequestOf[Select](c))
		}
	}
	return all
}

func insertOf(r Insert) *statement {
	s := &statement{columns: r.Columns}
	var names, holes []string
	for i, name := range slices.Sorted(maps.Keys(r.Values)) {
		names, holes = append(names, quoted(name)), append(holes, hole(i+1))
		s.params = append(s.params, r.Values[name])
		if name == r.Key {
			s.key = i
		}
	}
	s.text = "INSERT INTO " + quoted(r.Into) + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(holes, ", ") + ")"
	if len(r.Columns) > 0 {
		s.text += " RETURNING " + texts("", r.Columns)
	}
	if r.Key != "" {
		s.again = "SELECT " + texts("v.", r.Columns) + " FROM " + quoted(r.Into) + " AS v WHERE v." + quoted(r.Key) + " = $1"
	}
	return s
}

func selectOf(r Select) *statement {
	s := &statement{columns: r.Columns, day: r.Day != ""}
	s.text = "SELECT " + texts("v.", r.Columns) + " FROM " + quoted(r.From) + " AS v WHERE "
	if s.day {
		s.text += "v." + quoted(r.Day) + " >= $1 AND v." + quoted(r.Day) + " < $2"
		return s
	}
	var conditions []string
	for i, name := range slices.Sorted(maps.Keys(r.Where)) {
		conditions = append(conditions, "v."+quoted(name)+" = "+hole(i+1))
		s.params = append(s.params, r.Where[name])
	}
	s.text += strings.Join(conditions, " AND ")
	return s
}

// texts lists columns, all read as text so that no amount passes through a float.
func texts(of string, columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "CAST(" + of + quoted(c) + " AS text)"
	}
	return strings.Join(parts, ", ")
}
