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
	asOf       int64 // of the last delivery that was not of single rows
	fullAsOf   int64 // of the last full delivery
	latest     int64 // no row speaks about a later moment
	readTo     []byte
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// feedOf reads a creditor's feed, or returns CodeNotFound before the first
// delivery was published or held.
func feedOf(ctx context.Context, db querier, creditor hub.Name) (f feed, err error) {
	err = db.QueryRowContext(ctx, `SELECT generation, as_of, full_as_of, latest, read_to FROM feeds WHERE creditor = $1`, string(creditor)).
		Scan(&f.generation, &f.asOf, &f.fullAsOf, &f.latest, &f.readTo)
	if errors.Is(err, sql.ErrNoRows) {
		return feed{}, hub.Errorf(hub.CodeNotFound, "This creditor has delivered nothing yet.")
	}
	return f, fail(err)
}

// Cursor tells how far the creditor's feed was published or held, and about what
// moment its deliveries speak; that is zero when none but single rows are
// published yet.
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

// turn writes down what is shown once a delivery is.
func (f feed) turn(ctx context.Context, tx *sql.Tx, d Delivery) error {
	f.latest = max(f.latest, d.AsOf)
	switch {
	case d.Whole:
		f.asOf, f.fullAsOf = d.AsOf, d.AsOf
	case !d.Single:
		f.asOf = max(f.asOf, d.AsOf)
	}
	_, err := tx.ExecContext(ctx, `UPDATE feeds SET generation = $2, as_of = $3, full_as_of = $4, latest = $5 WHERE creditor = $1`,
		string(d.Creditor), f.generation, f.asOf, f.fullAsOf, f.latest)
	return err
}
