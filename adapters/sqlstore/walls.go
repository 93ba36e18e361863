package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/pressly/goose/v3"
)

// The walls are what the engines enforce in their own words: the journal
// balances and is only added to, as is its chain, nothing takes a step that is
// not in edges, and no more is refunded than was charged.
var (
	//go:embed walls/sqlite.sql
	wallsOfSQLite string
	//go:embed walls/postgres.sql
	wallsOfPostgres string
	//go:embed walls/chain_sqlite.sql
	chainOfSQLite string
	//go:embed walls/chain_postgres.sql
	chainOfPostgres string
)

// The migrations that build walls, after the tables: those of payments, and those
// of the chain.
const (
	wallsVersion = 3
	chainVersion = 17
)

// settledVersion is the migration that lets what was booked of a payout be found by
// the beginning of its name. SQLite compares text byte by byte, so the primary key
// does that there; PostgreSQL does as its locale says.
const settledVersion = 14

const settledOfPostgres = `CREATE INDEX journal_settled ON journal (tx COLLATE "C") WHERE kind = 'settled'`

// settledNames is a migration that one engine needs.
func settledNames(dialect goose.Dialect) *goose.Migration {
	return goose.NewGoMigration(settledVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if dialect == goose.DialectSQLite3 {
			return nil
		}
		_, err := tx.ExecContext(ctx, settledOfPostgres)
		return err
	}}, nil)
}

// walls is a migration in the engine's own words.
func walls(dialect goose.Dialect, version int64, sqlite, postgres string) *goose.Migration {
	text := postgres
	if dialect == goose.DialectSQLite3 {
		text = sqlite
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text)
		return err
	}}, nil)
}
