package guard

import (
	"time"

	"racord/hub"
)

// Operation names what a creditor is asked: a closed set, for metrics.
type Operation string

// The operations.
const (
	OpObligations Operation = "obligations"
	OpPull        Operation = "pull"
	OpProve       Operation = "prove"
	OpPing        Operation = "ping"
	OpQuote       Operation = "quote"
	OpPost        Operation = "post"
	OpFind        Operation = "find"
	OpReverse     Operation = "reverse"
	OpStatement   Operation = "statement"
)

// Operations lists all operations.
func Operations() []Operation {
	return []Operation{OpObligations, OpPull, OpProve, OpPing, OpQuote, OpPost, OpFind, OpReverse, OpStatement}
}

// Class is the sort of calls that share a breaker: a closed set, for metrics.
type Class string

// The classes of calls.
const (
	ClassRead Class = "read"
	ClassFeed Class = "feed"
	ClassPost Class = "post" // what changes the creditor's books
)

// ClassCharge is the class of a payment provider's calls.
const ClassCharge Class = "charge"

// Classes lists the classes of calls to creditors.
func Classes() []Class { return []Class{ClassRead, ClassFeed, ClassPost} }

// Shed says why a call was not made: a closed set, for metrics.
type Shed string

// The reasons not to ask.
const (
	ShedQuarantine Shed = "quarantine" // the connector answered about somebody else
	ShedWindow     Shed = "window"     // declared closed
	ShedPause      Shed = "pause"      // the creditor asked us to wait
	ShedLate       Shed = "late"       // the caller had no time left
	ShedBreaker    Shed = "breaker"    // open, or enough probes are under way
	ShedFull       Shed = "full"       // no slot in time
)

// Sheds lists all reasons.
func Sheds() []Shed {
	return []Shed{ShedQuarantine, ShedWindow, ShedPause, ShedLate, ShedBreaker, ShedFull}
}

// Meter counts what the guard of one connector does; its handles are bound when
// it is made. What is a state and not an event is read from Allowance.Load.
type Meter interface {
	// Called is called when a call to the creditor has ended; code is "" when it
	// succeeded.
	Called(op Operation, code hub.Code, took time.Duration)
	// Shed is called for a call that was not made.
	Shed(why Shed)
	// Retried is called when a repetition was granted.
	Retried()
	// Breaker is called when the breaker of a class moved.
	Breaker(of Class, to State)
}

type silent struct{}

func (silent) Called(Operation, hub.Code, time.Duration) {}
func (silent) Shed(Shed)                                 {}
func (silent) Retried()                                  {}
func (silent) Breaker(Class, State)                      {}
