package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/pressly/goose/v3"
)

// The walls are what the engines enforce in their own words: the journal
// balances and is only added to, nothing takes a step that is not in edges, and
// no more is refunded than was charged.
var (
	//go:embed walls/sqlite.sql
	wallsOfSQLite string
	//go:embed walls/postgres.sql
	wallsOfPostgres string
)

// wallsVersion is the migration that builds the walls, after the tables.
const wallsVersion = 3

// walls is a migration in the engine's own words.
func walls(dialect goose.Dialect) *goose.Migration {
	text := wallsOfPostgres
	if dialect == goose.DialectSQLite3 {
		text = wallsOfSQLite
	}
	return goose.NewGoMigration(wallsVersion, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text)
		return err
	}}, nil)
}
