package sqlstore

import (
	"context"

	"racord/hub"
)

// factPlace binds what a provider sent to the event it came as.
func factPlace(psp, event string) string { return "facts|raw|" + psp + "|" + event }

const (
	factAdd = `
INSERT INTO facts (psp, event, number, ref, raw, at, matched)
VALUES ($1, $2, $3, $4, $5, $6, EXISTS (SELECT 1 FROM charges WHERE psp = $1 AND number = $3))
ON CONFLICT (psp, event) DO NOTHING RETURNING at`
	nudgeQuery = `
INSERT INTO works (payment, kind, no, creditor, due_at, nudged_at, turn, leased_until, changed_at)
SELECT payment, 'charge', no, '', $3, $3, 0, 0, $3 FROM charges WHERE psp = $1 AND number = $2
ON CONFLICT (payment, kind, no) DO UPDATE SET nudged_at = excluded.nudged_at,
	due_at = CASE WHEN works.leased_until > excluded.changed_at THEN works.due_at ELSE excluded.due_at END`
)

// ReceiveFact keeps a notification and wakes the work of its charge.
func (s *Store) ReceiveFact(ctx context.Context, f hub.Fact) (fresh bool, err error) {
	err = s.repeat(func() error {
		fresh = false
		return s.receive(ctx, f, &fresh)
	})
	return fresh, s.fault(err)
}

func (s *Store) receive(ctx context.Context, f hub.Fact, fresh *bool) error {
	c := &change{store: s}
	return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock(""))}, func(run Run) ([]Statement, error) {
		raw := s.keys.Seal(factPlace(f.PSP, f.Event), f.Raw)
		args := []any{f.PSP, f.Event, f.Order, f.Ref, raw, micros(c.now)}
		err := run(ctx, Statement{SQL: factAdd, Args: args, Scan: func(row Scanner) error {
			*fresh = true
			return row.Scan(new(int64))
		}})
		if err != nil || !*fresh {
			return nil, err
		}
		return []Statement{{SQL: s.texts.nudge, Args: []any{f.PSP, f.Order, micros(c.now)}}}, nil
	})
}

// Facts gives what a provider told about an order.
func (s *Store) Facts(ctx context.Context, psp, order string) (found []hub.KeptFact, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		f := hub.KeptFact{Fact: hub.Fact{PSP: psp, Order: order}}
		var sealed []byte
		var at int64
		if err := row.Scan(&f.Event, &f.Ref, &sealed, &at); err != nil {
			return err
		}
		raw, err := s.keys.Open(factPlace(psp, f.Event), sealed)
		if err != nil {
			return spoiled(err)
		}
		f.Raw, f.At = raw, moment(at)
		found = append(found, f)
		return nil
	}, `SELECT event, ref, raw, at FROM facts WHERE psp = $1 AND number = $2 ORDER BY at, event`, psp, order)
	return found, err
}
