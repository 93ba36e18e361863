package onboard

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"racord/hub"
)

// prove begins the conformance suite behind the caller's back. Its report is kept
// with the version. Of one creditor one suite runs at a time, in all replicas: it
// asks the company's test system, and the later report is the one that counts. It
// returns CodeConflict while another runs or when it would send a secret elsewhere,
// and CodeBusy when too many run here. A version whose suites took their replicas
// with them gets a report instead.
func (s *Service) prove(ctx context.Context, creditor hub.Name, v hub.Version) error {
	if s.base.Err() != nil {
		return hub.Errorf(hub.CodeBusy, "The hub is being restarted.")
	}
	if err := s.staysHome(ctx, creditor, &v.Facts); err != nil {
		return err
	}
	select {
	case s.places <- struct{}{}:
	default:
		return hub.Errorf(hub.CodeBusy, "Many versions are being proved: ask again in a few minutes.")
	}
	r := &run{creditor: creditor, version: v, holder: hub.Holder(hub.NewID())}
	if err := s.take(ctx, r); err != nil {
		<-s.places
		return err
	}
	if may, err := s.enter(ctx, r); !may {
		s.leave(r)
		<-s.places
		return err
	}
	s.running.Go(func() {
		well := s.run(r)
		if <-s.places; well {
			s.hurry() // somebody may have waited for the end
		}
	})
	return nil
}

// run runs a suite while it has its lease, and tells whether all went as it should.
// A suite that was cut off leaves no report: it is taken up again.
func (s *Service) run(r *run) (well bool) {
	defer s.leave(r)
	var holding sync.WaitGroup
	defer holding.Wait() // who has left takes nothing again
	ctx, cut := context.WithCancel(s.base)
	defer cut()
	holding.Go(func() { s.hold(ctx, cut, r) })
	report, err := s.report(ctx, r)
	if ctx.Err() != nil || !s.goesOn(ctx, r) {
		s.exit(r)
		return true
	}
	if err != nil {
		report = unproved(err)
	}
	report.At, report.Digest = s.Clock.Now(), r.version.Digest
	if err := s.keepReport(context.WithoutCancel(ctx), r, report); err != nil {
		s.Log.Error("report lost", slog.String("creditor", string(r.creditor)), slog.Int("version", r.version.No), slog.String("error", err.Error()))
		return false
	}
	return true
}

// report runs the suite for as long as it may take.
func (s *Service) report(ctx context.Context, r *run) (hub.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, s.conf.ProveFor)
	defer cancel()
	return s.suite(ctx, r.creditor, r.version)
}

// suite runs the prover. It may meet anything an upstream sends: a panic is a
// failure of this connector.
func (s *Service) suite(ctx context.Context, creditor hub.Name, v hub.Version) (report hub.Report, err error) {
	defer func() {
		if recover() != nil {
			err = hub.Errorf(hub.CodeInternal, "The suite broke off.")
		}
	}()
	text, err := s.Store.Text(ctx, creditor, v.No)
	if err != nil {
		return hub.Report{}, err
	}
	return s.Prover.Prove(ctx, hub.Candidate{Creditor: creditor, Version: v.No, Digest: v.Digest, Text: text}, s.Parts.Secrets)
}

// unproved is the report of a suite that could not be run.
func unproved(err error) hub.Report {
	document, _ := json.Marshal(map[string]string{"code": string(hub.CodeOf(err)), "detail": hub.MessageOf(err)}) // texts always encode
	return hub.Report{Document: document}
}

// keepReport stores a report, unless the version has left proving meanwhile.
func (s *Service) keepReport(ctx context.Context, r *run, report hub.Report) error {
	_, err := s.onProved(ctx, r, func(v *hub.Version) { v.Report, v.Class, v.Begun = &report, report.Class, 0 })
	return err
}

// Prove runs the conformance suite again, for a version that is being proved. It
// returns CodeConflict while the suite runs, and for a version that would send a
// secret elsewhere.
func (s *Service) Prove(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (hub.Version, error) {
	v, err := s.version(ctx, &who, creditor, no)
	switch {
	case err != nil:
		return v, err
	case s.Prover == nil:
		return v, hub.Errorf(hub.CodeUnsupported, "The conformance suite is not run here.")
	case v.Stage != hub.StageProving:
		return v, hub.Errorf(hub.CodeConflict, "Version %d is %s; the suite runs for one that is being proved.", no, v.Stage)
	}
	return v, s.prove(ctx, creditor, v)
}

// Report gives the latest report about a version. It returns CodeNotFound when
// there is none yet.
func (s *Service) Report(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (hub.Report, error) {
	v, err := s.version(ctx, &who, creditor, no)
	if err != nil {
		return hub.Report{}, err
	}
	if v.Report == nil {
		return hub.Report{}, hub.Errorf(hub.CodeNotFound, "There is no report about this version yet.")
	}
	return *v.Report, nil
}

// Try asks the creditor of a version about one subject and shows what became of
// the answer. It returns CodeConflict for a text that would send a secret elsewhere,
// and CodeBusy while another one of the creditor is under way here, or too many are.
func (s *Service) Try(ctx context.Context, who hub.Caller, creditor hub.Name, no int, whom hub.TrialSubject) (hub.DryRun, error) {
	v, err := s.version(ctx, &who, creditor, no)
	if err != nil {
		return hub.DryRun{}, err
	}
	text, err := s.text(ctx, creditor, no)
	if err != nil {
		return hub.DryRun{}, err
	}
	facts, problems := s.Reader.Read(creditor, text)
	if len(problems) > 0 {
		return hub.DryRun{}, invalids(problems)
	}
	if err := s.staysHome(ctx, creditor, &facts); err != nil {
		return hub.DryRun{}, err
	}
	if s.Trier == nil {
		return hub.DryRun{}, hub.Errorf(hub.CodeUnsupported, "Dry runs are not made here.")
	}
	if err := s.tries.enter(creditor); err != nil {
		return hub.DryRun{}, err
	}
	defer s.tries.leave(creditor)
	return s.Trier.Try(ctx, hub.Candidate{Creditor: creditor, Version: no, Digest: v.Digest, Text: text}, whom, s.Parts.Secrets)
}
