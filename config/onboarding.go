package config

import "time"

// Onboarding says how long a connector that a company registers has to wait, and
// what it has to show, before citizens see it. A missing key has its default.
type Onboarding struct {
	Cooling      *Duration `yaml:"cooling"`       // between the notice to a company's contacts and the first call to a changed address; default 48h
	ShadowFor    *Duration `yaml:"shadow_for"`    // default 1h
	ShadowCalls  *int      `yaml:"shadow_calls"`  // answers in shadow; default 20
	CanaryFor    *Duration `yaml:"canary_for"`    // default 2h
	CanaryCalls  *int      `yaml:"canary_calls"`  // answers in canary; default 50
	ErrorBudget  *float64  `yaml:"error_budget"`  // share of answers that may fail; default 0.02
	DifferBudget *float64  `yaml:"differ_budget"` // share of compared answers that may differ; default 0.01
}

func (o *Onboarding) check(refuse func(key, what string)) {
	for key, d := range map[string]*Duration{"cooling": o.Cooling, "shadow_for": o.ShadowFor, "canary_for": o.CanaryFor} {
		if d != nil {
			within(refuse, "onboarding."+key, *d, 0, Duration(90*24*time.Hour))
		}
	}
	for key, n := range map[string]*int{"shadow_calls": o.ShadowCalls, "canary_calls": o.CanaryCalls} {
		if n != nil {
			within(refuse, "onboarding."+key, *n, 0, 1_000_000)
		}
	}
	for key, share := range map[string]*float64{"error_budget": o.ErrorBudget, "differ_budget": o.DifferBudget} {
		if share != nil {
			within(refuse, "onboarding."+key, *share, 0, 1)
		}
	}
}
