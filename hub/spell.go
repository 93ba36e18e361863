package hub

import (
	"context"
	"sync"
	"time"
)

// Spell is the time of calls that begin at nearly the same moment. It is never
// ended by one of them.
type Spell struct{ context.Context }

// Spells give calls their time. Calls that begin at nearly the same moment under
// the same parent share one context and its timer, because a view begins many at
// once. The zero value is ready; With is set before the first use.
type Spells struct {
	With func(context.Context) context.Context // what else the calls share; nil = nothing

	mu     sync.Mutex
	parent context.Context
	now    *Spell
	shared time.Time // until when calls that begin share it
}

// Begin gives a context that ends with its parent, or when so much time has passed,
// and at most spread later: so far apart may calls that share it begin. Parents are
// compared, so they are to be pointers.
func (s *Spells) Begin(parent context.Context, length, spread time.Duration) *Spell {
	began := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if began.Before(s.shared) && s.parent == parent {
		return s.now
	}
	within := parent
	if s.With != nil {
		within = s.With(parent)
	}
	ctx, end := context.WithTimeout(within, length+spread)
	context.AfterFunc(ctx, end)
	s.parent, s.now, s.shared = parent, &Spell{ctx}, began.Add(spread)
	return s.now
}
