package sqlview

import (
	"context"
	"database/sql"
	"strings"

	"racord/connectors"
	"racord/hub"
)

// view is a creditor's view as a hub.Source.
type view struct {
	env      connectors.Env
	manifest *connectors.Manifest
	settings Settings
	base     base
	lanes    chan struct{} // calls at once; see enter
	query    string
	probe    string
}

var (
	_ hub.Source = (*view)(nil)
	_ hub.Probe  = (*view)(nil)
)

// Obligations asks about one account. It fails with CodeNotFound for an account
// without rows, unless the view shows debts only, CodeForeignData when a row is about another account,
// CodeBadData when the view has lost a column or gives too many rows, CodeAuth,
// CodeBusy, CodeTimeout or CodeUnavailable.
func (v *view) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	if !who.ByAccount() {
		return hub.Answer{}, connectors.Failure(hub.CodeUnsupported, nil)
	}
	if err := v.enter(ctx); err != nil {
		return hub.Answer{}, err
	}
	defer v.leave()
	ctx, end := context.WithCancel(ctx) // questions of others may share the caller's time; a connection that is not kept ends with this one
	defer end()
	rows, err := v.ask(ctx, who.Account.Code)
	if err != nil {
		return hub.Answer{}, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	reading := v.manifest.Reading(v.manifest.Calls[connectors.CallObligations], who, v.env.Clock.Now())
	if err := v.read(ctx, rows, reading, who.Account.Code); err != nil {
		return hub.Answer{}, err
	}
	if reading.Count() == 0 && !v.manifest.Traits.DebtsOnly {
		return hub.Answer{}, connectors.Failure(hub.CodeNotFound, nil)
	}
	return reading.Lend(), nil
}

// enter waits until there are fewer calls than the creditor allows. The pool of
// database/sql must not do this: it hands a connection from one query to the
// next, and ours end with their query.
func (v *view) enter(ctx context.Context) error {
	select {
	case v.lanes <- struct{}{}:
		return nil
	case <-ctx.Done():
		return connectors.Failure(hub.CodeOf(ctx.Err()), ctx.Err())
	}
}

func (v *view) leave() { <-v.lanes }

// ask sends the query, once more when there was no connection left for it: a
// server still counts one that was just closed.
func (v *view) ask(ctx context.Context, code string) (*sql.Rows, error) {
	db, err := v.base.get(ctx, v.env, v.manifest.Traits, v.settings)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		if err := v.env.Turn(ctx); err != nil {
			return nil, err
		}
		rows, err := db.QueryContext(asking(ctx), v.query, padded(code, v.settings.Key.Width), v.settings.MaxRows+1)
		if err == nil {
			return rows, nil
		}
		failure := classify(ctx, err)
		if crowded(err) && attempt < 2 && pause(ctx, attempt) {
			continue
		}
		return nil, v.explain(ctx, err, failure)
	}
}

// read maps the rows into the answer.
func (v *view) read(ctx context.Context, rows *sql.Rows, reading *connectors.Reading, code string) error {
	table := newTable(v.settings.Columns, maxBytes)
	key := table.index(v.settings.Key.Column)
	for rows.Next() {
		if err := table.scan(rows); err != nil {
			return err
		}
		if err := about(table.cells[key].String, code); err != nil {
			return err
		}
		if reading.Count() == v.settings.MaxRows {
			return connectors.BadData("more than %d rows", v.settings.MaxRows)
		}
		reading.Add(table.row())
	}
	if err := rows.Err(); err != nil {
		return v.explain(ctx, err, classify(ctx, err))
	}
	return nil
}

// about compares whose row it is with who was asked about.
func about(cell, code string) error {
	switch found := strings.TrimRight(cell, " "); {
	case found == code:
		return nil
	case connectors.AlikeCodes(found, code):
		return connectors.Failure(hub.CodeNotFound, nil)
	default:
		return connectors.Failure(hub.CodeForeignData, nil)
	}
}

// Ping looks at the columns of the view. It fails with CodeBadData for one that
// is not there any more.
func (v *view) Ping(ctx context.Context) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.leave()
	missing, err := v.missing(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	return missing
}

// missing names the columns that the view does not have.
func (v *view) missing(ctx context.Context) (lost error, err error) {
	db, err := v.base.get(ctx, v.env, v.manifest.Traits, v.settings)
	if err != nil {
		return nil, err
	}
	if err := v.env.Turn(ctx); err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(asking(ctx), v.probe)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // there are none
	has, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	return lostColumns(v.settings.Columns, has), nil
}

func lostColumns(want, has []string) error {
	there := make(map[string]bool, len(has))
	for _, name := range has {
		there[name] = true
	}
	var gone []string
	for _, name := range want {
		if !there[name] {
			gone = append(gone, name)
		}
	}
	if gone == nil {
		return nil
	}
	return connectors.BadData("the view has no column %s any more", strings.Join(gone, ", "))
}

// explain names the column when the query failed because it is not there.
func (v *view) explain(ctx context.Context, err, failure error) error {
	if !aboutNames(err) {
		return failure
	}
	if lost, err := v.missing(ctx); err == nil && lost != nil {
		return lost
	}
	return failure
}

// maxBytes is the most bytes that the rows of one answer have together.
const maxBytes = 8 << 20

// table holds one row of text cells.
type table struct {
	columns []string
	cells   []sql.NullString
	into    []any
	values  []string
	mapped  *connectors.Row
	most    int // bytes of all rows together
	bytes   int // of those that came
}

func newTable(columns []string, most int) *table {
	t := &table{
		most:    most,
		columns: columns, cells: make([]sql.NullString, len(columns)), into: make([]any, len(columns)),
		values: make([]string, len(columns)), mapped: connectors.NewRow(columns),
	}
	for i := range t.cells {
		t.into[i] = &t.cells[i]
	}
	return t
}

func (t *table) index(column string) int {
	for i, name := range t.columns {
		if name == column {
			return i
		}
	}
	return -1 // Check has seen that it is there
}

// scan reads a row. It fails with CodeBadData.
func (t *table) scan(rows *sql.Rows) error {
	if err := rows.Scan(t.into...); err != nil {
		return connectors.BadData("a row cannot be read")
	}
	for i := range t.cells {
		t.bytes += len(t.cells[i].String)
	}
	if t.bytes > t.most {
		return connectors.BadData("more than %d bytes", t.most)
	}
	return nil
}

// row is good until the next scan.
func (t *table) row() *connectors.Row {
	for i := range t.cells {
		t.values[i] = strings.ToValidUTF8(t.cells[i].String, "\ufffd")
	}
	t.mapped.Set(t.values)
	for i := range t.cells {
		if !t.cells[i].Valid {
			t.mapped.Null(i)
		}
	}
	return t.mapped
}
