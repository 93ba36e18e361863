package hub

import (
	"context"
	"time"
)

// Pulse is how paying stands at one moment, for operators: what is under way,
// how much money it is, and how long it has been so. What is final is not in it.
type Pulse struct {
	Payments  map[PaymentState]Standing // Since is when the oldest was opened
	Charges   map[string]Standing       // by provider: money reserved or being taken or given back; Since its last step, which asking a provider again is not
	Lines     map[OpenLine]Standing     // Since is the business time at which the oldest was paid
	Work      map[WorkKind]Standing     // Since is when the first was due, or will be
	LineWork  map[Name]Standing         // of it what is of lines, by their creditor
	Anomalies map[string]int            // noted in the last day, by kind
	At        time.Time                 // the store's time
}

// OpenLine is a line whose money was taken and that is not booked or given back.
type OpenLine struct {
	Creditor Name
	State    LineState
}

// Standing is how many things are in a state, what they are worth and since when
// the oldest is. An amount that makes no sense is 0.
type Standing struct {
	Count  int
	Amount int64 // bani
	Since  time.Time
}

// Pulses tells how paying stands. It looks at what is not final only, so that
// asking often costs little however long the books are.
type Pulses interface {
	Pulse(ctx context.Context) (Pulse, error)
}
