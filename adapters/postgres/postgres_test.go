package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"racord/adapters/postgres"
	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func open(t testing.TB, dsn string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), dsn, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// raw is a connection beside the store's.
func raw(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestStoreKeepsTheContract(t *testing.T) {
	dsn := testserver.Postgres(t)
	store, db := open(t, dsn), raw(t, dsn)
	hubtest.TestStore(t, func(t *testing.T) hubtest.Lab {
		empty(t, db)
		return hubtest.Lab{
			Store:   store,
			DB:      db,
			Replica: func(t *testing.T) hub.Store { return open(t, dsn) },
			Dump:    func(t *testing.T) []byte { return testserver.PostgresDump(t, dsn) },
		}
	})
}

// empty empties all tables but those that the migrations fill, walls or not.
func empty(t testing.TB, db *sql.DB) {
	t.Helper()
	const query = `
DO $$ DECLARE name text; BEGIN
	SET LOCAL session_replication_role = replica;
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'edges', 'foundation') LOOP
		EXECUTE 'DELETE FROM ' || quote_ident(name);
	END LOOP;
END $$`
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// run runs statements beside the store.
func run(t testing.TB, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func TestReplicasMigrateOnce(t *testing.T) {
	const replicas = 4
	dsn := testserver.Postgres(t)
	var wait sync.WaitGroup
	errs := make([]error, replicas)
	for i := range replicas {
		wait.Go(func() { errs[i] = postgres.Migrate(t.Context(), dsn, nil) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	versions := 0
	query := `SELECT count(*) FROM goose_db_version WHERE version_id = 1`
	if err := raw(t, dsn).QueryRowContext(t.Context(), query).Scan(&versions); err != nil || versions != 1 {
		t.Fatalf("got the first version applied %d times (%v), want once", versions, err)
	}
}

func TestADatabaseHasOneMasterKey(t *testing.T) {
	dsn := testserver.Postgres(t)
	hubtest.TestMasterKey(t, func(master []byte) (hub.Store, error) { return postgres.Open(t.Context(), dsn, master) })
}

func TestWhoLooksChangesNothing(t *testing.T) {
	dsn, who := testserver.Postgres(t), hub.Login{Issuer: "i", Subject: "s"}
	if _, err := postgres.OpenToRead(t.Context(), dsn, hubtest.Master()); err == nil || !strings.Contains(err.Error(), "racord migrate") {
		t.Errorf("an empty database: got %v, want it refused", err)
	}
	if made, err := postgres.Made(t.Context(), dsn); made || err != nil {
		t.Errorf("got a database made (%v), want none", err)
	}
	folder, err := open(t, dsn).Enrol(t.Context(), who, "Ana", nil)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := postgres.OpenToRead(t.Context(), dsn, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if seen, err := reader.Folder(t.Context(), who); err != nil || seen.Party.ID != folder.Party.ID {
		t.Errorf("got %v (%v), want what is there", seen.Party, err)
	}
	const readOnly = "25006"
	_, err = reader.Enrol(t.Context(), hub.Login{Issuer: "i", Subject: "new"}, "Dan", nil)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != readOnly {
		t.Errorf("got %v, want the database to refuse", err)
	}
	if _, err := postgres.OpenToRead(t.Context(), dsn, make([]byte, hub.MasterKeyBytes)); !errors.Is(err, hub.ErrOtherMaster) {
		t.Errorf("got %v, want %v", err, hub.ErrOtherMaster)
	}
}

func TestReplicasSeeEachOtherAtOnce(t *testing.T) {
	dsn, who := testserver.Postgres(t), hub.Login{Issuer: "i", Subject: "s"}
	one, other := open(t, dsn), open(t, dsn)
	folder, err := one.Enrol(t.Context(), who, "Ana", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		p := hubtest.Basket(folder.Party.ID, hub.ObligationID(fmt.Sprint(i)))
		p.Charges = nil
		key := hub.RequestKey{Key: hub.NewID()}
		if _, _, err := one.OpenPayment(t.Context(), key, func(hub.PaymentTx) (*hub.Payment, error) { return p, nil }); err != nil {
			t.Fatal(err)
		}
		seen, err := other.Folder(t.Context(), who)
		if err != nil || len(seen.Marks) != i+1 {
			t.Fatalf("got %d marks (%v) at the other replica, want %d", len(seen.Marks), err, i+1)
		}
	}
}

func TestReplicasNeverHoldTooManySlots(t *testing.T) {
	const replicas, total, rounds = 3, 7, 20
	dsn := testserver.Postgres(t)
	var mu sync.Mutex
	var wait sync.WaitGroup
	held, problems := make([]int, replicas), []string{}
	for r := range replicas {
		store := open(t, dsn)
		wait.Go(func() {
			for round := range rounds {
				want := (3*r + 2*round) % (total + 1)
				mu.Lock()
				held[r] = min(held[r], want)
				mu.Unlock()
				got, err := store.Keep(t.Context(), hub.Holder(fmt.Sprint(r)), hub.SlotWish{Creditor: "water", Total: total, Want: want, TTL: time.Minute})
				mu.Lock()
				held[r] = slices.Max(append(got, 0))
				sum := 0
				for _, n := range held {
					sum += n
				}
				if err != nil || sum > total {
					problems = append(problems, fmt.Sprintf("%d held of %d (%v)", sum, total, err))
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, problem := range problems {
		t.Error(problem)
	}
}

func TestAFrozenLockDoesNotHoldAReplicaForEver(t *testing.T) {
	dsn := testserver.Postgres(t)
	store := open(t, dsn)
	blocker, err := raw(t, dsn).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blocker.Rollback() }()
	if _, err := blocker.ExecContext(t.Context(), `LOCK TABLE quarantines IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const lockNotAvailable = "55P03"
	_, err = store.Quarantined(ctx)
	var refused *pgconn.PgError
	if hub.CodeOf(err) != hub.CodeUnavailable || !errors.As(err, &refused) || refused.Code != lockNotAvailable {
		t.Fatalf("got %v, want the store unavailable once its lock timeout is over", err)
	}
}

func TestASilentServerIsUnavailable(t *testing.T) {
	_, err := postgres.Open(t.Context(), "postgres://racord:hush-hush@127.0.0.1:1/racord?sslmode=disable", hubtest.Master())
	if err == nil || strings.Contains(err.Error(), "hush-hush") {
		t.Fatalf("got %v, want an error without the password", err)
	}
	_, err = postgres.Open(t.Context(), "postgres://racord:hush-hush@127.0.0.1:port/racord", hubtest.Master())
	if hub.CodeOf(err) != hub.CodeInvalid || strings.Contains(err.Error(), "hush-hush") {
		t.Fatalf("got %v, want the DSN refused without the password", err)
	}
}

func BenchmarkStore(b *testing.B) {
	hubtest.BenchmarkStore(b, func(b *testing.B) hub.Store { return open(b, testserver.Postgres(b)) })
}

func BenchmarkPayments(b *testing.B) {
	hubtest.BenchmarkPayments(b, func(b *testing.B) hub.Store { return open(b, testserver.Postgres(b)) })
}

func TestAServerThatIsAwayIsAwaited(t *testing.T) {
	away := "postgres://racord@127.0.0.1:1/racord?sslmode=disable"
	begun := time.Now()
	if err := postgres.Await(t.Context(), away, 200*time.Millisecond); err == nil {
		t.Error("nobody is there: got no error")
	}
	if waited := time.Since(begun); waited < 200*time.Millisecond {
		t.Errorf("got %s, want all the time there is", waited)
	}
	dsn := testserver.Postgres(t)
	if err := postgres.Await(t.Context(), dsn, time.Minute); err != nil {
		t.Errorf("a server that is there: %v", err)
	}
	if err := postgres.Await(t.Context(), dsn+"&database=nobodys", time.Minute); err == nil {
		t.Error("a database that is not there: got no error")
	}
}

// TestAStartWaitsForAServer opens one that begins to answer a moment later.
func TestAStartWaitsForAServer(t *testing.T) {
	dsn, relay := tap(t, testserver.Postgres(t))
	relay.dead.Store(true)
	if _, err := postgres.Open(t.Context(), dsn, hubtest.Master()); err == nil {
		t.Fatal("nobody is let in: got no error")
	}
	time.AfterFunc(200*time.Millisecond, func() { relay.dead.Store(false) })
	store, err := postgres.OpenWithin(t.Context(), dsn, hubtest.Master(), time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
