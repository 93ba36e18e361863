package sqlstore

import (
	"context"
	"strconv"
	"strings"
)

// Statement is one SQL statement of a batch. Scan is called for each row of its
// answer; nil means that there is none.
type Statement struct {
	SQL  string
	Args []any
	Scan func(row Scanner) error
}

// Scanner reads the columns of one row of an answer.
type Scanner interface{ Scan(into ...any) error }

// Run runs statements one after the other, in one round trip where the database
// is elsewhere. After an error the transaction can only be given up.
type Run func(ctx context.Context, batch ...Statement) error

// Table is where many rows are added to with one statement. It holds the text
// for both ways of doing so.
type Table struct {
	Each  string   // adds one row: VALUES ($1, $2 …)
	All   string   // adds rows given as columns: unnest($1::text[], …)
	Types []string // of the columns: text bigint bytea
}

// table describes rows of a table. Columns are written "name type, name type";
// then says what happens to a row that is there already.
func table(name, columns, then string) Table {
	t := Table{}
	var names, values, arrays []string
	for i, column := range strings.Split(columns, ", ") {
		title, kind, _ := strings.Cut(column, " ")
		place := "$" + strconv.Itoa(i+1)
		names, values, arrays = append(names, title), append(values, place), append(arrays, place+"::"+kind+"[]")
		t.Types = append(t.Types, kind)
	}
	into := "INSERT INTO " + name + " (" + strings.Join(names, ", ") + ")"
	t.Each = into + " VALUES (" + strings.Join(values, ", ") + ") " + then
	t.All = into + " SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ") AS added " + then
	return t
}
