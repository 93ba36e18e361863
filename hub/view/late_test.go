package view_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/view"
)

// lateness notes how the last view went.
type lateness struct {
	view.Meter
	late bool
	took time.Duration
}

func (l *lateness) Viewed(_, late bool, took time.Duration) { l.late, l.took = late, took }

// slowDesk takes a while to find a folder.
type slowDesk struct {
	hub.Folders
	takes time.Duration
}

func (d slowDesk) Folder(ctx context.Context, who hub.Login) (hub.Folder, error) {
	time.Sleep(d.takes)
	return d.Folders.Folder(ctx, who)
}

// TestOnlyTheHubMakesAViewLate waits for a creditor as long as it may: with another
// deadline than usual, too, that is in time.
func TestOnlyTheHubMakesAViewLate(t *testing.T) {
	const deadline = 3 * time.Second
	for name, tc := range map[string]struct {
		store time.Duration
		late  bool
	}{
		"a creditor hangs":     {0, false},
		"the store takes long": {deadline + time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCity(t, answers{"water": hangs})
				parts := c.Parts
				meter := &lateness{Meter: parts.Meter}
				parts.Meter, parts.Folders = meter, slowDesk{c.desk, tc.store}
				views := view.New(parts, view.Conf{Deadline: deadline, FetchFor: time.Minute})
				if _, err := views.Of(t.Context(), ana, view.Ask{}); err != nil {
					t.Fatal(err)
				}
				if meter.late != tc.late || meter.took < 2*time.Second {
					t.Errorf("got late %t after %s, want %t", meter.late, meter.took, tc.late)
				}
				views.Close()
				c.Close()
			})
		})
	}
}
