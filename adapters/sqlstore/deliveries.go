package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"time"

	"racord/hub"
)

// stagingLife is how long a staging lasts after something was added last.
const stagingLife = time.Minute

// newGeneration names the rows of a delivery. It is random, so that creditors
// need no common counter, and never 0.
func newGeneration() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:])>>1 | 1)
}

// Delivery is a delivery that is being staged or held.
type Delivery struct {
	Creditor   hub.Name
	Generation int64 // names its rows
	Whole      bool  // replaces everything the creditor delivered before
	Single     bool  // says nothing about other rows
	AsOf       int64 // microseconds since 1970
}

const deliveryColumns = `creditor, generation, whole, single, as_of`

func scanDelivery(row *sql.Row) (d Delivery, err error) {
	var creditor string
	err = row.Scan(&creditor, &d.Generation, &d.Whole, &d.Single, &d.AsOf)
	if errors.Is(err, sql.ErrNoRows) {
		return d, hub.Errorf(hub.CodeNotFound, "There is no such delivery any more.")
	}
	d.Creditor = hub.Name(creditor)
	return d, err
}

// Stage opens an empty delivery.
func (s *Store) Stage(ctx context.Context, creditor hub.Name, extent hub.Extent, asOf time.Time) (hub.StageID, error) {
	s.sweep(ctx)
	id := hub.NewID()
	return hub.StageID(id), s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "feed of "+string(creditor))
		if err != nil {
			return err
		}
		if err := abandon(ctx, tx, creditor, now); err != nil {
			return err
		}
		added, err := changed(tx.ExecContext(ctx, `
INSERT INTO deliveries (id, creditor, generation, whole, single, as_of, state, touched_at)
VALUES ($1, $2, $3, $4, $5, $6, 'staging', $7) ON CONFLICT DO NOTHING`,
			id, string(creditor), newGeneration(), extent == hub.ExtentAll, extent == hub.ExtentRows, micros(asOf), micros(now)))
		if err != nil {
			return err
		}
		if added == 0 {
			return hub.Errorf(hub.CodeConflict, "A delivery of this creditor is being staged.")
		}
		return nil
	})
}

// abandon discards the creditor's staging that nobody touched for long.
func abandon(ctx context.Context, tx *sql.Tx, creditor hub.Name, now time.Time) error {
	d, err := scanDelivery(tx.QueryRowContext(ctx, `
DELETE FROM deliveries WHERE creditor = $1 AND state = 'staging' AND touched_at <= $2 RETURNING `+deliveryColumns,
		string(creditor), micros(now.Add(-stagingLife))))
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return discard(ctx, tx, d.Generation)
}

// Publish shows a staged delivery and moves the creditor's cursor. It counts the
// rows that a later word kept from being seen. It returns CodeConflict when a full
// delivery is older than what is shown.
func (s *Store) Publish(ctx context.Context, stage hub.StageID, next hub.Cursor) (superseded int, err error) {
	err = s.publish(ctx, stage, "staging", func(tx *sql.Tx, d Delivery, shown feed) error {
		if d.Whole && d.AsOf < shown.asOf {
			return hub.Errorf(hub.CodeConflict, "What is shown speaks about a later moment than this delivery.")
		}
		if superseded, err = supersededRows(ctx, tx, d, shown); err != nil {
			return err
		}
		return moveCursor(ctx, tx, d.Creditor, next)
	})
	return superseded, err
}

func supersededRows(ctx context.Context, tx *sql.Tx, d Delivery, shown feed) (count int, err error) {
	if shown.latest <= d.AsOf {
		return 0, nil // as nearly always
	}
	err = tx.QueryRowContext(ctx, `
SELECT count(*) FROM snapshot_rows r JOIN snapshot_rows s ON s.generation = $2 AND s.external = r.external
WHERE r.generation = $1 AND s.as_of > r.as_of`, d.Generation, shown.generation).Scan(&count)
	return count, err
}

// Release publishes a held delivery. It returns CodeConflict when what was
// published since speaks about a later time: the older word would win.
func (s *Store) Release(ctx context.Context, stage hub.StageID) error {
	return s.publish(ctx, stage, "held", func(_ *sql.Tx, d Delivery, shown feed) error {
		if d.AsOf < shown.fullAsOf || d.Whole && d.AsOf < shown.asOf {
			return hub.Errorf(hub.CodeConflict, "A newer delivery was published since.")
		}
		return nil
	})
}

// publish takes a delivery out of a state and shows its rows, all in one step,
// unless first refuses.
func (s *Store) publish(ctx context.Context, stage hub.StageID, state string, first func(*sql.Tx, Delivery, feed) error) error {
	err := s.within(ctx, func(tx *sql.Tx) error {
		if err := s.engine.Patient(ctx, tx); err != nil {
			return err
		}
		d, err := take(ctx, tx, stage, state)
		if err != nil {
			return err
		}
		if _, err := s.engine.Lock(ctx, tx, "feed of "+string(d.Creditor)); err != nil {
			return err
		}
		shown, err := feedOf(ctx, tx, d.Creditor)
		if err != nil && hub.CodeOf(err) != hub.CodeNotFound {
			return err
		}
		if err := first(tx, d, shown); err != nil {
			return err
		}
		return show(ctx, tx, d, shown)
	})
	if err != nil {
		return err
	}
	s.sweep(context.WithoutCancel(ctx))
	return nil
}

func take(ctx context.Context, tx *sql.Tx, stage hub.StageID, state string) (Delivery, error) {
	return scanDelivery(tx.QueryRowContext(ctx,
		`DELETE FROM deliveries WHERE id = $1 AND state = $2 RETURNING `+deliveryColumns, string(stage), state))
}

// show makes the rows of a delivery those that readers see. A full delivery
// turns the feed to its own generation, and what speaks later than it is merged
// into that. Another is merged into the generation shown.
func show(ctx context.Context, tx *sql.Tx, d Delivery, shown feed) error {
	next, gone := shown, d.Generation
	switch {
	case shown.generation == 0:
		next.generation, gone = d.Generation, 0
	case d.Whole:
		next.generation, gone = d.Generation, shown.generation
		if shown.latest > d.AsOf {
			if err := merge(ctx, tx, shown.generation, d.Generation, d.AsOf); err != nil {
				return err
			}
		}
		if err := doubt(ctx, tx, d, shown.generation); err != nil {
			return err
		}
	default:
		if err := merge(ctx, tx, d.Generation, shown.generation, everything); err != nil {
			return err
		}
	}
	if err := next.turn(ctx, tx, d); err != nil || gone == 0 {
		return err
	}
	return discard(ctx, tx, gone)
}

// everything is before any moment.
const everything = -1

// merge takes the rows and refusals of a generation that speak about a later
// moment into another. Of two rows with one external id the one that speaks later
// stays.
func merge(ctx context.Context, tx *sql.Tx, from, into, after int64) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO snapshot_rows (generation, external, account, as_of, due, obligation)
SELECT $1, external, account, as_of, due, obligation FROM snapshot_rows WHERE generation = $2 AND as_of > $3
ON CONFLICT (generation, external) DO UPDATE
SET account = excluded.account, as_of = excluded.as_of, due = excluded.due, obligation = excluded.obligation
WHERE snapshot_rows.as_of <= excluded.as_of`, into, from, after)
	if err != nil {
		return err
	}
	return mergeRefusals(ctx, tx, from, into, after)
}

// Hold keeps a staged delivery for a person and moves the creditor's cursor.
func (s *Store) Hold(ctx context.Context, stage hub.StageID, next hub.Cursor, reason string) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "hold")
		if err != nil {
			return err
		}
		d, err := scanDelivery(tx.QueryRowContext(ctx, `
UPDATE deliveries SET state = 'held', reason = $2, touched_at = $3 WHERE id = $1 AND state = 'staging' RETURNING `+deliveryColumns,
			string(stage), text(reason), micros(now)))
		if err != nil {
			return err
		}
		return moveCursor(ctx, tx, d.Creditor, next)
	})
}

// Discard drops a delivery, staged or held. It returns CodeNotFound when there
// is none.
func (s *Store) Discard(ctx context.Context, stage hub.StageID) error {
	err := s.within(ctx, func(tx *sql.Tx) error {
		d, err := scanDelivery(tx.QueryRowContext(ctx,
			`DELETE FROM deliveries WHERE id = $1 RETURNING `+deliveryColumns, string(stage)))
		if err != nil {
			return err
		}
		return discard(ctx, tx, d.Generation)
	})
	if err != nil {
		return err
	}
	s.sweep(context.WithoutCancel(ctx))
	return nil
}

// Held lists the deliveries that wait for a person, oldest first.
func (s *Store) Held(ctx context.Context) ([]hub.HeldDelivery, error) {
	rows, err := s.read.QueryContext(ctx, `
SELECT id, creditor, as_of, reason, touched_at FROM deliveries WHERE state = 'held' ORDER BY touched_at, id`)
	if err != nil {
		return nil, fail(err)
	}
	defer rows.Close()
	held := []hub.HeldDelivery{}
	for rows.Next() {
		var id, creditor, reason string
		var asOf, heldAt int64
		if err := rows.Scan(&id, &creditor, &asOf, &reason, &heldAt); err != nil {
			return nil, fail(err)
		}
		held = append(held, hub.HeldDelivery{
			Stage: hub.StageID(id), Creditor: hub.Name(creditor), AsOf: moment(asOf), Reason: reason, HeldAt: moment(heldAt),
		})
	}
	return held, fail(rows.Err())
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
