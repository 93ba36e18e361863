package view

import (
	"time"

	"racord/hub"
)

// Meter counts what views do. Every label is from a closed set.
type Meter interface {
	// Viewed is called once a view; late when it came after its deadline.
	Viewed(complete, late bool, took time.Duration)
	// Paged is called once a page.
	Paged(creditor hub.Name, state hub.PageState)
	// Looked counts cache look-ups; level is "l1" or "l2".
	Looked(level string, hits, misses int)
	// Fetched is called for every question that no cache could answer; joined
	// when another caller had asked already.
	Fetched(creditor hub.Name, joined bool)
	// Refused is called for every record that was left out.
	Refused(creditor hub.Name, code string)
	// Remarked is called for every remark on a record that was kept.
	Remarked(creditor hub.Name, code string)
}

type silent struct{}

func (silent) Viewed(bool, bool, time.Duration) {}
func (silent) Paged(hub.Name, hub.PageState)    {}
func (silent) Looked(string, int, int)          {}
func (silent) Fetched(hub.Name, bool)           {}
func (silent) Refused(hub.Name, string)         {}
func (silent) Remarked(hub.Name, string)        {}
