package waste

import (
	"database/sql"
	"fmt"
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
	grant(*sql.Tx) error
	lock() []string
	guard(*gate.Gate) string // what refuses payments
	unguard() string
	pending() string // new payments: reference, client, bill, amount, time as text
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
		DROP TABLE IF EXISTS plati_import;
		CREATE TABLE solduri (
			nr integer PRIMARY KEY, cod_client char(12) NOT NULL, nume char(40), adresa char(60), luna_an char(7),
			nr_fact char(16), valoare text, sold text, penal text, scadenta text);
		CREATE INDEX solduri_cod ON solduri (cod_client);
		CREATE TABLE plati_import (
			id_extern varchar(64) NOT NULL PRIMARY KEY CHECK (length(id_extern) BETWEEN 1 AND 64),
			cod_client char(12) NOT NULL, nr_fact char(16),
			suma text NOT NULL CHECK (suma GLOB '[0-9]*.[0-9][0-9]' AND suma NOT GLOB '*[^0-9.]*' AND suma <> '0.00'),
			data_plata text NOT NULL, prelucrat char(1) NOT NULL DEFAULT 'N', nr_chitanta varchar(20), motiv varchar(40),
			prelucrat_la text);
		CREATE INDEX plati_import_noi ON plati_import (prelucrat) WHERE prelucrat = 'N';`)
	return err
}

// view garbles with single bytes, which are not UTF-8.
func (file) view(g *gate.Gate) string {
	return view(g, `replace(replace(replace(replace(nume, 'Ș', CAST(X'AA' AS TEXT)), 'Ț', CAST(X'DE' AS TEXT)),
		'Ă', CAST(X'C3' AS TEXT)), 'A', CAST(X'C2' AS TEXT))`)
}

func (file) grant(*sql.Tx) error { return nil }

func (file) guard(g *gate.Gate) string {
	share := refused(g)
	if share == 0 {
		return ""
	}
	return fmt.Sprintf(`CREATE TRIGGER plati_refuza BEFORE INSERT ON plati_import WHEN abs(random() %% 1000) < %d
		BEGIN SELECT RAISE(ABORT, 'sistem in intretinere'); END`, int(share*1000))
}

func (file) unguard() string { return `DROP TRIGGER IF EXISTS plati_refuza` }

func (file) pending() string {
	return `SELECT id_extern, trim(cod_client), coalesce(trim(nr_fact), ''), suma, data_plata
		FROM plati_import WHERE prelucrat = 'N' ORDER BY id_extern LIMIT $1`
}

func (file) lock() []string { return []string{`BEGIN EXCLUSIVE`} }
