package sqlstore

import (
	"context"
	"time"

	"racord/hub"
)

const (
	takeJobQuery = `
INSERT INTO jobs (job, holder, leased_until, due_at, succeeded_at, cursor, first_at) VALUES ($1, $2, {now} + $3, {now}, 0, '', {now})
ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE jobs.leased_until <= {now} AND (jobs.due_at <= {now} OR $4 = 1)
RETURNING first_at, due_at, succeeded_at, cursor`
	keepJobQuery = `UPDATE jobs SET leased_until = {now} + $3, cursor = $4 WHERE job = $1 AND holder = $2`
	endJobQuery  = `
UPDATE jobs SET holder = '', leased_until = 0, due_at = {now} + $3, cursor = $4,
	succeeded_at = CASE WHEN $5 = 1 THEN {now} ELSE succeeded_at END
WHERE job = $1 AND holder = $2`
)

// TakeJob gives a job to the caller for a while.
func (s *Store) TakeJob(ctx context.Context, job hub.Job, holder hub.Holder, ttl time.Duration, anyway bool) (hub.Run, error) {
	run, taken := hub.Run{Job: job, Holder: holder}, false
	err := s.each(ctx, s.write, func(row Scanner) error {
		taken = true
		var first, due, succeeded int64
		err := row.Scan(&first, &due, &succeeded, &run.Cursor)
		run.First, run.Due, run.Succeeded = moment(first), moment(due), moment(succeeded)
		return err
	}, s.texts.takeJob, string(job), string(holder), ttl.Microseconds(), number(anyway))
	if err == nil && !taken {
		err = hub.Errorf(hub.CodeConflict, "The job is not due, or somebody else has it.")
	}
	return run, err
}

// KeepJob keeps a job for a while.
func (s *Store) KeepJob(ctx context.Context, run hub.Run, ttl time.Duration) error {
	return s.ofJob(ctx, s.texts.keepJob, string(run.Job), string(run.Holder), ttl.Microseconds(), text(run.Cursor))
}

// EndJob gives a job back.
func (s *Store) EndJob(ctx context.Context, run hub.Run, again time.Duration, succeeded bool) error {
	return s.ofJob(ctx, s.texts.endJob, string(run.Job), string(run.Holder), again.Microseconds(), text(run.Cursor), number(succeeded))
}

// ofJob changes a job that the caller still has.
func (s *Store) ofJob(ctx context.Context, query string, args ...any) error {
	n, err := s.exec(ctx, query, args...)
	if err == nil && n == 0 {
		err = hub.Errorf(hub.CodeConflict, "Somebody else has taken this job over.")
	}
	return err
}

// Runs tells how all jobs stand.
func (s *Store) Runs(ctx context.Context) (all []hub.Run, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var r hub.Run
		var first, due, succeeded int64
		err := row.Scan(&r.Job, &r.Holder, &first, &due, &succeeded, &r.Cursor)
		r.First, r.Due, r.Succeeded = moment(first), moment(due), moment(succeeded)
		all = append(all, r)
		return err
	}, `SELECT job, holder, first_at, due_at, succeeded_at, cursor FROM jobs ORDER BY job`)
	return all, err
}

// number is a truth as statements of both databases compare it.
func number(truth bool) int {
	if truth {
		return 1
	}
	return 0
}
