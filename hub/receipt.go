package hub

import "time"

// PaymentReceipt is what a payer shows to others as proof of a payment, of all
// its lines or of one. It tells of money that was taken, as it stands now, and
// names no person.
type PaymentReceipt struct {
	Code      string // whoever is shown the receipt checks it by this
	Link      string // where; empty when the hub has no public address
	Payment   PaymentID
	PaidAt    time.Time // business time of the first authorisation
	AsOf      time.Time // business time at which it was made out
	Lines     []ReceiptLine
	Total     Money // of the lines
	Refunded  Money // of that, what was given back
	Providers []ReceiptCharge
}

// ReceiptLine is what one creditor was paid.
type ReceiptLine struct {
	No         int
	Creditor   Name
	Title, CUI string // the creditor as citizens and as the law know it
	Label      string // what was paid, in words
	Reference  string // what stood on the paper, for a payment without a listed debt
	ExternalID string // the creditor's own id of the debt
	Account    string // the creditor's own code of the account
	Amount     Money
	PaidAt     time.Time // business time
	State      ReceiptState
	Number     string    // the creditor's own, once it booked
	BookedAt   time.Time // business time
	Transfers  []ReceiptTransfer
}

// ReceiptTransfer is an account that money went to.
type ReceiptTransfer struct {
	IBAN, Beneficiary, RevenueCode string
	Amount                         Money
}

// ReceiptCharge is a payment provider that took money.
type ReceiptCharge struct {
	Title string // as payers know it
	Order string // our number of the transaction, as it stands on the bank's statement
	Ref   string // the provider's own
	Taken Money
}

// ReceiptState says what a line's money has come to.
type ReceiptState string

// The states of a line on a receipt.
const (
	ReceiptPaid      ReceiptState = "paid"      // money was taken, the creditor is being told
	ReceiptBooked    ReceiptState = "booked"    // the creditor booked it
	ReceiptRefunding ReceiptState = "refunding" // the money is on its way back to the payer
	ReceiptRefunded  ReceiptState = "refunded"
	ReceiptDisputed  ReceiptState = "disputed" // the payer's bank took the money back
)
