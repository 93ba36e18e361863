package onboard

import (
	"fmt"
	"slices"
	"time"

	"racord/hub"
)

// Gate is one condition of a version's next stage.
type Gate struct {
	Name   string // report approvals cooling shadow_time shadow_calls …
	Met    bool
	Detail string // what is so, and what is wanted
}

// next is the stage after a version's own, "" when there is none.
func next(v *hub.Version) hub.Stage {
	switch v.Stage {
	case hub.StageDraft:
		return hub.StageProving
	case hub.StageProving:
		return hub.StageShadow
	case hub.StageShadow:
		return hub.StageCanary
	case hub.StageCanary:
		return hub.StageLive
	}
	return ""
}

// gates says what stands before a version's next stage.
func (s *Service) gates(r *hub.Registration, v *hub.Version, seen *seen) []Gate {
	switch v.Stage {
	case hub.StageProving:
		return s.beforeShadow(r, v)
	case hub.StageShadow:
		if v.Facts.Delivers {
			return s.delivered(r, v, seen)
		}
		return s.tried(v, &seen.trial, "shadow", s.conf.ShadowFor, s.conf.ShadowCalls)
	case hub.StageCanary:
		return s.tried(v, &seen.trial, "canary", s.conf.CanaryFor, s.conf.CanaryCalls)
	}
	return nil
}

// beforeShadow is what is asked of a version before it calls about real people.
func (s *Service) beforeShadow(r *hub.Registration, v *hub.Version) []Gate {
	passed := v.Report != nil && v.Report.Passed && v.Report.Digest == v.Digest
	list := []Gate{{"report", passed, "the conformance suite has passed for this text"}}
	changes := changed(r.Shown(v.No), v)
	wanted := 1
	if changes.any() {
		wanted = 2
	}
	given := approvers(v)
	list = append(list, Gate{"approvals", len(given) >= wanted, fmt.Sprintf("%d of %d approvers have approved", len(given), wanted)})
	if changes.any() {
		until, told := s.cooled(r, v)
		detail := "the contacts have not been told yet"
		if told {
			detail = "it leads elsewhere than what citizens see; the contacts may object until " + until.In(hub.Bucharest).Format("2006-01-02 15:04")
		}
		list = append(list, Gate{"cooling", told && !s.Clock.Now().Before(until), detail})
	}
	return list
}

// tried is what is asked of a version that is being tried.
func (s *Service) tried(v *hub.Version, t *hub.Trial, stage string, wait time.Duration, calls int64) []Gate {
	return []Gate{
		s.waited(v, stage, wait),
		{stage + "_calls", t.Calls >= calls, fmt.Sprintf("%d of %d answers", t.Calls, calls)},
		{"error_budget", within(t.Failed, t.Calls, s.conf.ErrorBudget), fmt.Sprintf("%d of %d answers failed, %g%% may", t.Failed, t.Calls, 100*s.conf.ErrorBudget)},
		{"differences", within(t.Differed, t.Compared, s.conf.DifferBudget), fmt.Sprintf("%d of %d compared answers differ, %g%% may", t.Differed, t.Compared, 100*s.conf.DifferBudget)},
		untainted(t),
	}
}

func (s *Service) waited(v *hub.Version, stage string, wait time.Duration) Gate {
	been := s.Clock.Now().Sub(v.Since)
	return Gate{stage + "_time", been >= wait, fmt.Sprintf("%s of %s", been.Truncate(time.Second), wait)}
}

func untainted(t *hub.Trial) Gate {
	return Gate{"foreign", t.Foreign == 0, fmt.Sprintf("%d answers were about somebody else, none may", t.Foreign)}
}

func within(part, all int64, budget float64) bool { return float64(part) <= budget*float64(all) }

// closed says which gates are not met, or nil.
func closed(v *hub.Version, gates []Gate) error {
	var fields []hub.Field
	for _, g := range gates {
		if !g.Met {
			fields = append(fields, hub.Field{Pointer: g.Name, Code: hub.CodeConflict, Detail: g.Detail})
		}
	}
	if fields == nil {
		return nil
	}
	err := hub.Errorf(hub.CodeConflict, "Version %d is not ready for the next stage; errors says what is missing.", v.No)
	err.Fields = fields
	return err
}

// changes is what is dangerous about a version compared with what citizens see.
type changes struct{ addresses, accounts []string }

func (c changes) any() bool { return len(c.addresses)+len(c.accounts) > 0 }

// changed lists the addresses and accounts of a version that are new. The first
// version of a creditor changes nothing.
func changed(shown, v *hub.Version) (c changes) {
	if shown == nil {
		return c
	}
	for _, address := range v.Facts.Addresses {
		if !slices.Contains(shown.Facts.Addresses, address) {
			c.addresses = append(c.addresses, address)
		}
	}
	for _, a := range v.Facts.Accounts {
		known := func(o hub.CreditorAccount) bool { return o.IBAN == a.IBAN && o.Beneficiary == a.Beneficiary }
		if !slices.ContainsFunc(shown.Facts.Accounts, known) {
			c.accounts = append(c.accounts, a.IBAN)
		}
	}
	return c
}

// approvers gives the persons who approved a version, without its author.
func approvers(v *hub.Version) (list []hub.Login) {
	for _, a := range v.Approvals {
		if a.By != v.Author && !slices.Contains(list, a.By) {
			list = append(list, a.By)
		}
	}
	return list
}

// proved tells whether two persons other than the author have proved each of a
// version's accounts.
func proved(r *hub.Registration, v *hub.Version) bool {
	if len(v.Facts.Accounts) == 0 {
		return false
	}
	type account struct{ iban, beneficiary string }
	by := map[account][]hub.Login{}
	for _, p := range r.Proofs {
		at := account{p.IBAN, p.Beneficiary}
		if p.By != v.Author && !slices.Contains(by[at], p.By) {
			by[at] = append(by[at], p.By)
		}
	}
	for _, a := range v.Facts.Accounts {
		if len(by[account{a.IBAN, a.Beneficiary}]) < 2 {
			return false
		}
	}
	return true
}

// settle says whether a version takes payments now. Those of a canary's citizens go
// through the version that is live.
func settle(r *hub.Registration, v *hub.Version) {
	v.Pays = v.Stage == hub.StageLive && v.Facts.Class != "" && proved(r, v)
}
