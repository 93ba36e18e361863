package hub

import (
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// ObligationID is the hub's stable name of an obligation, derived from the
// creditor and the creditor's own id.
type ObligationID string

var idAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewObligationID derives the id: the same creditor and external id always give
// the same 26 characters.
func NewObligationID(creditor Name, external string) ObligationID {
	var room [96]byte
	sum := sha256.Sum256(append(append(append(room[:0], creditor...), 0), external...))
	var text [26]byte
	idAlphabet.Encode(text[:], sum[:16])
	return ObligationID(text[:])
}

// Obligation is one debt position as its creditor states it. The hub never
// computes a legal amount: every figure is the creditor's own.
type Obligation struct {
	ID                      ObligationID      `json:"id"`
	ExternalID              string            `json:"external_id"` // the creditor's own id
	Kind                    string            `json:"kind"`        // tax.building, fine.parking, water.bill …
	Account                 string            `json:"account,omitempty"`
	Debtor                  string            `json:"debtor,omitempty"` // the name as the creditor knows it
	Subject                 *Subject          `json:"subject,omitempty"`
	Reference               *Reference        `json:"reference,omitempty"`
	Period                  *Period           `json:"period,omitempty"`
	IssuedOn                Date              `json:"issued_on,omitempty"`
	LegalStage              string            `json:"legal_stage,omitempty"`
	Components              []Component       `json:"components,omitempty"`
	Total                   Money             `json:"total"`
	Paid                    Money             `json:"paid"`
	Outstanding             Money             `json:"outstanding"` // negative is a credit
	IncludesPreviousBalance bool              `json:"includes_previous_balance,omitempty"`
	ExcludesIDs             []ObligationID    `json:"excludes_ids,omitempty"` // already inside this one's outstanding
	Installments            []Installment     `json:"installments,omitempty"`
	Options                 []PaymentOption   `json:"options,omitempty"`
	NextChange              *NextChange       `json:"next_change,omitempty"`
	Status                  ObligationStatus  `json:"status"`
	HubState                HubState          `json:"hub_state"`
	NotPayable              string            `json:"not_payable,omitempty"` // why it cannot be paid here, for a person
	Replaces                []string          `json:"replaces,omitempty"`    // external ids this one cancels
	Quality                 []QualityEvent    `json:"quality,omitempty"`
	Details                 map[string]string `json:"details,omitempty"`
}

// Subject is the thing an obligation is about: a flat, a car, a meter.
type Subject struct {
	Type  string `json:"type,omitempty"`
	Label string `json:"label,omitempty"`
	Ref   string `json:"ref,omitempty"`
}

// Reference holds the numbers by which a citizen finds the debt on paper.
type Reference struct {
	Invoice    string `json:"invoice,omitempty"`
	PVSeries   string `json:"pv_series,omitempty"`
	PVNumber   string `json:"pv_number,omitempty"`
	PVUnique   string `json:"pv_unique,omitempty"`
	Decision   string `json:"decision,omitempty"`
	PaymentRef string `json:"payment_ref,omitempty"`
}

// Period is the time an obligation is for.
type Period struct {
	From  Date   `json:"from,omitempty"`
	To    Date   `json:"to,omitempty"`
	Label string `json:"label,omitempty"`
}

// Component is a part of the total: principal, late, penalty, fee, vat,
// previous_balance, discount, credit, rounding.
type Component struct {
	Type   string `json:"type"`
	Label  string `json:"label,omitempty"`
	Amount Money  `json:"amount"`
}

// Installment is one due date of an obligation.
type Installment struct {
	No          int   `json:"no"`
	DueOn       Date  `json:"due_on"`
	Amount      Money `json:"amount"`
	Outstanding Money `json:"outstanding"`
}

// PaymentOption is one way the creditor lets the obligation be paid.
type PaymentOption struct {
	ID             string         `json:"id"`
	Kind           string         `json:"kind"` // full installment early_full_year reduced_fine arrears_only custom
	Label          string         `json:"label,omitempty"`
	Amount         Money          `json:"amount"`
	LegalBasis     string         `json:"legal_basis,omitempty"`
	AvailableUntil Date           `json:"available_until,omitempty"`
	Transfers      []Transfer     `json:"transfers,omitempty"`
	Covers         []ObligationID `json:"covers,omitempty"` // others that it pays whole with this one
}

// Transfer is where a part of an option's amount goes.
type Transfer struct {
	Seq         int    `json:"seq"`
	AccountID   string `json:"account_id,omitempty"` // the approved CreditorAccount
	IBAN        string `json:"iban"`
	RevenueCode string `json:"revenue_code,omitempty"`
	Amount      Money  `json:"amount"`
}

// NextChange is the honest warning: what happens to the amount, and when.
type NextChange struct {
	At             time.Time `json:"at"`
	Reason         string    `json:"reason"` // discount_ends late_step reduced_fine_ends due
	NewOutstanding *Money    `json:"new_outstanding,omitempty"`
}

// ObligationStatus is the creditor's own view of the obligation.
type ObligationStatus string

// The states a creditor can give an obligation.
const (
	StatusOpen          ObligationStatus = "open"
	StatusPartiallyPaid ObligationStatus = "partially_paid"
	StatusPaid          ObligationStatus = "paid"
	StatusCredit        ObligationStatus = "credit"
	StatusCancelled     ObligationStatus = "cancelled"
	StatusDisputed      ObligationStatus = "disputed"
	StatusSuspended     ObligationStatus = "suspended"
	StatusPrescribed    ObligationStatus = "prescribed"
	StatusNotYetPayable ObligationStatus = "not_yet_payable"
)

// QualityEvent says what was wrong with outside data and where. Detail never
// repeats the value.
type QualityEvent struct {
	Code   string `json:"code"`            // unknown_kind bad_amount foreign_record encoding_guessed iban_not_approved …
	Field  string `json:"field,omitempty"` // path in the creditor's answer or file, with the record's number
	Detail string `json:"detail,omitempty"`
}

// Due adds up what is owed, in bani: every positive outstanding amount once.
// An obligation that stands inside another's outstanding (Nested) is not
// counted again, and a credit never lowers a debt. Amounts in another currency
// are left to their page.
func Due(obligations []Obligation) int64 { return DueWithout(obligations, nil) }

// DueWithout is Due without what was paid since of each obligation, in bani. What
// stands inside another does so still when that is paid.
func DueWithout(obligations []Obligation, paid map[ObligationID]int64) int64 {
	inside, sum := covered(obligations), int64(0)
	for i := range obligations {
		o := &obligations[i]
		left := o.Outstanding.Minor - paid[o.ID]
		if left > 0 && o.Outstanding.Currency == RON && !inside[o.ID] {
			sum += left
		}
	}
	return sum
}

// covered are the obligations of a list that stand inside others which are counted.
// Of some that stand inside each other the first is counted.
func covered(obligations []Obligation) map[ObligationID]bool {
	nested := NestedIn(obligations)
	if nested == nil {
		return nil // as nearly always
	}
	inside := map[ObligationID]bool{}
	for i := range obligations {
		if id := obligations[i].ID; !inside[id] {
			for _, inner := range nested.Inside(id) {
				inside[inner] = true
			}
		}
	}
	return inside
}

// Nested holds the obligations of a list that have others inside their
// outstanding, with the ids of those (ExcludesIDs). Nil, it has none. Of what
// nothing is owed in RON, nothing stands inside.
type Nested map[ObligationID][]ObligationID

// NestedIn reads a list.
func NestedIn(obligations []Obligation) (n Nested) {
	for i := range obligations {
		o := &obligations[i]
		if len(o.ExcludesIDs) > 0 && o.Outstanding.Minor > 0 && o.Outstanding.Currency == RON {
			if n == nil {
				n = Nested{}
			}
			n[o.ID] = o.ExcludesIDs
		}
	}
	return n
}

// Around is the same the other way round: what stands inside others, with their ids.
func (n Nested) Around() Nested {
	around := Nested{}
	for outer, inside := range n {
		for _, inner := range inside {
			around[inner] = append(around[inner], outer)
		}
	}
	return around
}

// Inside lists what stands inside an obligation, also inside what does, each once
// and never the obligation itself. Not all need be in the list.
func (n Nested) Inside(id ObligationID) (inner []ObligationID) {
	seen := map[ObligationID]bool{id: true}
	for at, next := 0, n[id]; ; at++ {
		for _, one := range next {
			if !seen[one] {
				seen[one] = true
				inner = append(inner, one)
			}
		}
		if at == len(inner) {
			return inner
		}
		next = n[inner[at]]
	}
}
