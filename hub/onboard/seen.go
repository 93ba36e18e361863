package onboard

import (
	"context"
	"fmt"
	"slices"

	"racord/hub"
)

// seen is what was seen of a version on its way.
type seen struct {
	trial  hub.Trial
	by     int  // the version that read what the creditor delivered; 0 = one that was live, or nobody
	listed bool // more than single rows are published
	waits  bool // a delivery waits for a person
}

// look gives what was seen of a version.
func (s *Service) look(ctx context.Context, creditor hub.Name, no int) (o seen, err error) {
	if o.trial, err = s.Store.Trial(ctx, creditor, no); err != nil {
		return o, err
	}
	cursor, asOf, err := s.Store.Cursor(ctx, creditor)
	if err != nil {
		return o, ignoreAbsent(err)
	}
	o.by, _ = cursor.Reader()
	o.listed = !asOf.IsZero()
	held, err := s.Store.Held(ctx)
	o.waits = slices.ContainsFunc(held, func(h hub.HeldDelivery) bool { return h.Creditor == creditor })
	return o, err
}

// delivered is what is asked in shadow of a version that is never asked itself.
// Answers from what is published say nothing about how it reads. The suite does, and
// where nothing is live, what it published itself; where something is, the first
// delivery that it reads is held against what is shown.
func (s *Service) delivered(r *hub.Registration, v *hub.Version, o *seen) []Gate {
	list := []Gate{s.waited(v, "shadow", s.conf.ShadowFor)}
	if r.In(hub.StageLive) == nil {
		list = append(list, delivery(r, v, o))
	}
	return append(list, untainted(&o.trial))
}

// delivery wants a list published that this version read, or one the operator's own
// manifest did.
func delivery(r *hub.Registration, v *hub.Version, o *seen) Gate {
	own := o.by == 0 && r.Shown(v.No) == nil
	switch {
	case !o.listed:
		return Gate{"delivery", false, "no list is published yet: single bills do not say what else is owed"}
	case o.waits:
		return Gate{"delivery", false, "a delivery waits for the city's operator"}
	case o.by != v.No && !own:
		return Gate{"delivery", false, "what is published was read by another version"}
	}
	return Gate{"delivery", true, fmt.Sprintf("a list that version %d reads is published", v.No)}
}
