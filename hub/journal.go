package hub

import "fmt"

// Booking is one transaction of the journal: debits and credits that add up to
// the same. The journal records claims, not money held. It is only ever added
// to.
type Booking struct {
	ID      string // unique for ever: booking it again does nothing
	Kind    string // captured allocated posted refused refunded settled paid_out reversed disputed unknown_money
	Payment PaymentID
	Legs    []Leg
}

// Leg is one side of a booking. Exactly one of Debit and Credit is positive.
type Leg struct {
	Account       string
	Debit, Credit int64 // bani
}

// The accounts of the journal.
func AccountClearing(psp string) string   { return "psp_clearing:" + psp }
func AccountHeld(p PaymentID) string      { return "held:" + string(p) }
func AccountLine(id PostingID) string     { return "line:" + string(id) }
func AccountPayable(creditor Name) string { return "creditor_payable:" + string(creditor) }
func AccountRefund(p PaymentID) string    { return "refund_payable:" + string(p) }
func AccountSuspense(psp string) string   { return "suspense:" + psp }
func AccountFee(psp string) string        { return "psp_fee:" + psp }
func AccountBank(creditor Name, account string) string {
	return fmt.Sprintf("bank:%s/%s", creditor, account)
}
func AccountDispute(creditor Name) string { return "chargeback_receivable:" + string(creditor) }

// Transfer books an amount from one account's credit to another's debit.
func TransferBooking(id, kind string, p PaymentID, debit, credit string, amount Money) Booking {
	return Booking{ID: id, Kind: kind, Payment: p, Legs: []Leg{{Account: debit, Debit: amount.Minor}, {Account: credit, Credit: amount.Minor}}}
}

// Check returns CodeInternal for a booking that does not balance.
func (b Booking) Check() error {
	sum := int64(0)
	for _, l := range b.Legs {
		if l.Debit < 0 || l.Credit < 0 || (l.Debit == 0) == (l.Credit == 0) {
			return Errorf(CodeInternal, "booking %s has a leg without one positive side", b.ID)
		}
		sum += l.Debit - l.Credit
	}
	if sum != 0 || len(b.Legs) < 2 {
		return Errorf(CodeInternal, "booking %s does not balance", b.ID)
	}
	return nil
}
