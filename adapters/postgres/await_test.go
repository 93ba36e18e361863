package postgres_test

import (
	"strings"
	"testing"
	"time"

	"racord/adapters/postgres"
	"racord/adapters/testserver"
	"racord/hub/hubtest"
)

func TestAFullServerIsAwaited(t *testing.T) {
	dsn := testserver.Postgres(t)
	db := raw(t, dsn)
	run(t, db, `CREATE ROLE crowded LOGIN CONNECTION LIMIT 0`)
	time.AfterFunc(200*time.Millisecond, func() { _, _ = db.Exec(`ALTER ROLE crowded CONNECTION LIMIT 10`) })
	if err := postgres.Await(t.Context(), strings.Replace(dsn, "//postgres@", "//crowded@", 1), time.Minute); err != nil {
		t.Errorf("got %v, want the wait to end well", err)
	}
}

// TestAStartWaitsForAFailover opens a server that takes changes a moment later.
func TestAStartWaitsForAFailover(t *testing.T) {
	dsn := testserver.Postgres(t)
	db := raw(t, dsn+"&default_transaction_read_only=off")
	name := dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
	standby := func(is string) error {
		_, err := db.Exec("ALTER DATABASE " + name + " SET default_transaction_read_only = " + is)
		return err
	}
	if err := standby("on"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), dsn, hubtest.Master()); err == nil || !strings.Contains(err.Error(), "takes no changes") {
		t.Fatalf("got %v, want it said that the server takes no changes", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = standby("off") })
	store, err := postgres.OpenWithin(t.Context(), dsn, hubtest.Master(), time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
