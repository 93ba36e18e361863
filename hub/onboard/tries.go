package onboard

import (
	"sync"

	"racord/hub"
)

// mostTries is how many dry runs one replica makes at once. Each may wait for a
// silent system as long as hub.TryFor.
const mostTries = 8

// tries are the creditors of which a dry run is under way here.
type tries struct {
	mu    sync.Mutex
	under map[hub.Name]struct{}
}

// enter takes a place. It returns CodeBusy when the creditor has one or all are
// taken.
func (t *tries) enter(creditor hub.Name) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, under := t.under[creditor]; under {
		return hub.Errorf(hub.CodeBusy, "A dry run of this connector is under way: ask again when it has ended.")
	}
	if len(t.under) >= mostTries {
		return hub.Errorf(hub.CodeBusy, "Many dry runs are under way: ask again in a few minutes.")
	}
	if t.under == nil {
		t.under = map[hub.Name]struct{}{}
	}
	t.under[creditor] = struct{}{}
	return nil
}

func (t *tries) leave(creditor hub.Name) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.under, creditor)
}
