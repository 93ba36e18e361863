package onboard

import (
	"context"
	"encoding/json"
	"log/slog"

	"racord/hub"
)

// prove runs the conformance suite behind the caller's back. Its report is kept
// with the version.
func (s *Service) prove(creditor hub.Name, v hub.Version) {
	if s.Prover == nil || s.base.Err() != nil {
		return
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		ctx, cancel := context.WithTimeout(s.base, s.conf.ProveFor)
		defer cancel()
		report, err := s.suite(ctx, creditor, v)
		if s.base.Err() != nil {
			return // the next replica proves it
		}
		if err != nil {
			report = unproved(err)
		}
		report.At, report.Digest = s.Clock.Now(), v.Digest
		if err := s.keepReport(context.WithoutCancel(ctx), creditor, v.No, report); err != nil {
			s.Log.Error("report lost", slog.String("creditor", string(creditor)), slog.Int("version", v.No), slog.String("error", err.Error()))
		}
	}()
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
func (s *Service) keepReport(ctx context.Context, creditor hub.Name, no int, report hub.Report) error {
	_, err := s.Store.ChangeRegistration(ctx, creditor, func(r *hub.Registration) error {
		v := r.Version(no)
		if v == nil || v.Stage != hub.StageProving || v.Digest != report.Digest {
			return nil
		}
		v.Report, v.Class = &report, report.Class
		return nil
	})
	return err
}

// Prove runs the conformance suite again, for a version that is being proved.
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
	s.prove(creditor, v)
	return v, nil
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
// the answer.
func (s *Service) Try(ctx context.Context, who hub.Caller, creditor hub.Name, no int, whom hub.TrialSubject) (hub.DryRun, error) {
	v, err := s.version(ctx, &who, creditor, no)
	if err != nil {
		return hub.DryRun{}, err
	}
	text, err := s.text(ctx, creditor, no)
	if err != nil {
		return hub.DryRun{}, err
	}
	if _, problems := s.Reader.Read(creditor, text); len(problems) > 0 {
		return hub.DryRun{}, invalids(problems)
	}
	if s.Trier == nil {
		return hub.DryRun{}, hub.Errorf(hub.CodeUnsupported, "Dry runs are not made here.")
	}
	return s.Trier.Try(ctx, hub.Candidate{Creditor: creditor, Version: no, Digest: v.Digest, Text: text}, whom, s.Parts.Secrets)
}
