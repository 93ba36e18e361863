package sqlstore

import (
	"context"

	"racord/hub"
)

// journal gives the statements that add bookings. Of those with one ID the first
// counts.
func (s *Store) journal(bookings []hub.Booking, at, version int64) ([]Statement, error) {
	legs, seen := [][]any{}, map[string]bool{}
	for place := range bookings {
		b := &bookings[place]
		if err := b.Check(); err != nil {
			return nil, err
		}
		if seen[b.ID] {
			continue
		}
		seen[b.ID] = true
		for i, leg := range b.Legs {
			legs = append(legs, []any{b.ID, int64(i + 1), b.Kind, string(b.Payment), leg.Account, leg.Debit, leg.Credit, at, version, int64(place)})
		}
	}
	return s.engine.Add(&journalTable, legs), nil
}

// Book adds to the journal what belongs to no change of a payment.
func (s *Store) Book(ctx context.Context, b ...hub.Booking) error {
	c := &change{store: s}
	err := s.repeat(func() error {
		return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock(""))}, func(Run) ([]Statement, error) {
			return s.journal(b, micros(c.now), 0)
		})
	})
	return s.fault(err)
}

// Balances gives debits less credits of every account.
func (s *Store) Balances(ctx context.Context) (map[string]int64, error) {
	balances := map[string]int64{}
	err := s.still(ctx, func(db asker) error {
		return s.each(ctx, db, func(row Scanner) error {
			var account string
			var balance int64
			err := row.Scan(&account, &balance)
			balances[account] = balance
			return err
		}, `SELECT account, CAST(sum(debit) - sum(credit) AS BIGINT) FROM journal GROUP BY account`)
	})
	return balances, err
}

// JournalOff adds all of the journal up, in the database.
func (s *Store) JournalOff(ctx context.Context) (off int64, err error) {
	err = s.still(ctx, func(db asker) error {
		return s.each(ctx, db, func(row Scanner) error { return row.Scan(&off) },
			`SELECT CAST(coalesce(sum(debit - credit), 0) AS BIGINT) FROM journal`)
	})
	return off, err
}

// Bookings gives the journal of one payment.
func (s *Store) Bookings(ctx context.Context, id hub.PaymentID) ([]hub.Booking, error) {
	return s.bookings(ctx, s.read, id)
}

func (s *Store) bookings(ctx context.Context, db asker, id hub.PaymentID) (found []hub.Booking, err error) {
	err = s.each(ctx, db, func(row Scanner) error {
		var b hub.Booking
		var leg hub.Leg
		if err := row.Scan(&b.ID, &b.Kind, &b.Payment, &leg.Account, &leg.Debit, &leg.Credit); err != nil {
			return err
		}
		if n := len(found); n == 0 || found[n-1].ID != b.ID {
			found = append(found, b)
		}
		last := &found[len(found)-1]
		last.Legs = append(last.Legs, leg)
		return nil
	}, `
SELECT tx, kind, payment, account, debit, credit FROM journal WHERE payment = $1
ORDER BY CASE WHEN version = 0 THEN 1 ELSE 0 END, version, at, place, tx, leg`, string(id))
	return found, err
}
