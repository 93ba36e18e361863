package onboard

import (
	"context"
	"log/slog"
	"time"

	"racord/hub"
)

// How suites are shared between replicas.
const (
	leaseFor   = 30 * time.Second // a suite whose replica died is taken up after so long
	leaseRenew = 10 * time.Second
	lookEvery  = time.Minute // for versions without a report
	leaveFor   = 5 * time.Second
	mostSuites = 8 // of one replica at once
	mostBegun  = 2 // suites of a version that took their replica with them
)

// run is one run of the suite. Its holder has the lease of the creditor's suites.
type run struct {
	creditor hub.Name
	version  hub.Version
	holder   hub.Holder
}

// lease names what a creditor's suites share, among the slots of all.
func (r *run) lease() hub.Name { return r.creditor + ":suite" }

// take takes the lease. It returns CodeConflict when another suite has it.
func (s *Service) take(ctx context.Context, r *run) error {
	held, err := s.Store.Keep(ctx, r.holder, hub.SlotWish{Creditor: r.lease(), Total: 1, Want: 1, TTL: leaseFor})
	if err == nil && held[0] == 0 {
		err = hub.Errorf(hub.CodeConflict, "The conformance suite is running for this connector: its report will be there when it ends.")
	}
	return err
}

// enter puts on record that a suite begins, and tells whether it may: what took
// replica after replica with it would take the next one too, and gets a report
// that says so.
func (s *Service) enter(ctx context.Context, r *run) (may bool, err error) {
	_, err = s.onProved(ctx, r, func(v *hub.Version) {
		if may = v.Begun < mostBegun; may {
			v.Begun++
			return
		}
		report := unproved(hub.Errorf(hub.CodeInternal, "The suite was begun %d times and broke off: the hub ended while it ran. Ask the city's operator, then begin it again.", v.Begun))
		report.At, report.Digest = s.Clock.Now(), v.Digest
		v.Report, v.Class, v.Begun = &report, report.Class, 0
		s.Log.Error("suites broke off", slog.String("creditor", string(r.creditor)), slog.Int("version", v.No))
	})
	return may, err
}

// exit takes a suite off the record that ended without a report, and not because
// its replica died.
func (s *Service) exit(r *run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), leaveFor)
	defer cancel()
	_, err := s.onProved(ctx, r, func(v *hub.Version) { v.Begun = max(v.Begun-1, 0) })
	if err != nil {
		s.Log.Warn("a suite stays on record", slog.String("creditor", string(r.creditor)), slog.String("error", err.Error())) // it counts as one that broke off
	}
}

// onProved changes the version of a suite, unless it has left proving meanwhile.
func (s *Service) onProved(ctx context.Context, r *run, change func(*hub.Version)) (hub.Registration, error) {
	return s.Store.ChangeRegistration(ctx, r.creditor, func(now *hub.Registration) error {
		if v := now.Version(r.version.No); v != nil && v.Stage == hub.StageProving && v.Digest == r.version.Digest {
			change(v)
		}
		return nil
	})
}

// hold renews the lease until the suite ends, and cuts a suite off whose report
// nobody wants any more.
func (s *Service) hold(ctx context.Context, cut func(), r *run) {
	for hub.Sleep(ctx, leaseRenew) {
		if !s.goesOn(ctx, r) {
			cut()
			return
		}
	}
}

// goesOn tells whether a suite has its lease and its version is still proved. A
// store that does not answer leaves it open.
func (s *Service) goesOn(ctx context.Context, r *run) bool {
	if err := s.take(ctx, r); hub.CodeOf(err) == hub.CodeConflict {
		return false
	}
	now, err := s.Store.Registration(ctx, r.creditor)
	if err != nil {
		return true
	}
	v := now.Version(r.version.No)
	return v != nil && v.Stage == hub.StageProving && v.Digest == r.version.Digest
}

// leave gives the lease back, also when the service is being closed.
func (s *Service) leave(r *run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), leaveFor)
	defer cancel()
	if err := s.Store.Leave(ctx, r.holder); err != nil {
		s.Log.Warn("a lease was not given back", slog.String("creditor", string(r.creditor)), slog.String("error", err.Error())) // it ends by itself
	}
}

// Start takes up what other replicas began to prove and did not finish, now and
// then. Close ends it.
func (s *Service) Start() {
	if s.Prover == nil {
		return
	}
	s.running.Go(func() {
		for s.base.Err() == nil {
			if err := s.takeUp(s.base); err != nil && s.base.Err() == nil {
				s.Log.Warn("suites cannot be taken up", slog.String("code", string(hub.CodeOf(err))), slog.String("error", err.Error()))
			}
			hub.SleepOr(s.base, lookEvery, s.wake)
		}
	})
}

// hurry looks for versions without a report at once.
func (s *Service) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeUp proves the versions that are being proved and have no report, unless
// somebody does already.
func (s *Service) takeUp(ctx context.Context) error {
	creditors, err := s.Store.InStage(ctx, hub.StageProving)
	if err != nil {
		return err
	}
	for _, creditor := range creditors {
		r, err := s.Store.Registration(ctx, creditor)
		if err != nil {
			return err
		}
		v := r.In(hub.StageProving)
		if v == nil || v.Report != nil {
			continue
		}
		switch err := s.prove(ctx, creditor, *v); hub.CodeOf(err) {
		case "", hub.CodeConflict:
		case hub.CodeBusy:
			return nil // the rest at the next look
		default:
			return err
		}
	}
	return nil
}
