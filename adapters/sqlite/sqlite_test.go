package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/adapters/sqlstore"
	"racord/hub"
	"racord/hub/hubtest"
)

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
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

// behind changes the file behind the store's back.
func behind(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DataFile)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestStoreKeepsTheContract(t *testing.T) {
	hubtest.TestStore(t, func(t *testing.T) hubtest.Lab {
		dir := t.TempDir()
		store, db := open(t, dir), beside(t, dir)
		return hubtest.Lab{
			Store:   store,
			DB:      db,
			Replica: func(*testing.T) hub.Store { return store },
			Dump:    func(t *testing.T) []byte { return everything(t, dir) },
		}
	})
}

// beside is a connection to the file beside the store's.
func beside(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DataFile)+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// everything gives the bytes of all files of the store.
func everything(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got files %v (%v), want a database and its log", files, err)
	}
	all := []byte{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if !errors.Is(err, sqlite.ErrInUse) || !strings.Contains(err.Error(), filepath.Join(dir, sqlite.LockFile)) {
		t.Fatalf("got %v, want a refusal that names the lock file", err)
	}
}

// TestSecondProcessIsRefused runs itself in another process.
func TestSecondProcessIsRefused(t *testing.T) {
	const key = "RACORD_TEST_SECOND_PROCESS"
	if dir := os.Getenv(key); dir != "" {
		_, err := sqlite.Open(t.Context(), dir, hubtest.Master())
		if !errors.Is(err, sqlite.ErrInUse) {
			t.Fatalf("got %v, want a refusal", err)
		}
		return
	}
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecondProcessIsRefused$", "-test.count=1")
	again.Env = append(os.Environ(), key+"="+dir)
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("the second process: %v\n%s", err, out)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir) // and after the first is gone it opens
}

func TestWhatWasWrittenIsThereAfterARestart(t *testing.T) {
	dir, who := t.TempDir(), hub.Login{Issuer: "i", Subject: "s"}
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	before, err := store.Enrol(t.Context(), who, "Ana", []hub.Identifier{{Scheme: hub.SchemeCNP, Value: hubtest.CNP}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Keep(t.Context(), "gone", hub.SlotWish{Creditor: "water", Total: 5, Want: 5, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = open(t, dir)
	after, err := store.Folder(t.Context(), who)
	if err != nil || after.Party.ID != before.Party.ID || after.Party.Identifiers[0].Value != hubtest.CNP {
		t.Errorf("got party %s (%v), want %s", after.Party, err, before.Party)
	}
	held, err := store.Keep(t.Context(), "new", hub.SlotWish{Creditor: "water", Total: 5, Want: 5, TTL: time.Hour})
	if err != nil || held[0] != 5 {
		t.Errorf("got %v slots (%v) after a restart, want all 5: nobody else can be alive", held, err)
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	for name, damage := range map[string]func(content []byte) []byte{
		"not a database": func([]byte) []byte { return []byte(strings.Repeat("not a database ", 1000)) },
		"a torn page": func(content []byte) []byte {
			copy(content[2*4096:], make([]byte, 3*4096))
			return content
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, sqlite.DataFile)
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = sqlite.Open(t.Context(), dir, hubtest.Master())
			if err == nil || !strings.Contains(err.Error(), file) {
				t.Fatalf("got %v, want a refusal that names %s", err, file)
			}
		})
	}
}

func TestRowsThatWereMovedDoNotOpen(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	ana, dan := hub.Login{Issuer: "i", Subject: "ana"}, hub.Login{Issuer: "i", Subject: "dan"}
	ids := map[hub.Login]hub.PartyID{}
	for _, who := range []hub.Login{ana, dan} {
		folder, err := store.Enrol(t.Context(), who, who.Subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[who] = folder.Party.ID
		account := hub.AccountRef{Creditor: "water", Code: who.Subject}
		if err := store.Link(t.Context(), hub.Link{ID: hub.LinkID(who.Subject), Party: folder.Party.ID, Account: account}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what string) {
		t.Helper()
		if _, err := store.Folder(t.Context(), dan); hub.CodeOf(err) != hub.CodeInternal || !errors.Is(err, hub.ErrSealed) {
			t.Errorf("%s: got %v, want it refused", what, err)
		}
	}
	behind(t, dir, `UPDATE links SET code = (SELECT code FROM links WHERE id = 'ana') WHERE id = 'dan'`)
	refused("a link with another's code")
	behind(t, dir, `DELETE FROM links WHERE id = 'dan'`, fmt.Sprintf(`UPDATE links SET party = '%s' WHERE id = 'ana'`, ids[dan]))
	refused("another's link")
	behind(t, dir, `DELETE FROM links`,
		fmt.Sprintf(`CREATE TABLE kept AS SELECT login FROM parties WHERE id = '%s'`, ids[dan]),
		fmt.Sprintf(`DELETE FROM parties WHERE id = '%s'`, ids[dan]),
		fmt.Sprintf(`UPDATE parties SET login = (SELECT login FROM kept) WHERE id = '%s'`, ids[ana]))
	refused("another's person under my login")
}

func TestSnapshotRowsThatWereMovedDoNotOpen(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	stage, err := store.Stage(t.Context(), "heat", hub.ExtentAll, hubtest.Now())
	if err != nil {
		t.Fatal(err)
	}
	mine := hub.SnapshotRow{Account: "mine", Obligation: hubtest.Obligation("heat", "a", 1)}
	yours := hub.SnapshotRow{Account: "yours", Obligation: hubtest.Obligation("heat", "b", 2)}
	if err := store.Add(t.Context(), stage, []hub.SnapshotRow{mine, yours}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(t.Context(), stage, "1"); err != nil {
		t.Fatal(err)
	}
	behind(t, dir, `UPDATE snapshot_rows SET account = (SELECT account FROM snapshot_rows WHERE due = 1)`)
	if got, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heat", Code: "mine"}); !errors.Is(err, hub.ErrSealed) {
		t.Fatalf("got %d obligations (%v), want another's row refused", len(got.Obligations), err)
	}
}

func TestRowsThatNobodySeesAreDeleted(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	deliver := func(extent hub.Extent, external ...string) hub.StageID {
		t.Helper()
		stage, err := store.Stage(t.Context(), "heat", extent, hubtest.Now())
		if err != nil {
			t.Fatal(err)
		}
		rows := []hub.SnapshotRow{}
		for _, id := range external {
			rows = append(rows, hub.SnapshotRow{Account: "1", Obligation: hubtest.Obligation("heat", id, 1)})
		}
		if err := store.Add(t.Context(), stage, rows); err != nil {
			t.Fatal(err)
		}
		return stage
	}
	done := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	publish := func(stage hub.StageID, next hub.Cursor) {
		t.Helper()
		_, err := store.Publish(t.Context(), stage, next)
		done(err)
	}
	refused := deliver(hub.ExtentAll, "a", "b", "c")
	done(store.Add(t.Context(), refused, []hub.SnapshotRow{{Account: "1", Refused: &hub.QualityEvent{Code: "bad_amount"}}}))
	publish(refused, "1")
	publish(deliver(hub.ExtentAll, "a", "b"), "2")
	publish(deliver(hub.ExtentChanges, "b", "d"), "3")
	done(store.Discard(t.Context(), deliver(hub.ExtentAll, "x", "y")))
	deliver(hub.ExtentAll, "z")
	behind(t, dir, `UPDATE deliveries SET touched_at = 0`)
	done(store.Discard(t.Context(), deliver(hub.ExtentAll))) // finds the abandoned one
	if got := rowsIn(t, dir, "snapshot_rows"); got != 3 {
		t.Errorf("got %d rows in the file, want the 3 that are published", got)
	}
	if got := rowsIn(t, dir, "refusals"); got != 0 {
		t.Errorf("got %d refusals in the file, want none: what they are of is replaced", got)
	}
}

func rowsIn(t *testing.T, dir, table string) (rows int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DataFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestWhatWasAcknowledgedSurvivesAKill writes in another process, which is
// killed while it writes.
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	const key = "RACORD_TEST_KILLED"
	if dir := os.Getenv(key); dir != "" {
		writeUntilKilled(t, dir)
	}
	dir := t.TempDir()
	for round := range 3 {
		writer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhatWasAcknowledgedSurvivesAKill$")
		writer.Env = append(os.Environ(), key+"="+dir)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := []string{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			acknowledged = append(acknowledged, lines.Text())
			if len(acknowledged) == 30+10*round {
				_ = writer.Process.Kill()
			}
		}
		_ = writer.Wait() // it was killed
		store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, subject := range acknowledged {
			if _, err := store.Folder(t.Context(), hub.Login{Issuer: "i", Subject: subject}); err != nil {
				t.Errorf("round %d: %s was acknowledged: %v", round, subject, err)
			}
			p, opened, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: subject}, basket)
			if err != nil || opened || p.Charges[0].State != hub.ChargeStarting {
				t.Errorf("round %d: the payment of %s was acknowledged: got %v, fresh %v (%v)", round, subject, p, opened, err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeUntilKilled enrols parties and prints each when it is written, while
// another goroutine stages rows.
func writeUntilKilled(t *testing.T, dir string) {
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		rows := make([]hub.SnapshotRow, 500)
		for n := 0; ; n++ {
			creditor := hub.Name(fmt.Sprintf("heat-%d-%d", os.Getpid(), n))
			stage, err := store.Stage(context.Background(), creditor, hub.ExtentAll, hubtest.Now())
			for i := range rows {
				rows[i] = hub.SnapshotRow{Account: fmt.Sprint(i), Obligation: hubtest.Obligation(creditor, fmt.Sprint(i), 1)}
			}
			if err == nil {
				err = store.Add(context.Background(), stage, rows)
			}
			if err == nil {
				_, err = store.Publish(context.Background(), stage, "1")
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		subject := hub.NewID()
		if _, err := store.Enrol(t.Context(), hub.Login{Issuer: "i", Subject: subject}, "Ana", nil); err != nil {
			t.Fatal(err)
		}
		p, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: subject}, basket)
		if err == nil {
			_, err = store.ChangePayment(t.Context(), p.ID, nil, start)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(subject)
	}
}

// basket builds a payment of two claimed lines and a charge.
func basket(tx hub.PaymentTx) (*hub.Payment, error) {
	id := hub.NewID()
	p := hubtest.Basket("", hub.ObligationID(id+"a"), hub.ObligationID(id+"b"))
	lines := []*hub.Line{&p.Lines[0], &p.Lines[1]}
	if _, err := tx.HoldAll(context.Background(), p.ID, lines, tx.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	order, err := tx.NextOrder(context.Background(), "netopia", "m1")
	p.Charges[0].Order = order
	tx.Emit(hub.Event{Type: "payment.opened"})
	return p, err
}

// start starts a payment's charge and books something.
func start(tx hub.PaymentTx, p *hub.Payment) error {
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: 1}, 0)
	tx.Book(hub.TransferBooking(string(p.ID), "captured", p.ID, "a", "b", hub.Bani(1)))
	return p.Charges[0].Move(hub.ChargeStarting)
}

func TestADatabaseHasOneMasterKey(t *testing.T) {
	dir := t.TempDir()
	hubtest.TestMasterKey(t, func(master []byte) (hub.Store, error) { return sqlite.Open(t.Context(), dir, master) })
	if _, err := sqlite.OpenToRead(t.Context(), dir, make([]byte, hub.MasterKeyBytes)); !errors.Is(err, hub.ErrOtherMaster) {
		t.Errorf("to read: got %v, want %v", err, hub.ErrOtherMaster)
	}
}

// TestADatabaseMadeBeforeTakesTheKey opens one that was made when databases did not
// know their key.
func TestADatabaseMadeBeforeTakesTheKey(t *testing.T) {
	dir := t.TempDir()
	first, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	behind(t, dir, `UPDATE foundation SET mac = NULL`)
	hubtest.TestMasterKey(t, func(master []byte) (hub.Store, error) { return sqlite.Open(t.Context(), dir, master) })
}

// TestANewerDatabase opens one that a later binary has migrated.
func TestANewerDatabase(t *testing.T) {
	dir := t.TempDir()
	reopen := func() error {
		store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
		if err != nil {
			return err
		}
		if has, knows := store.Schema(); knows != sqlstore.Newest() || has != knows && has != 9999 {
			t.Errorf("got schema %d of %d", has, knows)
		}
		return store.Close()
	}
	if err := reopen(); err != nil {
		t.Fatal(err)
	}
	behind(t, dir, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	if err := reopen(); err != nil {
		t.Errorf("got %v, want it to go on", err)
	}
	reader, err := sqlite.OpenToRead(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatalf("to read: got %v, want it to go on", err)
	}
	if has, _ := reader.Schema(); has != 9999 || reader.Close() != nil {
		t.Errorf("got schema %d, want 9999", has)
	}
	behind(t, dir, `UPDATE foundation SET needs = 9999`)
	if err := reopen(); !errors.Is(err, sqlstore.ErrNewer) || !strings.Contains(err.Error(), "9999") {
		t.Errorf("got %v, want %v", err, sqlstore.ErrNewer)
	}
}
