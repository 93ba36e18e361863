// Package reconcile holds the hub's books against everybody else's, and keeps a
// row for everything that two books do not agree about, until a later word
// explains it. It moves no money. Each comparison is done by one replica at a
// time, may be done again at any time, and goes on where the last one ended.
//
// Six jobs do it: provider (what was taken and given back), settlement (what
// providers paid out), creditor (what creditors booked), bank (what arrived),
// audit (our books with themselves) and ageing (money that has lain too long).
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// Store is what is read and kept.
type Store interface {
	hub.Archive
	hub.Differences
	hub.Payouts
	hub.Pulses
	hub.Barriers
	Payment(ctx context.Context, id hub.PaymentID) (*hub.Payment, error)
	ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error)
	Bookings(ctx context.Context, id hub.PaymentID) ([]hub.Booking, error)
	JournalOff(ctx context.Context) (int64, error)
	Book(ctx context.Context, b ...hub.Booking) error
}

var _ Store = hub.Store(nil)

// Paying is told what somebody else's books prove.
type Paying interface {
	// Booked says that a line stands in its creditor's statement. One that was
	// known to be booked stays so.
	Booked(ctx context.Context, id hub.PaymentID, line int, receipt hub.Receipt) error
	// Disputed says that settlements tell of a payment's money that the payer's bank
	// took back, or gave back again.
	Disputed(ctx context.Context, id hub.PaymentID) error
	// Settled says that settlements were read: what became of refunds that nobody
	// knows the outcome of may be known now.
	Settled(ctx context.Context) error
}

// Parts are what comparing is made from. Bank, Audit and Log may be nil.
type Parts struct {
	Roster hub.Roster
	Store  Store
	PSPs   []*hub.PSP
	Bank   hub.Bank
	Payers []string // IBANs that providers pay out from; none = any payer may be one
	Paying Paying
	Audit  Audit
	Clock  hub.Clock // business time
	Log    *slog.Logger
}

// Service compares.
type Service struct{ Parts }

// New makes a Service.
func New(parts Parts) *Service {
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{parts}
}

// every is how often a job is done.
var every = map[hub.Job]time.Duration{
	hub.JobProvider: 15 * time.Minute, hub.JobSettlement: 6 * time.Hour, hub.JobCreditor: 6 * time.Hour,
	hub.JobBank: 6 * time.Hour, hub.JobAudit: time.Hour, hub.JobAgeing: 24 * time.Hour,
}

const (
	lookEvery   = 30 * time.Second // at which jobs are due
	soonAgain   = 5 * time.Minute  // after a turn that did not succeed
	seldomAgain = time.Hour        // at most, however long none has
)

// Run does the jobs that are due until ctx ends, the first ones a little after it
// was started.
func (s *Service) Run(ctx context.Context) {
	for hub.Sleep(ctx, lookEvery) {
		for _, job := range hub.Jobs {
			if err := s.Do(ctx, job, "", false); err != nil && hub.CodeOf(err) != hub.CodeConflict && ctx.Err() == nil {
				s.Log.Warn("the books could not be compared", "operation", "reconcile", "job", string(job), "code", string(hub.CodeOf(err)), "error", err)
			}
		}
	}
}

// byDays are the jobs that can compare one day alone.
var byDays = []hub.Job{hub.JobSettlement, hub.JobCreditor, hub.JobBank}

// Do does one job when it is due, or anyway. A day says which one to compare, for
// jobs that go by days; when all are due stays as it was. It returns CodeConflict
// when the job is not due or somebody else is at it; what went wrong with one
// provider, creditor or account does not keep the others from being compared.
func (s *Service) Do(ctx context.Context, job hub.Job, day hub.Date, anyway bool) error {
	t, err := s.take(ctx, job, anyway)
	if err != nil {
		return about(string(job), err)
	}
	work, end := t.work(ctx)
	err = s.do(work, t, day)
	cut := work.Err() != nil
	end()
	ctx = context.WithoutCancel(ctx)
	if day != "" && slices.Contains(byDays, job) {
		err = errors.Join(err, t.endDay(ctx))
	} else {
		err = errors.Join(err, t.end(ctx, err, cut))
	}
	if job == hub.JobSettlement { // it is stored now how far they were read
		err = errors.Join(err, s.Paying.Settled(ctx))
	}
	return about(string(job), err)
}

func (s *Service) do(ctx context.Context, t *turn, day hub.Date) error {
	switch t.run.Job {
	case hub.JobProvider:
		return s.providers(ctx, t)
	case hub.JobSettlement:
		return s.settlements(ctx, t, day)
	case hub.JobCreditor:
		return s.creditors(ctx, t, day)
	case hub.JobBank:
		return s.bank(ctx, t, day)
	case hub.JobAudit:
		return s.audit(ctx, t)
	case hub.JobAgeing:
		return s.ageing(ctx)
	}
	return hub.Errorf(hub.CodeInvalid, "there is no job %q", t.run.Job)
}

// open gives a job's open differences by their scope.
func (s *Service) open(ctx context.Context, job hub.Job) (map[string][]hub.Difference, error) {
	all, err := s.Store.Differences(ctx, hub.DifferenceQuery{Job: job})
	by := map[string][]hub.Difference{}
	for _, d := range all {
		by[d.Scope] = append(by[d.Scope], d)
	}
	return by, err
}

// openDays gives the days of somebody's open differences: a later word about them
// may explain something.
func openDays(open map[string][]hub.Difference, who string) (days []hub.Date) {
	for scope := range open {
		day, ours := strings.CutPrefix(scope, who+"/")
		if _, err := hub.ParseDate(day); ours && err == nil {
			days = append(days, hub.Date(day))
		}
	}
	return days
}

// about gives an error the name of the one it is about, in each of its lines: what
// is joined has one for each error.
func about(who string, err error) error {
	if err == nil {
		return nil
	}
	return &named{who, err}
}

// named is an error about somebody.
type named struct {
	who string
	err error
}

func (n *named) Error() string {
	return n.who + ": " + strings.ReplaceAll(n.err.Error(), "\n", "\n"+n.who+": ")
}

func (n *named) Unwrap() error { return n.err }

// started is the store's time at which a business day began, and a day before: no
// later than anything that happened on the day was stored.
func (s *Service) started(ctx context.Context, day hub.Date) (hub.Changed, error) {
	pulse, err := s.Store.Pulse(ctx)
	return hub.Changed{At: pulse.At.Add(-max(0, s.Clock.Now().Sub(day.Start())) - 24*time.Hour)}, err
}

// changed gives the payments that changed after a place, so many at once at most, each
// time with the place up to which these are all, as long as more are wanted.
func (s *Service) changed(ctx context.Context, from hub.Changed, most int, each func(page []*hub.Payment, until hub.Changed) (more bool)) error {
	for {
		page, next, err := s.Store.ChangedSince(ctx, from, most)
		if err != nil {
			return err
		}
		if !each(page, next) || len(page) < most {
			return nil
		}
		from = next
	}
}
