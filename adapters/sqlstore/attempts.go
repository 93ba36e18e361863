package sqlstore

import (
	"bytes"
	"context"

	"racord/hub"
)

// Both counts change in one statement, the party's always first: two tries that
// touch the same rows wait for each other and never lock each other out.
const (
	attemptQuery = `
INSERT INTO attempts (day, subject, tries) VALUES ($1, $2, 1), ($1, $3, 1)
ON CONFLICT (day, subject) DO UPDATE SET tries = attempts.tries + 1
RETURNING subject, tries`
	forgiveQuery = `
INSERT INTO attempts (day, subject, tries) VALUES ($1, $2, 0), ($1, $3, 0)
ON CONFLICT (day, subject) DO UPDATE SET tries = CASE WHEN attempts.tries > 0 THEN attempts.tries - 1 ELSE 0 END`
)

// daysKept is how long the counts of a day stay.
const daysKept = 7

// Attempt counts a try before it is made.
func (s *Store) Attempt(ctx context.Context, party hub.PartyID, account hub.AccountRef, day hub.Date) (byParty, byAccount int, err error) {
	who, what := s.attemptedBy(party), s.attempted(account)
	rows, err := s.write.QueryContext(ctx, attemptQuery, string(day), who, what)
	if err != nil {
		return 0, 0, fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var subject []byte
		var tries int
		if err := rows.Scan(&subject, &tries); err != nil {
			return 0, 0, fail(err)
		}
		if bytes.Equal(subject, who) {
			byParty = tries
		} else {
			byAccount = tries
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, fail(err)
	}
	_ = rows.Close() // SQLite's one writer is needed again
	if byParty == 1 {
		s.forgetAttempts(ctx, day)
	}
	return byParty, byAccount, nil
}

// Forgive takes a try back.
func (s *Store) Forgive(ctx context.Context, party hub.PartyID, account hub.AccountRef, day hub.Date) error {
	_, err := s.exec(ctx, forgiveQuery, string(day), s.attemptedBy(party), s.attempted(account))
	return err
}

// forgetAttempts drops the counts of days gone by. They harm nobody if that
// fails.
func (s *Store) forgetAttempts(ctx context.Context, day hub.Date) {
	oldest := hub.DateOf(day.Start().AddDate(0, 0, -daysKept))
	_, _ = s.exec(ctx, `DELETE FROM attempts WHERE day < $1`, string(oldest))
}

func (s *Store) attemptedBy(party hub.PartyID) []byte {
	mac := s.keys.MAC("attempts of party", string(party))
	return mac[:]
}

func (s *Store) attempted(account hub.AccountRef) []byte {
	mac := s.keys.MAC("attempts at account", string(account.Creditor), account.Code)
	return mac[:]
}
