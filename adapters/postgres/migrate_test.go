package postgres_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"racord/adapters/postgres"
	"racord/adapters/sqlstore"
	"racord/adapters/testserver"
)

// TestAMigrationBehindADumpHoldsNobodyUp asks as replicas of the version before do
// while a dump has the table that a step is to alter.
func TestAMigrationBehindADumpHoldsNobodyUp(t *testing.T) {
	const before = 11 // the next step alters parties
	dsn := testserver.Postgres(t)
	if err := sqlstore.MigrateTo(t.Context(), goose.DialectPostgres, raw(t, dsn), before); err != nil {
		t.Fatal(err)
	}
	dumped := dump(t, raw(t, dsn+"&application_name=pg_dump"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	waits, ended := make(chan string, 100), make(chan error, 1)
	go func() { ended <- postgres.Migrate(ctx, dsn, func(whom string) { waits <- whom }) }()
	replica := raw(t, dsn+"&lock_timeout=1s")
	for told := 0; told < 2; {
		if _, err := replica.ExecContext(ctx, `SELECT count(*) FROM parties`); err != nil {
			t.Fatalf("a replica: %v", err)
		}
		select {
		case whom := <-waits:
			if told++; !strings.Contains(whom, "(pg_dump)") {
				t.Errorf("got %q waited for, want the dump", whom)
			}
		default:
		}
	}
	dumped()
	if err := <-ended; err != nil {
		t.Fatalf("after the dump: %v", err)
	}
	if sqlstore.Pending(ctx, goose.DialectPostgres, replica) {
		t.Error("got steps that are still to be taken, want none")
	}
}

// dump locks as pg_dump does, until it is done.
func dump(t *testing.T, db *sql.DB) (done func()) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE parties IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}
