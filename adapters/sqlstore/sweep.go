package sqlstore

import (
	"context"
	"database/sql"
)

// broom is how many rows one deletion takes away.
const broom = 5000

// discard remembers that the rows of a generation are to be deleted.
func discard(ctx context.Context, tx *sql.Tx, generation int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO trash (generation) VALUES ($1) ON CONFLICT DO NOTHING`, generation)
	return err
}

// sweep deletes the rows of discarded generations, a little at a time. Nobody
// sees them any more, so what fails is left to the next sweep.
func (s *Store) sweep(ctx context.Context) {
	for {
		var generation int64
		err := s.read.QueryRowContext(ctx, `SELECT generation FROM trash LIMIT 1`).Scan(&generation)
		if err != nil || s.empty(ctx, generation) != nil {
			return
		}
	}
}

// emptying are the statements that delete what there is of a generation, each
// until there is no more.
var emptying = []string{`
DELETE FROM snapshot_rows WHERE generation = $1 AND external IN (
	SELECT external FROM snapshot_rows WHERE generation = $1 LIMIT $2)`, `
DELETE FROM refusals WHERE generation = $1 AND (account, external) IN (
	SELECT account, external FROM refusals WHERE generation = $1 LIMIT $2)`,
}

func (s *Store) empty(ctx context.Context, generation int64) error {
	for _, statement := range emptying {
		for deleted := int64(1); deleted > 0; {
			var err error
			if deleted, err = s.exec(ctx, statement, generation, broom); err != nil {
				return err
			}
		}
	}
	_, err := s.exec(ctx, `DELETE FROM trash WHERE generation = $1`, generation)
	return err
}
