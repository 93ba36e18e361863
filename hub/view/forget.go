package view

import (
	"context"

	"racord/hub"
)

// Forget drops what the caches remember about a question, because a payment
// changed the answer. A cache out of reach forgets by itself in time.
func (v *Views) Forget(ctx context.Context, creditor hub.Name, asked hub.Asked) {
	key := v.names.key(creditor, asked)
	_ = v.L1.Drop(ctx, key)
	if v.L2 != nil {
		_ = v.L2.Drop(ctx, key)
	}
}
