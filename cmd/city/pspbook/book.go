// Package pspbook is what a payment provider writes down: every order, what of
// it was authorised, captured, refunded and charged back, for which merchant
// account, and what was told to the merchant. It also keeps the two things all
// providers do alike: send notifications until they are taken, and settle a
// day's movements in one payout net of fees.
//
// The book is the provider's own. Nothing the hub says changes it but through
// the provider's interface.
package pspbook

import (
	"errors"
	"sync"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
)

// Errors of looking up and opening orders.
var (
	ErrUnknown = errors.New("pspbook: no such order")
	ErrExists  = errors.New("pspbook: the order exists")
)

// Book holds the orders of one provider. It is safe for concurrent use; an
// order is locked by itself, the book only while it is looked up.
type Book struct {
	clock *clock.Clock

	mu    sync.RWMutex
	byID  map[string]*entry
	byKey map[key][]*entry // of the same merchant number, oldest first
	order []*entry         // as they came
	days  map[dayKey][]Item
}

// key is a merchant's number for an order.
type key struct{ merchant, orderID string }

type entry struct {
	mu    sync.Mutex
	order Order
}

// New opens an empty book.
func New(c *clock.Clock) *Book {
	return &Book{clock: c, byID: map[string]*entry{}, byKey: map[key][]*entry{}, days: map[dayKey][]Item{}}
}

// Open writes a new order down. With once set, a second order of the same
// merchant number is refused with ErrExists and the first one is returned.
func (b *Book) Open(o Order, once bool) (Order, error) {
	o.State, o.CreatedAt = Opened, b.clock.Now()
	e, k := &entry{order: o}, key{o.Merchant, o.OrderID}
	b.mu.Lock()
	if old := b.byKey[k]; once && len(old) > 0 {
		b.mu.Unlock()
		return old[0].read(), ErrExists
	}
	b.byID[o.ID] = e
	b.byKey[k] = append(b.byKey[k], e)
	b.order = append(b.order, e)
	b.mu.Unlock()
	return o, nil
}

// ByID finds an order by the provider's number.
func (b *Book) ByID(id string) (Order, error) {
	e, err := b.find(id)
	if err != nil {
		return Order{}, err
	}
	return e.read(), nil
}

// ByOrderID returns all orders under a merchant's number, oldest first.
func (b *Book) ByOrderID(merchant, orderID string) []Order {
	b.mu.RLock()
	entries := b.byKey[key{merchant, orderID}]
	b.mu.RUnlock()
	found := make([]Order, len(entries))
	for i, e := range entries {
		found[i] = e.read()
	}
	return found
}

// Orders returns the whole book, in the order it was written.
func (b *Book) Orders() []Order {
	b.mu.RLock()
	entries := b.order[:len(b.order):len(b.order)]
	b.mu.RUnlock()
	all := make([]Order, len(entries))
	for i, e := range entries {
		all[i] = e.read()
	}
	return all
}

// Change lets one step happen to an order, alone, and returns what it became.
// A step that fails must have changed nothing.
func (b *Book) Change(id string, step func(o *Order, now time.Time) error) (Order, error) {
	e, err := b.find(id)
	if err != nil {
		return Order{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	before := len(e.order.Movements)
	err = step(&e.order, b.clock.Now())
	b.settle(&e.order, e.order.Movements[before:])
	return e.order.clone(), err
}

func (b *Book) find(id string) (*entry, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.byID[id]
	if !ok {
		return nil, ErrUnknown
	}
	return e, nil
}

func (e *entry) read() Order {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.order.clone()
}

// settle files new movements under the day they are settled for.
func (b *Book) settle(o *Order, moved []Movement) {
	if len(moved) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range moved {
		k := dayKey{m.Account, calendar.Of(m.At)}
		b.days[k] = append(b.days[k], Item{ID: o.ID, OrderID: o.OrderID, Merchant: o.Merchant, RRN: o.RRN, Movement: m})
	}
}
