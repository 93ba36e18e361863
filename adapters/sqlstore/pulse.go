package sqlstore

import (
	"context"

	"racord/hub"
)

// underWay is the predicate of the index that finds what is not final.
const underWay = `p.state NOT IN ('voided', 'failed', 'cancelled', 'expired', 'settled', 'settled_partly', 'disputed')`

const (
	pulsePayments = `SELECT p.state, count(*), min(p.opened_at) FROM payments p WHERE ` + underWay + ` GROUP BY p.state`
	pulseCharges  = `
SELECT c.psp, count(*), CAST(sum(c.amount) AS BIGINT), min(c.changed_at) FROM payments p JOIN charges c ON c.payment = p.id
WHERE ` + underWay + ` AND c.state IN ('authorised', 'capturing', 'capture_unknown', 'voiding', 'void_unknown') GROUP BY c.psp`
	pulseLines = `
SELECT l.creditor, l.state, count(*), CAST(sum(l.amount) AS BIGINT), min(l.since) FROM payments p JOIN lines l ON l.payment = p.id
WHERE ` + underWay + ` AND l.state IN ('due', 'posting', 'post_unknown', 'stuck', 'rejected', 'reversing') GROUP BY l.creditor, l.state`
	pulseWork      = `SELECT kind, creditor, count(*), min(due_at) FROM works WHERE due_at IS NOT NULL GROUP BY kind, creditor`
	pulseAnomalies = `SELECT {now}, kind, count(*) FROM anomalies WHERE at > {now} - 86400000000 GROUP BY kind`
	pulseNow       = `SELECT {now}`
)

// Pulse tells how paying stands.
func (s *Store) Pulse(ctx context.Context) (hub.Pulse, error) {
	p := hub.Pulse{
		Payments: map[hub.PaymentState]hub.Standing{}, Charges: map[string]hub.Standing{}, Lines: map[hub.OpenLine]hub.Standing{},
		Work: map[hub.WorkKind]hub.Standing{}, LineWork: map[hub.Name]hub.Standing{}, Anomalies: map[string]int{},
	}
	err := s.still(ctx, func(db asker) error {
		for query, read := range map[string]func(Scanner) error{
			s.texts.pulseNow: func(row Scanner) error {
				var at int64
				err := row.Scan(&at)
				p.At = moment(at)
				return err
			},
			pulsePayments: standing(p.Payments, false), pulseCharges: standing(p.Charges, true), pulseWork: working(&p),
			pulseLines: func(row Scanner) error {
				var of hub.OpenLine
				var sum hub.Standing
				var since int64
				err := row.Scan(&of.Creditor, &of.State, &sum.Count, &sum.Amount, &since)
				sum.Since = moment(since)
				p.Lines[of] = sum
				return err
			},
			s.texts.pulseAnomalies: func(row Scanner) error {
				var kind string
				var at int64
				var n int
				err := row.Scan(&at, &kind, &n)
				p.Anomalies[kind] = n
				return err
			},
		} {
			if err := s.each(ctx, db, read, query); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// working reads rows of a kind of work, a creditor, a count, and a moment.
func working(p *hub.Pulse) func(Scanner) error {
	return func(row Scanner) error {
		var kind hub.WorkKind
		var creditor hub.Name
		var some hub.Standing
		var since int64
		if err := row.Scan(&kind, &creditor, &some.Count, &since); err != nil {
			return err
		}
		some.Since = moment(since)
		if kind == hub.WorkLine {
			p.LineWork[creditor] = some
		}
		all := p.Work[kind]
		if all.Count == 0 || some.Since.Before(all.Since) {
			all.Since = some.Since
		}
		all.Count += some.Count
		p.Work[kind] = all
		return nil
	}
}

// standing reads rows of a name, a count, perhaps an amount, and a moment.
func standing[K ~string](into map[K]hub.Standing, amounts bool) func(Scanner) error {
	return func(row Scanner) error {
		var name string
		var sum hub.Standing
		var since int64
		columns := []any{&name, &sum.Count, &sum.Amount, &since}
		if !amounts {
			columns = []any{&name, &sum.Count, &since}
		}
		err := row.Scan(columns...)
		sum.Since = moment(since)
		into[K(name)] = sum
		return err
	}
}
