package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema to the newest version. Every step is a transaction;
// there is no way back. Steps only add: replicas of the version before go on. One
// that those cannot work with sets foundation.needs to its own version, and they
// refuse to start. Options choose the locking between replicas.
func Migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) error {
	return MigrateTo(ctx, dialect, db, Newest(), options...)
}

// MigrateTo is Migrate that goes no further than a version. A schema that is there
// or beyond stays as it is.
func MigrateTo(ctx context.Context, dialect goose.Dialect, db *sql.DB, version int64, options ...goose.ProviderOption) error {
	steps, err := provider(dialect, db, options...)
	if err == nil {
		_, err = steps.UpTo(ctx, version)
	}
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// Pending tells whether Migrate has something to do, also when it cannot be told.
// It needs no lock that replicas share: most starts have nothing to do.
func Pending(ctx context.Context, dialect goose.Dialect, db *sql.DB) bool {
	steps, err := provider(dialect, db)
	if err != nil {
		return true
	}
	pending, err := steps.HasPending(ctx)
	return err != nil || pending
}

// provider has all steps.
func provider(dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(inGo(dialect)...))
	return goose.NewProvider(dialect, db, folder, options...)
}

// inGo are the migrations that are no files: the engines' own words.
func inGo(dialect goose.Dialect) []*goose.Migration {
	return []*goose.Migration{
		walls(dialect, wallsVersion, wallsOfSQLite, wallsOfPostgres), settledNames(dialect),
		walls(dialect, chainVersion, chainOfSQLite, chainOfPostgres),
	}
}

// Newest is the newest version of the schema that this binary knows.
func Newest() (version int64) {
	files, _ := migrations.ReadDir("migrations") // it is in the binary
	for _, file := range files {
		if n, err := goose.NumericComponent(file.Name()); err == nil {
			version = max(version, n)
		}
	}
	for _, step := range inGo(goose.DialectSQLite3) { // they have the same versions in all
		version = max(version, step.Version)
	}
	return version
}
