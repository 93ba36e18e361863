package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// OpenToRead connects for looking only, beside replicas that run: whatever would
// change the database fails. It neither creates nor migrates.
func OpenToRead(ctx context.Context, dsn string, master []byte) (*Store, error) {
	keys, err := hub.NewKeys(master, sqlstore.Purpose)
	if err != nil {
		return nil, err
	}
	switch made, err := Made(ctx, dsn); {
	case err != nil:
		return nil, err
	case !made:
		return nil, errors.New("there is no hub's database: racord migrate makes it")
	}
	store, err := connect(dsn, keys, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return nil, err
	}
	if err := store.Recognise(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// CheckDSN tells what is wrong with a DSN, and with the files that it names. Nothing
// is dialled.
func CheckDSN(dsn string) error {
	_, err := parse(dsn)
	return err
}

// Made tells whether a hub has made its tables in the database.
func Made(ctx context.Context, dsn string) (made bool, err error) {
	config, err := parse(dsn)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&made)
	return made, errors.Join(err, conn.Close(ctx))
}
