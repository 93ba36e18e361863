package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// OpenToRead opens the database of a directory beside the process that has it,
// for looking only: whatever would change it fails. It neither creates nor
// migrates. What it reads may be a moment old.
func OpenToRead(ctx context.Context, dir string, master []byte) (*Store, error) {
	keys, err := hub.NewKeys(master, sqlstore.Purpose)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, DataFile)
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("there is no database: %w", err)
	}
	read, err := pool(file, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, err
	}
	e := &engine{write: read, dir: dir, turn: newTurn()}
	store := &Store{Store: sqlstore.New(read, read, keys, e), index: newIndex(), engine: e}
	if err := store.Recognise(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
