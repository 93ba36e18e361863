package pspbook

import (
	"fmt"
	"slices"
	"time"
)

// State is where an order stands. Providers have names and numbers of their
// own for these.
type State string

// States of an order. Money is on its way from Authorised on, and the
// merchant's from Captured on.
const (
	Opened      State = "opened"     // the payer has not finished
	Challenged  State = "challenged" // the payer's bank is asking who pays (3-D Secure)
	Review      State = "review"     // held back by the fraud department
	Authorised  State = "authorised" // reserved on the card
	Captured    State = "captured"   // taken
	Declined    State = "declined"
	Cancelled   State = "cancelled"
	Refunded    State = "refunded" // all that was captured went back; a part leaves it Captured
	Reversed    State = "reversed" // undone as if it had never been
	Disputed    State = "disputed" // a charge-back has begun, the money has not moved
	ChargedBack State = "charged_back"
)

// Kind is what a movement did with the money.
type Kind string

// Kinds of movement. Amounts are positive; the kind says which way.
const (
	Capture     Kind = "capture"
	Refund      Kind = "refund"
	Chargeback  Kind = "chargeback"
	Represented Kind = "represented" // a charge-back the merchant won
	Reversal    Kind = "reversal"
)

// sign is +1 for money towards the merchant.
func (k Kind) sign() int64 {
	if k == Capture || k == Represented {
		return 1
	}
	return -1
}

// Movement is money that moved for one merchant account.
type Movement struct {
	At      time.Time `json:"at"` // virtual
	Kind    Kind      `json:"kind"`
	Account string    `json:"account"` // key of the merchant account
	Amount  int64     `json:"amount_bani"`
	Fee     int64     `json:"fee_bani"` // what the provider keeps, without VAT; on captures only
	Reason  string    `json:"reason,omitempty"`
}

// Split is a part of an order that belongs to one merchant account.
type Split struct {
	Account  string `json:"account"`
	PosID    int    `json:"pos_id"`
	Creditor string `json:"creditor"`
	IBAN     string `json:"iban"`
	Amount   int64  `json:"amount_bani"`
}

// Notice is a notification the provider sent, or meant to send, to the merchant.
type Notice struct {
	At       time.Time `json:"at"` // virtual, when the event happened
	What     string    `json:"what"`
	Fault    string    `json:"fault,omitempty"` // what was done to it on purpose
	Attempts int       `json:"attempts"`
	Answer   int       `json:"answer"` // last HTTP status; 0 for none
	Taken    bool      `json:"taken"`
}

// Order is one attempt to pay, in the provider's words. Amounts are in bani.
type Order struct {
	ID           string            `json:"id"`       // the provider's number: ntpID, ep_id
	Merchant     string            `json:"merchant"` // posSignature, merch_id
	Account      string            `json:"account"`  // key of the merchant account it was opened on
	OrderID      string            `json:"order_id"` // the merchant's number: orderID, invoice_id
	Description  string            `json:"description"`
	Currency     string            `json:"currency"`
	Amount       int64             `json:"amount_bani"`
	Authorised   int64             `json:"authorised_bani"`
	Captured     int64             `json:"captured_bani"`
	Refunded     int64             `json:"refunded_bani"` // reversals too
	ChargedBack  int64             `json:"charged_back_bani"`
	State        State             `json:"state"`
	Code         string            `json:"code"` // the provider's last code and sentence
	Message      string            `json:"message"`
	Splits       []Split           `json:"splits"`
	Data         map[string]string `json:"data,omitempty"` // what the merchant asked to keep
	Card         string            `json:"card,omitempty"` // masked
	Approval     string            `json:"approval,omitempty"`
	RRN          string            `json:"rrn,omitempty"`
	NotifyURL    string            `json:"notify_url"`
	CreatedAt    time.Time         `json:"created_at"` // virtual, as all below
	AuthorisedAt time.Time         `json:"authorised_at,omitzero"`
	CapturedAt   time.Time         `json:"captured_at,omitzero"`
	Movements    []Movement        `json:"movements"`
	Notices      []Notice          `json:"notices,omitempty"`
}

// Owed is what the merchant still has of the order.
func (o *Order) Owed() int64 { return o.Captured - o.Refunded - o.ChargedBack }

// Live reports whether the order can still turn into money.
func (o *Order) Live() bool {
	return slices.Contains([]State{Opened, Challenged, Review, Authorised}, o.State)
}

// Authorise reserves the whole amount.
func (o *Order) Authorise(at time.Time, approval, rrn string) {
	o.State, o.Authorised, o.AuthorisedAt = Authorised, o.Amount, at
	o.Approval, o.RRN = approval, rrn
}

// Capture takes an amount of what is reserved, once; the rest is released.
func (o *Order) Capture(at time.Time, amount int64) error {
	if o.State != Authorised {
		return fmt.Errorf("pspbook: capture in state %s", o.State)
	}
	if amount <= 0 || amount > o.Authorised {
		return fmt.Errorf("pspbook: capture of %d of %d", amount, o.Authorised)
	}
	o.State, o.Captured, o.CapturedAt = Captured, amount, at
	o.move(at, Capture, amount, "")
	return nil
}

// Refund gives back a part of what was captured, or all. Unless it is told from
// which parts, it takes from them in their order.
func (o *Order) Refund(at time.Time, amount int64, reason string, from ...Split) error {
	if o.State != Captured {
		return fmt.Errorf("pspbook: refund in state %s", o.State)
	}
	if amount <= 0 || amount > o.Owed() {
		return fmt.Errorf("pspbook: refund of %d of %d", amount, o.Owed())
	}
	if err := o.covers(amount, from); err != nil {
		return err
	}
	o.Refunded += amount
	if len(from) == 0 {
		from = o.Splits
	}
	o.moveFrom(from, at, Refund, amount, reason)
	if o.Owed() == 0 {
		o.State = Refunded
	}
	return nil
}

// Void releases what is reserved, or gives back all that was captured.
func (o *Order) Void(at time.Time) error {
	switch o.State {
	case Authorised, Review:
	case Captured:
		owed := o.Owed()
		o.Refunded += owed
		o.move(at, Reversal, owed, "")
	default:
		return fmt.Errorf("pspbook: reversal in state %s", o.State)
	}
	o.State = Reversed
	return nil
}

// Dispute begins a charge-back.
func (o *Order) Dispute() error {
	if o.State != Captured {
		return fmt.Errorf("pspbook: dispute in state %s", o.State)
	}
	o.State = Disputed
	return nil
}

// ChargeBack takes an amount back from the merchant; 0 means all that is left.
func (o *Order) ChargeBack(at time.Time, amount int64) error {
	if o.State != Captured && o.State != Disputed {
		return fmt.Errorf("pspbook: charge-back in state %s", o.State)
	}
	if amount == 0 {
		amount = o.Owed()
	}
	if amount <= 0 || amount > o.Owed() {
		return fmt.Errorf("pspbook: charge-back of %d of %d", amount, o.Owed())
	}
	o.State = ChargedBack
	o.ChargedBack += amount
	o.move(at, Chargeback, amount, "")
	return nil
}

// Represent returns a charge-back to the merchant, who won it.
func (o *Order) Represent(at time.Time) error {
	if o.State != ChargedBack && o.State != Disputed {
		return fmt.Errorf("pspbook: representment in state %s", o.State)
	}
	back := o.ChargedBack
	o.State, o.ChargedBack = Captured, 0
	if back > 0 {
		o.move(at, Represented, back, "")
	}
	return nil
}

// covers reports whether the parts a refund names add up to it and are there.
func (o *Order) covers(amount int64, from []Split) error {
	var sum int64
	for _, s := range from {
		if s.Amount <= 0 || s.Amount > o.room(s, Refund) {
			return fmt.Errorf("pspbook: refund of %d from account %s, which has %d", s.Amount, s.Account, o.room(s, Refund))
		}
		sum += s.Amount
	}
	if len(from) > 0 && sum != amount {
		return fmt.Errorf("pspbook: refund of %d in parts of %d", amount, sum)
	}
	return nil
}

// move writes an amount down for the accounts it belongs to.
func (o *Order) move(at time.Time, kind Kind, amount int64, reason string) {
	o.moveFrom(o.Splits, at, kind, amount, reason)
}

// moveFrom takes an amount from parts in their order.
func (o *Order) moveFrom(parts []Split, at time.Time, kind Kind, amount int64, reason string) {
	for _, s := range parts {
		part := min(amount, s.Amount, o.room(s, kind))
		if part <= 0 {
			continue
		}
		m := Movement{At: at, Kind: kind, Account: s.Account, Amount: part, Reason: reason}
		if kind == Capture {
			m.Fee = fee(part)
		}
		o.Movements = append(o.Movements, m)
		amount -= part
	}
}

// room is how much of a part a movement may still touch.
func (o *Order) room(s Split, kind Kind) int64 {
	if kind == Capture {
		return s.Amount
	}
	var held, lost int64
	for _, m := range o.Movements {
		if m.Account == s.Account {
			held += m.Kind.sign() * m.Amount
		}
		if m.Account == s.Account && m.Kind == Chargeback {
			lost += m.Amount
		}
	}
	if kind == Represented {
		return lost
	}
	return held
}

// What the providers keep: 0.9 % of each capture, and VAT on that (21 % since
// August 2025, Law 141/2025).
const (
	feePerMyriad = 90
	vatPercent   = 21
)

func fee(amount int64) int64 { return (amount*feePerMyriad + 5000) / 10000 }
func vat(fee int64) int64    { return (fee*vatPercent + 50) / 100 }

// clone is a copy that shares nothing that changes.
func (o *Order) clone() Order {
	c := *o
	c.Movements = slices.Clone(o.Movements)
	c.Notices = slices.Clone(o.Notices)
	return c
}
