package sqlstore

import (
	"context"

	"racord/hub"
)

const barrierAdd = `
INSERT INTO barriers (barrier, reason, since) VALUES ($1, $2, {now}) ON CONFLICT (barrier) DO NOTHING`

// RaiseBarrier stops a part of paying. The first reason stands.
func (s *Store) RaiseBarrier(ctx context.Context, b hub.Barrier, reason string) error {
	_, err := s.exec(ctx, s.texts.barrierAdd, string(b), text(reason[:min(len(reason), detailBytes)]))
	return err
}

// LowerBarrier lets it go on. A barrier that is not raised stays so.
func (s *Store) LowerBarrier(ctx context.Context, b hub.Barrier) error {
	_, err := s.exec(ctx, `DELETE FROM barriers WHERE barrier = $1`, string(b))
	return err
}

// Barriers gives those that are raised.
func (s *Store) Barriers(ctx context.Context) (map[hub.Barrier]hub.Raised, error) {
	raised := map[hub.Barrier]hub.Raised{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var name string
		var r hub.Raised
		var since int64
		err := row.Scan(&name, &r.Reason, &since)
		r.Since = moment(since)
		raised[hub.Barrier(name)] = r
		return err
	}, `SELECT barrier, reason, since FROM barriers`)
	return raised, err
}
