package reconcile

import (
	"context"
	"errors"
	"time"

	"racord/hub"
)

const (
	sliceOf  = 128         // payments that changed, after which it is noted how far a comparison has come
	underWay = time.Minute // that a change may take to come to stand in the order of changes
)

// comparison is one comparison with all providers. It goes through what changed in the
// order in which it did, and keeps what it found and how far it has come slice by slice:
// whatever cuts a turn short, the next one has less to do, however much had changed.
type comparison struct {
	*Service
	turn    *turn
	asked   accountsAsked
	now     time.Time // the store's
	windows []*window
}

// whole compares what does not follow from changes, and then what changed.
func (c *comparison) whole(ctx context.Context) (failed error) {
	defer func() { c.turn.note(c.asked.String()) }()
	for _, w := range c.windows {
		failed = errors.Join(failed, about(w.psp.Name, w.unchanged(ctx)))
	}
	err := c.changed(ctx, hub.Changed{At: c.since()}, sliceOf, func(page []*hub.Payment, until hub.Changed) bool {
		failed = errors.Join(failed, c.slice(ctx, page, until))
		return !until.At.After(c.now) // what is looked at may change by that
	})
	if err != nil {
		return errors.Join(err, failed)
	}
	for _, w := range c.windows {
		if !w.lost {
			c.asked.end(w)
		}
	}
	return failed
}

// since is when the first account is compared from, of those that give answers.
func (c *comparison) since() time.Time {
	first := c.now
	for _, w := range c.windows {
		for merchant, since := range w.since {
			if !w.lost && !w.deaf(merchant) && since.Before(first) {
				first = since
			}
		}
	}
	return first
}

// slice compares the orders of some payments, and notes the place up to which all were.
func (c *comparison) slice(ctx context.Context, page []*hub.Payment, until hub.Changed) (failed error) {
	for _, w := range c.windows {
		if w.lost {
			continue
		}
		if names := w.ordersOf(page, until); len(names) > 0 {
			failed = errors.Join(failed, about(w.psp.Name, w.compare(ctx, names)))
		}
		if !w.lost {
			c.asked.reach(w, until.At)
		}
	}
	c.turn.note(c.asked.String())
	return failed
}
