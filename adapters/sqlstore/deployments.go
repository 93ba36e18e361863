package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"racord/hub"
)

// serving are the stages in which a version is opened, see hub.Stage.Serves.
const serving = `('shadow', 'canary', 'live')`

const deployedQuery = `
SELECT creditor, version, stage, share, pays, class, since, lifted, manifest FROM connector_versions
WHERE stage IN ` + serving + ` ORDER BY creditor, version`

// Deployed lists the versions that serve. The epoch is read first: a change that
// comes between is listed twice, never missed.
func (s *Store) Deployed(ctx context.Context, known int64) (list []hub.Deployment, epoch int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(max(epoch), 0) FROM connector_epoch`).Scan(&epoch)
	if err != nil || epoch == known {
		return nil, epoch, fail(err)
	}
	err = s.each(ctx, s.read, func(row Scanner) error {
		var d hub.Deployment
		var since int64
		var sealed []byte
		if err := row.Scan(&d.Creditor, &d.Version, &d.Stage, &d.Share, &d.Pays, &d.Class, &since, &d.Lifted, &sealed); err != nil {
			return err
		}
		var text hub.ManifestText
		err := s.openJSON(versionPlace(placeManifest, d.Creditor, d.Version), sealed, &text)
		d.Since, d.Manifest, d.Files = moment(since), text.YAML, text.Files
		list = append(list, d)
		return err
	}, deployedQuery)
	if err != nil {
		return nil, epoch, err
	}
	halted, err := s.halted(ctx)
	return append(list, halted...), epoch, err
}

const haltedQuery = `
SELECT DISTINCT creditor FROM connector_versions v WHERE stage IN ('suspended', 'quarantined')
AND NOT EXISTS (SELECT 1 FROM connector_versions o WHERE o.creditor = v.creditor AND o.stage = 'live') ORDER BY creditor`

// halted lists the versions that were live last, of creditors that have no live
// version because it was stopped.
func (s *Store) halted(ctx context.Context) (list []hub.Deployment, err error) {
	var creditors []hub.Name
	err = s.each(ctx, s.read, func(row Scanner) error {
		var name hub.Name
		err := row.Scan(&name)
		creditors = append(creditors, name)
		return err
	}, haltedQuery)
	for i := 0; i < len(creditors) && err == nil; i++ {
		var r hub.Registration
		if r, err = s.Registration(ctx, creditors[i]); err != nil {
			break
		}
		v := lastLive(&r)
		if v == nil || !v.Stage.Halts() {
			continue
		}
		var text hub.ManifestText
		if text, err = s.Text(ctx, creditors[i], v.No); err == nil {
			list = append(list, hub.Deployment{Creditor: creditors[i], Version: v.No, Stage: v.Stage, Since: v.Since, Lifted: v.Lifted, Manifest: text.YAML, Files: text.Files})
		}
	}
	return list, err
}

// lastLive is the version that was live last, nil when none ever was.
func lastLive(r *hub.Registration) (last *hub.Version) {
	var since time.Time
	for i := range r.Versions {
		for _, move := range r.Versions[i].Moves {
			if move.To == hub.StageLive && !move.At.Before(since) {
				last, since = &r.Versions[i], move.At
			}
		}
	}
	return last
}

const demoteQuery = `
UPDATE connector_versions SET stage = $3, share = 0, pays = $4, since = $5
WHERE creditor = $1 AND version = $2`

// Demote takes a version out of service at once.
func (s *Store) Demote(ctx context.Context, creditor hub.Name, version int, to hub.Stage, reason string) error {
	if to != hub.StageSuspended && to != hub.StageQuarantined {
		return hub.Errorf(hub.CodeInvalid, "A version is demoted to suspended or quarantined.")
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "connector "+string(creditor))
		if err != nil {
			return err
		}
		move := hub.Move{At: now.UTC(), To: to, Why: text(reason[:min(len(reason), detailBytes)])}
		if move.From, err = stageOf(ctx, tx, creditor, version); err != nil {
			return err
		}
		if !move.From.Serves() {
			return hub.Errorf(hub.CodeConflict, "This version does not serve any more.")
		}
		if _, err := tx.ExecContext(ctx, demoteQuery, string(creditor), version, string(to), false, micros(now)); err != nil {
			return err
		}
		if err := s.addMove(ctx, tx, creditor, version, move); err != nil {
			return err
		}
		return s.moveEpoch(ctx, tx)
	})
}

func stageOf(ctx context.Context, db querier, creditor hub.Name, version int) (stage hub.Stage, err error) {
	err = db.QueryRowContext(ctx, `SELECT stage FROM connector_versions WHERE creditor = $1 AND version = $2`, string(creditor), version).Scan(&stage)
	if errors.Is(err, sql.ErrNoRows) {
		return "", hub.Errorf(hub.CodeConflict, "This version does not serve any more.")
	}
	return stage, err
}

// addMove notes one more step of a version.
func (s *Store) addMove(ctx context.Context, tx *sql.Tx, creditor hub.Name, version int, move hub.Move) error {
	of := record{version, recordMove, 0}
	err := tx.QueryRowContext(ctx, `
SELECT coalesce(max(no), 0) + 1 FROM connector_records WHERE creditor = $1 AND version = $2 AND kind = $3`,
		string(creditor), version, recordMove).Scan(&of.no)
	if err != nil {
		return err
	}
	sealed, err := s.sealJSON(recordPlace(creditor, of), move)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, recordKeep, string(creditor), version, of.kind, of.no, sealed)
	return err
}
