package rediscache

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// room is the memory that the values of one round trip stand in. It is used again
// once all who asked for some of them have left.
type room struct {
	answer bytes.Buffer
	inside atomic.Int32
}

// largestRoom in bytes is one that is used again; a rare giant is not.
const largestRoom = 1 << 20

var rooms = sync.Pool{New: func() any { return new(room) }}

// enter gives a room for so many.
func enter(many int) *room {
	r := rooms.Get().(*room)
	r.inside.Store(int32(many))
	return r
}

// leave is called by each of them once.
func (r *room) leave() {
	if r.inside.Add(-1) > 0 || r.answer.Cap() > largestRoom {
		return
	}
	r.answer.Reset()
	rooms.Put(r)
}
