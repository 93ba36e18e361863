package hub

import (
	"context"
	"slices"
	"time"
)

// Stage is how far a version of a connector has come.
type Stage string

// The stages, in the order of a good life; the last three end or interrupt it.
const (
	StageDraft       Stage = "draft"       // being written; called by nobody
	StageProving     Stage = "proving"     // submitted: the conformance suite calls it
	StageShadow      Stage = "shadow"      // called and compared, never shown
	StageCanary      Stage = "canary"      // shown to a share of the citizens
	StageLive        Stage = "live"        // shown to all
	StageSuspended   Stage = "suspended"   // put aside by a person
	StageQuarantined Stage = "quarantined" // it answered about somebody else
	StageRetired     Stage = "retired"     // over
)

// stages says which stages a version goes to from each.
var stages = map[Stage][]Stage{
	"":               {StageDraft},
	StageDraft:       {StageProving, StageRetired},
	StageProving:     {StageShadow, StageRetired},
	StageShadow:      {StageCanary, StageSuspended, StageQuarantined, StageRetired},
	StageCanary:      {StageCanary, StageLive, StageSuspended, StageQuarantined, StageRetired},
	StageLive:        {StageSuspended, StageQuarantined, StageRetired},
	StageSuspended:   {StageShadow, StageCanary, StageLive, StageRetired},
	StageQuarantined: {StageShadow, StageRetired},
}

// Leads tells whether a version may go from one stage to the other.
func (s Stage) Leads(to Stage) bool { return slices.Contains(stages[s], to) }

// Serves tells whether a version of this stage is opened and called for citizens.
func (s Stage) Serves() bool { return s == StageShadow || s == StageCanary || s == StageLive }

// Deployment is one version of a creditor's connector that is opened by every
// replica. A creditor has at most one that is live and one that is on its way
// (shadow or canary).
type Deployment struct {
	Creditor Name
	Version  int
	Stage    Stage
	Share    int       // per cent of the citizens in canary
	Pays     bool      // payments are allowed: it is live, and two persons proved its accounts
	Since    time.Time // in this stage
	Lifted   int       // how often it was let out of quarantine
	Class    Class     // of postings as the suite measured it, instead of the claimed one; "" = as claimed
	Manifest []byte    // YAML
	Files    []ManifestFile
}

// Halts tells whether what was live in this stage is stopped, and said to be.
func (s Stage) Halts() bool { return s == StageSuspended || s == StageQuarantined }

// Deployments is what replicas follow to know which connectors to open.
type Deployments interface {
	// Deployed lists the versions that serve, by creditor and version, and an
	// epoch that moves with every change. The same epoch as known gives no list.
	// Of a creditor whose live version was suspended or quarantined, and that has
	// no other, that version stands at the end: its debts are not gone.
	Deployed(ctx context.Context, known int64) (list []Deployment, epoch int64, err error)
	// Demote takes a version out of service at once: to suspended, or to
	// quarantined. It returns CodeConflict when it does not serve any more.
	Demote(ctx context.Context, creditor Name, version int, to Stage, reason string) error
}

// Trial is what was seen of a version that is on its way, since it came to its
// stage. Counts only grow.
type Trial struct {
	Calls      int64 // answers asked for
	Failed     int64 // that failed
	Compared   int64 // answers held against another source
	Differed   int64 // of these, answers that were not equal
	Foreign    int64 // answers about somebody else
	FirstAt    time.Time
	LastAt     time.Time
	Mismatches []Mismatch // the latest, at most fifty
}

// Mismatch is one place where two answers about the same subject were not
// equal. It names no person.
type Mismatch struct {
	At         time.Time
	Subject    string // pseudonym of the subject
	Obligation string // external id; empty when it is about the whole answer
	Field      string
	Candidate  string
	Current    string
}

// Trials keeps what replicas saw of versions that are on their way. Add is
// summed over replicas.
type Trials interface {
	AddTrial(ctx context.Context, creditor Name, version int, more Trial) error
	Trial(ctx context.Context, creditor Name, version int) (Trial, error)
}

// SecretStore gives a company's secrets to its connectors. It returns CodeAuth
// when there is none of that name. A secret with two slots gives both, with when
// they were set, the newer first: whoever is refused with the first tries the second.
type SecretStore interface {
	SecretsOf(ctx context.Context, creditor Name, name string) ([]Secret, error)
}
