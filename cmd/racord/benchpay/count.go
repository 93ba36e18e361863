package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// script is what one payment writes: the rows of each change of state, in their
// order.
type script struct {
	steps [][]counted
	body  int // bytes of the sealed payment in the end
}

// counted is rows of a table that a change added or brought up to date.
type counted struct {
	table string
	added bool
	rows  int
}

func (s script) rows() (sum int) {
	for _, step := range s.steps {
		for _, c := range step {
			sum += c.rows
		}
	}
	return sum
}

// Every row that is written is noted with its transaction. The triggers are in
// the way: nothing is measured meanwhile.
const (
	noteRows = `
CREATE TABLE counted_rows (seq BIGSERIAL, tx BIGINT, name TEXT, added BOOLEAN);
CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO counted_rows (tx, name, added) VALUES (txid_current(), TG_TABLE_NAME, TG_OP = 'INSERT');
	RETURN NULL;
END $$;
DO $$
DECLARE t TEXT;
BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'counted_rows' LOOP
		EXECUTE format('CREATE TRIGGER zz_note_row AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION note_row()', t);
	END LOOP;
END $$`
	countRows = `
SELECT tx, name, added, count(*) FROM counted_rows
GROUP BY tx, name, added ORDER BY min(min(seq)) OVER (PARTITION BY tx), tx, min(seq)`
)

// count has one payer pay a few times and counts the rows of the last payment.
func count(ctx context.Context, server *server) (s script, err error) {
	b := &postgresBench{server: server}
	store, err := b.open(ctx)
	if err != nil {
		return s, err
	}
	defer store.Close()
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return s, err
	}
	defer conn.Close(ctx)
	h, err := openHub(ctx, store, 1)
	if err != nil {
		return s, err
	}
	defer h.close()
	if err := h.payOnce(ctx, 0); err != nil { // the first of an account writes some rows more
		return s, err
	}
	time.Sleep(100 * time.Millisecond) // for whatever is still under way
	if _, err := conn.Exec(ctx, noteRows); err != nil {
		return s, err
	}
	if err := h.payOnce(ctx, 0); err != nil {
		return s, err
	}
	if err := conn.QueryRow(ctx, `SELECT max(octet_length(body)) FROM payments`).Scan(&s.body); err != nil {
		return s, err
	}
	rows, err := conn.Query(ctx, countRows)
	if err != nil {
		return s, err
	}
	return s, s.read(rows)
}

// read makes steps of transactions. One that only touches work is a lease, and one
// that only draws an order number belongs to the opening that asked for it:
// neither is a change of state.
func (s *script) read(rows pgx.Rows) error {
	defer rows.Close()
	var steps [][]counted
	last := int64(0)
	for rows.Next() {
		var tx int64
		var c counted
		if err := rows.Scan(&tx, &c.table, &c.added, &c.rows); err != nil {
			return err
		}
		if _, known := writes[c.table]; !known {
			return fmt.Errorf("a payment writes into %s, and nobody knows how to do that bare", c.table)
		}
		if tx != last {
			steps, last = append(steps, nil), tx
		}
		steps[len(steps)-1] = append(steps[len(steps)-1], c)
	}
	var numbers []counted
	for _, step := range steps {
		switch only := step[0].table; {
		case len(step) == 1 && only == "works":
		case len(step) == 1 && only == "order_numbers":
			numbers = step
		default:
			s.steps = append(s.steps, append(step, numbers...))
			numbers = nil
		}
	}
	return rows.Err()
}
