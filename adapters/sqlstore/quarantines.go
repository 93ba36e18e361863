package sqlstore

import (
	"context"
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

// Lift puts a connector back on duty. One that was not quarantined stays so.
func (s *Store) Lift(ctx context.Context, creditor hub.Name) error {
	_, err := s.exec(ctx, `DELETE FROM quarantines WHERE creditor = $1`, string(creditor))
	return err
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
