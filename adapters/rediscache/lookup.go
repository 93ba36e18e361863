package rediscache

import (
	"slices"
	"sync"

	"racord/hub"
)

// name is a key in Redis.
type name []byte

// MarshalBinary lets go-redis send a name as it stands.
func (n *name) MarshalBinary() ([]byte, error) { return *n, nil }

// lookup is what one caller wants to know, and lends what was found. It is used again
// after it was returned.
type lookup struct {
	names  []name
	text   []byte     // that the names are parts of
	values [][]byte   // what Redis has, nil where it has nothing
	room   *room      // where they stand
	pages  []hub.Page // what they say
	done   chan error // one verdict
}

var _ hub.Loan = (*lookup)(nil)

var lookups = sync.Pool{New: func() any { return &lookup{done: make(chan error, 1)} }}

// lookFor makes a look-up of keys.
func lookFor(keys []hub.PageKey) *lookup {
	l, size := lookups.Get().(*lookup), len(keys)*len(Prefix)
	for _, key := range keys {
		size += len(key)
	}
	l.text, l.names = slices.Grow(l.text[:0], size), slices.Grow(l.names[:0], len(keys))
	for _, key := range keys {
		first := len(l.text)
		l.text = append(append(l.text, Prefix...), key...)
		l.names = append(l.names, name(l.text[first:len(l.text):len(l.text)]))
	}
	l.pages = slices.Grow(l.pages[:0], len(keys))[:len(keys)]
	return l
}

// Return gives the memory back: the pages' own at once, that of the values when
// everybody did whose values came with them.
func (l *lookup) Return() {
	l.room.leave()
	if cap(l.pages) > mostKeys { // a rare giant
		return
	}
	clear(l.pages)
	l.room, l.values = nil, nil
	lookups.Put(l)
}
