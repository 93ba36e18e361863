package hub

import (
	"context"
	"time"
)

// RequestKey is a client's Idempotency-Key and what it belongs to. It is kept as
// long as the payment.
type RequestKey struct {
	Portal string
	Party  PartyID
	Route  string
	Key    string
	Hash   [32]byte // of the request's content
}

// WorkKind says what is to be done about a payment.
type WorkKind string

// The kinds of work.
const (
	WorkCharge WorkKind = "charge" // bring a charge on
	WorkLine   WorkKind = "line"   // tell a creditor
	WorkRefund WorkKind = "refund" // bring a refund on
	WorkClear  WorkKind = "clear"  // see that a creditor does not show a booked line any more
)

// Work is one thing to be done. There is at most one of each (payment, kind,
// number).
type Work struct {
	Payment  PaymentID
	Kind     WorkKind
	No       int
	Creditor Name // of a line's work, so that each creditor has a queue of its own; else empty
}

// Lease is a piece of work that one replica has for a short time. Whoever
// changes a payment under a lease that somebody else has taken over meanwhile
// gets CodeConflict.
type Lease struct {
	Work
	Turn int   // grows with every lease of the work
	Lot  LotID // of a line's work that was leased in a lot; else empty
}

// LotID names lines of one creditor that are told together, in one file. Which
// they are never changes, and no line is ever in two.
type LotID string

// WorkQuery chooses work that is due.
type WorkQuery struct {
	Kind     WorkKind
	Creditor Name // for lines: of this creditor only
	Most     int
	TTL      time.Duration
	Lots     bool // for lines of a creditor: those of one lot, see Payments.LeaseWork
	Older    bool // of lots: only what is in one, or goes into none; no lot is made
}

// Event is something a portal or a creditor is told, with the number that says
// in which order things happened to the payment.
type Event struct {
	Type     string // payment.captured line.posted line.refunded …
	Payment  PaymentID
	Seq      int
	Line     int  // 0 = the whole payment
	Creditor Name // of the line
}

// PaymentTx is the transaction in which a payment is opened or changed. What it
// is told is stored together with the payment, or not at all.
type PaymentTx interface {
	// Now is the store's time; leases and due times follow it.
	Now() time.Time
	// Hold claims the line's debts until the moment, takes claims back that the
	// payment lost to nobody, and tells whether the payment has them all now.
	// A claim that ran out is free for anybody. freeAt is when another's ends.
	// Whoever claims several asks in the order of (creditor, obligation), else
	// two baskets wait for each other; HoldAll does so, and asks once for all.
	Hold(ctx context.Context, p PaymentID, l *Line, until time.Time) (held bool, by PaymentID, freeAt time.Time, err error)
	// HoldAll is Hold for several lines. The answers are in the order of lines.
	HoldAll(ctx context.Context, p PaymentID, lines []*Line, until time.Time) ([]Held, error)
	// Release ends the payment's claims on the line's debts, unless another line of
	// the payment needs them.
	Release(l *Line)
	// NextOrder gives the next order number at a merchant account. It is unique
	// for the provider: at most 20 ASCII letters and digits.
	NextOrder(ctx context.Context, psp, merchant string) (string, error)
	// Book adds to the journal. A booking whose ID is there already adds nothing.
	Book(b ...Booking)
	// Schedule makes work due after a while, or moves it when it is there. Work
	// that another replica has under a lease is due no earlier than that ends it.
	// When a provider told something since the lease began, the work stays due at
	// once, whatever its holder wishes; so it does after Done.
	Schedule(w Work, after time.Duration)
	// Done ends work.
	Done(w Work)
	// Emit tells the world. An event without a number is given the payment's next.
	Emit(e ...Event)
	// Anomaly notes something that a person should look at. Detail holds no
	// personal data.
	Anomaly(kind, detail string)
}

// Held tells what became of a claim.
type Held struct {
	Held   bool
	By     PaymentID // who has it when Held is false
	FreeAt time.Time // when that ends: the store's time
}

// Payments keeps payments, claims, the journal and the work to be done. Every
// change is one transaction, durable when it returns; after an error it may have
// happened or not, and the same call again does no harm. What runs inside a
// transaction may run twice, when the database asks for that: it changes nothing
// but the payment and what it tells the PaymentTx.
type Payments interface {
	// RoomToPay returns CodeUnavailable when a payment could not be written down
	// to its end. It is asked before a provider is.
	RoomToPay(ctx context.Context) error
	// OpenPayment stores what build makes, unless the key opened a payment before:
	// then it gives that one, or ErrKeyUsed when the request's content was another.
	// A quote that another payment used is ErrQuoteUsed. Build runs inside the
	// transaction and asks nobody outside.
	OpenPayment(ctx context.Context, key RequestKey, build func(PaymentTx) (*Payment, error)) (p *Payment, opened bool, err error)
	// Payment returns CodeNotFound for one that is not there.
	Payment(ctx context.Context, id PaymentID) (*Payment, error)
	// ChangePayment loads the payment for this one change, lets change alter it,
	// and stores it. Under a lease, CodeConflict when it is not the caller's any
	// more. An error of change leaves everything as it was.
	ChangePayment(ctx context.Context, id PaymentID, under *Lease, change func(PaymentTx, *Payment) error) (*Payment, error)
	// LeaseWork takes due work for a while, oldest first; of a creditor's lines first
	// those that are to be told, then those that are looked for: after an incident
	// these are many, and who pays now does not wait behind them. Asked for lots, it puts
	// all due lines that are in no lot into a new one, for good and in the same
	// transaction. Where there are none, it takes the lot of which some has
	// been due longest, with what of it nobody has and is due in a few seconds; or
	// work that is in no lot, of lines that are not due (any more).
	LeaseWork(ctx context.Context, q WorkQuery) ([]Lease, error)
	// Lot lists the lines that are in a lot, in the order of their names. It is empty
	// for a lot that is not known.
	Lot(ctx context.Context, lot LotID) ([]Work, error)
	// ReceiveFact keeps a provider's notification and makes the charge's work due
	// at once. A fact that is known already changes nothing (fresh is false); one
	// about an order nobody knows is kept too.
	ReceiveFact(ctx context.Context, f Fact) (fresh bool, err error)
	// Book adds to the journal what belongs to no change of a payment: payouts,
	// fees, money that nobody knows.
	Book(ctx context.Context, b ...Booking) error
	// PaymentsOf lists a party's payments, newest first, from before the one named.
	PaymentsOf(ctx context.Context, party PartyID, most int, before PaymentID) ([]*Payment, error)
	// TakenSince tells whether something became of money that was taken for an
	// obligation, at a moment of the store's time or after it, whoever paid.
	TakenSince(ctx context.Context, creditor Name, obligation ObligationID, from time.Time) (bool, error)
	// PaidOf gives those of the debts for which money was taken, by whomever, and
	// which their creditor has not taken off since: nobody can pay them again.
	PaidOf(ctx context.Context, debts []Debt) ([]Debt, error)
	// Doubtful gives the payments with a refund of which nobody knows whether it was
	// given back, by name.
	Doubtful(ctx context.Context) ([]PaymentID, error)
}

// Debt names an obligation at its creditor.
type Debt struct {
	Creditor   Name
	Obligation ObligationID
}

// Books lets the hub's own records be checked.
type Books interface {
	// EachPayment gives every payment there was when it began.
	EachPayment(ctx context.Context, each func(p *Payment) error) error
	// Balances gives debits less credits of every account of the journal.
	Balances(ctx context.Context) (map[string]int64, error)
	// JournalOff is by how many bani all debits of the journal are more than its
	// credits: 0, or the journal is broken.
	JournalOff(ctx context.Context) (int64, error)
	// Bookings gives the journal of one payment in the order it was written. The
	// empty payment stands for all that belongs to none.
	Bookings(ctx context.Context, id PaymentID) ([]Booking, error)
	// Claims gives the live claims.
	Claims(ctx context.Context) ([]Claim, error)
	// Anomalies lists what a person should look at, newest first.
	Anomalies(ctx context.Context, most int) ([]Anomaly, error)
}

// Archive finds payments by what providers and creditors call their parts, for
// comparing the books and for rebuilding them.
type Archive interface {
	// Dossier gives all that is known of one payment, as of one moment. It returns
	// CodeNotFound.
	Dossier(ctx context.Context, id PaymentID) (Dossier, error)
	// ChangedSince gives the payments that changed after a place in the order of
	// changes, oldest change first, and the place reached. A change under way when
	// it is asked may come to stand before that: go back a minute each time. A
	// payment that cannot be opened ends the list, with an error that is ErrSealed:
	// the place reached is its own, and those before it are given.
	ChangedSince(ctx context.Context, from Changed, most int) ([]*Payment, Changed, error)
	// PaymentOfOrder and PaymentOfPosting find a payment and the number of its
	// charge or line. They return CodeNotFound.
	PaymentOfOrder(ctx context.Context, psp, order string) (id PaymentID, charge int, err error)
	PaymentOfPosting(ctx context.Context, creditor Name, posting PostingID) (id PaymentID, line int, err error)
	// Facts gives what a provider told about an order, oldest first.
	Facts(ctx context.Context, psp, order string) ([]KeptFact, error)
	// Order gives the order number n of a merchant account, LastOrder the last n
	// that was given out (0 = none), LastOrders that of every account that has one,
	// SkipOrders makes sure that none up to n is given out.
	Order(psp, merchant string, n int64) string
	LastOrder(ctx context.Context, psp, merchant string) (int64, error)
	LastOrders(ctx context.Context, psp string) (map[string]int64, error)
	SkipOrders(ctx context.Context, psp, merchant string, n int64) error
	// Note adds an anomaly that concerns no payment. Detail holds no personal data.
	Note(ctx context.Context, kind, detail string) error
}

// Dossier is all that the hub knows of a payment.
type Dossier struct {
	Payment  *Payment
	Bookings []Booking
	Work     []Work // not done
	Claims   []Claim
}

// Changed is a place in the order in which payments changed. The zero Changed is
// before all; Changed{At: t} is the beginning of that moment.
type Changed struct {
	At time.Time // the store's time
	ID PaymentID
}

// KeptFact is a notification and when it came.
type KeptFact struct {
	Fact
	At time.Time // the store's time
}

// Claim is a payment's sole right to pay an obligation for a while.
type Claim struct {
	Creditor   Name
	Obligation ObligationID
	Payment    PaymentID
	Line       int
	Until      time.Time // the store's time
}

// Anomaly is something a person should look at.
type Anomaly struct {
	At      time.Time
	Kind    string
	Payment PaymentID
	Detail  string
}
