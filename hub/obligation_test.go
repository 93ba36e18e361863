package hub_test

import (
	"testing"

	"racord/hub"
)

// bill is owed in bani, with the outstanding of others inside its own.
func bill(external string, bani int64, inside ...string) hub.Obligation {
	o := hub.Obligation{ID: hub.NewObligationID("water", external), ExternalID: external, Outstanding: hub.Bani(bani)}
	for _, one := range inside {
		o.ExcludesIDs = append(o.ExcludesIDs, hub.NewObligationID("water", one))
	}
	return o
}

func TestWhatIsOwedIsCountedOnceAndNotLess(t *testing.T) {
	euros := bill("february", 10515, "january")
	euros.Outstanding.Currency = "EUR"
	for name, tc := range map[string]struct {
		list []hub.Obligation
		due  int64
	}{
		"beside each other":                  {[]hub.Obligation{bill("january", 3500), bill("february", 10515)}, 14015},
		"inside another":                     {[]hub.Obligation{bill("january", 3500), bill("february", 10515, "january")}, 10515},
		"inside one inside":                  {[]hub.Obligation{bill("march", 20000, "february"), bill("february", 10515, "january"), bill("january", 3500)}, 20000},
		"inside one of which nothing is due": {[]hub.Obligation{bill("january", 3500), bill("february", 0, "january")}, 3500},
		"inside a credit":                    {[]hub.Obligation{bill("january", 3500), bill("february", -100, "january")}, 3500},
		"inside another currency":            {[]hub.Obligation{bill("january", 3500), euros}, 3500},
		"the one between is paid":            {[]hub.Obligation{bill("march", 20000, "february"), bill("february", 0, "january"), bill("january", 3500)}, 23500},
		"inside itself":                      {[]hub.Obligation{bill("january", 3500, "january")}, 3500},
		"each inside the other":              {[]hub.Obligation{bill("january", 3500, "february"), bill("february", 3500, "january")}, 3500},
		"a ring of three":                    {[]hub.Obligation{bill("a", 100, "b"), bill("b", 100, "c"), bill("c", 100, "a")}, 100},
		"a ring inside another":              {[]hub.Obligation{bill("a", 100, "b"), bill("b", 100, "a"), bill("c", 250, "b")}, 250},
	} {
		if got := hub.Due(tc.list); got != tc.due {
			t.Errorf("%s: got %d due, want %d", name, got, tc.due)
		}
	}
}

func TestNothingStandsInsideWhatIsNotOwed(t *testing.T) {
	list := []hub.Obligation{bill("march", 20000, "february"), bill("february", 0, "january"), bill("january", 3500)}
	inside := hub.NestedIn(list).Inside(list[0].ID)
	if len(inside) != 1 || inside[0] != list[1].ID {
		t.Errorf("got %v inside the bill of March, want February's alone", inside)
	}
}
