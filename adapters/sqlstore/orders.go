package sqlstore

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"racord/hub"
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

// Both answer nothing when another merchant account has the stem.
const (
	nextOrderQuery = `
INSERT INTO order_numbers (psp, merchant, stem, last) VALUES ($1, $2, $3, 1)
ON CONFLICT (psp, stem) DO UPDATE SET last = order_numbers.last + 1 WHERE order_numbers.merchant = excluded.merchant
RETURNING last`
	skipOrdersQuery = `
INSERT INTO order_numbers (psp, merchant, stem, last) VALUES ($1, $2, $3, $4)
ON CONFLICT (psp, stem) DO UPDATE
SET last = CASE WHEN order_numbers.last < excluded.last THEN excluded.last ELSE order_numbers.last END
WHERE order_numbers.merchant = excluded.merchant`
)

func stemTaken(merchant string) error {
	return hub.Errorf(hub.CodeInternal, "the merchant account %s has the order numbers of another one", merchant)
}

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
	if n == 0 {
		return "", stemTaken(merchant)
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

// LastOrders gives the last number given out of every merchant account that has
// one.
func (s *Store) LastOrders(ctx context.Context, psp string) (map[string]int64, error) {
	orders := map[string]int64{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var merchant string
		var last int64
		err := row.Scan(&merchant, &last)
		orders[merchant] = last
		return err
	}, `SELECT merchant, last FROM order_numbers WHERE psp = $1`, psp)
	return orders, err
}

// SkipOrders makes sure that no number up to n is given out any more.
func (s *Store) SkipOrders(ctx context.Context, psp, merchant string, n int64) error {
	done, err := s.exec(ctx, skipOrdersQuery, psp, merchant, s.stem(psp, merchant), n)
	if err == nil && done == 0 {
		err = stemTaken(merchant)
	}
	return err
}
