package book

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"racord/cmd/city/calendar"
)

// till holds the payments made after the city was generated.
type till struct {
	count    atomic.Int64
	mu       sync.RWMutex
	received map[entry]int64
}

type entry struct {
	creditor Creditor
	id       string // external id of the debt
}

// paid returns what came in for a debt since the city was generated.
func (t *till) paid(c Creditor, id string) int64 {
	if t.count.Load() == 0 {
		return 0 // the usual case must not take a lock
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.received[entry{c, id}]
}

// Pay enters a payment of amount bani towards one of the person's debts. It
// fails when the creditor shows no such debt that day; the amount may exceed
// what is owed, which leaves a credit.
func (b *Book) Pay(c Creditor, person int, externalID string, amount int64, on calendar.Day) error {
	known := func(d Debt) bool { return d.ExternalID == externalID }
	if !slices.ContainsFunc(b.Truth(c, person, on), known) {
		return fmt.Errorf("book: %s shows no debt %q of this person", c, externalID)
	}
	b.till.mu.Lock()
	defer b.till.mu.Unlock()
	if b.till.received == nil {
		b.till.received = map[entry]int64{}
	}
	b.till.received[entry{c, externalID}] += amount
	b.till.count.Add(1)
	return nil
}
