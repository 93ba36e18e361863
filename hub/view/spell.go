package view

import (
	"context"
	"sync"
	"time"
)

// spells give calls their time. Calls that begin at nearly the same moment share
// one context and its timer, because a view begins many at once.
type spells struct {
	mu     sync.Mutex
	now    context.Context
	shared time.Time // until when calls that begin share it
}

// spellFor is how far apart calls that share a context may begin.
const spellFor = 50 * time.Millisecond

// begin gives a context that ends with its parent, or when so much time has
// passed, and at most spellFor later.
func (s *spells) begin(parent context.Context, length time.Duration) context.Context {
	began := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if began.Before(s.shared) {
		return s.now
	}
	ctx, end := context.WithTimeout(parent, length+spellFor)
	context.AfterFunc(ctx, end)
	s.now, s.shared = ctx, began.Add(spellFor)
	return ctx
}
