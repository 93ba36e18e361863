package feed

import (
	"time"

	"racord/hub"
)

// Meter counts what feeds deliver. Every label is from a closed set.
type Meter interface {
	// Delivered is called once a look at a feed, with the records it brought.
	Delivered(creditor hub.Name, outcome Outcome, records int, took time.Duration)
	// Published tells the business time that the published rows speak about.
	Published(creditor hub.Name, asOf time.Time)
	// Refused is called for every record that was left out.
	Refused(creditor hub.Name, code string)
	// Remarked is called for every remark on a record that was kept.
	Remarked(creditor hub.Name, code string)
}

type silent struct{}

func (silent) Delivered(hub.Name, Outcome, int, time.Duration) {}
func (silent) Published(hub.Name, time.Time)                   {}
func (silent) Refused(hub.Name, string)                        {}
func (silent) Remarked(hub.Name, string)                       {}
