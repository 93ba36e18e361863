package sqlview

import (
	"context"
	"slices"
	"strings"

	"racord/connectors"
	"racord/hub"
)

// Kind is a view in a creditor's database. The call obligations maps one row to
// one debt; its paths are the columns of the view. A posting is a row that is
// inserted into a table; paths of its calls are the columns that are read there,
// and sqlstate where the database refused.
var Kind = connectors.Define("sqlview", "A view in the creditor's database, PostgreSQL or a SQLite file.",
	defaults, open, connectors.Calls[struct{}](connectors.CallObligations),
	connectors.LooksUp(), connectors.Calls[Insert](connectors.CallPost), connectors.Calls[Select](connectors.CallFind, connectors.CallStatement))

// Settings are what a manifest says about the view.
type Settings struct {
	DSN     connectors.SecretName `json:"dsn" doc:"Secret with where the database is: postgres://user:password@host:port/database with ?sslmode=verify-full where the server has a certificate, or the path of a SQLite file." required:"true"`
	View    string                `json:"view" doc:"Name of the view, with its schema if it needs one." required:"true"`
	Columns []string              `json:"columns" doc:"Columns that are read, as the view spells them. Numbers come with a decimal point, so their amounts need money_decimal; money_ro is for columns of text." required:"true"`
	Key     Key                   `json:"key" doc:"How an account is found." required:"true"`
	MaxRows int                   `json:"max_rows" doc:"The most rows of one account." min:"1" max:"500"`
	Keep    int                   `json:"keep" doc:"Connections every replica keeps open between queries. They count against what the creditor allows; without any, each query connects anew, as each payment does." min:"0" max:"16"`
}

// Key is the column an account is found by.
type Key struct {
	Column string `json:"column" doc:"Column with the account's code." required:"true"`
	Width  int    `json:"width" doc:"Width of a CHAR column; the code is padded with blanks to it." min:"0" max:"255"`
}

var defaults = Settings{MaxRows: 500}

// Check finds what cannot work.
func (s Settings) Check(report func(field, problem string)) {
	for _, part := range strings.Split(s.View, ".") {
		if !isName(part) {
			report("view", "not a name: letters, digits, _ and $, not beginning with a digit, 63 at most")
			break
		}
	}
	for i, c := range s.Columns {
		if !isName(c) || slices.Contains(s.Columns[:i], c) {
			report("columns", "every column is a name and stands once")
			break
		}
	}
	if !slices.Contains(s.Columns, s.Key.Column) {
		report("key.column", "not among columns")
	}
}

// isName tells whether a word is safe as a quoted name of SQL.
func isName(s string) bool {
	if s == "" || len(s) > 63 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (c < '0' || c > '9') && c != '$' {
			return false
		}
	}
	return true
}

func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	v := &view{env: env, manifest: m, settings: s, query: queryOf(s), probe: probeOf(s)}
	v.lanes = make(chan struct{}, max(1, m.Traits.MaxInflight))
	c := m.Connector()
	c.Source, c.Probe = v, v
	(&till{view: v, statements: statementsOf(m)}).pay(c)
	return c, nil
}
