package sqlview_test

import (
	"context"
	"database/sql"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"racord/config"
	"racord/connectors"
	"racord/connectors/sqlview"
	"racord/hub"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

// asked is a question about an account.
func asked(code string) hub.Asked {
	return hub.Asked{Account: hub.AccountRef{Creditor: "waste", Code: code}}
}

// caller is an environment that counts what goes out.
type caller struct{ turns, dials atomic.Int64 }

func (c *caller) env(dsn string) connectors.Env {
	return connectors.Env{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c.dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		Turn:       func(context.Context) error { c.turns.Add(1); return nil },
		Secret:     func(context.Context, string) (hub.Secret, error) { return hub.NewSecret(dsn), nil },
		Clock:      hub.ClockFunc(func() time.Time { return noon }),
		LocalFiles: true,
	}
}

// manifest is the demo city's, read as in production and then changed.
func manifest(t testing.TB, change ...string) *connectors.Manifest {
	t.Helper()
	text := strings.NewReplacer(change...).Replace(manifestText(t))
	m, err := connectors.NewCatalog(sqlview.Kind).Parse("waste.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func manifestText(t testing.TB) string {
	t.Helper()
	text, err := fs.ReadFile(config.DemoCreditors(), "waste.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func open(t testing.TB, env connectors.Env, m *connectors.Manifest) *hub.Connector {
	t.Helper()
	c, err := connectors.NewCatalog(sqlview.Kind).Open(context.Background(), env, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// company is a waste company's database.
type company struct {
	t   testing.TB
	db  *sql.DB
	dsn string // of the role that only reads
}

// inFile keeps the view in a SQLite file, padded as CHAR columns are.
func inFile(t testing.TB) company {
	t.Helper()
	path := filepath.Join(t.TempDir(), "waste.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := company{t, db, path}
	c.do(`CREATE TABLE solduri (cod_client text, nume text, adresa text, luna_an text, nr_fact text, valoare text, sold text, penal text, scadenta text)`)
	c.do(`CREATE VIEW v_solduri AS SELECT * FROM solduri`)
	return c
}

func (c company) do(statement string, args ...any) {
	c.t.Helper()
	if _, err := c.db.Exec(statement, args...); err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
}

// owes adds a bill.
func (c company) owes(code, number, value, left, penalty string) {
	c.t.Helper()
	pad := func(s string, n int) string { return s + strings.Repeat(" ", n-len([]rune(s))) }
	c.do(`INSERT INTO solduri VALUES ($1, $2, $3, '02.2026', $4, $5, $6, $7, '2026-03-16')`,
		pad(code, 12), pad("MUREŞAN IOAN", 40), pad("STR. FÎNTÎNII 5", 60), pad(number, 16), value, left, penalty)
}
