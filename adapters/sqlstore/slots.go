package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"racord/hub"
)

// Beat keeps the holder alive and tells its place among the living. A holder
// that was dead is born again, as the youngest.
func (s *Store) Beat(ctx context.Context, holder hub.Holder, ttl time.Duration) (alive, place int, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "holders")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM holders WHERE alive_until <= $1`, micros(now)); err != nil {
			return err
		}
		born := int64(0)
		err = tx.QueryRowContext(ctx, `
INSERT INTO holders (holder, born_at, alive_until) VALUES ($1, $2, $3)
ON CONFLICT (holder) DO UPDATE SET alive_until = excluded.alive_until RETURNING born_at`,
			string(holder), micros(now), micros(now.Add(ttl))).Scan(&born)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `
SELECT count(*), count(CASE WHEN born_at < $1 OR (born_at = $1 AND holder < $2) THEN 1 END) FROM holders`,
			born, string(holder)).Scan(&alive, &place)
	})
	return alive, place, err
}

// Keep takes what is free of a creditor's slots, up to want.
func (s *Store) Keep(ctx context.Context, holder hub.Holder, creditor hub.Name, total, want int, ttl time.Duration) (held int, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "slots of "+string(creditor))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM slots WHERE creditor = $1 AND held_until <= $2`, string(creditor), micros(now))
		if err != nil {
			return err
		}
		others := 0
		err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(held), 0) FROM slots WHERE creditor = $1 AND holder <> $2`,
			string(creditor), string(holder)).Scan(&others)
		if err != nil {
			return err
		}
		held = max(0, min(want, total-others))
		_, err = tx.ExecContext(ctx, `
INSERT INTO slots (creditor, holder, held, held_until) VALUES ($1, $2, $3, $4)
ON CONFLICT (creditor, holder) DO UPDATE SET held = excluded.held, held_until = excluded.held_until`,
			string(creditor), string(holder), held, micros(now.Add(ttl)))
		return err
	})
	return held, err
}

// Leave gives back everything the holder has.
func (s *Store) Leave(ctx context.Context, holder hub.Holder) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM slots WHERE holder = $1`, string(holder)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM holders WHERE holder = $1`, string(holder))
		return err
	})
}

// ForgetLeases frees every slot. It is for a database that nobody else can be
// using.
func (s *Store) ForgetLeases(ctx context.Context) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM slots`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM holders`)
		return err
	})
}
