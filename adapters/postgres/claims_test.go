package postgres_test

import (
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

// TestClaimsEndInTheOrderInWhichTheyAreMade: who ended them in another one would wait
// for who makes them, and be waited for.
func TestClaimsEndInTheOrderInWhichTheyAreMade(t *testing.T) {
	dsn := testserver.Postgres(t)
	store, db := open(t, dsn), raw(t, dsn)
	run(t, db, `
CREATE TABLE ended (no SERIAL, obligation TEXT);
CREATE FUNCTION ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ended (obligation) VALUES (OLD.obligation); RETURN NULL; END $$;
CREATE TRIGGER ended AFTER DELETE ON claims FOR EACH ROW EXECUTE FUNCTION ended()`)
	p, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: hub.NewID()}, func(tx hub.PaymentTx) (*hub.Payment, error) {
		p := hubtest.Basket("", "c", "a", "b")
		_, err := tx.HoldAll(t.Context(), p.ID, []*hub.Line{&p.Lines[0], &p.Lines[1], &p.Lines[2]}, tx.Now().Add(time.Minute))
		return p, err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.ChangePayment(t.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		for i := range p.Lines {
			tx.Release(&p.Lines[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := db.QueryRowContext(t.Context(), `SELECT string_agg(obligation, '' ORDER BY no) FROM ended`).Scan(&got); err != nil || got != "abc" {
		t.Errorf("got claims ended in the order %q (%v), want abc", got, err)
	}
}
