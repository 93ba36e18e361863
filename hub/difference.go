package hub

import (
	"context"
	"time"
)

// Job names what compares the hub's books with others'.
type Job string

// The jobs.
const (
	JobProvider   Job = "provider"   // a provider's orders with our charges and refunds
	JobSettlement Job = "settlement" // a provider's settlements with what it took
	JobCreditor   Job = "creditor"   // a creditor's statement with our lines
	JobBank       Job = "bank"       // the bank's statement with the providers' payouts
	JobAudit      Job = "audit"      // our books with themselves
	JobAgeing     Job = "ageing"     // money that has lain too long
)

// Jobs lists all jobs.
var Jobs = []Job{JobProvider, JobSettlement, JobCreditor, JobBank, JobAudit, JobAgeing}

// Difference is one thing that two books do not agree about.
type Difference struct {
	Job    Job
	Scope  string // whose book: euplatesc/merchant, water, an account; part of what is compared at once
	Kind   string // missing_here missing_there amount twice unknown_money …
	Name   string // of the order, posting, payout or account
	Amount int64  // bani: what the other book says, less what ours does
	Detail string // without personal data
	Since  time.Time
	// Explained is when it was found no more: the zero time while it is open.
	Explained time.Time
}

// DifferenceQuery chooses differences. Empty fields choose all.
type DifferenceQuery struct {
	Job       Job
	Explained bool // those explained as well
	Most      int
}

// Run is what is remembered of a job.
type Run struct {
	Job       Job
	Holder    Holder    // who does it now; "" = nobody
	First     time.Time // when it was first taken, by the store's time
	Due       time.Time // the same
	Succeeded time.Time // zero = never
	Cursor    string    // how far it has come, in its own words
}

// Differences keeps what comparing found. Time is the store's.
type Differences interface {
	// Compared stores what one comparison of a job's scope found. A difference that
	// is found again stays since when it was; one that is not found any more is
	// explained; one that comes back is open again.
	Compared(ctx context.Context, job Job, scope string, found []Difference) error
	// Differences lists what was found, the oldest first.
	Differences(ctx context.Context, q DifferenceQuery) ([]Difference, error)
	// DifferenceSums gives how many differences are open and explained (in the last
	// day), and how many bani they are about, without their signs.
	DifferenceSums(ctx context.Context) (open, explained map[Job]Standing, err error)
	// TakeJob gives a job to the caller for ttl when it is due, or anyway, and
	// nobody else has it; else CodeConflict.
	TakeJob(ctx context.Context, job Job, holder Holder, ttl time.Duration, anyway bool) (Run, error)
	// KeepJob notes how far a job has come, in its cursor, and keeps it for ttl from
	// now on. It returns CodeConflict when somebody else has it by now.
	KeepJob(ctx context.Context, run Run, ttl time.Duration) error
	// EndJob gives a job back, to be due again after a while. It returns
	// CodeConflict when somebody else has it by now.
	EndJob(ctx context.Context, run Run, again time.Duration, succeeded bool) error
	// Runs tells how all jobs stand that were ever taken.
	Runs(ctx context.Context) ([]Run, error)
	// Residues gives the accounts with a prefix of which a payment's bookings have
	// left something, and whose last booking is older than a moment. The empty
	// payment stands for all that belongs to none. The oldest come first.
	Residues(ctx context.Context, prefix string, before time.Time, each func(Residue) error) error
}

// Residue is what the bookings of one payment have left on an account.
type Residue struct {
	Account string
	Payment PaymentID
	Balance int64     // debits less credits
	Since   time.Time // of the last booking
}
