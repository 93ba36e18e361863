package hub_test

import (
	"slices"
	"testing"

	"racord/hub"
)

func TestDaysThroughTheNextWorkingOnes(t *testing.T) {
	for name, tc := range map[string]struct {
		from hub.Date
		most int
		last hub.Date
		days int
	}{
		"within a week":       {"2026-03-17", 2, "2026-03-19", 3},
		"over a weekend":      {"2026-03-20", 2, "2026-03-24", 5},
		"from a Saturday":     {"2026-03-21", 2, "2026-03-24", 4},
		"over the clock":      {"2026-03-27", 1, "2026-03-30", 4},
		"over Easter":         {"2026-04-09", 2, "2026-04-15", 7},
		"over Pentecost":      {"2026-05-29", 1, "2026-06-02", 5},
		"over Christmas":      {"2025-12-24", 2, "2025-12-30", 7},
		"over Epiphany":       {"2027-01-05", 2, "2027-01-11", 7},
		"the day itself":      {"2026-03-17", 0, "2026-03-17", 1},
		"of no day there are": {"", 2, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			days := tc.from.Through(tc.most)
			if len(days) != tc.days || tc.days > 0 && days[len(days)-1] != tc.last || !slices.IsSorted(days) {
				t.Errorf("got %v, want %d days to %s", days, tc.days, tc.last)
			}
		})
	}
}
