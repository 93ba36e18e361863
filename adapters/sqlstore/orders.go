package sqlstore

import (
	"cmp"
	"context"
	"strconv"
	"strings"
)

// stemLength is how many characters of an order number name the merchant account.
const stemLength = 5

// stem is what the order numbers of a merchant account begin with. It follows
// from the master key, so that the orders of two environments never meet at one
// provider, and is the same again after a restore.
func (s *Store) stem(psp, merchant string) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	sum := s.keys.MAC("order stem", psp, merchant)
	stem := []byte("R")
	for _, b := range sum[:stemLength] {
		stem = append(stem, alphabet[b%32])
	}
	return string(stem)
}

// Order gives the order number n of a merchant account: at most 20 ASCII letters
// and digits for 14 digits of n.
func (s *Store) Order(psp, merchant string, n int64) string {
	digits := strconv.FormatInt(n, 10)
	return s.stem(psp, merchant) + strings.Repeat("0", max(0, 6-len(digits))) + digits
}

const (
	nextOrderQuery = `
INSERT INTO order_numbers (psp, merchant, stem, last) VALUES ($1, $2, $3, 1)
ON CONFLICT (psp, merchant) DO UPDATE SET last = order_numbers.last + 1 RETURNING last`
	skipOrdersQuery = `
INSERT INTO order_numbers (psp, merchant, stem, last) VALUES ($1, $2, $3, $4)
ON CONFLICT (psp, merchant) DO UPDATE SET last = excluded.last WHERE order_numbers.last < excluded.last`
)

// NextOrder gives the next order number of a merchant account. A number is used
// up even when the change is not stored: else all payers of one account would
// wait for each other.
func (c *change) NextOrder(ctx context.Context, psp, merchant string) (string, error) {
	n := int64(0)
	err := c.store.engine.Apart(ctx, c.run, Statement{
		SQL:  nextOrderQuery,
		Args: []any{psp, merchant, c.store.stem(psp, merchant)},
		Scan: func(row Scanner) error { return row.Scan(&n) },
	})
	if err != nil {
		c.failed = cmp.Or(c.failed, err)
		return "", c.store.fault(err)
	}
	c.acted = true
	return c.store.Order(psp, merchant, n), nil
}

// LastOrder gives the last number given out, 0 when there is none.
func (s *Store) LastOrder(ctx context.Context, psp, merchant string) (last int64, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error { return row.Scan(&last) },
		`SELECT last FROM order_numbers WHERE psp = $1 AND merchant = $2`, psp, merchant)
	return last, err
}

// SkipOrders makes sure that no number up to n is given out any more.
func (s *Store) SkipOrders(ctx context.Context, psp, merchant string, n int64) error {
	_, err := s.exec(ctx, skipOrdersQuery, psp, merchant, s.stem(psp, merchant), n)
	return err
}
