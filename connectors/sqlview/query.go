package sqlview

import (
	"strconv"
	"strings"
)

// queryOf makes the only query there is. Everything is read as text, so that no
// amount passes through a float. Columns are qualified: SQLite takes a bare
// quoted name that does not exist for a string.
func queryOf(s Settings) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, c := range s.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("CAST(v." + quoted(c) + " AS text)")
	}
	b.WriteString(" FROM " + quoted(s.View) + " AS v WHERE v." + quoted(s.Key.Column) + " = $1 LIMIT $2")
	return b.String()
}

// probeOf makes a query that gives no rows and tells which columns there are.
func probeOf(s Settings) string { return "SELECT * FROM " + quoted(s.View) + " AS v LIMIT 0" }

// quoted quotes a name whose parts Check has seen.
func quoted(name string) string {
	return `"` + strings.ReplaceAll(name, ".", `"."`) + `"`
}

// padded gives a code as a CHAR column of the width holds it.
func padded(code string, width int) string {
	if len(code) >= width {
		return code
	}
	return code + strings.Repeat(" ", width-len(code))
}

// hole is the n-th parameter, from 1.
func hole(n int) string { return "$" + strconv.Itoa(n) }
