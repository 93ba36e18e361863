package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"racord/hub"
)

const (
	endHoldersQuery = `DELETE FROM holders WHERE alive_until <= {now}`
	beatQuery       = `
INSERT INTO holders (holder, born_at, alive_until) VALUES ($1, $2, $3)
ON CONFLICT (holder) DO UPDATE SET alive_until = excluded.alive_until RETURNING born_at`
	placeQuery = `
SELECT count(*), count(CASE WHEN born_at < $1 OR (born_at = $1 AND holder < $2) THEN 1 END) FROM holders`

	endSlotsQuery   = `DELETE FROM slots WHERE creditor = $1 AND held_until <= {now}`
	othersHaveQuery = `SELECT coalesce(sum(held), 0) FROM slots WHERE creditor = $1 AND holder <> $2`
	keepQuery       = `
INSERT INTO slots (creditor, holder, held, held_until) VALUES ($1, $2, $3, $4)
ON CONFLICT (creditor, holder) DO UPDATE SET held = excluded.held, held_until = excluded.held_until`
)

// Beat keeps the holder alive and tells its place among the living. A holder
// that was dead is born again, as the youngest.
func (s *Store) Beat(ctx context.Context, holder hub.Holder, ttl time.Duration) (alive, place int, err error) {
	err = s.repeat(func() error {
		c, born := &change{store: s}, int64(0)
		first := []Statement{c.at(s.engine.Clock("holders")), {SQL: s.texts.endHolders}}
		return s.engine.Within(ctx, first, func(run Run) ([]Statement, error) {
			err := run(ctx, Statement{SQL: beatQuery, Args: []any{string(holder), micros(c.now), micros(c.now.Add(ttl))},
				Scan: func(row Scanner) error { return row.Scan(&born) }})
			return []Statement{{SQL: placeQuery, Args: []any{born, string(holder)},
				Scan: func(row Scanner) error { return row.Scan(&alive, &place) }}}, err
		})
	})
	return alive, place, s.fault(err)
}

// Keep takes what is free of a creditor's slots, up to want.
func (s *Store) Keep(ctx context.Context, holder hub.Holder, creditor hub.Name, total, want int, ttl time.Duration) (held int, err error) {
	err = s.repeat(func() error {
		c, others := &change{store: s}, 0
		first := []Statement{
			c.at(s.engine.Clock("slots of " + string(creditor))),
			{SQL: s.texts.endSlots, Args: []any{string(creditor)}},
			{SQL: othersHaveQuery, Args: []any{string(creditor), string(holder)}, Scan: func(row Scanner) error { return row.Scan(&others) }},
		}
		return s.engine.Within(ctx, first, func(Run) ([]Statement, error) {
			held = max(0, min(want, total-others))
			return []Statement{{SQL: keepQuery, Args: []any{string(creditor), string(holder), held, micros(c.now.Add(ttl))}}}, nil
		})
	})
	return held, s.fault(err)
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
