package onboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"racord/hub"
)

// Approve is one approver's word that a version may call its creditor and be
// shown. Whoever wrote the text has no word in it.
func (s *Service) Approve(ctx context.Context, who hub.Caller, creditor hub.Name, no int, note string) (hub.Version, error) {
	if err := decide(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	if len(note) > longestReason {
		return hub.Version{}, invalid("/note", "is longer than 500 bytes")
	}
	return s.onVersion(ctx, "connector_approve", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		switch {
		case v.Stage != hub.StageProving:
			return hub.Errorf(hub.CodeConflict, "Version %d is %s; one is approved while it is being proved.", no, v.Stage)
		case v.Author == who.Login:
			return hub.Errorf(hub.CodeForbidden, "Nobody approves a text of their own.")
		case slices.Contains(approvers(v), who.Login):
			return hub.Errorf(hub.CodeConflict, "You have approved this version already; another person has to.")
		}
		v.Approvals = append(v.Approvals, hub.Approval{By: who.Login, At: s.Clock.Now(), Note: note})
		s.giveNotice(r, v)
		return nil
	})
}

// proofWays is how an account can be proved to belong to a creditor.
var proofWays = []string{"bank_letter", "treasury_list", "call_back", "test_transfer"}

// ProveAccounts is one approver's word that the accounts a version names belong to
// its creditor. When two have given it for all of them, payments are allowed as
// soon as the version is live.
func (s *Service) ProveAccounts(ctx context.Context, who hub.Caller, creditor hub.Name, no int, how string) (hub.Version, error) {
	if err := decide(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	if !slices.Contains(proofWays, how) {
		return hub.Version{}, invalid("/how", "must be bank_letter, treasury_list, call_back or test_transfer")
	}
	return s.onVersion(ctx, "connector_prove_accounts", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		switch {
		case v.Stage == hub.StageDraft || v.Stage == hub.StageRetired:
			return hub.Errorf(hub.CodeConflict, "Version %d is %s; its accounts are not proved.", no, v.Stage)
		case v.Author == who.Login:
			return hub.Errorf(hub.CodeForbidden, "Nobody proves accounts that they wrote down themselves.")
		case len(v.Facts.Accounts) == 0:
			return hub.Errorf(hub.CodeConflict, "Version %d names no accounts.", no)
		}
		s.addProofs(r, v, who.Login, how)
		settle(r, v)
		return nil
	})
}

func (s *Service) addProofs(r *hub.Registration, v *hub.Version, by hub.Login, how string) {
	known := map[hub.AccountProof]bool{}
	for _, p := range r.Proofs {
		known[hub.AccountProof{IBAN: p.IBAN, Beneficiary: p.Beneficiary, By: p.By}] = true
	}
	for _, a := range v.Facts.Accounts {
		proof := hub.AccountProof{IBAN: a.IBAN, Beneficiary: a.Beneficiary, By: by}
		if !known[proof] {
			proof.At, proof.How = s.Clock.Now(), how
			r.Proofs = append(r.Proofs, proof)
		}
	}
}

// Promote takes a version to its next stage when all its gates are met, or to a
// larger share of the citizens. It returns CodeConflict with what is missing. A
// version that becomes live takes the place of the one before.
func (s *Service) Promote(ctx context.Context, who hub.Caller, creditor hub.Name, no int, to hub.Stage, share int) (hub.Version, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	if err := checkStep(to, share); err != nil {
		return hub.Version{}, err
	}
	seen, err := s.look(ctx, creditor, no)
	if err != nil {
		return hub.Version{}, err
	}
	return s.onVersion(ctx, "connector_promote", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		if to == hub.StageCanary && v.Stage == hub.StageCanary {
			return s.move(&who, v, to, share, "")
		}
		if to != next(v) {
			return hub.Errorf(hub.CodeConflict, "Version %d is %s; from there it is not promoted to %s.", no, v.Stage, to)
		}
		if err := closed(v, s.gates(r, v, &seen)); err != nil {
			return err
		}
		return s.promote(&who, r, v, to, share)
	})
}

func checkStep(to hub.Stage, share int) error {
	switch {
	case to != hub.StageShadow && to != hub.StageCanary && to != hub.StageLive:
		return invalid("/to", "must be shadow, canary or live")
	case to == hub.StageCanary && (share < 1 || share > 99):
		return invalid("/share", "must be from 1 to 99 per cent of the citizens")
	case to != hub.StageCanary && share != 0:
		return invalid("/share", "is for canary only")
	}
	return nil
}

// promote makes room for a version and moves it.
func (s *Service) promote(who *hub.Caller, r *hub.Registration, v *hub.Version, to hub.Stage, share int) error {
	if to == hub.StageShadow {
		if other := r.In(hub.StageShadow, hub.StageCanary); other != nil {
			return hub.Errorf(hub.CodeConflict, "Version %d is on its way already: suspend or retire it first.", other.No)
		}
	}
	if to == hub.StageLive {
		if before := r.In(hub.StageLive); before != nil {
			if err := s.move(who, before, hub.StageRetired, 0, fmt.Sprintf("replaced by version %d", v.No)); err != nil {
				return err
			}
			before.Pays = false
		}
	}
	if err := s.move(who, v, to, share, ""); err != nil {
		return err
	}
	settle(r, v)
	if waiting := r.In(hub.StageProving); waiting != nil {
		s.giveNotice(r, waiting) // it may lead elsewhere than what is shown now
	}
	return nil
}

// Suspend puts a version aside: nobody is shown it and nothing is paid there.
func (s *Service) Suspend(ctx context.Context, who hub.Caller, creditor hub.Name, no int, why string) (hub.Version, error) {
	return s.aside(ctx, "connector_suspend", who, creditor, no, hub.StageSuspended, why)
}

// Retire ends a version for good. A company may end what is not shown, and was not
// when it was suspended; an approver anything.
func (s *Service) Retire(ctx context.Context, who hub.Caller, creditor hub.Name, no int, why string) (hub.Version, error) {
	return s.aside(ctx, "connector_retire", who, creditor, no, hub.StageRetired, why)
}

func (s *Service) aside(ctx context.Context, operation string, who hub.Caller, creditor hub.Name, no int, to hub.Stage, why string) (hub.Version, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	if err := checkReason(why); err != nil {
		return hub.Version{}, err
	}
	return s.onVersion(ctx, operation, &who, creditor, no, func(_ *hub.Registration, v *hub.Version) error {
		if to == hub.StageRetired && stands(v) && !who.Approver {
			return hub.Errorf(hub.CodeForbidden, "Citizens see this version, or have seen it: suspend it, and ask the city to retire it.")
		}
		v.Pays = false
		return s.move(&who, v, to, 0, why)
	})
}

// stands tells whether a version stands before citizens. One that they saw until it
// was suspended does: they are told that what is owed there is not known.
func stands(v *hub.Version) bool {
	switch v.Stage {
	case hub.StageLive, hub.StageCanary, hub.StageQuarantined:
		return true
	case hub.StageSuspended:
		return !v.ShownAt.IsZero()
	}
	return false
}

// Resume takes a suspended version back to where it was. One that the hub put
// aside by itself begins again in shadow, and only an approver lets it; what an
// approver put aside no company takes back. It returns CodeConflict when another
// version came to be shown since: that may call elsewhere, and an old address comes
// back as a new one does (see RollBack).
func (s *Service) Resume(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (hub.Version, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	return s.onVersion(ctx, "connector_resume", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		last := v.Moves[len(v.Moves)-1]
		if v.Stage != hub.StageSuspended || last.To != hub.StageSuspended {
			return hub.Errorf(hub.CodeConflict, "Version %d is %s, not suspended.", no, v.Stage)
		}
		if last.As != hub.OfficeCompany && !who.Approver {
			return hub.Errorf(hub.CodeForbidden, "The city has suspended this version, and has to resume it.")
		}
		to, share := back(v, last)
		if err := roomFor(r, v, to); err != nil {
			return err
		}
		if err := s.move(&who, v, to, share, "resumed"); err != nil {
			return err
		}
		settle(r, v)
		return nil
	})
}

// back is where a suspended version goes.
func back(v *hub.Version, last hub.Move) (to hub.Stage, share int) {
	if last.As == "" || last.From == hub.StageShadow {
		return hub.StageShadow, 0
	}
	if last.From == hub.StageCanary && len(v.Moves) > 1 {
		return hub.StageCanary, v.Moves[len(v.Moves)-2].Share
	}
	return last.From, 0
}

// roomFor finds that another version has taken the place, or was shown since this
// one was put aside: what leads elsewhere than that comes back as a new version
// does, with approvals, notice and time.
func roomFor(r *hub.Registration, v *hub.Version, to hub.Stage) error {
	other := r.In(hub.StageShadow, hub.StageCanary)
	if to == hub.StageLive {
		other = r.In(hub.StageLive)
	}
	if other != nil && other.No != v.No {
		return hub.Errorf(hub.CodeConflict, "Version %d has taken its place.", other.No)
	}
	if other = shownSince(r, v); other != nil {
		return hub.Errorf(hub.CodeConflict, "Version %d has taken its place since: roll version %d back.", other.No, v.No)
	}
	return nil
}

// shownSince gives a version that came to be shown, to some or to all, after another
// was put aside; nil when there is none. One that only comes back, or is shown to
// more, was shown before.
func shownSince(r *hub.Registration, v *hub.Version) *hub.Version {
	since := leftAt(v)
	came := func(m hub.Move) bool {
		promoted := m.From == hub.StageShadow && m.To == hub.StageCanary || m.From == hub.StageCanary && m.To == hub.StageLive
		return promoted && m.At.After(since)
	}
	for i := range r.Versions {
		if other := &r.Versions[i]; other.No != v.No && slices.ContainsFunc(other.Moves, came) {
			return other
		}
	}
	return nil
}

// leftAt is when a version was put aside. The hub's own steps are in the machine's
// time, and persons' in business time: of the hub's the step before counts. Between
// the two a version is on its way, and no other is promoted.
func leftAt(v *hub.Version) time.Time {
	last := v.Moves[len(v.Moves)-1]
	if last.As == "" && len(v.Moves) > 1 {
		last = v.Moves[len(v.Moves)-2]
	}
	return last.At
}

// Lift ends a version's quarantine. It begins again in shadow: it has shown one
// citizen's bills to another, and has to show that it does not any more. Another
// version that is live stays as it is: if it was stopped, the operator lets it out.
// A lift that was cut short half done is done again.
func (s *Service) Lift(ctx context.Context, who hub.Caller, creditor hub.Name, no int, why string) (hub.Version, error) {
	if err := decide(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	if err := checkReason(why); err != nil {
		return hub.Version{}, err
	}
	other := false
	v, err := s.onVersion(ctx, "connector_lift", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		other = slices.ContainsFunc(r.Versions, func(v hub.Version) bool { return v.Stage == hub.StageLive })
		switch {
		case liftedLast(v):
			return nil
		case v.Stage != hub.StageQuarantined:
			return hub.Errorf(hub.CodeConflict, "Version %d is %s, not quarantined.", no, v.Stage)
		}
		if err := roomFor(r, v, hub.StageShadow); err != nil {
			return err
		}
		return s.move(&who, v, hub.StageShadow, 0, why)
	})
	if err != nil || other {
		return v, err
	}
	return v, s.Store.Lift(context.WithoutCancel(ctx), creditor) // an approver who leaves meanwhile has lifted it all the same
}

// liftedLast tells whether the last thing that became of a version is that its
// quarantine was lifted.
func liftedLast(v *hub.Version) bool {
	last := v.Moves[len(v.Moves)-1]
	return v.Stage == hub.StageShadow && last.From == hub.StageQuarantined && last.To == hub.StageShadow
}
