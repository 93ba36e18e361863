package book

import (
	"sync/atomic"

	"racord/cmd/city/calendar"
)

// memo remembers, for each party, the last day's facts. Without a size it
// remembers nothing, and facts are computed each time.
type memo[T any] struct {
	slots []atomic.Pointer[remark[T]]
}

type remark[T any] struct {
	on       calendar.Day
	payments int64 // how many payments the book held when it was computed
	facts    T
}

func (m *memo[T]) size(n int) { m.slots = make([]atomic.Pointer[remark[T]], n) }

// of returns the facts about thing i on a day, computing them when needed.
func (m *memo[T]) of(i int, on calendar.Day, payments int64, compute func() T) T {
	if i >= len(m.slots) {
		return compute()
	}
	if r := m.slots[i].Load(); r != nil && r.on == on && r.payments == payments {
		return r.facts
	}
	facts := compute()
	m.slots[i].Store(&remark[T]{on: on, payments: payments, facts: facts})
	return facts
}
