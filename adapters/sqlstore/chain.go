package sqlstore

import (
	"context"
	"time"

	"racord/hub"
)

// What is asked of the chain. A booking's first leg stands for it. Whether one has
// a place is asked so that no plan can make a join of it, which would read the
// whole chain whenever it is to be extended.
const (
	chainEndQuery     = `SELECT no, tx, hash FROM chain ORDER BY no DESC LIMIT 1`
	chainReachedQuery = `
SELECT coalesce((SELECT at FROM journal j WHERE j.tx = chain.tx AND j.leg = 1), 0) FROM chain ORDER BY no DESC LIMIT 1`
	lastCheckpointQuery = `SELECT no, hash, at, signer, signature FROM checkpoints ORDER BY no DESC LIMIT 1`
	checkpointsQuery    = `SELECT no, hash, at, signer, signature FROM checkpoints ORDER BY no`
	oldestLooseQuery    = `
SELECT at FROM journal WHERE leg = 1 AND at >= $1 AND (SELECT no FROM chain WHERE chain.tx = journal.tx) IS NULL ORDER BY at LIMIT 1`
	looseQuery = `
SELECT j.tx, j.kind, j.payment, j.at, j.version, j.place, j.account, j.debit, j.credit
FROM (
	SELECT tx, at FROM journal
	WHERE leg = 1 AND at >= $1 AND (SELECT no FROM chain WHERE chain.tx = journal.tx) IS NULL
	ORDER BY at, tx LIMIT $2) AS loose
JOIN journal j ON j.tx = loose.tx ORDER BY loose.at, j.tx, j.leg`
	chainedQuery = `
SELECT c.no, c.hash, c.tx, coalesce(j.kind, ''), coalesce(j.payment, ''), coalesce(j.at, 0), coalesce(j.version, 0), coalesce(j.place, 0),
	coalesce(j.account, ''), coalesce(j.debit, 0), coalesce(j.credit, 0)
FROM chain c LEFT JOIN journal j ON j.tx = c.tx WHERE c.no > $1 AND c.no <= $2 ORDER BY c.no, j.leg`
	unchainedQuery = `
SELECT tx, min(at) FROM journal WHERE NOT EXISTS (SELECT 1 FROM chain WHERE chain.tx = journal.tx) GROUP BY tx ORDER BY min(at), tx`
)

var (
	chainTable       = table("chain", "no bigint, tx text, hash bytea", "")
	checkpointsTable = table("checkpoints", "no bigint, hash bytea, at bigint, signer text, signature bytea", "")
)

// Extend adds places to the chain. It looks for the oldest booking without one
// before it has others wait: where that is a day's bookings, nobody waits for it.
func (s *Store) Extend(ctx context.Context, back time.Duration, most int, link func(hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint)) error {
	from, err := s.looseFrom(ctx, back)
	if err != nil {
		return err
	}
	c := &change{store: s}
	return s.fault(s.repeat(func() error {
		return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock("chain"))}, func(run Run) ([]Statement, error) {
			end, err := s.chainEnd(ctx, run, from, most)
			if err != nil {
				return nil, err
			}
			end.Now = c.now
			places, signed := link(end)
			return s.extension(places, signed), nil
		})
	}))
}

// looseFrom is the moment in microseconds from which on there are bookings without
// a place, as far as they are looked for.
func (s *Store) looseFrom(ctx context.Context, back time.Duration) (from int64, err error) {
	err = s.still(ctx, func(db asker) error {
		if from, err = s.chainReached(ctx, db); err != nil {
			return err
		}
		return s.each(ctx, db, func(row Scanner) error {
			oldest := int64(0)
			err := row.Scan(&oldest)
			from = min(from, oldest)
			return err
		}, oldestLooseQuery, from-back.Microseconds())
	})
	return from, err
}

// chainReached is the moment in microseconds that the last place is of, or now when
// the clock was ahead that wrote its booking.
func (s *Store) chainReached(ctx context.Context, db asker) (at int64, err error) {
	err = s.each(ctx, db, func(row Scanner) error { return row.Scan(&at) }, chainReachedQuery)
	if err != nil {
		return 0, err
	}
	return at, s.each(ctx, db, func(row Scanner) error {
		now := int64(0)
		err := row.Scan(&now)
		at = min(at, now)
		return err
	}, `SELECT `+s.engine.Words().Now)
}

// chainEnd reads where the chain goes on.
func (s *Store) chainEnd(ctx context.Context, run Run, from int64, most int) (end hub.ChainEnd, err error) {
	err = run(ctx,
		Statement{SQL: chainEndQuery, Scan: func(row Scanner) error {
			var hash []byte
			err := row.Scan(&end.Last.No, &end.Last.Booking, &hash)
			end.Last.Hash = hashOf(hash)
			return err
		}},
		Statement{SQL: lastCheckpointQuery, Scan: func(row Scanner) (err error) {
			end.Signed, err = scanCheckpoint(row)
			return err
		}})
	if err != nil {
		return end, err
	}
	return end, run(ctx, Statement{SQL: looseQuery, Args: []any{from, int64(most)}, Scan: func(row Scanner) error {
		var r hub.Recorded
		var leg hub.Leg
		var at int64
		err := row.Scan(&r.ID, &r.Kind, &r.Payment, &at, &r.Version, &r.Place, &leg.Account, &leg.Debit, &leg.Credit)
		r.At = moment(at)
		if n := len(end.Loose); n == 0 || end.Loose[n-1].ID != r.ID {
			end.Loose = append(end.Loose, r)
		}
		last := &end.Loose[len(end.Loose)-1]
		last.Legs = append(last.Legs, leg)
		return err
	}})
}

func (s *Store) extension(places []hub.Chained, signed *hub.Checkpoint) []Statement {
	rows := make([][]any, len(places))
	for i, p := range places {
		rows[i] = []any{p.No, p.Booking, p.Hash[:]}
	}
	batch := s.engine.Add(&chainTable, rows)
	if signed != nil {
		batch = append(batch, s.engine.Add(&checkpointsTable, [][]any{{signed.No, signed.Hash[:], micros(signed.At), signed.Key, signed.Signature}})...)
	}
	return batch
}

// hashOf reads a hash; one of another length is not one that the hub wrote.
func hashOf(b []byte) (h hub.ChainHash) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}

func scanCheckpoint(row Scanner) (c hub.Checkpoint, err error) {
	var hash []byte
	var at int64
	err = row.Scan(&c.No, &hash, &at, &c.Key, &c.Signature)
	c.Hash, c.At = hashOf(hash), moment(at)
	return c, err
}

// Checkpoints gives all places that were signed.
func (s *Store) Checkpoints(ctx context.Context) (all []hub.Checkpoint, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		c, err := scanCheckpoint(row)
		all = append(all, c)
		return err
	}, checkpointsQuery)
	return all, err
}

// chainPage is how many places are read at once.
const chainPage = 2000

// EachChained gives the chain, so many places at a time, so that a long one holds
// no transaction open.
func (s *Store) EachChained(ctx context.Context, after int64, each func(hub.Chained, *hub.Recorded) error) error {
	last := int64(0)
	err := s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&last) }, `SELECT coalesce(max(no), 0) FROM chain`)
	for ; err == nil && after < last; after += chainPage {
		err = s.chained(ctx, after, each)
	}
	return err
}

// chained gives one page of the chain.
func (s *Store) chained(ctx context.Context, after int64, each func(hub.Chained, *hub.Recorded) error) error {
	var place hub.Chained
	var booking whole
	give := func() error {
		if place.No == 0 {
			return nil
		}
		return each(place, booking.get())
	}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var next hub.Chained
		var hash []byte
		var r hub.Recorded
		var leg hub.Leg
		var at int64
		if err := row.Scan(&next.No, &hash, &r.ID, &r.Kind, &r.Payment, &at, &r.Version, &r.Place, &leg.Account, &leg.Debit, &leg.Credit); err != nil {
			return err
		}
		next.Booking, next.Hash, r.At = r.ID, hashOf(hash), moment(at)
		if next.No != place.No {
			if err := give(); err != nil {
				return err
			}
			place, booking = next, whole{Recorded: r}
		}
		booking.add(r, leg)
		return nil
	}, chainedQuery, after, after+chainPage)
	if err != nil {
		return err
	}
	return give()
}

// whole is a booking that is read leg by leg. Each leg repeats what the booking is.
type whole struct {
	hub.Recorded
	torn bool
}

// add adds a leg, or finds that it is not of the same booking.
func (w *whole) add(of hub.Recorded, leg hub.Leg) {
	if of.Kind != w.Kind || of.Payment != w.Payment || !of.At.Equal(w.At) || of.Version != w.Version || of.Place != w.Place {
		w.torn = true
	}
	w.Legs = append(w.Legs, leg)
}

// get gives the booking, or nil when it is not there, or not as one.
func (w *whole) get() *hub.Recorded {
	if w.torn || w.Legs[0].Account == "" {
		return nil
	}
	return &w.Recorded
}

// mostLeft is how many bookings without a place are named.
const mostLeft = 100

// Unchained looks for bookings without a place in the whole journal.
func (s *Store) Unchained(ctx context.Context, back time.Duration) (waiting int, left []string, err error) {
	err = s.still(ctx, func(db asker) error {
		reached, err := s.chainReached(ctx, db)
		if err != nil {
			return err
		}
		return s.each(ctx, db, func(row Scanner) error {
			var booking string
			var at int64
			err := row.Scan(&booking, &at)
			if waiting++; at < reached-back.Microseconds() && len(left) < mostLeft {
				left = append(left, booking)
			}
			return err
		}, unchainedQuery)
	})
	return waiting, left, err
}
