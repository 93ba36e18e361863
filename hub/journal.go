package hub

import (
	"fmt"
	"strings"
)

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

// AccountClearing is what a provider took and did not pay out yet.
func AccountClearing(psp string) string { return "psp_clearing:" + psp }

// AccountHeld is what was taken for a payment and is not yet for a line.
func AccountHeld(p PaymentID) string { return "held:" + string(p) }

// AccountLine is what is for a line whose creditor did not book it yet.
func AccountLine(id PostingID) string { return "line:" + string(id) }

// AccountPayable is what a creditor booked and has to get from providers.
func AccountPayable(creditor Name) string { return "creditor_payable:" + string(creditor) }

// AccountRefund is what a payer has to get back of a payment.
func AccountRefund(p PaymentID) string { return "refund_payable:" + string(p) }

// AccountSuspense is money at a provider that belongs to nothing known.
func AccountSuspense(psp string) string { return "suspense:" + psp }

// AccountFee is what a provider kept for itself.
func AccountFee(psp string) string { return "psp_fee:" + psp }

// AccountBank is what came to a creditor's bank account.
func AccountBank(creditor Name, account string) string {
	return fmt.Sprintf("bank:%s/%s", creditor, account)
}

// AccountDispute is what payers' banks took back of a creditor's money.
func AccountDispute(creditor Name) string { return "chargeback_receivable:" + string(creditor) }

// TransferBooking books an amount to one account's debit and another's credit.
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

// SettledPayout begins the names of bookings of what a settlement tells of a payout.
func SettledPayout(psp, merchant, payout string) string {
	return "settled:" + psp + ":" + merchant + ":" + payout + ":"
}

// SettledName begins those about one kind of movement of an order in it.
func SettledName(psp, merchant string, item *SettledCharge) string {
	return SettledPayout(psp, merchant, item.PayoutRef) + item.Order + ":" + item.movement()
}

// The movements of an order's money in settlements, as they stand in names.
const (
	movedIn       = "false"
	movedBack     = "true" // to the payer
	movedDisputed = "disputed"
	movedWon      = "won"
)

func (s *SettledCharge) movement() string {
	switch {
	case s.Dispute && s.Refund:
		return movedDisputed
	case s.Dispute:
		return movedWon
	case s.Refund:
		return movedBack
	}
	return movedIn
}

// SettledRefund is how many bani settlements report as given back of an order to
// the payer, corrections included.
func SettledRefund(bookings []Booking, psp, order string) int64 {
	return settledAs(movedBack, bookings, psp, order)
}

// SettledDispute is what settlements report of an order that the payer's bank took
// back, and of that what came back to the creditors.
func SettledDispute(bookings []Booking, psp, order string) ChargeFacts {
	return ChargeFacts{
		Disputed: max(0, settledAs(movedDisputed, bookings, psp, order)),
		Won:      max(0, -settledAs(movedWon, bookings, psp, order)),
	}
}

// settledAs is how many bani a movement took from what the provider pays out.
func settledAs(movement string, bookings []Booking, psp, order string) (sum int64) {
	for _, b := range bookings {
		if b.Kind != "settled" || !strings.Contains(b.ID, "settled:"+psp+":") || !strings.Contains(b.ID, ":"+order+":"+movement+":") {
			continue
		}
		for _, leg := range b.Legs {
			if leg.Account == AccountClearing(psp) {
				sum += leg.Debit - leg.Credit
			}
		}
	}
	return sum
}
