package view

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"racord/hub"
)

// regulars knows roughly which pages were taken from L2 lately. One is put into L1
// only when it is asked for again before as many others as L1 has room for: a page
// whose owner comes once would push out another, and never be asked for there.
type regulars struct {
	seed  maphash.Seed
	marks []atomic.Uint32 // a power of two; each of the page that came there last
}

func newRegulars(pages int) regulars {
	return regulars{maphash.MakeSeed(), make([]atomic.Uint32, 1<<bits.Len(uint(pages)-1))}
}

// again tells whether the page was asked about lately, and remembers it.
func (r *regulars) again(key hub.PageKey) bool {
	h := maphash.String(r.seed, string(key))
	mark, at := uint32(h>>32)|1, &r.marks[h&uint64(len(r.marks)-1)]
	if at.Load() == mark {
		return true
	}
	at.Store(mark)
	return false
}
