package postgres_test

import (
	"database/sql"
	"testing"
	"time"

	"racord/adapters/postgres"
	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

// chained are bookings that have their places, and one that has none.
const chained = `
SET session_replication_role = replica;
INSERT INTO journal (tx, leg, kind, payment, account, debit, credit, at, version, place)
SELECT 't' || n, leg, 'test', '', 'a' || leg, 2 - leg, leg - 1, n, 1, 1 FROM generate_series(1, 20001) AS n, generate_series(1, 2) AS leg;
INSERT INTO chain (no, tx, hash) SELECT n, 't' || n, sha256('') FROM generate_series(1, 20000) AS n;
ANALYZE`

// TestALongChainIsNotReadToBeExtended: replicas look every other second, and a plan
// that reads the whole chain would one day take longer than a statement may.
func TestALongChainIsNotReadToBeExtended(t *testing.T) {
	dsn := testserver.Postgres(t)
	store, err := postgres.Open(t.Context(), dsn, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	filling := raw(t, dsn)
	run(t, filling, chained)
	if err := filling.Close(); err != nil {
		t.Fatal(err)
	}
	loose := 0
	err = store.Extend(t.Context(), time.Second, 10, func(end hub.ChainEnd) ([]hub.Chained, *hub.Checkpoint) {
		loose = len(end.Loose)
		return nil, nil
	})
	if err != nil || loose != 1 {
		t.Errorf("got %d bookings without a place (%v), want one", loose, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if rows := goneThrough(t, raw(t, dsn)); rows > 1000 {
		t.Errorf("got %d rows of the chain and the journal gone through, want what is looked for found", rows)
	}
}

// goneThrough is how many rows of the chain and the journal were read one after the
// other. The server counts what a connection did when it ends.
func goneThrough(t *testing.T, db *sql.DB) (rows int) {
	t.Helper()
	const query = `
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
	(SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('chain', 'journal'))`
	for others := 1; others > 0; time.Sleep(10 * time.Millisecond) {
		if err := db.QueryRowContext(t.Context(), query).Scan(&others, &rows); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}
