package hub

import (
	"slices"
	"time"
)

// Charge is one transaction at a payment provider. Its order number and keys
// never change, so that asking twice takes money once.
type Charge struct {
	No        int            `json:"no"`
	PSP       string         `json:"psp"`
	Merchant  string         `json:"merchant"` // the merchant account; with a split, the one that takes the order
	Order     string         `json:"order"`    // our order number: a sequence per merchant account
	Ref       string         `json:"ref"`      // the provider's own number, once it gave one
	Lines     []int          `json:"lines"`    // numbers of the lines it pays
	Amount    Money          `json:"amount"`   // to authorise
	Take      Money          `json:"take"`     // fixed for ever with the capture's intent
	Manual    bool           `json:"manual"`   // authorising and capturing are apart
	URL       string         `json:"url"`      // the provider's page for the payer
	State     ChargeState    `json:"state"`
	AskedAt   time.Time      `json:"asked_at,omitzero"`    // real time at which the present intent was first sent
	LookedAt  time.Time      `json:"looked_at,omitzero"`   // real time at which it was looked up because the payer came back
	Tries     int            `json:"tries"`                // how often what is under way was asked for
	Again     int            `json:"again,omitempty"`      // how often the provider had neither taken nor given back what it was asked to
	Facts     ChargeFacts    `json:"facts"`                // what the provider has said, folded
	Shares    []DisputeShare `json:"shares,omitempty"`     // whose money the payer's bank took back in the last dispute, as it was booked then
	Contested int64          `json:"contested,omitempty"`  // bani that the bank had when that was booked last; 0 while there is no dispute
	Disputes  int            `json:"disputes,omitempty"`   // how often that was booked: a dispute that was won may begin again, and one may grow or be won in part
	WonBefore int64          `json:"won_before,omitempty"` // bani that came back of disputes before the last, where Facts are of the last alone
	Restored  bool           `json:"restored,omitempty"`   // what the provider refunded may be what is asked for now: an old backup was restored under it, or it was given back before it was known here
	Reason    string         `json:"reason,omitempty"`     // why it failed, from a closed set
}

// DisputeShare is what one line has of a disputed charge.
type DisputeShare struct {
	Line   int   `json:"line"`
	Amount int64 `json:"amount"`        // bani
	Won    int64 `json:"won,omitempty"` // bani of it that came back while the rest was still in dispute
}

// ChargeState is how far a charge has come.
type ChargeState string

// The states of a charge.
const (
	ChargeCreated        ChargeState = "created"
	ChargeStarting       ChargeState = "starting" // the provider is being asked for a page
	ChargeAwaiting       ChargeState = "awaiting" // the payer has the page
	ChargeAuthorised     ChargeState = "authorised"
	ChargeCapturing      ChargeState = "capturing"
	ChargeCaptureUnknown ChargeState = "capture_unknown"
	ChargeCaptured       ChargeState = "captured"
	ChargeVoiding        ChargeState = "voiding"
	ChargeVoidUnknown    ChargeState = "void_unknown"
	ChargeVoided         ChargeState = "voided"
	ChargeFailed         ChargeState = "failed"
	ChargeCancelled      ChargeState = "cancelled"
	ChargeExpired        ChargeState = "expired"
	ChargeDisputed       ChargeState = "disputed"
)

// ChargeEdges are the only steps a charge may take. A charge that ended without
// money may still be found authorised or captured later: the provider is right
// about money.
var ChargeEdges = map[ChargeState][]ChargeState{
	ChargeCreated:        {ChargeStarting, ChargeCancelled, ChargeExpired, ChargeFailed},
	ChargeStarting:       {ChargeAwaiting, ChargeFailed, ChargeCancelled, ChargeExpired, ChargeAuthorised, ChargeCaptured, ChargeVoided},
	ChargeAwaiting:       {ChargeAuthorised, ChargeCaptured, ChargeFailed, ChargeCancelled, ChargeExpired, ChargeVoided},
	ChargeAuthorised:     {ChargeCapturing, ChargeVoiding, ChargeCaptured, ChargeVoided, ChargeFailed},
	ChargeCapturing:      {ChargeCaptured, ChargeCaptureUnknown, ChargeVoiding, ChargeVoided},
	ChargeCaptureUnknown: {ChargeCaptured, ChargeCapturing, ChargeVoiding, ChargeVoided},
	ChargeCaptured:       {ChargeDisputed},
	ChargeVoiding:        {ChargeVoided, ChargeVoidUnknown, ChargeCaptured},
	ChargeVoidUnknown:    {ChargeVoided, ChargeVoiding, ChargeCaptured},
	ChargeFailed:         {ChargeAuthorised, ChargeCaptured},
	ChargeCancelled:      {ChargeAuthorised, ChargeCaptured},
	ChargeExpired:        {ChargeAuthorised, ChargeCaptured},
	ChargeVoided:         {ChargeCaptured},
	ChargeDisputed:       {ChargeCaptured}, // the dispute was won
}

// Final tells whether nothing more happens to the charge by itself.
func (s ChargeState) Final() bool {
	switch s {
	case ChargeCaptured, ChargeVoided, ChargeFailed, ChargeCancelled, ChargeExpired, ChargeDisputed:
		return true
	}
	return false
}

// Move takes a step. It returns CodeConflict for one that ChargeEdges do not
// have, and does nothing for the state it is in.
func (c *Charge) Move(to ChargeState) error {
	if c.State == to {
		return nil
	}
	if !slices.Contains(ChargeEdges[c.State], to) {
		return Errorf(CodeConflict, "a charge does not go from %s to %s", c.State, to)
	}
	c.State, c.Tries = to, 0
	return nil
}

// ChargeFacts is what a provider says about one order, all amounts in bani. A
// provider says each of them once or many times, and in any order.
type ChargeFacts struct {
	Ref          string    `json:"ref,omitempty"` // the provider's own number
	Authorised   int64     `json:"authorised"`
	Captured     int64     `json:"captured"`
	Refunded     int64     `json:"refunded"`
	RefundedSome bool      `json:"refunded_some"` // something was refunded, by a provider that does not say how much
	Disputed     int64     `json:"disputed"`
	Won          int64     `json:"won"` // of what was disputed, what came back to the creditor
	AuthorisedAt time.Time `json:"authorised_at,omitzero"`
	Voided       bool      `json:"voided"`
	Declined     bool      `json:"declined"` // and nothing can become of it any more
	Expired      bool      `json:"expired"`
	Review       bool      `json:"review"` // the provider looks for fraud: no answer yet
}

// Contested tells whether the payer's bank took money back and the creditors have
// not won it since.
func (f ChargeFacts) Contested() bool { return f.Disputed > f.Won }

// Fold adds what was said now to what was said before. The result is the same
// in whatever order and however often things are said: amounts only grow, what
// happened stays.
func (f ChargeFacts) Fold(said ChargeFacts) ChargeFacts {
	f.Ref = max(f.Ref, said.Ref)
	f.Authorised = max(f.Authorised, said.Authorised)
	f.Captured = max(f.Captured, said.Captured)
	f.Refunded = max(f.Refunded, said.Refunded)
	f.RefundedSome = f.RefundedSome || said.RefundedSome
	f.Disputed = max(f.Disputed, said.Disputed)
	f.Won = max(f.Won, said.Won)
	if f.AuthorisedAt.IsZero() || !said.AuthorisedAt.IsZero() && said.AuthorisedAt.Before(f.AuthorisedAt) {
		f.AuthorisedAt = said.AuthorisedAt
	}
	f.Voided = f.Voided || said.Voided
	f.Declined = f.Declined || said.Declined
	f.Expired = f.Expired || said.Expired
	f.Review = f.Review || said.Review
	return f
}
