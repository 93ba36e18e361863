package view_test

import (
	"testing"

	"racord/hub"
	"racord/hub/view"
)

// What another replica fetched is taken into this process only for those who come
// again before too many others.
func TestOnlyRegularsPagesAreTakenFromTheSharedCache(t *testing.T) {
	for name, tc := range map[string]struct {
		nearby int
		want   []int // pages in this process's cache after each of three views
	}{
		"there is room":    {0, []int{0, 2, 2}},
		"others come more": {1, []int{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			shared := newShelf()
			other := newCity(t, answers{"tax": owes(100), "water": owes(200)})
			other.L2 = shared
			other.view()
			other.Close() // all is written
			here := newCity(t, answers{"tax": fails(hub.CodeTimeout), "water": fails(hub.CodeTimeout)})
			here.L2 = shared
			views := view.New(here.Parts, view.Conf{Nearby: tc.nearby})
			t.Cleanup(views.Close)
			for i, want := range tc.want {
				v, err := views.Of(t.Context(), ana, anything)
				if err != nil || !v.Complete || v.TotalConfirmed.Minor != 300 {
					t.Fatalf("view %d: got %+v (%v), want all that the other replica fetched", i, v, err)
				}
				if got := len(here.l1.pages); got != want {
					t.Errorf("view %d: got %d pages here, want %d", i, got, want)
				}
			}
		})
	}
}
