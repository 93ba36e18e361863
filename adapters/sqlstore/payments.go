package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"racord/hub"
)

// RoomToPay tells whether a payment could be written down to its end.
func (s *Store) RoomToPay(ctx context.Context) error { return s.fault(s.engine.Room(ctx)) }

// opener is the payment that a key opened.
type opener struct {
	payment hub.PaymentID
	hash    []byte
}

const (
	openerQuery = `SELECT payment, hash FROM payment_keys WHERE request = $1`
	openerAdd   = `INSERT INTO payment_keys (request, payment, hash) VALUES ($1, $2, $3)`
)

// errOpened ends a transaction that finds its payment there.
var errOpened = errors.New("the key opened a payment before")

// OpenPayment stores what build makes, once for each key.
func (s *Store) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (p *hub.Payment, opened bool, err error) {
	request := s.keys.MAC("request key", key.Portal, string(key.Party), key.Route, key.Key)
	var before *opener
	err = s.repeat(func() error {
		p, before, err = s.open(ctx, request[:], key, build)
		return err
	})
	switch {
	case err == nil:
		return p, true, nil
	case !errors.Is(err, errOpened):
		return nil, false, s.fault(err)
	case !bytes.Equal(before.hash, key.Hash[:]):
		return nil, false, hub.ErrKeyUsed
	}
	p, err = s.Payment(ctx, before.payment)
	return p, false, err
}

// open opens a payment, or gives the one before with errOpened. Requests with
// one key wait for each other.
func (s *Store) open(ctx context.Context, request []byte, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (p *hub.Payment, before *opener, err error) {
	c := &change{store: s}
	first := []Statement{
		c.at(s.engine.Clock("payment key " + hex.EncodeToString(request))),
		{SQL: openerQuery, Args: []any{request}, Scan: func(row Scanner) error {
			before = &opener{}
			return row.Scan(&before.payment, &before.hash)
		}},
	}
	err = s.engine.Within(ctx, first, func(run Run) ([]Statement, error) {
		if before != nil {
			return nil, errOpened
		}
		c.run = run
		if p, err = build(c); err != nil {
			return nil, err
		}
		batch, err := c.opened(p)
		return append(batch, Statement{SQL: openerAdd, Args: []any{request, string(p.ID), key.Hash[:]}}), err
	})
	return p, before, err
}

const (
	loadQuery = `SELECT version, body FROM payments WHERE id = $1{for update}`
	turnQuery = `SELECT turn FROM works WHERE payment = $1 AND kind = $2 AND no = $3{for update}`
	bodyQuery = `SELECT id, version, body FROM payments `
)

// ChangePayment alters a payment in one transaction.
func (s *Store) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, alter func(hub.PaymentTx, *hub.Payment) error) (p *hub.Payment, err error) {
	err = s.repeat(func() error {
		p, err = s.change(ctx, id, under, alter)
		return err
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return nil, s.fault(err)
	}
	return p, nil
}

func (s *Store) change(ctx context.Context, id hub.PaymentID, under *hub.Lease, alter func(hub.PaymentTx, *hub.Payment) error) (p *hub.Payment, err error) {
	c := &change{store: s, lease: under}
	var sealed []byte
	turn := int64(0)
	first := []Statement{{SQL: s.texts.load, Args: []any{string(id)}, Scan: func(row Scanner) error {
		return row.Scan(&c.version, &sealed)
	}}}
	if under != nil {
		first = append(first, Statement{SQL: s.texts.turn, Args: []any{string(under.Payment), string(under.Kind), under.No},
			Scan: func(row Scanner) error { return row.Scan(&turn) }})
	}
	first = append(first, c.at(s.engine.Clock("")))
	err = s.engine.Within(ctx, first, func(run Run) ([]Statement, error) {
		if sealed == nil {
			return nil, noPayment()
		}
		if under != nil && (under.Payment != id || int64(under.Turn) != turn) {
			return nil, hub.Errorf(hub.CodeConflict, "Somebody else has taken this work over.")
		}
		c.run = run
		if p, c.before, err = s.openPayment(id, c.version, sealed); err != nil {
			return nil, err
		}
		c.remember(p)
		if err := alter(c, p); err != nil {
			return nil, err
		}
		return c.changed(id, p)
	})
	return p, err
}

func noPayment() error { return hub.Errorf(hub.CodeNotFound, "There is no such payment.") }

// repeat does something once more when the database undid it for another's sake.
func (s *Store) repeat(do func() error) error {
	err := do()
	if err != nil && s.engine.Verdict(err) == Again {
		err = do()
	}
	return err
}

// fault gives an error of the database its code.
func (s *Store) fault(err error) error {
	var coded *hub.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	switch s.engine.Verdict(err) {
	case Quote:
		return hub.ErrQuoteUsed
	case Refused:
		return hub.Wrap(hub.CodeInternal, err, "Our records refuse this change.")
	}
	return fail(err)
}

// Payment gives one payment.
func (s *Store) Payment(ctx context.Context, id hub.PaymentID) (*hub.Payment, error) {
	found, err := s.payments(ctx, s.read, bodyQuery+`WHERE id = $1`, string(id))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noPayment()
	}
	return found[0], nil
}

const (
	newestQuery = bodyQuery + `WHERE party = $1 AND party <> '' ORDER BY opened_at DESC, id DESC LIMIT $2`
	olderQuery  = bodyQuery + `WHERE party = $1 AND party <> ''
	AND (opened_at, id) < (SELECT opened_at, id FROM payments WHERE id = $3) ORDER BY opened_at DESC, id DESC LIMIT $2`
)

// TakenSince tells whether something became of money for an obligation.
func (s *Store) TakenSince(ctx context.Context, creditor hub.Name, obligation hub.ObligationID, from time.Time) (taken bool, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&taken) }, `
SELECT EXISTS (SELECT 1 FROM lines WHERE creditor = $1 AND obligation = $2 AND changed_at >= $3 AND state NOT IN ('held', 'dropped'))`,
		string(creditor), string(obligation), micros(from))
	return taken, err
}

const paidQuery = `
SELECT c.creditor, c.obligation
FROM claims c JOIN lines l ON l.payment = c.payment AND l.no = c.line
WHERE l.hub IN ('paid_waiting_posting', 'posted', 'mismatch') AND (c.creditor, c.obligation) IN (VALUES `

// PaidOf finds the debts that are claimed by a line for which money was taken.
func (s *Store) PaidOf(ctx context.Context, debts []hub.Debt) (paid []hub.Debt, err error) {
	if len(debts) == 0 {
		return nil, nil
	}
	places, args := make([]string, len(debts)), make([]any, 0, 2*len(debts))
	for i, d := range debts {
		places[i] = fmt.Sprintf("($%d, $%d)", 2*i+1, 2*i+2)
		args = append(args, string(d.Creditor), string(d.Obligation))
	}
	err = s.each(ctx, s.read, func(row Scanner) error {
		var d hub.Debt
		err := row.Scan(&d.Creditor, &d.Obligation)
		paid = append(paid, d)
		return err
	}, paidQuery+strings.Join(places, ", ")+")", args...)
	return paid, err
}

// PaymentsOf lists a party's payments, newest first.
func (s *Store) PaymentsOf(ctx context.Context, party hub.PartyID, most int, before hub.PaymentID) ([]*hub.Payment, error) {
	if before == "" {
		return s.payments(ctx, s.read, newestQuery, string(party), most)
	}
	return s.payments(ctx, s.read, olderQuery, string(party), most, string(before))
}

// asker is a pool or a transaction that gives rows.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// payments opens what a bodyQuery finds.
func (s *Store) payments(ctx context.Context, db asker, query string, args ...any) (found []*hub.Payment, err error) {
	err = s.each(ctx, db, func(row Scanner) error {
		var id string
		var version int64
		var sealed []byte
		if err := row.Scan(&id, &version, &sealed); err != nil {
			return err
		}
		p, _, err := s.openPayment(hub.PaymentID(id), version, sealed)
		found = append(found, p)
		return err
	}, query, args...)
	return found, err
}

// each calls do for every row of an answer.
func (s *Store) each(ctx context.Context, db asker, do func(Scanner) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return s.fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return s.fault(err)
		}
	}
	return s.fault(rows.Err())
}

// Doubtful gives the payments with refunds whose outcome nobody knows.
func (s *Store) Doubtful(ctx context.Context) (found []hub.PaymentID, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var id hub.PaymentID
		err := row.Scan(&id)
		found = append(found, id)
		return err
	}, `SELECT DISTINCT payment FROM refunds WHERE state = 'refund_unknown' ORDER BY payment`)
	return found, err
}

// at makes a change learn the database's time from a statement.
func (c *change) at(clock Statement) Statement {
	clock.Scan = func(row Scanner) error {
		micros := int64(0)
		err := row.Scan(&micros)
		c.now = time.UnixMicro(micros).UTC()
		return err
	}
	return clock
}
