package onboard_test

import (
	"context"
	"testing"

	"racord/adapters/sqlite"
	"racord/hub"
)

// faltering is a store that stops between two steps.
type faltering struct {
	*sqlite.Store
	lifts   func() error // before the creditor's quarantine ends; may be nil
	changed func()       // after a registration was changed; may be nil
}

func (f *faltering) Lift(ctx context.Context, creditor hub.Name) error {
	if f.lifts != nil {
		return f.lifts()
	}
	return f.Store.Lift(ctx, creditor)
}

func (f *faltering) ChangeRegistration(ctx context.Context, creditor hub.Name, change func(*hub.Registration) error) (hub.Registration, error) {
	r, err := f.Store.ChangeRegistration(ctx, creditor, change)
	if f.changed != nil {
		f.changed()
	}
	return r, err
}

// stopped is a version of a creditor that has no other, in quarantine like the creditor.
func (s *scene) stopped() int {
	s.t.Helper()
	no := s.live("url https://a", maria)
	s.want("Demote", s.store.Demote(s.t.Context(), "water", no, hub.StageQuarantined, "a neighbour's"), "")
	s.want("Quarantine", s.store.Quarantine(s.t.Context(), "water", "a neighbour's", s.clock.Now()), "")
	return no
}

func (s *scene) wantLifted(no int) {
	s.t.Helper()
	if q, err := s.store.Quarantined(s.t.Context()); err != nil || len(q) != 0 || s.stage(no) != hub.StageShadow {
		s.t.Errorf("got %v (%v) and %s, want nothing stopped and the version in shadow", q, err, s.stage(no))
	}
}

func TestALiftIsDoneAgainWhereItStopped(t *testing.T) {
	s := newScene(t)
	no := s.stopped()
	away := hub.Errorf(hub.CodeUnavailable, "away")
	cut := s.over(&faltering{s.store, func() error { return away }, nil})
	_, err := cut.Lift(t.Context(), maria, "water", no, "mended")
	s.want("Lift while the store is away", err, hub.CodeUnavailable)
	_, err = s.Lift(t.Context(), maria, "water", no, "mended")
	s.want("Lift again", err, "")
	s.wantLifted(no)
	s.tried(no)
	s.promote(no, hub.StageCanary, 10, "")
	_, err = s.Lift(t.Context(), maria, "water", no, "mended")
	s.want("Lift of what goes on", err, hub.CodeConflict)
}

func TestALiftIsDoneThoughTheApproverLeaves(t *testing.T) {
	s := newScene(t)
	no := s.stopped()
	ctx, leave := context.WithCancel(t.Context())
	left := s.over(&faltering{s.store, nil, leave})
	_, err := left.Lift(ctx, maria, "water", no, "mended")
	s.want("Lift", err, "")
	s.wantLifted(no)
}
