package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"racord/hub"
)

// A piece of work that somebody else has under a lease is due when that ends;
// who wants it meanwhile leaves a nudge. A nudge stays until the next lease, so
// that nothing told during one is forgotten.
var (
	ownWork   = table("works", workColumns, workConflict+`due_at = `+soonest+`, leased_until = 0, creditor = excluded.creditor, changed_at = excluded.changed_at`)
	otherWork = table("works", workColumns, workConflict+`
	due_at = CASE WHEN works.leased_until > excluded.changed_at THEN works.due_at ELSE `+soonest+` END,
	nudged_at = CASE WHEN works.leased_until > excluded.changed_at THEN `+soonest+` ELSE works.nudged_at END,
	creditor = excluded.creditor, changed_at = excluded.changed_at`)
)

const (
	workColumns  = "payment text, kind text, no bigint, creditor text, due_at bigint, changed_at bigint, turn bigint, leased_until bigint"
	workConflict = `ON CONFLICT (payment, kind, no) DO UPDATE SET `
	soonest      = `CASE WHEN works.nudged_at < excluded.due_at THEN works.nudged_at ELSE excluded.due_at END`

	doneQuery = `UPDATE works SET due_at = nudged_at, leased_until = 0, changed_at = $4 WHERE payment = $1 AND kind = $2 AND no = $3`
)

// plan gives the statements for work that was scheduled or is done.
func (c *change) plan() (batch []Statement) {
	slices.SortFunc(c.works, func(a, b task) int {
		return cmp.Or(cmp.Compare(a.Payment, b.Payment), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.No, b.No))
	})
	var own, other [][]any
	for _, t := range c.works {
		switch {
		case t.done:
			batch = append(batch, Statement{SQL: doneQuery, Args: []any{string(t.Payment), string(t.Kind), t.No, micros(c.now)}})
		case c.lease != nil && same(c.lease.Work, t.Work):
			own = append(own, c.workRow(t))
		default:
			other = append(other, c.workRow(t))
		}
	}
	batch = append(batch, c.store.engine.Add(&ownWork, own)...)
	return append(batch, c.store.engine.Add(&otherWork, other)...)
}

func (c *change) workRow(t task) []any {
	return []any{string(t.Payment), string(t.Kind), int64(t.No), string(t.Creditor), micros(t.due), micros(c.now), int64(0), int64(0)}
}

const (
	leaseQuery = `
UPDATE works SET turn = turn + 1, leased_until = {now} + $3, due_at = {now} + $3, nudged_at = NULL
WHERE (payment, kind, no) IN (
	SELECT payment, kind, no FROM works WHERE kind = $1 AND $4 = '' AND due_at IS NOT NULL AND due_at <= {now}
	ORDER BY due_at LIMIT $2{skip locked})
RETURNING payment, kind, no, creditor, turn, lot`

	// isToTell tells a line that is to be told from one that is looked for.
	isToTell = `EXISTS (SELECT 1 FROM lines l WHERE l.payment = works.payment AND l.no = works.no AND l.state = 'due')`

	// isInLot tells what is in a lot, or goes into none, from what is put into a new one.
	isInLot = `(lot <> '' OR NOT ` + isToTell + `)`

	dueLinesQuery = `SELECT payment, kind, no FROM works WHERE kind = $1 AND creditor = $4 AND creditor <> '' AND due_at IS NOT NULL AND due_at <= {now} AND `

	// What is looked for is only read where there is not enough to tell.
	leaseLinesQuery = `
WITH told AS (` + dueLinesQuery + isToTell + ` ORDER BY due_at LIMIT $2{skip locked}),
sought AS (` + dueLinesQuery + `NOT ` + isToTell + ` ORDER BY due_at LIMIT $2{skip locked})
UPDATE works SET turn = turn + 1, leased_until = {now} + $3, due_at = {now} + $3, nudged_at = NULL
WHERE (payment, kind, no) IN (SELECT payment, kind, no FROM told UNION ALL SELECT payment, kind, no FROM sought LIMIT $2)
RETURNING payment, kind, no, creditor, turn, lot`

	// What was never put into a lot is put into a new one. Only lines that are due
	// may be: of others nobody knows whether they were told, alone.
	formLotQuery = `
UPDATE works SET turn = turn + 1, leased_until = {now} + $3, due_at = {now} + $3, nudged_at = NULL, lot = $5
WHERE (payment, kind, no) IN (
	` + dueLinesQuery + isToTell + ` AND lot = ''
	ORDER BY due_at LIMIT $2{skip locked})
RETURNING payment, kind, no, creditor, turn, lot`

	// With the first of a lot comes what is due within five seconds: lines that were
	// told together are looked up together.
	leaseLotQuery = `
UPDATE works SET turn = turn + 1, leased_until = {now} + $3, due_at = {now} + $3, nudged_at = NULL
WHERE (payment, kind, no) IN (
	SELECT payment, kind, no FROM works WHERE kind = $1 AND creditor = $4 AND creditor <> '' AND due_at IS NOT NULL AND leased_until <= {now}
		AND due_at <= {now} + CASE WHEN lot = '' THEN 0 ELSE 5000000 END
		AND ` + isInLot + ` AND lot = (SELECT lot FROM works WHERE kind = $1 AND creditor = $4 AND due_at IS NOT NULL AND due_at <= {now} AND ` + isInLot + ` ORDER BY due_at LIMIT 1)
	ORDER BY due_at LIMIT $2{skip locked})
RETURNING payment, kind, no, creditor, turn, lot`
	lotQuery = `SELECT payment, kind, no, creditor FROM works WHERE lot = $1 AND lot <> '' ORDER BY payment, no`
)

// LeaseWork takes due work for a while.
func (s *Store) LeaseWork(ctx context.Context, q hub.WorkQuery) ([]hub.Lease, error) {
	switch {
	case q.Lots && q.Older:
		return s.leaseBy(ctx, s.texts.leaseLot, q)
	case q.Lots:
		leases, err := s.leaseBy(ctx, s.texts.formLot, q, hub.NewID())
		if err != nil || len(leases) > 0 {
			return leases, err
		}
		return s.leaseBy(ctx, s.texts.leaseLot, q)
	case q.Creditor != "":
		return s.leaseBy(ctx, s.texts.leaseLines, q)
	}
	return s.leaseBy(ctx, s.texts.leaseAny, q)
}

// leaseBy takes the work that a query says.
func (s *Store) leaseBy(ctx context.Context, query string, q hub.WorkQuery, more ...any) (leases []hub.Lease, err error) {
	ask := Statement{SQL: query, Args: append([]any{string(q.Kind), q.Most, q.TTL.Microseconds(), string(q.Creditor)}, more...)}
	ask.Scan = func(row Scanner) error {
		var l hub.Lease
		err := row.Scan(&l.Payment, &l.Kind, &l.No, &l.Creditor, &l.Turn, &l.Lot)
		leases = append(leases, l)
		return err
	}
	err = s.repeat(func() error {
		leases = nil
		return s.engine.Ask(ctx, ask)
	})
	if err != nil {
		return nil, s.fault(err)
	}
	return leases, nil
}

// Lot lists the lines that are in a lot.
func (s *Store) Lot(ctx context.Context, lot hub.LotID) (works []hub.Work, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var w hub.Work
		err := row.Scan(&w.Payment, &w.Kind, &w.No, &w.Creditor)
		works = append(works, w)
		return err
	}, lotQuery, string(lot))
	return works, err
}
