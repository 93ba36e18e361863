package hubtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// raw runs a statement beside the store, as a careless hand would.
func (lab Lab) raw(t *testing.T, statement string) error {
	t.Helper()
	_, err := lab.DB.ExecContext(t.Context(), statement)
	return err
}

// age lets time pass for all that the store's own clock measures.
func (lab Lab) age(t *testing.T, d time.Duration) {
	t.Helper()
	for _, statement := range []string{
		`UPDATE parties SET read_at = read_at - ?`,
		`UPDATE holders SET born_at = born_at - ?, alive_until = alive_until - ?`,
		`UPDATE slots SET held_until = held_until - ?`,
		`UPDATE deliveries SET touched_at = touched_at - ?`,
		`UPDATE claims SET until = until - ?`,
		`UPDATE works SET due_at = due_at - ?, nudged_at = nudged_at - ?, leased_until = leased_until - ?`,
		`UPDATE facts SET at = at - ?`,
		`UPDATE events SET at = at - ?, due_at = due_at - ?`,
		`UPDATE anomalies SET at = at - ?`,
		`UPDATE lines SET changed_at = changed_at - ?`,
		`UPDATE payments SET opened_at = opened_at - ?, changed_at = changed_at - ?`,
		`UPDATE jobs SET leased_until = leased_until - ?, due_at = due_at - ?`,
	} {
		if err := lab.raw(t, strings.ReplaceAll(statement, "?", fmt.Sprint(d.Microseconds()))); err != nil {
			t.Fatal(err)
		}
	}
}
