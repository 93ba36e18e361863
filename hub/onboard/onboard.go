// Package onboard takes a company's connector from a text to the citizens. A
// company drafts a manifest and proves it; approvers say whose address and whose
// accounts those are; time and comparisons say whether it can be trusted. Every
// version and every step stays on record. What a company does not own it cannot
// tell from what is not there.
package onboard

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"racord/hub"
)

// Store is what registration needs of the hub's store.
type Store interface {
	hub.Registrations
	hub.Trials
	hub.Quarantines
	hub.Slots
	Deliveries
}

// Deliveries tells what creditors delivered, see hub.Snapshots.
type Deliveries interface {
	Cursor(ctx context.Context, creditor hub.Name) (next hub.Cursor, asOf time.Time, err error)
	Held(ctx context.Context) ([]hub.HeldDelivery, error)
}

// Reader reads a manifest for a creditor. Problems name file, line and field;
// facts are whole only when there are none.
type Reader interface {
	Read(creditor hub.Name, text hub.ManifestText) (hub.ManifestFacts, []hub.Field)
}

// Parts are what registration works with. Without a Prover or a Trier those are
// not offered (CodeUnsupported).
type Parts struct {
	Store   Store
	Reader  Reader
	Secrets hub.SecretStore
	Keeper  hub.SecretKeeper
	Prover  hub.Prover
	Trier   hub.Trier
	Clock   hub.Clock // business time: cooling and trials follow it
	Log     *slog.Logger
}

// Conf says how long a version has to wait and what it has to show. See Default.
type Conf struct {
	Cooling        time.Duration // between the notice to the contacts and the first call to a changed address
	ShadowFor      time.Duration
	ShadowCalls    int64 // answers asked for in shadow
	CanaryFor      time.Duration
	CanaryCalls    int64
	ErrorBudget    float64       // the share of answers that may fail
	DifferBudget   float64       // the share of compared answers that may differ
	ContactsLinger time.Duration // how long a contact that was replaced is still told
	ProveFor       time.Duration // how long the conformance suite may take
}

// Default lets a company show its bills the same day. A changed address waits two
// days for somebody to object.
func Default() Conf {
	return Conf{
		Cooling: 48 * time.Hour, ShadowFor: time.Hour, ShadowCalls: 20, CanaryFor: 2 * time.Hour, CanaryCalls: 50,
		ErrorBudget: 0.02, DifferBudget: 0.01, ContactsLinger: 30 * 24 * time.Hour, ProveFor: 15 * time.Minute,
	}
}

// Service is the registration of connectors.
type Service struct {
	Parts
	conf    Conf
	base    context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	places  chan struct{} // taken by suites that run here
	tries   tries
	wake    chan struct{}
}

// New makes a service. Start lets it finish what others began, and Close ends it.
func New(parts Parts, conf Conf) *Service {
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Parts: parts, conf: conf, places: make(chan struct{}, mostSuites), wake: make(chan struct{}, 1)}
	s.base, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends the suites that are running and waits for them.
func (s *Service) Close() {
	s.stop()
	s.running.Wait()
}

// absent is the one answer about what is not there and what is another's.
func absent() error {
	return hub.Errorf(hub.CodeNotFound, "There is no such connector, or no such version of it.")
}

// reach lets a company at its own connector and an approver at all.
func reach(who *hub.Caller, creditor hub.Name) error {
	if !creditor.Valid() || !who.Approver && who.Company != creditor {
		return absent()
	}
	return nil
}

// decide lets approvers alone.
func decide(who *hub.Caller, creditor hub.Name) error {
	if err := reach(who, creditor); err != nil {
		return err
	}
	if !who.Approver {
		return hub.Errorf(hub.CodeForbidden, "This is for the city's approvers.")
	}
	return nil
}

func officeOf(who *hub.Caller) hub.Office {
	if who.Approver {
		return hub.OfficeApprover
	}
	return hub.OfficeCompany
}

// move takes a version to a stage and puts it on record. It returns CodeConflict
// when there is no such way.
func (s *Service) move(who *hub.Caller, v *hub.Version, to hub.Stage, share int, why string) error {
	if !v.Stage.Leads(to) {
		return hub.Errorf(hub.CodeConflict, "Version %d is %s; from there it does not become %s.", v.No, v.Stage, to)
	}
	now := s.Clock.Now()
	v.Moves = append(v.Moves, hub.Move{At: now, By: who.Login, As: officeOf(who), From: v.Stage, To: to, Share: share, Why: why})
	if v.Stage != to {
		v.Stage, v.Since = to, now
	}
	v.Share = share
	if v.ShownAt.IsZero() && (to == hub.StageCanary || to == hub.StageLive) {
		v.ShownAt = now
	}
	return nil
}

// onVersion changes one version of a registration that is there, and puts it in
// the log.
func (s *Service) onVersion(ctx context.Context, operation string, who *hub.Caller, creditor hub.Name, no int,
	change func(r *hub.Registration, v *hub.Version) error,
) (hub.Version, error) {
	r, err := s.Store.ChangeRegistration(ctx, creditor, func(r *hub.Registration) error {
		v := r.Version(no)
		if v == nil {
			return absent()
		}
		return change(r, v)
	})
	if err != nil {
		return hub.Version{}, err
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "connector changed", slog.String("operation", operation), slog.String("creditor", string(creditor)),
		slog.Int("version", no), slog.String("stage", string(r.Version(no).Stage)), slog.String("by", who.Login.Subject))
	return *r.Version(no), nil
}

// longestReason is what is kept of a reason.
const longestReason = 500

func checkReason(why string) error {
	if why == "" || len(why) > longestReason {
		return invalid("/why", "must say why, in 500 bytes at most")
	}
	return nil
}

func invalid(pointer, detail string) error {
	return invalids([]hub.Field{{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail}})
}

func invalids(fields []hub.Field) error {
	err := hub.Errorf(hub.CodeInvalid, "The request is not valid; errors says where.")
	err.Fields = fields
	return err
}
