package hub

import (
	"fmt"
	"slices"
	"time"
)

// PaymentID is the opaque name of a payment, 26 characters.
type PaymentID string

// QuoteID is the opaque name of a quote. A quote is used for one payment.
type QuoteID string

// Policy says what becomes of a basket of which a part cannot be paid.
type Policy string

// The policies of a basket.
const (
	BestEffort   Policy = "best_effort"    // what can be paid is paid
	AllOrNothing Policy = "all_or_nothing" // one line that cannot be paid stops all, before money moves
)

// Payment is a basket: lines of several creditors, paid with as few charges as
// the providers allow. It is changed in one transaction at a time
// (Payments.ChangePayment), and what it says is stored before anybody outside is
// asked for it.
type Payment struct {
	ID        PaymentID `json:"id"`
	Party     PartyID   `json:"party,omitempty"` // empty for a payer who did not sign in
	Portal    string    `json:"portal"`
	Quote     QuoteID   `json:"quote"`
	Policy    Policy    `json:"policy"`
	Language  string    `json:"language,omitempty"` // of the provider's page: ro hu en
	ReturnURL string    `json:"return_url"`         // where the payer's browser goes after the provider's page
	OpenedAt  time.Time `json:"opened_at"`          // business time
	ExpiresAt time.Time `json:"expires_at"`         // real time: until then the payer may authorise
	Cancelled bool      `json:"cancelled,omitempty"`
	Charges   []Charge  `json:"charges"`
	Lines     []Line    `json:"lines"`
	Refunds   []Refund  `json:"refunds,omitempty"`
	Events    int       `json:"events"` // how many were emitted: the sequence number of the last
}

// PaymentState is what a payer, a portal and an operator call the whole basket.
type PaymentState string

// The states of a payment. It is never set: Payment.State derives it.
const (
	PaymentClaimed        PaymentState = "claimed"        // obligations are claimed, no provider was reached yet
	PaymentAwaitingPayer  PaymentState = "awaiting_payer" // the payer is on a provider's page, or should be
	PaymentAuthorised     PaymentState = "authorised"     // money is reserved, creditors are asked again
	PaymentCapturing      PaymentState = "capturing"
	PaymentCaptureUnknown PaymentState = "capture_unknown" // the provider was asked and did not answer
	PaymentCaptured       PaymentState = "captured"        // money is taken, creditors are being told
	PaymentVoiding        PaymentState = "voiding"         // the reservation is being given back
	PaymentVoided         PaymentState = "voided"
	PaymentFailed         PaymentState = "failed"
	PaymentCancelled      PaymentState = "cancelled"
	PaymentExpired        PaymentState = "expired"
	PaymentSettled        PaymentState = "settled"        // every line is booked at its creditor
	PaymentSettledPartly  PaymentState = "settled_partly" // some lines are booked, the others were not taken or are refunded
	PaymentDisputed       PaymentState = "disputed"       // the payer's bank took money back
)

// Final tells whether nothing more happens to the payment by itself.
func (s PaymentState) Final() bool {
	switch s {
	case PaymentVoided, PaymentFailed, PaymentCancelled, PaymentExpired, PaymentSettled, PaymentSettledPartly, PaymentDisputed:
		return true
	}
	return false
}

// busiest orders the states of charges under way: the first one found among a
// payment's charges names the payment.
var busiest = []struct {
	charge  ChargeState
	payment PaymentState
}{
	{ChargeCaptureUnknown, PaymentCaptureUnknown},
	{ChargeCapturing, PaymentCapturing},
	{ChargeVoiding, PaymentVoiding},
	{ChargeVoidUnknown, PaymentVoiding},
	{ChargeAuthorised, PaymentAuthorised},
	{ChargeAwaiting, PaymentAwaitingPayer},
	{ChargeStarting, PaymentClaimed},
	{ChargeCreated, PaymentClaimed},
}

// State derives the payment's state from its charges and lines.
func (p *Payment) State() PaymentState {
	for _, rank := range busiest {
		if slices.ContainsFunc(p.Charges, func(c Charge) bool { return c.State == rank.charge }) {
			return rank.payment
		}
	}
	taken := false
	for i := range p.Charges {
		switch p.Charges[i].State {
		case ChargeDisputed:
			return PaymentDisputed
		case ChargeCaptured:
			taken = true
		}
	}
	if taken {
		return p.settling()
	}
	return p.untaken()
}

// settling is the state of a payment whose money was taken.
func (p *Payment) settling() PaymentState {
	whole := true
	for i := range p.Lines {
		switch l := &p.Lines[i]; {
		case !l.State.Final():
			return PaymentCaptured
		case l.State != LinePosted:
			whole = false
		}
	}
	for i := range p.Refunds {
		if !p.Refunds[i].State.Final() {
			return PaymentCaptured
		}
	}
	if whole {
		return PaymentSettled
	}
	return PaymentSettledPartly
}

// untaken is the state of a payment for which no money was taken.
func (p *Payment) untaken() PaymentState {
	has := func(s ChargeState) bool {
		return slices.ContainsFunc(p.Charges, func(c Charge) bool { return c.State == s })
	}
	switch {
	case has(ChargeVoided):
		return PaymentVoided
	case p.Cancelled:
		return PaymentCancelled
	case has(ChargeExpired):
		return PaymentExpired
	default:
		return PaymentFailed
	}
}

// Charge gives the charge with the number, or nil.
func (p *Payment) Charge(no int) *Charge {
	for i := range p.Charges {
		if p.Charges[i].No == no {
			return &p.Charges[i]
		}
	}
	return nil
}

// Line gives the line with the number, or nil.
func (p *Payment) Line(no int) *Line {
	for i := range p.Lines {
		if p.Lines[i].No == no {
			return &p.Lines[i]
		}
	}
	return nil
}

// Refund gives the refund with the number, or nil.
func (p *Payment) Refund(no int) *Refund {
	for i := range p.Refunds {
		if p.Refunds[i].No == no {
			return &p.Refunds[i]
		}
	}
	return nil
}

// RefundedOf is how much of a charge, in bani, went back through its provider as
// far as this hub knows.
func (p *Payment) RefundedOf(charge int) (sum int64) {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; r.Charge == charge && r.AtProvider() {
			sum += r.Amount.Minor
		}
	}
	return sum
}

// PostingID names one line at its creditor and at providers, for ever the same:
// "hub:<payment>:<line>", at most 40 characters, without personal data.
func (p *Payment) PostingID(line int) PostingID {
	return PostingID(fmt.Sprintf("hub:%s:%d", p.ID, line))
}

// Posting is what the line's creditor is told, and asked about.
func (p *Payment) Posting(l *Line) Posting {
	return Posting{
		ID: p.PostingID(l.No), Creditor: l.Creditor, Obligation: l.Obligation, ExternalID: l.ExternalID, Account: l.Account,
		Reference: l.Reference, Option: l.Option, Amount: l.Amount, PaidAt: l.PaidAt, Transfers: l.Transfers,
		File: fileOf(l),
	}
}

// fileOf is the creditor's file that a line was put into: its receipt until what
// was booked has a number.
func fileOf(l *Line) string {
	if l.Class != ClassF || !l.BookedAt.IsZero() {
		return ""
	}
	return l.Receipt
}

// ChargeOf gives the charge that pays the line now: the latest that was made for
// it.
func (p *Payment) ChargeOf(line int) *Charge {
	for i := len(p.Charges) - 1; i >= 0; i-- {
		if slices.Contains(p.Charges[i].Lines, line) {
			return &p.Charges[i]
		}
	}
	return nil
}
