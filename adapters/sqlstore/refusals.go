package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"racord/hub"
)

// A refused record is kept beside the rows of its delivery, under its account and
// external id. What could not be read of the two is unread. One without an account
// is also kept under accounts that it may be of, there as astray.
var unread, astray = [16]byte{}, [16]byte{15: 1}

var refusalsTable = table("refusals", "generation bigint, account bytea, external bytea, as_of bigint, refusal bytea", `
ON CONFLICT (generation, account, external) DO UPDATE SET as_of = excluded.as_of, refusal = excluded.refusal`)

// apart parts what was taken from what was refused.
func apart(rows []hub.SnapshotRow) (taken, refused []hub.SnapshotRow) {
	is := func(r hub.SnapshotRow) bool { return r.Refused != nil }
	if !slices.ContainsFunc(rows, is) {
		return rows, nil // as nearly always
	}
	for _, r := range rows {
		if is(r) {
			refused = append(refused, r)
		} else {
			taken = append(taken, r)
		}
	}
	return taken, refused
}

// sealRefusals gives the refusals of a delivery as rows of their table, each
// account and external id once.
func (s *Store) sealRefusals(d Delivery, refused []hub.SnapshotRow) [][]any {
	rows, seen := [][]any{}, map[[2][16]byte]bool{}
	for i := range refused {
		account, external := s.refusedAt(d.Creditor, &refused[i])
		key := [2][16]byte{account, external}
		if seen[key] {
			continue
		}
		seen[key] = true
		encoded, _ := json.Marshal(refused[i].Refused) // three texts never fail
		sealed := s.keys.Seal(refusalPlace(d.Creditor, account[:], external[:]), encoded)
		rows = append(rows, []any{d.Generation, account[:], external[:], d.AsOf, sealed})
	}
	return rows
}

// refusedAt gives the pseudonyms under which a refusal is kept. Without an
// account, nobody asks for it by its external id.
func (s *Store) refusedAt(creditor hub.Name, r *hub.SnapshotRow) (account, external [16]byte) {
	if r.Account == "" {
		return unread, unread
	}
	account = s.account(hub.AccountRef{Creditor: creditor, Code: r.Account})
	if r.Obligation.ExternalID != "" {
		external = s.external(creditor, r.Obligation.ExternalID)
	}
	return account, external
}

// refusalPlace binds a refusal to its account, as rowPlace does an obligation. One
// that is astray has none.
func refusalPlace(creditor hub.Name, account, external []byte) string {
	if bytes.Equal(external, astray[:]) {
		account, external = unread[:], unread[:]
	}
	return placeRefusal + string(creditor) + "|" + string(account) + string(external)
}

func (s *Store) addRefusal(creditor hub.Name, account, external, sealed []byte, snapshot *hub.Snapshot) error {
	encoded, err := s.keys.Open(refusalPlace(creditor, account, external), sealed)
	if err != nil {
		return spoiled(err)
	}
	event := hub.QualityEvent{}
	if err := json.Unmarshal(encoded, &event); err != nil {
		return spoiled(err)
	}
	if bytes.Equal(account, unread[:]) {
		snapshot.Stray = &event
	} else {
		snapshot.Refused = append(snapshot.Refused, event)
	}
	return nil
}

// mergeRefusals merges what was refused, once rows are. A row answers what was
// refused before under its external id, or under its account without one, and
// speaks no later.
func mergeRefusals(ctx context.Context, tx *sql.Tx, from, into, after int64) error {
	_, err := tx.ExecContext(ctx, `
DELETE FROM refusals WHERE generation = $1 AND (
	external <> $4 AND EXISTS (SELECT 1 FROM snapshot_rows r
		WHERE r.generation = $2 AND r.external = refusals.external AND r.as_of > $3 AND r.as_of >= refusals.as_of) OR
	external = $4 AND EXISTS (SELECT 1 FROM snapshot_rows r
		WHERE r.generation = $2 AND r.account = refusals.account AND r.as_of > $3 AND r.as_of >= refusals.as_of))`,
		into, from, after, unread[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO refusals (generation, account, external, as_of, refusal)
SELECT $1, x.account, x.external, x.as_of, x.refusal FROM refusals x
WHERE x.generation = $2 AND x.as_of > $3 AND NOT EXISTS (
	SELECT 1 FROM snapshot_rows r WHERE r.generation = $1 AND r.external = x.external AND r.as_of > x.as_of)
ON CONFLICT (generation, account, external) DO UPDATE SET as_of = excluded.as_of, refusal = excluded.refusal
WHERE refusals.as_of <= excluded.as_of`, into, from, after)
	return err
}

// doubt says what may be anybody's of a full delivery to the accounts of which a row
// is gone with it, and to those that were in doubt before: no others are known that it
// may be of.
func doubt(ctx context.Context, tx *sql.Tx, d Delivery, shown int64) error {
	var stray []byte
	err := tx.QueryRowContext(ctx, `SELECT refusal FROM refusals WHERE generation = $1 AND account = $2`,
		d.Generation, unread[:]).Scan(&stray)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // as nearly always
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO refusals (generation, account, external, as_of, refusal)
SELECT $1, account, $3, $4, $5 FROM (
	SELECT account FROM snapshot_rows s WHERE generation = $2 AND NOT EXISTS (
		SELECT 1 FROM snapshot_rows r WHERE r.generation = $1 AND r.external = s.external)
	UNION SELECT account FROM refusals WHERE generation = $2 AND external = $3) AS missing
WHERE true ON CONFLICT DO NOTHING`, d.Generation, shown, astray[:], d.AsOf, stray)
	return err
}
