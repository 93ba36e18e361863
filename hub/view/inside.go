package view

import "racord/hub"

// spread carries what was paid through the hub over to the bills inside and around
// it. Whoever paid a bill paid what stands inside it; what was paid inside a bill is
// not owed of it any more, and it cannot be paid here before its creditor has taken
// that off: only the creditor says what is left. An answer that is newer than the
// payment's own bill knows better.
func (all *overlaid) spread(covered map[hub.ObligationID]int64) {
	nested := hub.NestedIn(all.list)
	if nested == nil {
		return
	}
	at := all.places()
	withOuter := all.paidInside(nested, at, covered)
	around, less := nested.Around(), map[hub.ObligationID]int64{}
	for inner, paid := range covered {
		if withOuter[inner] {
			continue
		}
		for _, outer := range around.Inside(inner) {
			if covered[outer] == 0 && !withOuter[outer] && !all.asOf[at[inner]].Before(all.asOf[at[outer]]) {
				less[outer] += paid
			}
		}
	}
	for outer, paid := range less {
		covered[outer] = paid
		if o := &all.list[at[outer]]; o.NotPayable == "" {
			o.NotPayable = hub.PartPaidHere
		}
	}
}

// paidInside marks what was paid because a bill around it was, and tells what it is.
func (all *overlaid) paidInside(nested hub.Nested, at map[hub.ObligationID]int, covered map[hub.ObligationID]int64) map[hub.ObligationID]bool {
	paid := map[hub.ObligationID]bool{}
	for outer := range covered {
		for _, inner := range nested.Inside(outer) {
			i, listed := at[inner]
			if listed && all.list[i].Outstanding.Minor > 0 && !all.asOf[i].After(all.asOf[at[outer]]) {
				paid[inner], all.list[i].NotPayable = true, hub.PaidHere
			}
		}
	}
	return paid
}

// places gives where each obligation stands in the list.
func (all *overlaid) places() map[hub.ObligationID]int {
	at := make(map[hub.ObligationID]int, len(all.list))
	for i := range all.list {
		at[all.list[i].ID] = i
	}
	return at
}
