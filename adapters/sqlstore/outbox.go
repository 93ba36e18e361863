package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"racord/hub"
)

// told gives the statements that put events into the outbox: for the portal, and
// for the creditor that is named.
func (c *change) told(p *hub.Payment) []Statement {
	var list [][]any
	add := func(e *hub.Event, to hub.Receiver) {
		at := micros(c.now)
		list = append(list, []any{string(p.ID), int64(e.Seq), string(to), e.Type, int64(e.Line), string(e.Creditor), at, at, int64(0), int64(0), int64(0)})
	}
	for i := range c.events {
		e := &c.events[i]
		add(e, hub.PortalReceiver(p.Portal))
		if e.Creditor != "" {
			add(e, hub.CreditorReceiver(e.Creditor))
		}
	}
	return c.store.engine.Add(&eventsTable, list)
}

const (
	noticesQuery = `
UPDATE events SET turn = turn + 1, due_at = {now} + $2
WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events WHERE due_at IS NOT NULL AND due_at <= {now} AND {whose}
	ORDER BY due_at, payment, seq LIMIT $1{skip locked})
RETURNING payment, seq, receiver, type, line, creditor, at, turn, tries - replayed_after`
	nextNoticeQuery = `SELECT {now}, due_at FROM events WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1`
)

// LeaseNotices takes due notices for a while.
func (s *Store) LeaseNotices(ctx context.Context, q hub.NoticeQuery) (notices []hub.Notice, err error) {
	query := s.texts.notices
	if q.Receiver != "" {
		query = s.texts.noticesTo
	}
	ask := Statement{SQL: query, Args: []any{q.Most, q.TTL.Microseconds(), string(q.Receiver)}}
	ask.Scan = func(row Scanner) error {
		var n hub.Notice
		var at int64
		err := row.Scan(&n.Payment, &n.Seq, &n.Receiver, &n.Type, &n.Line, &n.Creditor, &at, &n.Turn, &n.Tries)
		n.At = moment(at)
		notices = append(notices, n)
		return err
	}
	err = s.repeat(func() error {
		notices = nil
		return s.engine.Ask(ctx, ask)
	})
	if err != nil {
		return nil, s.fault(err)
	}
	return notices, nil
}

// NextNotice tells in how long the next notice is due.
func (s *Store) NextNotice(ctx context.Context) (time.Duration, error) {
	var now, due int64
	found := false
	err := s.each(ctx, s.read, func(row Scanner) error {
		found = true
		return row.Scan(&now, &due)
	}, s.texts.nextNotice)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, hub.Errorf(hub.CodeNotFound, "Nothing is waiting.")
	}
	return time.Duration(max(0, due-now)) * time.Microsecond, nil
}

const settleQuery = `
UPDATE events SET tries = tries + 1, due_at = CAST($5 AS BIGINT), settled_at = CASE WHEN CAST($5 AS BIGINT) IS NULL THEN CAST($6 AS BIGINT) ELSE 0 END,
	given_up_at = CAST($7 AS BIGINT)
WHERE payment = $1 AND seq = $2 AND receiver = $3 AND turn = $4 AND due_at IS NOT NULL RETURNING tries`

// Settle notes how an attempt went.
func (s *Store) Settle(ctx context.Context, n hub.Notice, t hub.Try, again *time.Duration) error {
	return s.fault(s.repeat(func() error { return s.settle(ctx, n, t, again) }))
}

func (s *Store) settle(ctx context.Context, n hub.Notice, t hub.Try, again *time.Duration) error {
	c, tries := &change{store: s}, int64(0)
	return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock(""))}, func(run Run) ([]Statement, error) {
		due, givenUp := sql.NullInt64{}, int64(0)
		if t.GivenUp {
			givenUp = micros(c.now)
		}
		if again != nil {
			due = sql.NullInt64{Int64: micros(c.now.Add(*again)), Valid: true}
		}
		err := run(ctx, Statement{
			SQL:  settleQuery,
			Args: []any{string(n.Payment), n.Seq, string(n.Receiver), n.Turn, due, micros(c.now), givenUp},
			Scan: func(row Scanner) error { return row.Scan(&tries) },
		})
		if err != nil {
			return nil, err
		}
		if tries == 0 {
			return nil, hub.Errorf(hub.CodeConflict, "Somebody else has taken this notice over.")
		}
		return s.engine.Add(&triesTable, [][]any{{string(n.Payment), int64(n.Seq), string(n.Receiver), tries, micros(c.now),
			t.Took.Microseconds(), int64(t.Status), string(t.Code)}}), nil
	})
}

const replayQuery = `
UPDATE events SET due_at = {now}, settled_at = 0, given_up_at = 0, replayed_after = tries
WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events WHERE receiver = $1 AND at >= $2 AND at < $3 AND due_at IS NULL ORDER BY at LIMIT $4)
RETURNING at`

// Replay makes notices due again, the oldest first. What is told while it goes on
// is behind it, and not replayed once more.
func (s *Store) Replay(ctx context.Context, to hub.Receiver, from, until time.Time) (n int, err error) {
	for since := micros(from); ; {
		done, latest, err := s.replaySome(ctx, to, since, micros(until))
		n += done
		if err != nil || done < broom {
			return n, err
		}
		since = latest
	}
}

// replaySome gives how many it replayed, and when the latest of them happened.
func (s *Store) replaySome(ctx context.Context, to hub.Receiver, since, until int64) (done int, latest int64, err error) {
	ask := Statement{SQL: s.texts.replay, Args: []any{string(to), since, until, broom}}
	ask.Scan = func(row Scanner) error {
		var at int64
		err := row.Scan(&at)
		done, latest = done+1, max(latest, at)
		return err
	}
	err = s.repeat(func() error {
		done, latest = 0, 0
		return s.engine.Ask(ctx, ask)
	})
	return done, latest, s.fault(err)
}

// Tries lists the attempts to tell a receiver, newest first.
func (s *Store) Tries(ctx context.Context, to hub.Receiver, most int) (found []hub.Try, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		t := hub.Try{Receiver: to}
		var at, took int64
		err := row.Scan(&t.Payment, &t.Seq, &t.No, &at, &took, &t.Status, &t.Code)
		t.At, t.Took = moment(at), time.Duration(took)*time.Microsecond
		found = append(found, t)
		return err
	}, `SELECT payment, seq, no, at, took, status, code FROM event_tries WHERE receiver = $1 ORDER BY at DESC, payment, seq, no DESC LIMIT $2`,
		string(to), most)
	return found, err
}

// Waiting counts the notices that are still to be told.
func (s *Store) Waiting(ctx context.Context) (map[hub.Receiver]int, error) {
	return s.byReceiver(ctx, `SELECT receiver, count(*) FROM events WHERE due_at IS NOT NULL GROUP BY receiver`)
}

// GivenUp counts the notices that were given up since a moment.
func (s *Store) GivenUp(ctx context.Context, since time.Time) (map[hub.Receiver]int, error) {
	return s.byReceiver(ctx, `SELECT receiver, count(*) FROM events WHERE given_up_at > 0 AND given_up_at >= $1 GROUP BY receiver`, micros(since))
}

// byReceiver counts notices.
func (s *Store) byReceiver(ctx context.Context, query string, args ...any) (map[hub.Receiver]int, error) {
	counts := map[hub.Receiver]int{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var to string
		var n int
		err := row.Scan(&to, &n)
		counts[hub.Receiver(to)] = n
		return err
	}, query, args...)
	return counts, err
}

const unheardQuery = `
UPDATE events SET due_at = NULL, settled_at = {now} WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events WHERE receiver = $1 AND at < $2 AND due_at IS NOT NULL AND due_at <= {now} LIMIT $3{skip locked})`

// Unheard settles what is due for a receiver that listens nowhere.
func (s *Store) Unheard(ctx context.Context, to hub.Receiver, before time.Time) error {
	return s.bySome(ctx, s.texts.unheard, string(to), micros(before))
}

const (
	forgetTriesQuery = `
DELETE FROM event_tries WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events WHERE due_at IS NULL AND tries > 0 AND settled_at < $1 ORDER BY settled_at LIMIT $2)`
	forgetToldQuery = `
DELETE FROM events WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events e WHERE due_at IS NULL AND tries > 0 AND settled_at < $1 AND NOT EXISTS (
		SELECT 1 FROM event_tries t WHERE t.payment = e.payment AND t.seq = e.seq AND t.receiver = e.receiver)
	ORDER BY settled_at LIMIT $2)`
	forgetUnheardQuery = `
DELETE FROM events WHERE (payment, seq, receiver) IN (
	SELECT payment, seq, receiver FROM events WHERE due_at IS NULL AND settled_at < $1 AND tries = 0 LIMIT $2)`
)

// Forget drops settled notices and their attempts.
func (s *Store) Forget(ctx context.Context, told, unheard time.Time) error {
	if err := s.forgetTold(ctx, micros(told)); err != nil {
		return err
	}
	return s.bySome(ctx, forgetUnheardQuery, micros(unheard))
}

// forgetTold drops the attempts at some notices and then these, so that no attempt
// is left of a notice that is gone.
func (s *Store) forgetTold(ctx context.Context, before int64) error {
	for {
		if _, err := s.exec(ctx, forgetTriesQuery, before, broom); err != nil {
			return err
		}
		gone, err := s.exec(ctx, forgetToldQuery, before, broom)
		if err != nil || gone < broom {
			return err
		}
	}
}

// bySome runs a statement whose last argument bounds what it does, until it does
// less: others get their turn meanwhile.
func (s *Store) bySome(ctx context.Context, query string, args ...any) error {
	for {
		done, err := s.exec(ctx, query, append(args, broom)...)
		if err != nil || done < broom {
			return err
		}
	}
}
