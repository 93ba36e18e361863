package waste

import (
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // the "sqlite" driver

	"racord/cmd/city/book"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

const sqliteDriver = "sqlite"

// system is what differs between the two databases.
type system interface {
	prepare(*sql.DB) error
	view(*gate.Gate) string
	grant(tx *sql.Tx, exists bool) error
	lock() []string
}

// OpenSQLite keeps the view in a new file at path.
func OpenSQLite(path string, b *book.Book, c *clock.Clock, g *gate.Gate) (*Operator, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_txlock=immediate"
	db, err := sql.Open(sqliteDriver, dsn)
	if err != nil {
		return nil, err
	}
	o := &Operator{db: db, system: file{}, clock: c, driver: sqliteDriver, dsn: path}
	if err := o.start(b, g); err != nil {
		_ = o.Close()
		return nil, err
	}
	return o, nil
}

// file is a SQLite database. Its columns hold what CHAR and NUMERIC columns
// would print.
type file struct{}

func (file) prepare(db *sql.DB) error {
	// A rollback journal, not a write-ahead log: the file alone is the database.
	_, err := db.Exec(`PRAGMA journal_mode = DELETE;
		DROP VIEW IF EXISTS v_solduri;
		DROP TABLE IF EXISTS solduri;
		CREATE TABLE solduri (
			nr integer PRIMARY KEY, cod_client char(12) NOT NULL, nume char(40), adresa char(60), luna_an char(7),
			nr_fact char(16), valoare text, sold text, penal text, scadenta text);
		CREATE INDEX solduri_cod ON solduri (cod_client);`)
	return err
}

// view garbles with single bytes, which are not UTF-8.
func (file) view(g *gate.Gate) string {
	return view(g, `replace(replace(replace(replace(nume, 'Ș', CAST(X'AA' AS TEXT)), 'Ț', CAST(X'DE' AS TEXT)),
		'Ă', CAST(X'C3' AS TEXT)), 'A', CAST(X'C2' AS TEXT))`)
}

func (file) grant(*sql.Tx, bool) error { return nil }

func (file) lock() []string { return []string{`BEGIN EXCLUSIVE`} }
