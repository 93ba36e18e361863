package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	"racord/adapters/sqlite"
	"racord/hub"
)

const sqliteName = "sqlite"

// sqliteBench is SQLite under measurement.
type sqliteBench struct{ dir string }

var _ database = (*sqliteBench)(nil)

func (b *sqliteBench) name() string { return sqliteName }

func (b *sqliteBench) open(ctx context.Context) (hub.Store, error) {
	dir, err := os.MkdirTemp(b.dir, "sqlite-")
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir, master)
}

func (b *sqliteBench) bare() []bareWay {
	return []bareWay{
		{name: "bare transactions", bar: bar, open: func(ctx context.Context, _ int) (*bareRun, error) { return b.openBare(ctx, 1) }},
		{name: "bare, grouped", open: func(ctx context.Context, _ int) (*bareRun, error) { return b.openBare(ctx, mostTogether) }},
	}
}

// mostTogether is how many bare changes share a commit at most, as in the store.
const mostTogether = 32

// bareSQLite writes rows with prepared statements over one connection.
type bareSQLite struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt
	asked    chan bareAsk
	ended    chan struct{}
}

// bareAsk is a change that waits to be written.
type bareAsk struct {
	rows []row
	done chan error
}

// openBare opens an empty database of the store's own schema without its walls,
// and writes so many changes together at most.
func (b *sqliteBench) openBare(ctx context.Context, together int) (*bareRun, error) {
	dir, err := os.MkdirTemp(b.dir, "sqlite-bare-")
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, dir, master)
	if err != nil {
		return nil, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.DataFile)+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=foreign_keys(0)&_pragma=cache_size(-16000)&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &bareSQLite{db: db, prepared: map[string]*sql.Stmt{}, asked: make(chan bareAsk, mostPayers), ended: make(chan struct{})}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go s.run(context.WithoutCancel(ctx), together)
	return &bareRun{write: s.write, close: s.close}, nil
}

func (s *bareSQLite) prepare(ctx context.Context) error {
	walls, err := triggers(ctx, s.db)
	if err != nil {
		return err
	}
	for _, name := range walls {
		if _, err := s.db.ExecContext(ctx, `DROP TRIGGER `+name); err != nil {
			return err
		}
	}
	for table, w := range writes {
		if s.prepared[table], err = s.db.PrepareContext(ctx, w.sql); err != nil {
			return err
		}
	}
	return nil
}

func triggers(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		name := ""
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (s *bareSQLite) close() {
	close(s.asked)
	<-s.ended
	_ = s.db.Close() // what it holds is thrown away
}

func (s *bareSQLite) write(_ context.Context, _ int, rows []row) error {
	done := make(chan error, 1)
	s.asked <- bareAsk{rows, done}
	return <-done
}

// run writes what is asked, one transaction after the other, until nobody asks
// any more.
func (s *bareSQLite) run(ctx context.Context, together int) {
	defer close(s.ended)
	for first := range s.asked {
		group := []bareAsk{first}
		for len(group) < together && len(s.asked) > 0 {
			group = append(group, <-s.asked)
		}
		err := s.commit(ctx, group)
		for _, a := range group {
			a.done <- err
		}
	}
}

func (s *bareSQLite) commit(ctx context.Context, group []bareAsk) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit there is nothing to undo
	for _, a := range group {
		for _, r := range a.rows {
			if _, err := tx.StmtContext(ctx, s.prepared[r.table]).ExecContext(ctx, writes[r.table].args(r)...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
