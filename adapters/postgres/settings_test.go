package postgres_test

import (
	"testing"

	"racord/adapters/testserver"
	"racord/hub"
)

// TestStatementsArePlannedOnceAndNotCompiled: compiling takes a second of each
// statement over a large table, and saves nothing where few rows are read.
func TestStatementsArePlannedOnceAndNotCompiled(t *testing.T) {
	dsn := testserver.Postgres(t)
	store, db := open(t, dsn), raw(t, dsn)
	run(t, db, `
CREATE TABLE settings (plans TEXT, jit TEXT);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO settings VALUES (current_setting('plan_cache_mode'), current_setting('jit'));
	RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON parties FOR EACH ROW EXECUTE FUNCTION tell()`)
	if _, err := store.Enrol(t.Context(), hub.Login{Issuer: "i", Subject: "s"}, "Ana", nil); err != nil {
		t.Fatal(err)
	}
	var plans, jit string
	if err := db.QueryRowContext(t.Context(), `SELECT plans, jit FROM settings`).Scan(&plans, &jit); err != nil || plans != "force_generic_plan" || jit != "off" {
		t.Errorf("got plans %q and compiling %q (%v), want generic ones and none", plans, jit, err)
	}
}
