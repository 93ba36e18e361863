package lean

import (
	"context"
	"sync"
)

// vigils watch over contexts, to cut off what is under way when one ends.
// Questions that are asked together share their time, and so the watch over it.
type vigils struct {
	mu   sync.Mutex
	kept map[<-chan struct{}]*vigil // by what tells that the context ended
}

// vigil watches over the exchanges of one context.
type vigil struct {
	done  <-chan struct{}
	stop  func() bool
	over  bool
	first *conn // of a list
}

// join cuts c off as soon as ctx ends, until it leaves.
func (w *vigils) join(ctx context.Context, c *conn) {
	done := ctx.Done()
	if c.vigil = nil; done == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.kept[done]
	if v == nil {
		v = w.begin(ctx, done)
	}
	c.vigil, c.next, c.before = v, v.first, nil
	if v.first != nil {
		v.first.before = c
	}
	v.first = c
}

func (w *vigils) begin(ctx context.Context, done <-chan struct{}) *vigil {
	if w.kept == nil {
		w.kept = map[<-chan struct{}]*vigil{}
	}
	v := &vigil{done: done}
	w.kept[done] = v
	v.stop = context.AfterFunc(ctx, func() { w.end(v) })
	return v
}

// end cuts off what is under way.
func (w *vigils) end(v *vigil) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.over = true; w.kept[v.done] == v {
		delete(w.kept, v.done)
	}
	for c := v.first; c != nil; c = c.next {
		c.cut()
	}
}

// leave ends the watch over c. It is false when c was or is being cut off.
func (w *vigils) leave(c *conn) bool {
	v := c.vigil
	if v == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.vigil = nil; v.over {
		return false
	}
	v.remove(c)
	if v.first != nil {
		return true
	}
	delete(w.kept, v.done)
	return v.stop()
}

func (v *vigil) remove(c *conn) {
	if c.before == nil {
		v.first = c.next
	} else {
		c.before.next = c.next
	}
	if c.next != nil {
		c.next.before = c.before
	}
	c.before, c.next = nil, nil
}
