package hub

import "context"

type slotKey struct{}

// WithSlots lets the delivery under ctx make more than one call at once: take
// gives it one more of the creditor's slots when one is free at this moment,
// and the function that gives the slot back.
func WithSlots(ctx context.Context, take func() (release func(), ok bool)) context.Context {
	return context.WithValue(ctx, slotKey{}, take)
}

// TakeSlot asks for one more of the creditor's slots for a call that the
// delivery under ctx makes beside its own. Without any to give, ok is false and
// the call must wait until the delivery's own is free.
func TakeSlot(ctx context.Context) (release func(), ok bool) {
	take, may := ctx.Value(slotKey{}).(func() (func(), bool))
	if !may {
		return nil, false
	}
	return take()
}
