package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"racord/hub"
)

const (
	letterAdd = `
INSERT INTO connector_letters (creditor, notice, channel, at, due_at, turn, tries, delivered_at, code, detail)
VALUES ($1, $2, $3, $4, $4, 0, 0, 0, '', '')`
	lettersDue = `
SELECT l.creditor, l.notice, l.channel, l.at, l.tries, l.turn, r.record FROM connector_letters l
JOIN connector_records r ON r.creditor = l.creditor AND r.version = 0 AND r.kind = 'notice' AND r.no = l.notice
WHERE l.due_at IS NOT NULL AND l.due_at <= $1 ORDER BY l.due_at, l.creditor, l.notice, l.channel LIMIT $2`
	letterLease = `
UPDATE connector_letters SET turn = turn + 1, due_at = $4 WHERE creditor = $1 AND notice = $2 AND channel = $3`
	letterSettle = `
UPDATE connector_letters SET tries = tries + 1, due_at = $5, delivered_at = $6, code = $7, detail = $8, given_up_at = $9
WHERE creditor = $1 AND notice = $2 AND channel = $3 AND turn = $4 AND due_at IS NOT NULL`
)

// lettersLock keeps replicas from taking the same letters.
const lettersLock = "connector letters"

// post puts a new notice on its ways. A notice to several contacts goes to the
// creditor's endpoint once.
func (w *registrationWriter) post(no int) error {
	n := &w.after.Notices[no-1]
	channels := []hub.Channel{hub.ChannelMail, hub.ChannelWebhook}
	if no > 1 {
		before := w.after.Notices[no-2]
		if before.At.Equal(n.At) && before.Version == n.Version && before.Kind == n.Kind {
			channels = channels[:1]
		}
	}
	n.Letters = nil
	for _, channel := range channels {
		if _, err := w.tx.ExecContext(w.ctx, letterAdd, string(w.after.Creditor), no, string(channel), micros(w.now)); err != nil {
			return err
		}
		n.Letters = append(n.Letters, hub.LetterState{Channel: channel})
	}
	return nil
}

// letters reads how far the notices of a registration have come.
func (s *Store) letters(ctx context.Context, db asker, r *hub.Registration) error {
	return s.each(ctx, db, func(row Scanner) error {
		var no int
		var l hub.LetterState
		var delivered int64
		if err := row.Scan(&no, &l.Channel, &l.Tries, &delivered, &l.Settled, &l.Code, &l.Detail); err != nil {
			return err
		}
		l.DeliveredAt = moment(delivered)
		if no >= 1 && no <= len(r.Notices) {
			r.Notices[no-1].Letters = append(r.Notices[no-1].Letters, l)
		}
		return nil
	}, `SELECT notice, channel, tries, delivered_at, due_at IS NULL, code, detail FROM connector_letters WHERE creditor = $1 ORDER BY notice, channel`,
		string(r.Creditor))
}

// LeaseLetters takes due letters for a while.
func (s *Store) LeaseLetters(ctx context.Context, most int, ttl time.Duration) (list []hub.Letter, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, lettersLock)
		if err != nil {
			return err
		}
		if list, err = s.lettersDue(ctx, tx, now, most); err != nil {
			return err
		}
		for i := range list {
			l := &list[i]
			l.Turn++
			if _, err := tx.ExecContext(ctx, letterLease, string(l.Creditor), l.No, string(l.Channel), micros(now.Add(ttl))); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func (s *Store) lettersDue(ctx context.Context, tx *sql.Tx, now time.Time, most int) (list []hub.Letter, err error) {
	err = s.each(ctx, tx, func(row Scanner) error {
		var l hub.Letter
		var at int64
		var sealed []byte
		if err := row.Scan(&l.Creditor, &l.No, &l.Channel, &at, &l.Tries, &l.Turn, &sealed); err != nil {
			return err
		}
		l.At = moment(at)
		err := s.openJSON(recordPlace(l.Creditor, record{0, recordNotice, l.No}), sealed, &l.Notice)
		list = append(list, l)
		return err
	}, lettersDue, micros(now), most)
	return list, err
}

// SettleLetter notes how an attempt went.
func (s *Store) SettleLetter(ctx context.Context, l hub.Letter, t hub.LetterTry) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, lettersLock)
		if err != nil {
			return err
		}
		due, delivered, givenUp := sql.NullInt64{}, int64(0), int64(0)
		switch {
		case t.Code == "":
			delivered = micros(now)
		case t.Again != nil:
			due = sql.NullInt64{Int64: micros(now.Add(*t.Again)), Valid: true}
		case t.GivenUp:
			givenUp = micros(now)
		}
		result, err := tx.ExecContext(ctx, letterSettle, string(l.Creditor), l.No, string(l.Channel), l.Turn, due, delivered, string(t.Code), t.Detail, givenUp)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return hub.Errorf(hub.CodeConflict, "Somebody else has taken this letter over.")
	})
}

// Undelivered counts the letters that are still to be delivered.
func (s *Store) Undelivered(ctx context.Context) (count int, oldest time.Time, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var at int64
		err := row.Scan(&count, &at)
		oldest = moment(at)
		return err
	}, `SELECT count(*), coalesce(min(CASE WHEN at = 0 THEN 1 ELSE at END), 0) FROM connector_letters WHERE due_at IS NOT NULL`)
	return count, oldest, err
}

// GivenUpLetters counts the letters that were given up since a moment.
func (s *Store) GivenUpLetters(ctx context.Context, since time.Time) (count int, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&count) },
		`SELECT count(*) FROM connector_letters WHERE given_up_at > 0 AND given_up_at >= $1`, micros(since))
	return count, err
}
