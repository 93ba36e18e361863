// Package sqlite is the hub's store in one SQLite file, for a hub of one
// process. No other hub can open the file meanwhile, whoever only looks may; what
// was committed survives a power cut, and what the hub holds about a party is answered from memory
// after the first time.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"racord/adapters/sqlstore"
	"racord/hub"
)

// The files of a store inside its directory.
const (
	DataFile = "racord.db"
	LockFile = "racord.lock"
)

// readers is how many statements read at once. Writing has one connection: SQLite
// has one writer, and a queue in the process is fairer than its busy loop.
const readers = 8

// Store is a hub.Store in a SQLite file.
type Store struct {
	*sqlstore.Store
	index  *index
	engine *engine
	lock   *os.File // nil for one that only looks
}

var _ hub.Store = (*Store)(nil)

// Open locks the directory, creates or migrates the database in it, checks it
// and frees the slots of processes that are gone. The master key has
// hub.MasterKeyBytes bytes: it must be the one with which the database was opened
// first (hub.ErrOtherMaster). It fails when another process has the database open
// or when the file is damaged, naming the file.
func Open(ctx context.Context, dir string, master []byte) (*Store, error) {
	keys, err := hub.NewKeys(master, sqlstore.Purpose)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := TakeLock(filepath.Join(dir, LockFile))
	if err != nil {
		return nil, err
	}
	store, err := open(ctx, filepath.Join(dir, DataFile), keys)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	store.lock = lock
	return store, nil
}

func open(ctx context.Context, file string, keys *hub.Keys) (*Store, error) {
	write, err := pool(file, 1, "_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, write, file); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := pool(file, readers, "_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	e, err := newEngine(ctx, write, filepath.Dir(file))
	if err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	store := &Store{Store: sqlstore.New(read, write, keys, e), index: newIndex(), engine: e}
	if err := store.Adopt(ctx); err != nil {
		return nil, errors.Join(err, store.closeDatabase())
	}
	if err := errors.Join(store.ForgetLeases(ctx), store.Prepare(ctx)); err != nil {
		return nil, errors.Join(err, store.closeDatabase())
	}
	return store, nil
}

// Made tells whether there is a database in the directory.
func Made(dir string) (bool, error) {
	info, err := os.Stat(filepath.Join(dir, DataFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

// pool opens connections to the file. A commit is on the disk before it is
// acknowledged (synchronous FULL).
func pool(file string, connections int, more string) (*sql.DB, error) {
	const settings = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)&_timezone=UTC"
	name := url.URL{Scheme: "file", Path: file, RawQuery: settings + "&" + more}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// prepare checks the file and brings its schema to the newest version.
func prepare(ctx context.Context, db *sql.DB, file string) error {
	verdict := ""
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return fmt.Errorf("%s cannot be read as a database: %w", file, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%s is damaged (%s): restore it from a backup", file, verdict)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		return err
	}
	return sqlstore.Migrate(ctx, goose.DialectSQLite3, db)
}

// Close closes the database and lets another process have it.
func (s *Store) Close() error {
	err := s.closeDatabase()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func (s *Store) closeDatabase() error {
	return errors.Join(s.engine.close(), s.Store.Close())
}
