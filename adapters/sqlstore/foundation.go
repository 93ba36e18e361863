package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"racord/hub"
)

// The ways in which a database and a binary do not fit. Otherwise one that is
// newer goes on: what is added to a schema is nothing to those who do not know it.
var (
	// ErrOlder is returned when a database that is only looked at was not migrated.
	ErrOlder = errors.New("the database is older than this binary")
	// ErrNewer is returned when a database says that this binary must not work with
	// it any more.
	ErrNewer = errors.New("the database is newer than this binary can work with")
)

// Recognise tells whether this is the database of this master key and of this
// binary. It returns hub.ErrOtherMaster, ErrOlder or ErrNewer, and changes nothing.
func (s *Store) Recognise(ctx context.Context) error {
	var has int64 // an older schema may have less to ask for
	if err := s.read.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&has); err != nil {
		return fail(err)
	}
	if has < Newest() {
		return fmt.Errorf("%w: its schema is at version %d and has to be at %d: use the binary of the hub that runs, or racord migrate", ErrOlder, has, Newest())
	}
	_, err := s.recognise(ctx)
	return err
}

// Adopt is Recognise of one who has migrated the schema and may write: the first
// who opens a database decides which its master key is.
func (s *Store) Adopt(ctx context.Context) error {
	settled, err := s.recognise(ctx)
	if err != nil || settled {
		return err
	}
	// Of two at once one is first, and the other finds what that one wrote.
	if _, err := s.exec(ctx, `UPDATE foundation SET mac = $1 WHERE mac IS NULL`, s.masterMAC()); err != nil {
		return err
	}
	_, err = s.recognise(ctx)
	return err
}

const foundationQuery = `SELECT mac, needs, (SELECT max(version_id) FROM goose_db_version) FROM foundation`

// recognise also tells whether it is settled which master key the database has.
func (s *Store) recognise(ctx context.Context) (settled bool, err error) {
	var mac []byte
	var needs int64
	if err := s.read.QueryRowContext(ctx, foundationQuery).Scan(&mac, &needs, &s.schema); err != nil {
		return false, fail(err)
	}
	switch {
	case needs > Newest():
		return true, fmt.Errorf("%w: it is for those who know version %d of its schema, and this binary knows %d", ErrNewer, needs, Newest())
	case len(mac) > 0 && !bytes.Equal(mac, s.masterMAC()):
		return true, hub.ErrOtherMaster
	}
	return len(mac) > 0, nil
}

// Schema gives the version of the schema as it was when the database was opened,
// and the newest that this binary knows.
func (s *Store) Schema() (has, knows int64) { return s.schema, Newest() }

// masterMAC tells one master key from another, and nothing about either.
func (s *Store) masterMAC() []byte {
	mac := s.keys.MAC("the master key of this database")
	return mac[:]
}
