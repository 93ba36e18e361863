package connectors_test

import (
	"testing"

	"racord/connectors"
)

func TestPlatesAreWrittenOneWay(t *testing.T) {
	for given, want := range map[string]struct {
		plate   string
		changed bool
	}{
		"CJ 01 ABC":  {"CJ 01 ABC", false},
		"cj-01-abc":  {"CJ 01 ABC", false},
		"CJ O1 ABC":  {"CJ 01 ABC", true},
		"CJ01AB0":    {"CJ 01 ABO", true},
		"CJ I0 ABC":  {"CJ 10 ABC", true},
		"B 123 ABC":  {"B 123 ABC", false},
		"B 1O1 ABC":  {"B 101 ABC", true},
		"B O1 ABC":   {"B 01 ABC", true},
		"OT OO OOO":  {"OT 00 OOO", true},
		"B 12 ABC":   {"B 12 ABC", false},
		"CJ 123 ABC": {"CJ 123 ABC", false}, // no plate of that county
		"XX 01 ABC":  {"XX 01 ABC", false},
		"1234-BCD":   {"1234-BCD", false},
		"CJ":         {"CJ", false},
		"":           {"", false},
		"ÎȘ 01 ABC":  {"ÎȘ 01 ABC", false},
	} {
		if plate, changed := connectors.Plate(given); plate != want.plate || changed != want.changed {
			t.Errorf("%q: got %q, %t, want %q, %t", given, plate, changed, want.plate, want.changed)
		}
	}
}
