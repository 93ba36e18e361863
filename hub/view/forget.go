package view

import (
	"context"

	"racord/hub"
)

// Forget drops what the caches remember about a question, because a payment
// changed the answer. A cache out of reach forgets by itself in time.
func (v *Views) Forget(ctx context.Context, creditor hub.Name, asked hub.Asked) {
	for _, c := range v.Roster.OnDuty() {
		if c.Creditor.Name != creditor {
			continue
		}
		if own := c.For(asked.Party); own != nil {
			v.drop(ctx, v.names.key(creditor, own.Version, asked))
		}
	}
}

func (v *Views) drop(ctx context.Context, key hub.PageKey) {
	_ = v.L1.Drop(ctx, key)
	if v.L2 != nil {
		_ = v.L2.Drop(ctx, key)
	}
}
