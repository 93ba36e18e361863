package main_test

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"

	"racord/adapters/sqlstore"
	"racord/adapters/testserver"
	"racord/hub/hubtest"
)

// hubFolder is a configuration with a data directory of its own.
type hubFolder struct {
	t   *testing.T
	dir string
}

func newHubFolder(t *testing.T, conf string) hubFolder {
	t.Helper()
	f := hubFolder{t, t.TempDir()}
	f.write("racord.yaml", "data: data\nlisten: 127.0.0.1:0\nops_listen: 127.0.0.1:0\n"+conf)
	return f
}

func (f hubFolder) write(name, text string) {
	f.t.Helper()
	file := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// run runs a command of racord for it.
func (f hubFolder) run(command ...string) (string, error) {
	out, err := exec.CommandContext(f.t.Context(), program, append(command, "--config", filepath.Join(f.dir, "racord.yaml"))...).CombinedOutput()
	return string(out), err
}

func (f hubFolder) migrated() {
	f.t.Helper()
	if out, err := f.run("migrate"); err != nil {
		f.t.Fatalf("migrate: %v\n%s", err, out)
	}
}

func (f hubFolder) masterKey() string { return filepath.Join(f.dir, "data", "master.key") }

// wantRefused fails the test unless commands say where the key is missing, or
// which is wrong, and leave the file as it was.
func (f hubFolder) wantRefused(says string) {
	f.t.Helper()
	before, _ := os.ReadFile(f.masterKey()) // or it is not there
	for _, command := range []string{"migrate", "serve", "verify"} {
		if out, err := f.run(command); err == nil || !strings.Contains(out, says) || !strings.Contains(out, f.masterKey()) {
			f.t.Errorf("%s: got %v, want %q with the name of the file\n%s", command, err, says, out)
		}
	}
	if after, _ := os.ReadFile(f.masterKey()); !bytes.Equal(before, after) {
		f.t.Errorf("got another %s than before", f.masterKey())
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir, "data", ".master-*")); len(left) > 0 {
		f.t.Errorf("got %v left behind", left)
	}
}

// TestAReplicaWithoutTheMasterKeyDoesNotStart gives a second replica an empty data
// directory, and then one with a key of its own.
func TestAReplicaWithoutTheMasterKeyDoesNotStart(t *testing.T) {
	conf := onPostgres(t)
	first, second, stranger := newHubFolder(t, conf), newHubFolder(t, conf), newHubFolder(t, "")
	first.migrated()
	second.wantRefused("master.key")
	stranger.migrated()
	if err := os.MkdirAll(filepath.Dir(second.masterKey()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(stranger.masterKey(), second.masterKey()); err != nil {
		t.Fatal(err)
	}
	second.wantRefused("is not the one this database was made with")
	first.migrated()
}

// TestARestoreWithoutTheMasterKeyDoesNotStart puts a database back alone.
func TestARestoreWithoutTheMasterKeyDoesNotStart(t *testing.T) {
	f := newHubFolder(t, "")
	f.migrated()
	if err := os.Rename(f.masterKey(), f.masterKey()+".away"); err != nil {
		t.Fatal(err)
	}
	f.wantRefused("master.key")
	if err := os.Rename(f.masterKey()+".away", f.masterKey()); err != nil {
		t.Fatal(err)
	}
	f.migrated()
}

// TestLookingMigratesNothing looks into the database of a hub that is a version
// behind, as somebody does who tries a new binary before it is rolled out.
func TestLookingMigratesNothing(t *testing.T) {
	dsn := testserver.Postgres(t)
	f := newHubFolder(t, "store:\n  postgres_file: dsn\n")
	f.write("dsn", dsn)
	f.write("data/master.key", string(hubtest.Master()))
	manifest, err := os.ReadFile("../../config/creditors/fines.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f.write("creditors/fines.yaml", string(manifest))
	f.write("secrets/fines/fines-api-key", "a-key")
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := sqlstore.MigrateTo(t.Context(), goose.DialectPostgres, db, sqlstore.Newest()-1); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"verify"}, {"keys", "list"}} {
		if out, err := f.run(command...); err == nil || !strings.Contains(out, "racord migrate") {
			t.Errorf("%v: got %v, want it to say what to do\n%s", command, err, out)
		}
		var version int64
		if err := db.QueryRowContext(t.Context(), `SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil || version >= sqlstore.Newest() {
			t.Errorf("after %v: got version %d (%v), want it a version behind", command, version, err)
		}
	}
	f.migrated()
	for _, command := range [][]string{{"verify"}, {"keys", "list"}} {
		if out, err := f.run(command...); err != nil {
			t.Errorf("%v at the newest version: %v\n%s", command, err, out)
		}
	}
}
