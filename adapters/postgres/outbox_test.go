package postgres_test

import (
	"testing"
	"time"

	"racord/adapters/testserver"
)

// noLongStatement refuses a statement that touches more than 5,000 rows: with
// more it would be cut off by its timeout one day, and the next day again.
const noLongStatement = `
CREATE FUNCTION not_so_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF (SELECT count(*) FROM touched) > 5000 THEN RAISE 'too many rows in one statement'; END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER few AFTER UPDATE ON events REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION not_so_many();
CREATE TRIGGER few_gone AFTER DELETE ON events REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION not_so_many();
CREATE TRIGGER few_gone AFTER DELETE ON event_tries REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION not_so_many();
INSERT INTO events (payment, seq, receiver, type, line, creditor, at, turn, tries, settled_at)
SELECT 'p' || n, 1, 'portal:city', 'payment.opened', 0, '', n / 7, 1, 1, n FROM generate_series(1, 12000) AS n;
INSERT INTO event_tries (payment, seq, receiver, no, at, took, status, code)
SELECT payment, seq, receiver, 1, at, 0, 200, '' FROM events`

func TestNoticesAreReplayedAndForgottenSomeAtATime(t *testing.T) {
	const all = 12000
	dsn := testserver.Postgres(t)
	store, db := open(t, dsn), raw(t, dsn)
	run(t, db, noLongStatement)
	if n, err := store.Replay(t.Context(), "portal:city", time.Time{}, time.Now()); n != all || err != nil {
		t.Errorf("got %d replayed (%v), want %d", n, err, all)
	}
	if waiting, err := store.Waiting(t.Context()); waiting["portal:city"] != all || err != nil {
		t.Errorf("got %v waiting (%v), want %d", waiting, err, all)
	}
	for range 3 { // as many at a time as are allowed here
		run(t, db, `UPDATE events SET due_at = NULL, settled_at = at + 1 WHERE payment IN (SELECT payment FROM events WHERE due_at IS NOT NULL LIMIT 5000)`)
	}
	if err := store.Forget(t.Context(), time.Now(), time.Now()); err != nil {
		t.Error(err)
	}
	for _, table := range []string{"events", "event_tries"} {
		var left int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&left); left != 0 || err != nil {
			t.Errorf("got %d rows of %s left (%v), want none", left, table, err)
		}
	}
}
