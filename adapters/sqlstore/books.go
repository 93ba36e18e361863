package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"racord/hub"
)

// still runs do in a transaction that sees one moment, over many rows.
func (s *Store) still(ctx context.Context, do func(db asker) error) error {
	return s.looking(ctx, func(tx *sql.Tx) error {
		if begin := s.engine.Words().Still; begin != "" {
			if _, err := tx.ExecContext(ctx, begin); err != nil {
				return err
			}
		}
		return do(tx)
	})
}

// page is how many payments are read at once.
const page = 500

// EachPayment gives every payment there was when it began, by name, so that a
// long list holds no transaction open.
func (s *Store) EachPayment(ctx context.Context, each func(p *hub.Payment) error) error {
	var began int64
	err := s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&began) },
		`SELECT coalesce(max(opened_at), 0) FROM payments`)
	last := hub.PaymentID("")
	for err == nil {
		var found []*hub.Payment
		found, err = s.payments(ctx, s.read, bodyQuery+`WHERE id > $1 AND opened_at <= $2 ORDER BY id LIMIT $3`, string(last), began, page)
		for i := 0; i < len(found) && err == nil; i++ {
			last, err = found[i].ID, each(found[i])
		}
		if len(found) < page {
			break
		}
	}
	return err
}

// Dossier gives all that is known of one payment, as of one moment.
func (s *Store) Dossier(ctx context.Context, id hub.PaymentID) (d hub.Dossier, err error) {
	err = s.still(ctx, func(db asker) error {
		found, err := s.payments(ctx, db, bodyQuery+`WHERE id = $1`, string(id))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return noPayment()
		}
		d.Payment = found[0]
		if d.Bookings, err = s.bookings(ctx, db, id); err != nil {
			return err
		}
		if d.Claims, err = s.claims(ctx, db, claimsOfQuery, string(id)); err != nil {
			return err
		}
		return s.each(ctx, db, func(row Scanner) error {
			var w hub.Work
			err := row.Scan(&w.Payment, &w.Kind, &w.No, &w.Creditor)
			d.Work = append(d.Work, w)
			return err
		}, `SELECT payment, kind, no, creditor FROM works WHERE payment = $1 AND due_at IS NOT NULL ORDER BY kind, no`, string(id))
	})
	return d, err
}

// ChangedSince gives payments in the order in which they changed, up to one that
// cannot be opened.
func (s *Store) ChangedSince(ctx context.Context, from hub.Changed, most int) (found []*hub.Payment, next hub.Changed, err error) {
	next = from
	err = s.each(ctx, s.read, func(row Scanner) error {
		var id string
		var version, at int64
		var sealed []byte
		if err := row.Scan(&id, &version, &sealed, &at); err != nil {
			return err
		}
		next = hub.Changed{At: moment(at), ID: hub.PaymentID(id)}
		p, _, err := s.openPayment(hub.PaymentID(id), version, sealed)
		if err == nil {
			found = append(found, p)
		}
		return err
	}, `SELECT id, version, body, changed_at FROM payments WHERE (changed_at, id) > ($1, $2) ORDER BY changed_at, id LIMIT $3`,
		micros(from.At), string(from.ID), most)
	return found, next, err
}

// PaymentOfOrder finds the charge with an order number.
func (s *Store) PaymentOfOrder(ctx context.Context, psp, order string) (id hub.PaymentID, charge int, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&id, &charge) },
		`SELECT payment, no FROM charges WHERE psp = $1 AND number = $2`, psp, order)
	if err == nil && id == "" {
		err = noPayment()
	}
	return id, charge, err
}

// PaymentOfPosting finds the line that a creditor knows by a posting's name.
func (s *Store) PaymentOfPosting(ctx context.Context, creditor hub.Name, posting hub.PostingID) (id hub.PaymentID, line int, err error) {
	parts := strings.Split(string(posting), ":")
	if len(parts) != 3 || parts[0] != "hub" {
		return "", 0, noPayment()
	}
	no, err := strconv.Atoi(parts[2])
	if err != nil {
		return "", 0, noPayment()
	}
	err = s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&id, &line) },
		`SELECT payment, no FROM lines WHERE payment = $1 AND no = $2 AND creditor = $3`, parts[1], no, string(creditor))
	if err == nil && id == "" {
		err = noPayment()
	}
	return id, line, err
}

const (
	claimsQuery   = `SELECT creditor, obligation, payment, line, until FROM claims WHERE until > {now} ORDER BY creditor, obligation`
	claimsOfQuery = `
SELECT DISTINCT c.creditor, c.obligation, c.payment, c.line, c.until
FROM lines l JOIN claims c ON c.creditor = l.creditor AND c.obligation = l.obligation AND c.payment = l.payment
WHERE l.payment = $1 ORDER BY c.line`
)

// Claims gives the live claims.
func (s *Store) Claims(ctx context.Context) (found []hub.Claim, err error) {
	err = s.still(ctx, func(db asker) error {
		found, err = s.claims(ctx, db, s.texts.claims)
		return err
	})
	return found, err
}

func (s *Store) claims(ctx context.Context, db asker, query string, args ...any) (found []hub.Claim, err error) {
	err = s.each(ctx, db, func(row Scanner) error {
		var c hub.Claim
		var until int64
		err := row.Scan(&c.Creditor, &c.Obligation, &c.Payment, &c.Line, &until)
		c.Until = moment(until)
		found = append(found, c)
		return err
	}, query, args...)
	return found, err
}

// Note adds an anomaly that concerns no payment.
func (s *Store) Note(ctx context.Context, kind, detail string) error {
	c := &change{store: s}
	return s.fault(s.repeat(func() error {
		return s.engine.Within(ctx, []Statement{c.at(s.engine.Clock(""))}, func(Run) ([]Statement, error) {
			return s.engine.Add(&anomaliesTable, [][]any{anomalyRow(c.now, kind, "", detail)}), nil
		})
	}))
}

// Anomalies lists what a person should look at, newest first.
func (s *Store) Anomalies(ctx context.Context, most int) (found []hub.Anomaly, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var a hub.Anomaly
		var at int64
		err := row.Scan(&at, &a.Kind, &a.Payment, &a.Detail)
		a.At = moment(at)
		found = append(found, a)
		return err
	}, `SELECT at, kind, payment, detail FROM anomalies ORDER BY at DESC, id LIMIT $1`, most)
	return found, err
}
