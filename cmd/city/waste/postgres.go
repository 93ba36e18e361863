package waste

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"racord/cmd/city/book"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

const (
	postgresDriver = "postgres"
	schema         = "napoca_waste"
	reader         = "racord_waste_reader"
)

// OpenPostgres keeps the view in a schema of its own, made with a superuser's
// DSN. Readers come through a proxy of the city, where they are counted.
func OpenPostgres(ctx context.Context, admin, password string, b *book.Book, c *clock.Clock, g *gate.Gate) (*Operator, error) {
	conf, err := pgx.ParseConfig(admin)
	if err != nil {
		return nil, err
	}
	conf.RuntimeParams["search_path"] = schema
	upstream := func() (network, address string) {
		return pgconn.NetworkAddress(conf.Host, conf.Port)
	}
	p, err := newProxy(ctx, upstream, g)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(reader, password), Host: p.addr(), Path: "/" + conf.Database,
		RawQuery: "sslmode=disable",
	}
	o := &Operator{
		db: stdlib.OpenDB(*conf), system: server{password}, clock: c, driver: postgresDriver, dsn: dsn.String(), proxy: p,
	}
	if err := o.start(b, g); err != nil {
		_ = o.Close()
		return nil, err
	}
	return o, nil
}

// server is a PostgreSQL database with a reading role.
type server struct{ password string }

func (s server) prepare(db *sql.DB) error {
	for _, statement := range []string{
		`DROP SCHEMA IF EXISTS ` + schema + ` CASCADE`,
		`CREATE SCHEMA ` + schema,
		`DO $$ BEGIN
			IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '` + reader + `') THEN CREATE ROLE ` + reader + `; END IF;
		END $$`,
		fmt.Sprintf(`ALTER ROLE %s LOGIN PASSWORD '%s' CONNECTION LIMIT %d`, reader, s.password, Connections),
		`ALTER ROLE ` + reader + ` SET statement_timeout = '5s'`,
		`ALTER ROLE ` + reader + ` SET search_path = ` + schema,
		`GRANT USAGE ON SCHEMA ` + schema + ` TO ` + reader,
		`CREATE TABLE ` + schema + `.solduri (
			nr integer PRIMARY KEY, cod_client char(12) NOT NULL, nume char(40), adresa char(60), luna_an char(7),
			nr_fact char(16), valoare numeric(12,2), sold numeric(12,2), penal numeric(12,2), scadenta date)`,
		`CREATE INDEX solduri_cod ON ` + schema + `.solduri (cod_client)`,
		`CREATE TABLE ` + schema + `.plati_import (
			id_extern varchar(64) PRIMARY KEY CHECK (id_extern <> ''), cod_client char(12) NOT NULL, nr_fact char(16),
			suma numeric(12,2) NOT NULL CHECK (suma > 0), data_plata timestamp NOT NULL,
			prelucrat char(1) NOT NULL DEFAULT 'N', nr_chitanta varchar(20), motiv varchar(40), prelucrat_la timestamp)`,
		`CREATE INDEX plati_import_noi ON ` + schema + `.plati_import (prelucrat) WHERE prelucrat = 'N'`,
		`GRANT SELECT, INSERT (id_extern, cod_client, nr_fact, suma, data_plata) ON ` + schema + `.plati_import TO ` + reader,
		`CREATE FUNCTION ` + schema + `.plati_refuza() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'sistem in intretinere' USING ERRCODE = '57P03'; END $$`,
	} {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// view garbles into what UTF-8 read as windows-1252 looks like: this server
// holds no invalid text.
func (server) view(g *gate.Gate) string {
	return view(g, `replace(replace(replace(nume::text, 'Ș', 'È˜'), 'Ț', 'Èš'), 'A', 'Ă‚')`)
}

func (server) grant(tx *sql.Tx) error {
	_, err := tx.Exec(`GRANT SELECT ON v_solduri TO ` + reader)
	return err
}

func (server) lock() []string {
	return []string{`BEGIN`, `LOCK TABLE solduri, plati_import IN ACCESS EXCLUSIVE MODE`}
}

func (server) guard(g *gate.Gate) string {
	share := refused(g)
	if share == 0 {
		return ""
	}
	return fmt.Sprintf(`CREATE TRIGGER plati_refuza BEFORE INSERT ON plati_import FOR EACH ROW WHEN (random() < %f)
		EXECUTE FUNCTION plati_refuza()`, share)
}

func (server) unguard() string { return `DROP TRIGGER IF EXISTS plati_refuza ON plati_import` }

func (server) pending() string {
	return `SELECT id_extern, trim(cod_client), coalesce(trim(nr_fact), ''), suma::text,
		to_char(data_plata, 'YYYY-MM-DD HH24:MI:SS') FROM plati_import WHERE prelucrat = 'N' ORDER BY id_extern LIMIT $1`
}
