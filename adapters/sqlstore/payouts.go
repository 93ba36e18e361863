package sqlstore

import (
	"context"
	"unicode/utf8"

	"racord/hub"
)

const (
	settledQuery = `
INSERT INTO payouts (account, ref, psp, merchant, day, settled, gross, fee, net, banked, booked, banked_on)
VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7, $8, FALSE, 0, '')
ON CONFLICT (account, ref) DO UPDATE SET psp = excluded.psp, merchant = excluded.merchant, day = excluded.day, settled = TRUE,
	gross = excluded.gross, fee = excluded.fee, net = excluded.net`
	bankedQuery = `
INSERT INTO payouts (account, ref, psp, merchant, day, settled, gross, fee, net, banked, booked, banked_on)
VALUES ($1, $2, '', '', $4, FALSE, 0, 0, 0, TRUE, $3, $4)
ON CONFLICT (account, ref) DO UPDATE SET banked = TRUE, booked = excluded.booked, banked_on = excluded.banked_on`
)

// SettledPayout stores what a provider said it paid out.
func (s *Store) SettledPayout(ctx context.Context, p hub.Payout, b ...hub.Booking) error {
	return s.withBookings(ctx, b, Statement{SQL: settledQuery, Args: []any{
		text(p.Account), text(p.Ref), p.PSP, p.Merchant, string(p.Day), p.Gross, p.Fee, p.Net,
	}})
}

// BankedPayout stores what the bank booked.
func (s *Store) BankedPayout(ctx context.Context, p hub.Payout, b ...hub.Booking) error {
	return s.withBookings(ctx, b, Statement{SQL: bankedQuery, Args: []any{text(p.Account), text(p.Ref), p.Booked, string(p.BankedOn)}})
}

// withBookings runs a statement and adds to the journal, together.
func (s *Store) withBookings(ctx context.Context, b []hub.Booking, statement Statement) error {
	c := &change{store: s}
	return s.fault(s.repeat(func() error {
		return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock(""))}, func(Run) ([]Statement, error) {
			legs, err := s.journal(b, micros(c.now), 0)
			return append([]Statement{statement}, legs...), err
		})
	}))
}

const settledNamesQuery = `
SELECT DISTINCT tx, payment FROM journal
WHERE kind = 'settled' AND tx{by bytes} >= $1 AND tx{by bytes} < $2`

// SettledNames gives what was booked of settlements, by name.
func (s *Store) SettledNames(ctx context.Context, prefix string) (map[string]hub.PaymentID, error) {
	names := map[string]hub.PaymentID{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var name string
		var payment hub.PaymentID
		err := row.Scan(&name, &payment)
		names[name] = payment
		return err
	}, s.texts.settledNames, prefix, prefix+string(utf8.MaxRune))
	return names, err
}

const payoutsQuery = `
SELECT account, ref, psp, merchant, day, settled, gross, fee, net, banked, booked, banked_on FROM payouts
WHERE day >= $1 OR NOT (settled AND banked AND net = booked) ORDER BY day, account, ref`

// PayoutsSince lists payouts, and older ones about which the sides do not agree.
func (s *Store) PayoutsSince(ctx context.Context, day hub.Date) (all []hub.Payout, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var p hub.Payout
		err := row.Scan(&p.Account, &p.Ref, &p.PSP, &p.Merchant, &p.Day, &p.Settled, &p.Gross, &p.Fee, &p.Net, &p.Banked, &p.Booked, &p.BankedOn)
		all = append(all, p)
		return err
	}, payoutsQuery, string(day))
	return all, err
}
