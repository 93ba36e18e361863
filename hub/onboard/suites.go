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
