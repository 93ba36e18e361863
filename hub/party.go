package hub

import (
	"context"
	"time"
)

// PartyID is the hub's own opaque name of a person or company. It says nothing
// about who that is, so it may stand in logs and keys.
type PartyID string

// Login is how the identity provider names somebody: the issuer's URL and its
// pairwise subject.
type Login struct{ Issuer, Subject string }

// Party is a person or company that signed in. The identifiers come from the
// identity provider, which is asked again from time to time, and rest sealed in the
// store.
type Party struct {
	ID          PartyID
	Name        string
	Identifiers []Identifier
}

// String gives the opaque id, never a name or a number.
func (p Party) String() string { return string(p.ID) }

// AccountRef names an account at a creditor by the creditor's own code.
type AccountRef struct {
	Creditor Name
	Code     string // an opaque string: leading zeros are real
}

// Proof is what a citizen knows from a bill: its number and its amount.
type Proof struct {
	Invoice string
	Amount  Money
}

// LinkID is the opaque name of a link.
type LinkID string

// Link is a party's proved right to see one account at a creditor.
type Link struct {
	ID       LinkID
	Party    PartyID
	Account  AccountRef
	LinkedAt time.Time
}

// HubState is what the hub itself knows about an obligation, laid over what the
// creditor says.
type HubState string

// The hub's states of an obligation.
const (
	HubNone               HubState = "none"
	HubReserved           HubState = "reserved"
	HubPaidWaitingPosting HubState = "paid_waiting_posting"
	HubPosted             HubState = "posted"
	HubSettled            HubState = "settled"
	HubMismatch           HubState = "mismatch"
)

// Mark is the hub's own knowledge about one obligation that a party sees.
type Mark struct {
	Creditor   Name
	Obligation ObligationID
	State      HubState
	Since      time.Time
	Remains    int64 // the most bani the creditor can still show once it has booked the payment
}

// Covers is how many bani of what a creditor showed as outstanding at a moment
// were paid through the hub, and were not booked or not taken off there by then.
func (m Mark) Covers(outstanding int64, asOf time.Time) int64 {
	switch m.State {
	case HubSettled:
		if !asOf.Before(m.Since) {
			return 0 // it is due again
		}
	case HubPaidWaitingPosting, HubPosted, HubMismatch:
	default:
		return 0
	}
	return max(outstanding-m.Remains, 0)
}

// PaidHere is what a person reads at a debt that was paid through the hub, by
// whomever, as long as its creditor shows it.
const PaidHere = "This has been paid here. The creditor still shows it and will take it off."

// PartPaidHere is what a person reads at a debt of which a part, or something that
// stands inside it, was paid through the hub, as long as its creditor shows it whole.
const PartPaidHere = "A part of this has been paid here. What is left can be paid once the creditor has taken that off."

// NoCode is what a person reads where a creditor finds people only by a code that
// his identity provider did not share with the hub.
const NoCode = "This creditor finds you by a code that your login does not share. Sign in with one that does, or ask the city hall."

// Folder is all the hub itself holds about a party: who it is, which accounts
// it proved, and what the hub knows about obligations. Its marks are those of its
// own payments, and of others' payments for debts that its codes and accounts show:
// these tell neither who pays nor in which payment. It is read from the store for
// every view, never from a cache that can be wrong.
type Folder struct {
	Party  Party
	Links  []Link
	Marks  []Mark
	ReadAt time.Time // the store's time at which the identity provider last said who the party is; zero = not known
}

// Folders keeps parties. Folder returns CodeNotFound for a login never seen.
// Enrol creates the party or, for a login already known, returns what is there.
// Renew keeps what the identity provider says now about a login that is known,
// else CodeNotFound, and tells whether its codes changed. A code that was another
// before, or is gone, is noted as an anomaly; the note never holds the code.
type Folders interface {
	Folder(ctx context.Context, who Login) (Folder, error)
	Enrol(ctx context.Context, who Login, name string, ids []Identifier) (Folder, error)
	Renew(ctx context.Context, who Login, name string, ids []Identifier) (changed bool, err error)
}

// Links keeps proved links. Link returns CodeConflict for an account the party
// has linked already; Unlink returns CodeNotFound for a link that is not the
// party's own.
type Links interface {
	Link(ctx context.Context, l Link) error
	Unlink(ctx context.Context, party PartyID, id LinkID) error
}

// Attempts counts tries at proving a link, per party and per account and day.
// Attempt adds one and gives both counts, this one included. Forgive takes one
// back, when the creditor could not be asked.
type Attempts interface {
	Attempt(ctx context.Context, party PartyID, account AccountRef, day Date) (byParty, byAccount int, err error)
	Forgive(ctx context.Context, party PartyID, account AccountRef, day Date) error
}
