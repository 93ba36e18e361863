package hub

import (
	"context"
	"time"
)

// Channel is a way on which a company is told of a notice.
type Channel string

// The channels. Mail goes to the contact itself, a webhook to the creditor's
// endpoint, once for all contacts.
const (
	ChannelMail    Channel = "mail"
	ChannelWebhook Channel = "webhook"
)

// Letter is a notice on its way by one channel, with a lease: whoever settles a
// letter that somebody else has taken over meanwhile gets CodeConflict.
type Letter struct {
	Creditor Name
	No       int // of the notice, from 1; with creditor and channel for ever its name
	Channel  Channel
	Notice   ContactNotice
	At       time.Time // the store's time when it was posted
	Tries    int       // that were made before
	Turn     int       // grows with every lease
}

// LetterState is how far a notice has come by one channel.
type LetterState struct {
	Channel     Channel
	Tries       int
	DeliveredAt time.Time // zero = not
	Settled     bool      // nothing more is tried
	Code        Code      // why the last attempt failed; "" = it did not
	Detail      string    // the same in words; it names no person
}

// LetterTry is what became of one attempt.
type LetterTry struct {
	Code   Code // "" = delivered
	Detail string
	Again  *time.Duration // how long until the next attempt; nil = none by itself
	// GivenUp tells that this was the last attempt, that it failed, and that there is a way to the receiver.
	GivenUp bool
}

// Letters brings notices to whom they are for, at least once. A notice enters it
// with the change that caused it (Registrations.ChangeRegistration).
type Letters interface {
	// LeaseLetters takes letters that are due for a while, the longest due first.
	LeaseLetters(ctx context.Context, most int, ttl time.Duration) ([]Letter, error)
	// SettleLetter notes how an attempt went. It returns CodeConflict when the
	// letter is not the caller's any more.
	SettleLetter(ctx context.Context, l Letter, t LetterTry) error
	// Undelivered counts the letters that are still to be delivered, and tells
	// since when the oldest waits by the store's time; zero for none.
	Undelivered(ctx context.Context) (count int, oldest time.Time, err error)
	// GivenUpLetters counts the letters that were given up since a moment.
	GivenUpLetters(ctx context.Context, since time.Time) (int, error)
}
