package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"racord/hub"
)

// A registration's sealed values open only at their own place.
const (
	placeAbout    = "connector_versions|about|"
	placeManifest = "connector_versions|manifest|"
	placeRecord   = "connector_records|record|"
)

// about is what is sealed of a version beside its text.
type about struct {
	Author    hub.Login         `json:"author"`
	CreatedAt time.Time         `json:"created_at"`
	Submitted time.Time         `json:"submitted,omitzero"`
	ShownAt   time.Time         `json:"shown_at,omitzero"`
	Digest    string            `json:"digest"`
	Facts     hub.ManifestFacts `json:"facts"`
	Report    *hub.Report       `json:"report,omitempty"`
	Begun     int               `json:"begun,omitzero"`
}

// The kinds of records that are only added to. Contacts may end.
const (
	recordMove     = "move"
	recordApproval = "approval"
	recordProof    = "proof"
	recordNotice   = "notice"
	recordContact  = "contact"
)

// record is one row of what is only added to.
type record struct {
	version int // 0 = of the whole registration
	kind    string
	no      int
}

// Registered lists the creditors that have a registration.
func (s *Store) Registered(ctx context.Context) ([]hub.Name, error) {
	return s.creditors(ctx, `SELECT creditor FROM connector_versions UNION SELECT creditor FROM connector_records ORDER BY 1`)
}

// InStage lists the creditors that have a version in a stage.
func (s *Store) InStage(ctx context.Context, stage hub.Stage) ([]hub.Name, error) {
	return s.creditors(ctx, `SELECT DISTINCT creditor FROM connector_versions WHERE stage = $1 ORDER BY creditor`, string(stage))
}

func (s *Store) creditors(ctx context.Context, query string, args ...any) (names []hub.Name, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var name hub.Name
		err := row.Scan(&name)
		names = append(names, name)
		return err
	}, query, args...)
	return names, err
}

// Registration gives all of a registration but the texts.
func (s *Store) Registration(ctx context.Context, creditor hub.Name) (r hub.Registration, err error) {
	err = s.still(ctx, func(db asker) error {
		r, err = s.registration(ctx, db, creditor)
		return err
	})
	if err == nil && len(r.Versions) == 0 && len(r.Contacts) == 0 {
		err = hub.Errorf(hub.CodeNotFound, "This creditor has no connector here.")
	}
	return r, err
}

const versionsQuery = `
SELECT version, stage, share, pays, class, since, lifted, about FROM connector_versions WHERE creditor = $1 ORDER BY version`

func (s *Store) registration(ctx context.Context, db asker, creditor hub.Name) (hub.Registration, error) {
	r := hub.Registration{Creditor: creditor}
	err := s.each(ctx, db, func(row Scanner) error {
		var v hub.Version
		var since int64
		var sealed []byte
		if err := row.Scan(&v.No, &v.Stage, &v.Share, &v.Pays, &v.Class, &since, &v.Lifted, &sealed); err != nil {
			return err
		}
		v.Since = moment(since)
		err := s.openAbout(creditor, &v, sealed)
		r.Versions = append(r.Versions, v)
		return err
	}, versionsQuery, string(creditor))
	if err != nil {
		return r, err
	}
	if err := s.records(ctx, db, &r); err != nil {
		return r, err
	}
	return r, s.letters(ctx, db, &r)
}

func versionPlace(place string, creditor hub.Name, version int) string {
	return fmt.Sprintf("%s%s|%d", place, creditor, version)
}

func (s *Store) openAbout(creditor hub.Name, v *hub.Version, sealed []byte) error {
	var a about
	if err := s.openJSON(versionPlace(placeAbout, creditor, v.No), sealed, &a); err != nil {
		return err
	}
	v.Author, v.CreatedAt, v.Submitted, v.ShownAt = a.Author, a.CreatedAt, a.Submitted, a.ShownAt
	v.Digest, v.Facts, v.Report, v.Begun = a.Digest, a.Facts, a.Report, a.Begun
	return nil
}

func (s *Store) sealAbout(creditor hub.Name, v *hub.Version) ([]byte, error) {
	return s.sealJSON(versionPlace(placeAbout, creditor, v.No), about{
		v.Author, v.CreatedAt, v.Submitted, v.ShownAt, v.Digest, v.Facts, v.Report, v.Begun,
	})
}

// sealJSON seals a value to its place, and openJSON reads it there.
func (s *Store) sealJSON(place string, value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInternal, err, "A connector could not be written down.")
	}
	return s.keys.Seal(place, encoded), nil
}

func (s *Store) openJSON(place string, sealed []byte, into any) error {
	encoded, err := s.keys.Open(place, sealed)
	if err != nil {
		return spoiled(err)
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		return spoiled(err)
	}
	return nil
}

func recordPlace(creditor hub.Name, r record) string {
	return fmt.Sprintf("%s%s|%d|%s|%d", placeRecord, creditor, r.version, r.kind, r.no)
}

// records reads what is only added to.
func (s *Store) records(ctx context.Context, db asker, r *hub.Registration) error {
	return s.each(ctx, db, func(row Scanner) error {
		var of record
		var sealed []byte
		if err := row.Scan(&of.version, &of.kind, &of.no, &sealed); err != nil {
			return err
		}
		return s.addRecord(r, of, sealed)
	}, `SELECT version, kind, no, record FROM connector_records WHERE creditor = $1 ORDER BY version, kind, no`, string(r.Creditor))
}

func (s *Store) addRecord(r *hub.Registration, of record, sealed []byte) error {
	place, v := recordPlace(r.Creditor, of), r.Version(of.version)
	switch {
	case of.kind == recordMove && v != nil:
		return openInto(s, place, sealed, &v.Moves)
	case of.kind == recordApproval && v != nil:
		return openInto(s, place, sealed, &v.Approvals)
	case of.kind == recordProof:
		return openInto(s, place, sealed, &r.Proofs)
	case of.kind == recordNotice:
		return openInto(s, place, sealed, &r.Notices)
	case of.kind == recordContact:
		return openInto(s, place, sealed, &r.Contacts)
	}
	return spoiled(fmt.Errorf("a record of kind %q", of.kind))
}

func openInto[T any](s *Store, place string, sealed []byte, list *[]T) error {
	var one T
	err := s.openJSON(place, sealed, &one)
	*list = append(*list, one)
	return err
}

// Text gives a version's text.
func (s *Store) Text(ctx context.Context, creditor hub.Name, version int) (text hub.ManifestText, err error) {
	found := false
	err = s.each(ctx, s.read, func(row Scanner) error {
		var sealed []byte
		if err := row.Scan(&sealed); err != nil {
			return err
		}
		found = true
		return s.openJSON(versionPlace(placeManifest, creditor, version), sealed, &text)
	}, `SELECT manifest FROM connector_versions WHERE creditor = $1 AND version = $2`, string(creditor), version)
	if err == nil && !found {
		err = hub.Errorf(hub.CodeNotFound, "There is no such version.")
	}
	return text, err
}

// ChangeRegistration lets change work on a registration alone and stores what it
// leaves.
func (s *Store) ChangeRegistration(ctx context.Context, creditor hub.Name, change func(*hub.Registration) error) (r hub.Registration, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "connector "+string(creditor))
		if err != nil {
			return err
		}
		before, err := s.registration(ctx, tx, creditor)
		if err != nil {
			return err
		}
		if r, err = s.registration(ctx, tx, creditor); err != nil { // a second time: change works on this one
			return err
		}
		if err := change(&r); err != nil {
			return err
		}
		w := registrationWriter{s, ctx, tx, now, before, &r}
		return s.fault(w.write())
	})
	for i := range r.Versions {
		r.Versions[i].Text = nil // as reading gives it
	}
	return r, err
}

// registrationWriter stores the difference between two states of a registration.
type registrationWriter struct {
	store  *Store
	ctx    context.Context
	tx     *sql.Tx
	now    time.Time
	before hub.Registration
	after  *hub.Registration
}

func (w *registrationWriter) write() error {
	served := false
	for _, v := range w.order() {
		was := w.before.Version(v.No)
		moved := was == nil || was.Stage != v.Stage
		served = served || v.Stage.Serves() || was != nil && (was.Stage.Serves() || moved && was.Stage.Halts())
		if err := w.version(was, v); err != nil {
			return err
		}
		if moved && was != nil {
			if err := w.store.forgetTrial(w.ctx, w.tx, w.after.Creditor, v.No); err != nil {
				return err
			}
		}
	}
	if err := w.records(); err != nil || !served {
		return err
	}
	return w.store.moveEpoch(w.ctx, w.tx)
}

// order gives the versions so that one that leaves its place comes before the one
// that takes it.
func (w *registrationWriter) order() []*hub.Version {
	list := make([]*hub.Version, len(w.after.Versions))
	for i := range w.after.Versions {
		list[i] = &w.after.Versions[i]
	}
	place := func(v *hub.Version) int {
		was := w.before.Version(v.No)
		switch {
		case was != nil && was.Stage.Serves() && !v.Stage.Serves():
			return 0
		case v.Stage == hub.StageLive:
			return 1 // from canary, where it makes room
		default:
			return 2
		}
	}
	slices.SortStableFunc(list, func(a, b *hub.Version) int { return cmp.Compare(place(a), place(b)) })
	return list
}

const (
	versionAdd = `
INSERT INTO connector_versions (creditor, version, stage, share, pays, class, since, lifted, about, manifest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	versionChange = `
UPDATE connector_versions SET stage = $3, share = $4, pays = $5, class = $6, since = $7, lifted = $8, about = $9
WHERE creditor = $1 AND version = $2`
)

func (w *registrationWriter) version(was, v *hub.Version) error {
	v.Lifted = lifted(was, v)
	about, err := w.store.sealAbout(w.after.Creditor, v)
	if err != nil {
		return err
	}
	args := []any{string(w.after.Creditor), v.No, string(v.Stage), v.Share, v.Pays, string(v.Class), micros(v.Since), v.Lifted, about}
	if was != nil {
		if _, err := w.tx.ExecContext(w.ctx, versionChange, args...); err != nil || v.Text == nil {
			return err
		}
		manifest, err := w.manifest(v)
		if err != nil {
			return err
		}
		_, err = w.tx.ExecContext(w.ctx, `UPDATE connector_versions SET manifest = $3 WHERE creditor = $1 AND version = $2`,
			string(w.after.Creditor), v.No, manifest)
		return err
	}
	manifest, err := w.manifest(v)
	if err != nil {
		return err
	}
	_, err = w.tx.ExecContext(w.ctx, versionAdd, append(args, manifest)...)
	return err
}

// lifted counts how often a version was let out of quarantine.
func lifted(was, is *hub.Version) int {
	switch {
	case was == nil:
		return 0
	case was.Stage == hub.StageQuarantined && is.Stage != was.Stage:
		return was.Lifted + 1
	default:
		return was.Lifted
	}
}

func (w *registrationWriter) manifest(v *hub.Version) ([]byte, error) {
	if v.Text == nil {
		return nil, hub.Errorf(hub.CodeInternal, "A new version needs its text.")
	}
	return w.store.sealJSON(versionPlace(placeManifest, w.after.Creditor, v.No), v.Text)
}

// records adds what is new, and contacts that ended.
func (w *registrationWriter) records() error {
	for i := range w.after.Versions {
		v, was := &w.after.Versions[i], hub.Version{}
		if before := w.before.Version(v.No); before != nil {
			was = *before
		}
		if err := added(w, record{v.No, recordMove, 0}, was.Moves, v.Moves); err != nil {
			return err
		}
		if err := added(w, record{v.No, recordApproval, 0}, was.Approvals, v.Approvals); err != nil {
			return err
		}
	}
	if err := added(w, record{0, recordProof, 0}, w.before.Proofs, w.after.Proofs); err != nil {
		return err
	}
	if err := added(w, record{0, recordNotice, 0}, w.before.Notices, w.after.Notices); err != nil {
		return err
	}
	for no := len(w.before.Notices) + 1; no <= len(w.after.Notices); no++ {
		if err := w.post(no); err != nil {
			return err
		}
	}
	return added(w, record{0, recordContact, 0}, w.before.Contacts, w.after.Contacts)
}

const recordKeep = `
INSERT INTO connector_records (creditor, version, kind, no, record) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (creditor, version, kind, no) DO UPDATE SET record = excluded.record`

// added stores what a list has more than before. Nothing that was stored can be
// taken away; only a contact changes, when it ends.
func added[T any](w *registrationWriter, of record, before, after []T) error {
	if len(after) < len(before) {
		return hub.Errorf(hub.CodeInternal, "What is only added to cannot shrink.")
	}
	for i := range after {
		of.no = i + 1
		old := i < len(before)
		if old && reflect.DeepEqual(before[i], after[i]) {
			continue
		}
		if old && of.kind != recordContact {
			return hub.Errorf(hub.CodeInternal, "What is only added to cannot change.")
		}
		sealed, err := w.store.sealJSON(recordPlace(w.after.Creditor, of), after[i])
		if err != nil {
			return err
		}
		if _, err := w.tx.ExecContext(w.ctx, recordKeep, string(w.after.Creditor), of.version, of.kind, of.no, sealed); err != nil {
			return err
		}
	}
	return nil
}

// moveEpoch tells replicas that what serves may have changed.
func (s *Store) moveEpoch(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO connector_epoch (one, epoch) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET epoch = connector_epoch.epoch + 1`)
	return err
}
