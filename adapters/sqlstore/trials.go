package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"racord/hub"
)

const placeMismatch = "connector_mismatches|mismatch|"

// mostMismatches of a version are kept, the latest.
const mostMismatches = 50

const (
	trialAdd = `
INSERT INTO connector_trials (creditor, version, calls, failed, compared, differed, others, first_at, last_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (creditor, version) DO UPDATE SET
	calls = connector_trials.calls + excluded.calls, failed = connector_trials.failed + excluded.failed,
	compared = connector_trials.compared + excluded.compared, differed = connector_trials.differed + excluded.differed,
	others = connector_trials.others + excluded.others,
	first_at = CASE WHEN connector_trials.first_at = 0 OR (excluded.first_at <> 0 AND excluded.first_at < connector_trials.first_at)
		THEN excluded.first_at ELSE connector_trials.first_at END,
	last_at = CASE WHEN excluded.last_at > connector_trials.last_at THEN excluded.last_at ELSE connector_trials.last_at END`
	mismatchAdd   = `INSERT INTO connector_mismatches (creditor, version, id, at, mismatch) VALUES ($1, $2, $3, $4, $5)`
	mismatchPrune = `
DELETE FROM connector_mismatches WHERE creditor = $1 AND version = $2 AND id NOT IN (
	SELECT id FROM connector_mismatches WHERE creditor = $1 AND version = $2 ORDER BY at DESC, id DESC LIMIT $3)`
)

// AddTrial adds what a replica saw.
func (s *Store) AddTrial(ctx context.Context, creditor hub.Name, version int, more hub.Trial) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, trialAdd, string(creditor), version, more.Calls, more.Failed, more.Compared, more.Differed,
			more.Foreign, micros(more.FirstAt), micros(more.LastAt)); err != nil {
			return err
		}
		if len(more.Mismatches) == 0 {
			return nil
		}
		for _, m := range more.Mismatches[max(0, len(more.Mismatches)-mostMismatches):] {
			if err := s.addMismatch(ctx, tx, creditor, version, m); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, mismatchPrune, string(creditor), version, mostMismatches)
		return err
	})
}

func mismatchPlace(creditor hub.Name, version int, id string) string {
	return fmt.Sprintf("%s%s|%d|%s", placeMismatch, creditor, version, id)
}

func (s *Store) addMismatch(ctx context.Context, tx *sql.Tx, creditor hub.Name, version int, m hub.Mismatch) error {
	id := hub.NewID()
	sealed, err := s.sealJSON(mismatchPlace(creditor, version, id), m)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, mismatchAdd, string(creditor), version, id, micros(m.At), sealed)
	return err
}

// Trial sums up what replicas saw since the version came to its stage.
func (s *Store) Trial(ctx context.Context, creditor hub.Name, version int) (t hub.Trial, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var first, last int64
		err := row.Scan(&t.Calls, &t.Failed, &t.Compared, &t.Differed, &t.Foreign, &first, &last)
		t.FirstAt, t.LastAt = moment(first), moment(last)
		return err
	}, `SELECT calls, failed, compared, differed, others, first_at, last_at FROM connector_trials WHERE creditor = $1 AND version = $2`,
		string(creditor), version)
	if err != nil {
		return t, err
	}
	err = s.each(ctx, s.read, func(row Scanner) error {
		var id string
		var sealed []byte
		if err := row.Scan(&id, &sealed); err != nil {
			return err
		}
		var m hub.Mismatch
		err := s.openJSON(mismatchPlace(creditor, version, id), sealed, &m)
		t.Mismatches = append(t.Mismatches, m)
		return err
	}, `SELECT id, mismatch FROM connector_mismatches WHERE creditor = $1 AND version = $2 ORDER BY at DESC, id DESC`, string(creditor), version)
	return t, err
}

// forgetTrial begins a new trial.
func (s *Store) forgetTrial(ctx context.Context, tx *sql.Tx, creditor hub.Name, version int) error {
	for _, statement := range []string{
		`DELETE FROM connector_trials WHERE creditor = $1 AND version = $2`,
		`DELETE FROM connector_mismatches WHERE creditor = $1 AND version = $2`,
	} {
		if _, err := tx.ExecContext(ctx, statement, string(creditor), version); err != nil {
			return err
		}
	}
	return nil
}
