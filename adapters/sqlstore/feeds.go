package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"racord/hub"
)

// feed is what is published of a creditor. Moments are microseconds since 1970.
type feed struct {
	generation int64 // of the rows that readers see; 0 = none yet
	asOf       int64
	fullAsOf   int64 // of the last full delivery
	readTo     []byte
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// feedOf reads a creditor's feed, or returns CodeNotFound before the first
// delivery was published or held.
func feedOf(ctx context.Context, db querier, creditor hub.Name) (f feed, err error) {
	err = db.QueryRowContext(ctx, `SELECT generation, as_of, full_as_of, read_to FROM feeds WHERE creditor = $1`, string(creditor)).
		Scan(&f.generation, &f.asOf, &f.fullAsOf, &f.readTo)
	if errors.Is(err, sql.ErrNoRows) {
		return feed{}, hub.Errorf(hub.CodeNotFound, "This creditor has delivered nothing yet.")
	}
	return f, fail(err)
}

// Cursor tells how far the creditor's feed was published or held, and when the
// published rows speak about; that is zero when nothing is published yet.
func (s *Store) Cursor(ctx context.Context, creditor hub.Name) (hub.Cursor, time.Time, error) {
	f, err := feedOf(ctx, s.read, creditor)
	return hub.Cursor(f.readTo), moment(f.asOf), err
}

func moveCursor(ctx context.Context, tx *sql.Tx, creditor hub.Name, next hub.Cursor) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO feeds (creditor, read_to) VALUES ($1, $2) ON CONFLICT (creditor) DO UPDATE SET read_to = excluded.read_to`,
		string(creditor), []byte(next))
	return err
}
