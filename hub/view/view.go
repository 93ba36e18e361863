// Package view answers the question "what do I owe?": it asks every connector
// on duty at once, remembers the answers, and returns one honest page each.
package view

import (
	"time"

	"racord/hub"
)

// Ask narrows a view.
type Ask struct {
	Creditors    []hub.Name    // empty = all on duty; CodeInvalid for a name that is not
	MaxStaleness time.Duration // older pages are asked anew; negative = as the creditor allows
}

// Page is one creditor's page in a view.
type Page struct {
	Creditor   hub.Name
	Title      string
	State      hub.PageState
	Reason     string // a closed set: timeout unavailable busy maintenance auth bad_data …; "" when fresh
	Message    string // the reason as a sentence for a person
	Payable    bool
	AsOf       time.Time // business time; zero when nothing is known
	ValidUntil time.Time // business time; zero = not said
	RetryAt    time.Time // business time; zero = no use in asking again by itself
	Since      time.Time // business time since when the creditor gives no answer; zero = it does
	Due        int64     // bani
	gap        string    // why debts may exist that stand in no total; "" = none can
	version    uint64
	parts      []*hub.Page // the answers the page is joined from
	overlaid   *overlaid   // decoded, with the hub's own marks laid over; nil when there are none
}

// NotCounted is a creditor of which debts may exist that stand in no total.
type NotCounted struct {
	Creditor hub.Name
	Reason   string
	Since    time.Time // business time; zero = not known
}

// View is all that is known about what a party owes: one page a creditor.
type View struct {
	ID             string // the same as long as the content is the same
	AsOf           time.Time
	Complete       bool
	TotalConfirmed hub.Money // positive outstanding on fresh pages
	TotalLastKnown hub.Money // plus stale, partial and provisional pages
	NotCounted     []NotCounted
	Pages          []Page
	work           *work // that it stands in
}
