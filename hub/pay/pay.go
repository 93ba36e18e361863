// Package pay takes one payment for a basket and brings every part of it to its
// creditor exactly once: quote → claim → charge → verify again → capture what is
// still owed → post → prove cleared, and refunds.
//
// It holds no money and decides nothing twice: what is about to be asked of a
// provider or a creditor is stored before it is asked, under a key that never
// changes; an answer that was lost is looked up; and whatever was left half done
// is found by the next replica that looks for work.
package pay

import (
	"context"
	"log/slog"
	"time"

	"racord/hub"
)

// Parts are what paying is made from. Settlements, Pages, Meter, Log and Stopped
// may be nil.
type Parts struct {
	Roster  hub.Roster
	Folders hub.Folders
	Store   Store
	PSPs    []*hub.PSP // in the city's order of preference
	Keys    *hub.Keys  // seals quotes
	Clock   hub.Clock  // business time
	Pages   Pages
	Meter   Meter
	Log     *slog.Logger
	// Settlements tells how far settlements were read; nil = whatever is over was.
	Settlements Settlements
	// Stopped tells whether a barrier is up; nil = none ever is. It is asked often
	// and answers at once.
	Stopped func(hub.Barrier) bool
}

// Store keeps payments, and the journal of each.
type Store interface {
	hub.Payments
	Bookings(ctx context.Context, id hub.PaymentID) ([]hub.Booking, error)
}

// Pages are what the view remembers. Forget drops the answer to one question,
// because a payment changed what is owed. Remembered gives the last answer and
// the real time it was fetched at; CodeNotFound when it is not remembered.
type Pages interface {
	Forget(ctx context.Context, creditor hub.Name, asked hub.Asked)
	Remembered(ctx context.Context, creditor hub.Name, asked hub.Asked) (hub.Answer, time.Time, error)
}

// Settlements are what providers say that they paid out. Read tells whether those
// of a merchant account were all read, from one business day up to another.
type Settlements interface {
	Read(ctx context.Context, psp, merchant string, from, to hub.Date) (bool, error)
}

// Meter counts what happens to payments. Names are from closed sets.
type Meter interface {
	Quoted(creditor hub.Name, state QuoteState)
	Opened(psp string)
	Charged(psp string, state hub.ChargeState, amount hub.Money)
	Lined(creditor hub.Name, state hub.LineState, amount hub.Money)
	Refunded(psp string, state hub.RefundState, amount hub.Money)
	Notified(psp string, code hub.Code)
	Zombie(creditor hub.Name)
}

// Conf sets the limits of paying. The zero value of a field takes its default.
type Conf struct {
	NotifyURL   string        // where providers tell us: this, "/" and the provider's name
	QuoteLife   time.Duration // default 15 min, and never more
	PageLife    time.Duration // how long the payer may take; default 30 min
	VerifyFor   time.Duration // how long creditors are asked before a quote and before a capture; default 3 s
	CallFor     time.Duration // how long one call to a provider may take; default 8 s
	Lease       time.Duration // how long a replica has a piece of work; default 10 s
	LookUpEvery time.Duration // how soon a charge without an answer is looked up; default 2 s
	Workers     int           // pieces of work of one kind at once; default 8
	RefundAgain time.Duration // how long after a refund that nobody answered it may be asked for again, if it cannot be seen; default 15 min
	Alone       hub.Money     // up to here one of the staff has a line given back alone; default 1,000 RON
}

const longestQuote = 15 * time.Minute

func (c Conf) withDefaults() Conf {
	orElse(&c.QuoteLife, longestQuote)
	c.QuoteLife = min(c.QuoteLife, longestQuote)
	orElse(&c.PageLife, 30*time.Minute)
	orElse(&c.VerifyFor, 3*time.Second)
	orElse(&c.CallFor, 8*time.Second)
	orElse(&c.Lease, 10*time.Second)
	orElse(&c.LookUpEvery, 2*time.Second)
	orElse(&c.Workers, 8)
	orElse(&c.RefundAgain, 15*time.Minute)
	orElse(&c.Alone, hub.Bani(100_000))
	return c
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Service quotes, takes and routes payments. Its methods may be called by many
// at once; Run does what they left to be done.
type Service struct {
	Parts
	conf       Conf
	bell       bell
	statements *statements
}

// New makes a Service.
func New(parts Parts, conf Conf) *Service {
	if parts.Meter == nil {
		parts.Meter = silent{}
	}
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	if parts.Stopped == nil {
		parts.Stopped = func(hub.Barrier) bool { return false }
	}
	return &Service{Parts: parts, conf: conf.withDefaults(), bell: newBell(), statements: &statements{days: map[bookedDay]*statement{}}}
}

func (s *Service) connector(name hub.Name) *hub.Connector {
	for _, c := range s.Roster.OnDuty() {
		if c.Creditor.Name == name {
			return c
		}
	}
	return nil
}

func (s *Service) psp(name string) *hub.PSP {
	for _, p := range s.PSPs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

type silent struct{}

func (silent) Quoted(hub.Name, QuoteState)                 {}
func (silent) Opened(string)                               {}
func (silent) Charged(string, hub.ChargeState, hub.Money)  {}
func (silent) Lined(hub.Name, hub.LineState, hub.Money)    {}
func (silent) Refunded(string, hub.RefundState, hub.Money) {}
func (silent) Notified(string, hub.Code)                   {}
func (silent) Zombie(hub.Name)                             {}
