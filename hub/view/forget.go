package view

import (
	"context"

	"racord/hub"
)

// Forget drops what the caches remember about a question, because a payment
// changed the answer. A cache out of reach forgets by itself in time.
func (v *Views) Forget(ctx context.Context, creditor hub.Name, asked hub.Asked) {
	c := v.shownOf(creditor, asked.Party)
	key := v.names.key(creditor, c.Version, c.Term(), asked)
	_ = v.L1.Drop(ctx, key)
	if v.L2 != nil {
		_ = v.L2.Drop(ctx, key)
	}
}

// shownOf is the version of a creditor's connector that a party is shown; an empty
// one when it is shown none.
func (v *Views) shownOf(creditor hub.Name, party hub.PartyID) *hub.Connector {
	for _, c := range v.Roster.OnDuty() {
		if c.Creditor.Name != creditor {
			continue
		}
		if own := c.For(party); own != nil {
			return own
		}
	}
	return &hub.Connector{}
}
