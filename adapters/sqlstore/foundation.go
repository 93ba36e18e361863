package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"racord/hub"
)

// ErrNewer is returned when a database has come so far that this binary must not
// work with it any more.
var ErrNewer = errors.New("the database is newer than this binary can work with")

// Recognise tells whether this is the database of this master key and of this
// binary. It returns hub.ErrOtherMaster or ErrNewer, and changes nothing.
func (s *Store) Recognise(ctx context.Context) error {
	_, err := s.recognise(ctx)
	return err
}

// Adopt is Recognise of one who may write: the first who opens a database decides
// which its master key is.
func (s *Store) Adopt(ctx context.Context) error {
	settled, err := s.recognise(ctx)
	if err != nil || settled {
		return err
	}
	// Of two at once one is first, and the other finds what that one wrote.
	if _, err := s.exec(ctx, `UPDATE foundation SET mac = $1 WHERE mac IS NULL`, s.masterMAC()); err != nil {
		return err
	}
	return s.Recognise(ctx)
}

// recognise also tells whether it is settled which master key the database has.
func (s *Store) recognise(ctx context.Context) (settled bool, err error) {
	var mac []byte
	var needs int64
	if err := s.read.QueryRowContext(ctx, `SELECT mac, needs FROM foundation`).Scan(&mac, &needs); err != nil {
		return false, fail(err)
	}
	switch {
	case needs > newest():
		return true, fmt.Errorf("%w: this one knows version %d of the schema, and it takes version %d", ErrNewer, newest(), needs)
	case len(mac) > 0 && !bytes.Equal(mac, s.masterMAC()):
		return true, hub.ErrOtherMaster
	}
	return len(mac) > 0, nil
}

// masterMAC tells one master key from another, and nothing about either.
func (s *Store) masterMAC() []byte {
	mac := s.keys.MAC("the master key of this database")
	return mac[:]
}
