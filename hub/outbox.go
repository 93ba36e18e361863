package hub

import (
	"context"
	"strconv"
	"time"
)

// Receiver is who is told of events: a portal, or a creditor.
type Receiver string

// PortalReceiver and CreditorReceiver name receivers.
func PortalReceiver(portal string) Receiver   { return Receiver("portal:" + portal) }
func CreditorReceiver(creditor Name) Receiver { return Receiver("creditor:" + string(creditor)) }

// Notice is an event on its way to one receiver, with a lease: whoever settles a
// notice that somebody else has taken over meanwhile gets CodeConflict.
type Notice struct {
	Event
	Receiver Receiver
	At       time.Time // the store's time of the event
	Tries    int       // that were made before, since it was replayed
	Turn     int       // grows with every lease
}

// ID is for ever the same for an event: receivers tell repetitions by it. It holds
// no full stop (Standard Webhooks 1.0.0, signature scheme).
func (n Notice) ID() string { return string(n.Payment) + "_" + strconv.Itoa(n.Seq) }

// Try is one attempt to tell a receiver.
type Try struct {
	Payment  PaymentID
	Seq      int
	Receiver Receiver
	No       int       // from 1
	At       time.Time // the store's time
	Took     time.Duration
	Status   int  // of HTTP; 0 = no answer
	Code     Code // why it failed; "" = told
	GivenUp  bool // it was the last, in vain; known to Settle only
}

// NoticeQuery chooses notices that are due.
type NoticeQuery struct {
	Receiver Receiver // "" = any
	Most     int
	TTL      time.Duration
}

// Outbox keeps events until their receivers were told, at least once each. An
// event enters it with the change that caused it (PaymentTx.Emit): for the
// payment's portal, and for the creditor it names.
type Outbox interface {
	// LeaseNotices takes due notices for a while, oldest first.
	LeaseNotices(ctx context.Context, q NoticeQuery) ([]Notice, error)
	// NextNotice tells in how long the next notice is due, 0 when some is. It
	// returns CodeNotFound when there is none.
	NextNotice(ctx context.Context) (time.Duration, error)
	// Settle notes how an attempt went. With again it is due once more after that
	// while, else never by itself. It returns CodeConflict when the notice is not
	// the caller's any more.
	Settle(ctx context.Context, n Notice, t Try, again *time.Duration) error
	// Replay makes the notices of a receiver due again that happened from one
	// moment until before another, told or not, and counts them.
	Replay(ctx context.Context, to Receiver, from, until time.Time) (int, error)
	// Tries lists the attempts to tell a receiver, newest first.
	Tries(ctx context.Context, to Receiver, most int) ([]Try, error)
	// Waiting counts the notices that are still to be told.
	Waiting(ctx context.Context) (map[Receiver]int, error)
	// GivenUp counts the notices that were given up since a moment and have not been
	// told or replayed since.
	GivenUp(ctx context.Context, since time.Time) (map[Receiver]int, error)
	// Unheard settles what is due for a receiver that listens nowhere, and happened
	// before a moment, without an attempt.
	Unheard(ctx context.Context, to Receiver, before time.Time) error
	// Forget drops what was settled before a moment, and its attempts; what was
	// settled without one, before another moment.
	Forget(ctx context.Context, told, unheard time.Time) error
}
