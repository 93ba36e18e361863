package hub

import (
	"slices"
	"time"
)

// Refund gives the money of one line back, or of a charge that came too late.
type Refund struct {
	No       int         `json:"no"`
	Charge   int         `json:"charge"`
	Line     int         `json:"line"`
	Amount   Money       `json:"amount"`
	Reason   string      `json:"reason"` // refused_by_creditor asked_by_operator too_late …
	State    RefundState `json:"state"`
	Before   int64       `json:"before"`         // bani the provider had refunded of the charge before this one was sent
	Some     bool        `json:"some,omitempty"` // whether it had refunded some of it, without saying how much
	Tries    int         `json:"tries"`
	AskedAt  time.Time   `json:"asked_at,omitzero"`  // real time at which it was first sent
	AskedOn  Date        `json:"asked_on,omitempty"` // business day of that: settlements of the days after tell of it
	TriedAt  time.Time   `json:"tried_at,omitzero"`  // real time at which it was last sent
	WantedAt time.Time   `json:"wanted_at,omitzero"` // real time since which it is tried
	Failed   string      `json:"failed,omitempty"`   // why it failed last
	Ending   *RefundSaid `json:"ending,omitempty"`   // what staff said of it when it had failed
}

// RefundSaid is what the city's staff said of a refund that had failed. Above a
// limit it takes two.
type RefundSaid struct {
	How         RefundEnd `json:"how"`
	AskedBy     Login     `json:"asked_by"`
	AskedAt     time.Time `json:"asked_at"`              // business time
	ConfirmedBy Login     `json:"confirmed_by,omitzero"` // empty while it waits, and for what one may decide alone
}

// RefundEnd is what becomes of a refund that failed.
type RefundEnd string

// What can become of a refund that failed.
const (
	EndAtProvider RefundEnd = "at_provider"    // it was given back by hand, in the provider's own console
	EndByTransfer RefundEnd = "by_transfer"    // it was sent from the bank account that the provider pays out to
	EndByBank     RefundEnd = "by_payers_bank" // the payer's own bank took it back in a dispute
	EndAgain      RefundEnd = "try_again"      // the provider is asked once more
)

// AtProvider tells whether the money went back through the provider, so that the
// provider's own sum has it.
func (r *Refund) AtProvider() bool {
	return r.State == RefundRefunded && (r.Ending == nil || r.Ending.How == EndAtProvider || r.Ending.How == EndAgain)
}

// RefundState is how far a refund has come.
type RefundState string

// The states of a refund.
const (
	RefundRequested RefundState = "requested"
	RefundRefunding RefundState = "refunding"
	RefundUnknown   RefundState = "refund_unknown"
	RefundRefunded  RefundState = "refunded"
	RefundFailed    RefundState = "refund_failed" // the provider refused for certain: a person must look
)

// RefundEdges are the only steps a refund may take.
var RefundEdges = map[RefundState][]RefundState{
	RefundRequested: {RefundRefunding},
	RefundRefunding: {RefundRefunded, RefundUnknown, RefundFailed, RefundRequested},
	RefundUnknown:   {RefundRefunded, RefundRefunding, RefundRequested, RefundFailed},
	RefundRefunded:  {RefundRequested},                 // as LineRefunded
	RefundFailed:    {RefundRequested, RefundRefunded}, // staff have it tried again, or gave it back by hand
}

// Final tells whether nothing more happens to the refund by itself.
func (s RefundState) Final() bool { return s == RefundRefunded || s == RefundFailed }

// Move takes a step, as Line.Move does.
func (r *Refund) Move(to RefundState) error {
	if r.State == to {
		return nil
	}
	if !slices.Contains(RefundEdges[r.State], to) {
		return Errorf(CodeConflict, "a refund does not go from %s to %s", r.State, to)
	}
	r.State = to
	return nil
}
