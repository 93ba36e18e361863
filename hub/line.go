package hub

import (
	"slices"
	"time"
)

// Line is one option of one obligation being paid. Its place in a payment is its
// number, from 1.
type Line struct {
	No         int            `json:"no"`
	Creditor   Name           `json:"creditor"`
	Obligation ObligationID   `json:"obligation"`
	ExternalID string         `json:"external_id"`
	Asked      Whom           `json:"asked"`             // whom the creditor is asked about
	Account    string         `json:"account,omitempty"` // the creditor's code of the account it is booked to
	Reference  string         `json:"reference,omitempty"`
	Option     string         `json:"option"`
	Label      string         `json:"label"`
	Amount     Money          `json:"amount"`
	Owed       Money          `json:"owed"`                 // what the creditor said was outstanding, before this payment
	PaidBefore Money          `json:"paid_before,omitzero"` // what the creditor said was paid of it by then; without a currency, not known
	Whole      bool           `json:"whole,omitempty"`      // nothing is left to pay, whatever it costs: half a fine, a year with its discount
	Covers     []ObligationID `json:"covers,omitempty"`     // other debts that it pays whole, too
	Transfers  []Transfer     `json:"transfers"`
	Class      Class          `json:"class"`
	Verified   Verified       `json:"verified"`
	ValidUntil time.Time      `json:"valid_until"`         // business time: the quote's own end
	ChangesAt  time.Time      `json:"changes_at,omitzero"` // business time from which it costs something else; zero = not said
	PaidAt     time.Time      `json:"paid_at,omitzero"`    // business time of the authorisation: the creditor counts from it
	State      LineState      `json:"state"`
	Reason     string         `json:"reason,omitempty"`     // why it was dropped, refused or is stuck
	Tries      int            `json:"tries"`                // how often the creditor was asked to book it
	PutOff     int            `json:"put_off,omitempty"`    // how often the creditor did not book it for another reason than that it was busy, closed or away
	Lost       int            `json:"lost,omitempty"`       // how often its answer was lost
	Doubt      bool           `json:"doubt,omitempty"`      // it was sent, and nobody knows yet whether it arrived
	SentAt     time.Time      `json:"sent_at,omitzero"`     // real time of the last time it was sent
	FirstSent  time.Time      `json:"first_sent,omitzero"`  // real time of the first
	SentOn     Date           `json:"sent_on,omitempty"`    // business day for which the last time counts: the creditor books it then, or the day after
	NotOn      Date           `json:"not_on,omitempty"`     // class C: the last business day whose statement, read when it was closed, does not have it
	Receipt    string         `json:"receipt,omitempty"`    // the creditor's number
	BookedAt   time.Time      `json:"booked_at,omitzero"`   // business time
	ClearBy    time.Time      `json:"clear_by,omitzero"`    // business time after which the creditor may not show it as due any more
	ClearedAt  time.Time      `json:"cleared_at,omitzero"`  // business time at which the creditor was seen not to
	Zombie     bool           `json:"zombie,omitempty"`     // booked, and still shown as due after ClearBy
	Lot        LotID          `json:"lot,omitempty"`        // class F: the lot it was sent in, and is sent in ever after
	GivenBack  *GivenBack     `json:"given_back,omitempty"` // whose wish it was, when staff had it given back
}

// Leaves is the most bani that the creditor can still show of the debt once it has
// booked the line, as far as it said so.
func (l *Line) Leaves() int64 {
	if l.Whole {
		return 0
	}
	return max(l.Owed.Minor-l.Amount.Minor, 0)
}

// Debts are what the line pays: the debt that it is of, and what its option covers.
func (l *Line) Debts() []Debt {
	list := make([]Debt, 1, 1+len(l.Covers))
	list[0] = Debt{l.Creditor, l.Obligation}
	for _, id := range l.Covers {
		list = append(list, Debt{l.Creditor, id})
	}
	return list
}

// GivenBack tells which of the city's staff had a line given back. Above a limit
// it takes two.
type GivenBack struct {
	AskedBy     Login     `json:"asked_by"`
	AskedAt     time.Time `json:"asked_at"`              // business time
	ConfirmedBy Login     `json:"confirmed_by,omitzero"` // empty while it waits, and for what one may decide alone
}

// Verified tells what a quote rests on.
type Verified string

// What a quote can rest on.
const (
	VerifiedLive     Verified = "live"
	VerifiedSnapshot Verified = "snapshot" // the creditor's last published answer
)

// LineState is how far a line has come.
type LineState string

// The states of a line.
const (
	LineHeld        LineState = "held"         // claimed, no money taken
	LineDropped     LineState = "dropped"      // no money was taken for it
	LineDue         LineState = "due"          // money taken, the creditor is to be told
	LinePosting     LineState = "posting"      // the creditor is being told
	LinePostUnknown LineState = "post_unknown" // told, and no answer
	LinePosted      LineState = "posted"       // the creditor booked it
	LineStuck       LineState = "stuck"        // a person must look
	LineRejected    LineState = "rejected"     // the creditor refused it for certain: to be refunded
	LineReversing   LineState = "reversing"    // a booked line is being taken back at the creditor
	LineRefunded    LineState = "refunded"
)

// LineEdges are the only steps a line may take.
var LineEdges = map[LineState][]LineState{
	LineHeld:        {LineDue, LineDropped, LineRejected},
	LineDropped:     {LineHeld, LineRejected}, // money was taken after all: claimed again or given back
	LineDue:         {LinePosting, LineRejected},
	LinePosting:     {LinePosted, LinePostUnknown, LineDue, LineRejected, LineStuck},
	LinePostUnknown: {LinePosted, LineDue, LinePosting, LineRejected, LineStuck},
	LineStuck:       {LinePosted, LineDue, LineRejected},
	LinePosted:      {LineReversing},
	LineReversing:   {LinePosted, LineRejected, LineStuck},
	LineRejected:    {LineRefunded},
	LineRefunded:    {LineRejected}, // the payer's bank gave it back, and lost the dispute
}

// Refundable is what staff may have given back of a line now: all of it when it is
// booked or a person must look, and while its creditor is yet to be told and certainly
// has not booked it. One that stands in a file stays there.
func (l *Line) Refundable() Money {
	if l.State == LinePosted || l.State == LineStuck || l.State == LineDue && !l.Doubt && l.Lot == "" {
		return l.Amount
	}
	return Bani(0)
}

// Final tells whether nothing more happens to the line by itself.
func (s LineState) Final() bool {
	return s == LinePosted || s == LineRefunded || s == LineDropped
}

// Move takes a step. It returns CodeConflict for one that LineEdges do not have,
// and does nothing for the state it is in.
func (l *Line) Move(to LineState) error {
	if l.State == to {
		return nil
	}
	if !slices.Contains(LineEdges[l.State], to) {
		return Errorf(CodeConflict, "a line does not go from %s to %s", l.State, to)
	}
	l.State = to
	return nil
}

// HubState is what the view says about the line's obligation.
func (l *Line) HubState() HubState {
	switch l.State {
	case LineHeld:
		return HubReserved
	case LineDue, LinePosting, LinePostUnknown, LineStuck, LineReversing:
		return HubPaidWaitingPosting
	case LinePosted:
		if l.Zombie {
			return HubMismatch
		}
		if !l.ClearedAt.IsZero() {
			return HubSettled
		}
		return HubPosted
	default:
		return HubNone
	}
}

// Sights lists what its creditor can be asked about to be shown the line's debt:
// what it was asked, and the account that the debt belongs to. A line without a
// debt has none.
func (l *Line) Sights() (list []Asked) {
	asked, account := Asked{Identifier: l.Asked.Identifier, Account: l.Asked.Account}, AccountRef{Creditor: l.Creditor, Code: l.Account}
	if asked != (Asked{}) {
		list = append(list, asked)
	}
	if account.Code != "" && account != asked.Account {
		list = append(list, Asked{Account: account})
	}
	return list
}
