// Package memo remembers what was last computed about each of many things, so
// that asking again costs a load and no lock.
package memo

import (
	"sync/atomic"

	"racord/cmd/city/calendar"
)

// State is what the facts of the city depend on besides its seed.
type State struct {
	Day      calendar.Day
	Payments int64 // how many were entered so far
}

// Memo holds the last value for each thing. The zero value remembers nothing;
// Size gives it room.
type Memo[T any] struct {
	slots []atomic.Pointer[remark[T]]
}

type remark[T any] struct {
	state State
	value T
}

// Size makes room for things 0 to n−1 and forgets everything.
func (m *Memo[T]) Size(n int) { m.slots = make([]atomic.Pointer[remark[T]], n) }

// Get returns the value for thing i if it is known for that state.
func (m *Memo[T]) Get(i int, s State) (value T, ok bool) {
	if i < len(m.slots) {
		if r := m.slots[i].Load(); r != nil && r.state == s {
			return r.value, true
		}
	}
	return value, false
}

// Keep remembers the value for thing i, if there is room for it, and returns
// it. Readers share it; nobody may change it.
func (m *Memo[T]) Keep(i int, s State, value T) T {
	if i < len(m.slots) {
		m.slots[i].Store(&remark[T]{s, value})
	}
	return value
}
