package netopia

import (
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// Statuses of a payment, as the SDKs number them. Only paid and confirmed are
// money; new is not, whatever one of the SDKs prints.
const (
	statusNew           = 1
	statusOpened        = 2
	statusPaid          = 3
	statusCancelled     = 4 // void
	statusConfirmed     = 5
	statusPending       = 6
	statusScheduled     = 7
	statusCredit        = 8 // all was refunded
	statusDispute       = 9 // a charge-back has begun
	statusChargeback    = 10
	statusError         = 11
	statusDeclined      = 12
	statusReview        = 13 // may turn to paid hours later
	statusPendingAuth   = 14
	status3DS           = 15
	statusRepresented   = 16 // the charge-back was won
	statusReversed      = 17
	statusPendingAny    = 18
	statusRecurrent     = 19
	statusRecurrentOver = 20
	statusTrialPending  = 21
	statusTrial         = 22
	statusExpired       = 23
)

// meaning gives what a status says of an order for an amount, in bani.
var meaning = map[int]func(amount int64) hub.ChargeFacts{
	statusNew: nothing, statusOpened: nothing, statusPending: nothing, statusScheduled: nothing, statusPendingAuth: nothing,
	status3DS: nothing, statusPendingAny: nothing, statusRecurrent: nothing, statusRecurrentOver: nothing, statusTrialPending: nothing,
	statusTrial: nothing,

	statusPaid:        taken,
	statusConfirmed:   taken,
	statusCredit:      givenBack,
	statusReversed:    givenBack, // whether it was taken before is not said; in the end nobody has it
	statusDispute:     disputed,
	statusChargeback:  disputed,
	statusRepresented: won,
	statusReview:      func(int64) hub.ChargeFacts { return hub.ChargeFacts{Review: true} },
	statusCancelled:   func(int64) hub.ChargeFacts { return hub.ChargeFacts{Voided: true} },
	statusError:       declined,
	statusDeclined:    declined,
	statusExpired:     func(int64) hub.ChargeFacts { return hub.ChargeFacts{Expired: true} },
}

func nothing(int64) hub.ChargeFacts { return hub.ChargeFacts{} }

func declined(int64) hub.ChargeFacts { return hub.ChargeFacts{Declined: true} }

func taken(amount int64) hub.ChargeFacts {
	return hub.ChargeFacts{Authorised: amount, Captured: amount}
}

func givenBack(amount int64) hub.ChargeFacts {
	return hub.ChargeFacts{Authorised: amount, Captured: amount, Refunded: amount}
}

func disputed(amount int64) hub.ChargeFacts {
	return hub.ChargeFacts{Authorised: amount, Captured: amount, Disputed: amount}
}

func won(amount int64) hub.ChargeFacts {
	return hub.ChargeFacts{Authorised: amount, Captured: amount, Disputed: amount, Won: amount}
}

// bani is the amount of the order.
func (t *paymentTold) bani() (int64, error) {
	bani, err := pspwire.Bani(t.Amount.String())
	if err != nil || t.Currency != hub.RON {
		return 0, pspwire.BadData("payment.amount is not an amount in lei")
	}
	return bani, nil
}

// facts is what the provider says of the order. A status that is not documented
// says nothing (CodeBadData).
func (t *paymentTold) facts() (hub.ChargeFacts, error) {
	amount, err := t.bani()
	if err != nil {
		return hub.ChargeFacts{}, err
	}
	if t.Status == nil || meaning[*t.Status] == nil {
		return hub.ChargeFacts{}, pspwire.BadData("payment.status is not documented")
	}
	facts := meaning[*t.Status](amount)
	facts.Ref = string(t.NtpID)
	if facts.Authorised == 0 {
		return facts, nil
	}
	if t.Refunded != "" {
		back, err := pspwire.Bani(t.Refunded.String())
		if err != nil || back > amount {
			return hub.ChargeFacts{}, pspwire.BadData("payment.refunded is not an amount in lei that was taken")
		}
		facts.Refunded = max(facts.Refunded, back)
	}
	if facts.AuthorisedAt, err = time.Parse(time.RFC3339, t.OperationDate); err != nil && t.OperationDate != "" {
		return hub.ChargeFacts{}, pspwire.BadData("payment.operationDate is not a time")
	}
	return facts, nil
}
