package reconcile

import (
	"context"

	"racord/hub"
)

// Settlements tells how far providers' settlements were read.
type Settlements struct {
	Store interface {
		Runs(ctx context.Context) ([]hub.Run, error)
	}
}

// Read tells whether all settlements of a merchant account were read, from one
// business day up to another.
func (s Settlements) Read(ctx context.Context, psp, merchant string, from, to hub.Date) (bool, error) {
	runs, err := s.Store.Runs(ctx)
	if err != nil {
		return false, err
	}
	for _, run := range runs {
		if run.Job == hub.JobSettlement {
			return readingsOf(run.Cursor).whole(psp+"/"+merchant, from, to), nil
		}
	}
	return false, nil
}
