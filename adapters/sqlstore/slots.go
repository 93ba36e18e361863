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

	endSlotsQuery   = `DELETE FROM slots WHERE held_until <= {now}`
	othersHaveQuery = `SELECT creditor, sum(held) FROM slots WHERE holder <> $1 GROUP BY creditor`
)

// slotTable holds how many slots of a creditor a holder has.
var slotTable = table("slots", "creditor text, holder text, held bigint, held_until bigint",
	"ON CONFLICT (creditor, holder) DO UPDATE SET held = excluded.held, held_until = excluded.held_until")

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

// Keep takes what is free of the creditors' slots, up to what is wanted.
func (s *Store) Keep(ctx context.Context, holder hub.Holder, wishes ...hub.SlotWish) (held []int, err error) {
	if len(wishes) == 0 {
		return nil, nil
	}
	err = s.repeat(func() error {
		c, others := &change{store: s}, map[hub.Name]int{}
		count := func(row Scanner) error {
			var creditor hub.Name
			var sum int
			err := row.Scan(&creditor, &sum)
			others[creditor] = sum
			return err
		}
		first := []Statement{
			c.at(s.engine.Clock("slots")), {SQL: s.texts.endSlots},
			{SQL: othersHaveQuery, Args: []any{string(holder)}, Scan: count},
		}
		return s.engine.Within(ctx, first, func(Run) ([]Statement, error) {
			var rows [][]any
			held, rows = granted(holder, wishes, others, c.now)
			return s.engine.Add(&slotTable, rows), nil
		})
	})
	if err != nil {
		return nil, s.fault(err)
	}
	return held, nil
}

// granted gives of every wish what the others leave, and its row.
func granted(holder hub.Holder, wishes []hub.SlotWish, others map[hub.Name]int, now time.Time) (held []int, rows [][]any) {
	for _, w := range wishes {
		got := max(0, min(w.Want, w.Total-others[w.Creditor]))
		held = append(held, got)
		rows = append(rows, []any{string(w.Creditor), string(holder), int64(got), micros(now.Add(w.TTL))})
	}
	return held, rows
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
