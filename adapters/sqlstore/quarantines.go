package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"racord/hub"
)

// Quarantine keeps a connector off duty. The first reason stands until a person
// lifts it.
func (s *Store) Quarantine(ctx context.Context, creditor hub.Name, reason string, at time.Time) error {
	_, err := s.exec(ctx, `
INSERT INTO quarantines (creditor, reason, since) VALUES ($1, $2, $3) ON CONFLICT (creditor) DO NOTHING`,
		string(creditor), text(reason), micros(at))
	return err
}

// Lift puts a connector back on duty, and counts it. One that was not quarantined
// stays so.
func (s *Store) Lift(ctx context.Context, creditor hub.Name) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		lifted, err := changed(tx.ExecContext(ctx, `DELETE FROM quarantines WHERE creditor = $1`, string(creditor)))
		if err != nil || lifted == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `
INSERT INTO lifts (creditor, lifts) VALUES ($1, 1) ON CONFLICT (creditor) DO UPDATE SET lifts = lifts.lifts + 1`, string(creditor))
		return err
	})
}

// Lifted tells how often each connector was let out.
func (s *Store) Lifted(ctx context.Context) (map[hub.Name]int, error) {
	lifts := map[hub.Name]int{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var creditor hub.Name
		var count int
		err := row.Scan(&creditor, &count)
		lifts[creditor] = count
		return err
	}, `SELECT creditor, lifts FROM lifts`)
	return lifts, err
}

// Quarantined lists the quarantined connectors and since when they are.
func (s *Store) Quarantined(ctx context.Context) (map[hub.Name]time.Time, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT creditor, since FROM quarantines`)
	if err != nil {
		return nil, fail(err)
	}
	defer rows.Close()
	since := map[hub.Name]time.Time{}
	for rows.Next() {
		var creditor string
		var at int64
		if err := rows.Scan(&creditor, &at); err != nil {
			return nil, fail(err)
		}
		since[hub.Name(creditor)] = moment(at)
	}
	return since, fail(rows.Err())
}
