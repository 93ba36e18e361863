package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"racord/hub"
)

// Row is an obligation as the database keeps it.
type Row struct {
	External   [16]byte // pseudonym of the creditor's own id
	Account    [16]byte // pseudonym of the account
	Due        int64    // bani, never negative
	Obligation []byte   // sealed JSON
}

// chunk is how many rows go into one transaction: enough to share its cost, few
// enough not to keep others waiting.
const chunk = 4000

// Add seals the rows and stages them.
func (s *Store) Add(ctx context.Context, stage hub.StageID, rows []hub.SnapshotRow) error {
	d, err := s.staged(ctx, s.read, stage)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return s.add(ctx, stage, nil, nil)
	}
	for part := range slices.Chunk(rows, chunk) {
		taken, refused := apart(part)
		sealed, err := s.sealRows(d.Creditor, taken)
		if err != nil {
			return err
		}
		if err := s.add(ctx, stage, sealed, s.sealRefusals(d, refused)); err != nil {
			return err
		}
	}
	return nil
}

// add stages sealed rows and refusals. It keeps the staging alive, or finds that
// somebody discarded it.
func (s *Store) add(ctx context.Context, stage hub.StageID, rows []Row, refusals [][]any) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "stage "+string(stage))
		if err != nil {
			return err
		}
		d, err := scanDelivery(tx.QueryRowContext(ctx, `
UPDATE deliveries SET touched_at = $2 WHERE id = $1 AND state = 'staging' RETURNING `+deliveryColumns,
			string(stage), micros(now)))
		if err != nil {
			return err
		}
		if err := s.engine.Insert(ctx, tx, d, rows); err != nil {
			return err
		}
		for _, one := range s.engine.Add(&refusalsTable, refusals) {
			if _, err := tx.ExecContext(ctx, one.SQL, one.Args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) staged(ctx context.Context, db querier, stage hub.StageID) (Delivery, error) {
	d, err := scanDelivery(db.QueryRowContext(ctx,
		`SELECT `+deliveryColumns+` FROM deliveries WHERE id = $1`, string(stage)))
	return d, fail(err)
}

// sealRows seals rows for the database, on all processors. Of rows with one
// external id it gives the last. They come in the order of the database's index,
// which then finds its pages near each other.
func (s *Store) sealRows(creditor hub.Name, rows []hub.SnapshotRow) ([]Row, error) {
	last := make(map[string]int, len(rows))
	for i := range rows {
		last[rows[i].Obligation.ExternalID] = i
	}
	kept := slices.Collect(maps.Values(last))
	sealed := make([]Row, len(kept))
	workers := runtime.GOMAXPROCS(0)
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() (err error) {
			for i := worker; i < len(kept) && err == nil; i += workers {
				sealed[i], err = s.sealRow(creditor, &rows[kept[i]])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(sealed, func(a, b Row) int { return bytes.Compare(a.External[:], b.External[:]) })
	return sealed, nil
}

func (s *Store) sealRow(creditor hub.Name, r *hub.SnapshotRow) (Row, error) {
	encoded, err := json.Marshal(&r.Obligation)
	if err != nil {
		return Row{}, hub.Wrap(hub.CodeInternal, err, "An obligation could not be written down.")
	}
	row := Row{
		External: s.external(creditor, r.Obligation.ExternalID),
		Account:  s.account(hub.AccountRef{Creditor: creditor, Code: r.Account}),
	}
	if r.Obligation.Outstanding.Currency == hub.RON {
		row.Due = max(0, r.Obligation.Outstanding.Minor)
	}
	row.Obligation = s.keys.Seal(rowPlace(creditor, row.Account[:], row.External[:]), encoded)
	return row, nil
}

// rowPlace binds an obligation to its account, so that a row given to another
// account does not open.
func rowPlace(creditor hub.Name, account, external []byte) string {
	return placeObligation + string(creditor) + "|" + string(account) + string(external)
}

const sumsQuery = `
SELECT count(*), count(DISTINCT account), CAST(coalesce(sum(due), 0) AS BIGINT) FROM snapshot_rows WHERE generation = $1`

// Sums compares what is staged with what is published.
func (s *Store) Sums(ctx context.Context, stage hub.StageID) (staged, published hub.SnapshotSums, err error) {
	err = s.looking(ctx, func(tx *sql.Tx) error {
		d, err := s.staged(ctx, tx, stage)
		if err != nil {
			return err
		}
		shown, err := feedOf(ctx, tx, d.Creditor)
		if err != nil && hub.CodeOf(err) != hub.CodeNotFound {
			return err
		}
		if staged, err = sums(ctx, tx, d.Generation); err != nil {
			return err
		}
		published, err = sums(ctx, tx, shown.generation)
		return err
	})
	return staged, published, err
}

func sums(ctx context.Context, tx *sql.Tx, generation int64) (sum hub.SnapshotSums, err error) {
	err = tx.QueryRowContext(ctx, sumsQuery, generation).Scan(&sum.Rows, &sum.Accounts, &sum.Due)
	return sum, err
}

// snapshotQuery sees one publication, whole, because it is one statement. What
// has an account of its own was refused. A row of its own time speaks about that,
// any other about the delivery that left it as it was.
const snapshotQuery = `
SELECT CASE WHEN r.as_of > f.as_of THEN r.as_of ELSE f.as_of END, r.external, r.obligation, NULL
FROM feeds f LEFT JOIN snapshot_rows r ON r.generation = f.generation AND r.account = $2
WHERE f.creditor = $1 AND f.generation <> 0
UNION ALL
SELECT f.as_of, x.external, x.refusal, x.account
FROM feeds f JOIN refusals x ON x.generation = f.generation AND x.account IN ($2, $3)
WHERE f.creditor = $1 AND f.generation <> 0`

// Snapshot gives the published obligations of one account, by external id.
func (s *Store) Snapshot(ctx context.Context, account hub.AccountRef) (hub.Snapshot, error) {
	pseudonym := s.account(account)
	rows, err := s.ask(ctx, snapshotQuery, string(account.Creditor), pseudonym[:], unread[:])
	if err != nil {
		return hub.Snapshot{}, fail(err)
	}
	defer rows.Close()
	published, snapshot := false, hub.Snapshot{}
	for rows.Next() {
		published = true
		if err := s.addRow(rows, account.Creditor, pseudonym[:], &snapshot); err != nil {
			return hub.Snapshot{}, fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return hub.Snapshot{}, fail(err)
	}
	if !published {
		return hub.Snapshot{}, hub.Errorf(hub.CodeNotFound, "This creditor has delivered nothing yet.")
	}
	slices.SortFunc(snapshot.Obligations, func(a, b hub.Obligation) int { return cmp.Compare(a.ExternalID, b.ExternalID) })
	return snapshot, nil
}

func (s *Store) addRow(rows *sql.Rows, creditor hub.Name, account []byte, snapshot *hub.Snapshot) error {
	var asOf int64
	var external, sealed, refused []byte
	if err := rows.Scan(&asOf, &external, &sealed, &refused); err != nil {
		return err
	}
	if at := moment(asOf); snapshot.AsOf.IsZero() || at.Before(snapshot.AsOf) {
		snapshot.AsOf = at
	}
	switch {
	case refused != nil:
		return s.addRefusal(creditor, refused, external, sealed, snapshot)
	case external == nil: // an account without rows
		return nil
	default:
		return s.addObligation(creditor, account, external, sealed, snapshot)
	}
}

func (s *Store) addObligation(creditor hub.Name, account, external, sealed []byte, snapshot *hub.Snapshot) error {
	encoded, err := s.keys.Open(rowPlace(creditor, account, external), sealed)
	if err != nil {
		return spoiled(err)
	}
	obligation := hub.Obligation{}
	if err := json.Unmarshal(encoded, &obligation); err != nil {
		return spoiled(err)
	}
	snapshot.Obligations = append(snapshot.Obligations, obligation)
	return nil
}
