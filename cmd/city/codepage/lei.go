package codepage

import (
	"strconv"
	"strings"
)

// ReadLei reads 1.234,56 or 1234,56: two decimals, and points, if any, between
// groups of three.
func ReadLei(text string) (int64, bool) {
	whole, cents, ok := strings.Cut(text, ",")
	if !ok || len(cents) != 2 || len(whole) > 15 {
		return 0, false
	}
	groups := strings.Split(whole, ".")
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && (g == "" || len(groups) > 1 && len(g) > 3) {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(strings.Join(groups, "")+cents, 10, 63)
	return int64(n), err == nil
}
