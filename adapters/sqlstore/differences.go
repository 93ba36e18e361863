package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"racord/hub"
)

// differencesTable keeps since when a difference is open: one that was explained
// and is back begins anew.
var differencesTable = table("differences", "job text, scope text, kind text, name text, amount bigint, detail text, since bigint, explained bigint", `
ON CONFLICT (job, scope, kind, name) DO UPDATE SET amount = excluded.amount, detail = excluded.detail, explained = 0,
	since = CASE WHEN differences.explained = 0 THEN differences.since ELSE excluded.since END`)

const explainQuery = `UPDATE differences SET explained = $3 WHERE job = $1 AND scope = $2 AND explained = 0`

// Compared stores what a comparison found: all that was open is explained, and
// what was found now is open. Comparisons of one scope wait for each other.
func (s *Store) Compared(ctx context.Context, job hub.Job, scope string, found []hub.Difference) error {
	c := &change{store: s}
	return s.fault(s.repeat(func() error {
		first := []Statement{c.at(s.engine.Clock("compare " + string(job) + " " + scope))}
		return s.engine.Within(ctx, first, func(run Run) ([]Statement, error) {
			open, err := s.openSince(ctx, run, job, scope)
			if err != nil {
				return nil, err
			}
			last := []Statement{{SQL: explainQuery, Args: []any{string(job), scope, micros(c.now)}}}
			return append(last, s.engine.Add(&differencesTable, differenceRows(job, scope, found, open, micros(c.now)))...), nil
		})
	}))
}

// named is what tells differences of one scope apart.
type named struct{ kind, name string }

// openSince reads since when the scope's differences are open.
func (s *Store) openSince(ctx context.Context, run Run, job hub.Job, scope string) (map[named]int64, error) {
	open := map[named]int64{}
	err := run(ctx, Statement{
		SQL:  `SELECT kind, name, since FROM differences WHERE job = $1 AND scope = $2 AND explained = 0`,
		Args: []any{string(job), scope},
		Scan: func(row Scanner) error {
			var of named
			var since int64
			err := row.Scan(&of.kind, &of.name, &since)
			open[of] = since
			return err
		},
	})
	return open, err
}

func differenceRows(job hub.Job, scope string, found []hub.Difference, open map[named]int64, now int64) [][]any {
	rows, seen := [][]any{}, map[named]bool{}
	sorted := slices.SortedStableFunc(slices.Values(found), func(a, b hub.Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for _, d := range sorted {
		of := named{text(d.Kind), text(d.Name)}
		if seen[of] {
			continue
		}
		seen[of] = true
		since := cmp.Or(open[of], now)
		rows = append(rows, []any{string(job), scope, of.kind, of.name, d.Amount, text(d.Detail[:min(len(d.Detail), detailBytes)]), since, int64(0)})
	}
	return rows
}

const differencesQuery = `
SELECT job, scope, kind, name, amount, detail, since, explained FROM differences
WHERE ($1 = '' OR job = $1) AND ($2 = 1 OR explained = 0) ORDER BY since, job, scope, kind, name LIMIT $3`

// Differences lists what was found.
func (s *Store) Differences(ctx context.Context, q hub.DifferenceQuery) (found []hub.Difference, err error) {
	explained, most := 0, q.Most
	if q.Explained {
		explained = 1
	}
	if most <= 0 {
		most = math.MaxInt32
	}
	err = s.each(ctx, s.read, func(row Scanner) error {
		var d hub.Difference
		var since, explained int64
		err := row.Scan(&d.Job, &d.Scope, &d.Kind, &d.Name, &d.Amount, &d.Detail, &since, &explained)
		d.Since, d.Explained = moment(since), moment(explained)
		found = append(found, d)
		return err
	}, differencesQuery, string(q.Job), explained, most)
	return found, err
}

const differenceSumsQuery = `
SELECT job, CASE WHEN explained = 0 THEN 0 ELSE 1 END, count(*), CAST(sum(abs(amount)) AS BIGINT), min(since) FROM differences
WHERE explained = 0 OR explained > {now} - 86400000000 GROUP BY 1, 2`

// DifferenceSums adds up what was found.
func (s *Store) DifferenceSums(ctx context.Context) (open, explained map[hub.Job]hub.Standing, err error) {
	open, explained = map[hub.Job]hub.Standing{}, map[hub.Job]hub.Standing{}
	err = s.each(ctx, s.read, func(row Scanner) error {
		var job hub.Job
		var sum hub.Standing
		var over, since int64
		err := row.Scan(&job, &over, &sum.Count, &sum.Amount, &since)
		sum.Since = moment(since)
		if over == 0 {
			open[job] = sum
		} else {
			explained[job] = sum
		}
		return err
	}, s.texts.differenceSums)
	return open, explained, err
}

const residuesQuery = `
SELECT account, payment, CAST(sum(debit) - sum(credit) AS BIGINT), max(at) FROM journal
WHERE substr(account, 1, $2) = $1 GROUP BY account, payment
HAVING sum(debit) <> sum(credit) AND max(at) < $3 ORDER BY max(at), account, payment`

// Residues gives what bookings have left on accounts.
func (s *Store) Residues(ctx context.Context, prefix string, before time.Time, each func(hub.Residue) error) error {
	return s.still(ctx, func(db asker) error {
		return s.each(ctx, db, func(row Scanner) error {
			var r hub.Residue
			var at int64
			if err := row.Scan(&r.Account, &r.Payment, &r.Balance, &at); err != nil {
				return err
			}
			r.Since = moment(at)
			return each(r)
		}, residuesQuery, prefix, len(prefix), micros(before))
	})
}
