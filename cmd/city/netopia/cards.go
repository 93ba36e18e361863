package netopia

import "racord/cmd/city/pspbook"

// outcome is what a card leads to.
type outcome struct {
	code, message string
	threeD        bool // the bank asks first
	review        bool // the fraud department looks at it first
}

// Outcomes by the documented error codes; 17 and the sentence of 21 are as the
// sandbox says them.
var (
	approved      = outcome{code: "00", message: "Approved"}
	asked         = outcome{code: "00", message: "Approved", threeD: true}
	reviewed      = outcome{code: "00", message: "Approved", review: true}
	unknownNumber = outcome{code: "17", message: "Invalid card number"}
	expired       = outcome{code: "19", message: "Expired card"}
	noFunds       = outcome{code: "20", message: "Insufficient funds"}
	wrongCVV      = outcome{code: "21", message: "Invalid CVV"}
	notAllowed    = outcome{code: "34", message: "Transaction not allowed"}
	bankError     = outcome{code: "38", message: "Bank error"}
	notAuthentic  = outcome{code: "39", message: "3-D Secure authentication failed"}
)

// TestCard pays after 3-D Secure; StraightCard pays without.
const (
	TestCard     = "9900009184214768"
	StraightCard = "9900004810225098"
	ReviewCard   = "9900005786662552"
	NoFundsCard  = "9900518572831942"
)

// cvv is the secret code of all test cards.
const cvv = "111"

// judge looks at a card as its bank would.
func judge(card pspbook.Card, secret string) outcome {
	for number, o := range map[string]outcome{
		TestCard: asked, StraightCard: approved, "99110059532258": approved, ReviewCard: reviewed,
		"9900541631437790": expired, NoFundsCard: noFunds, "9900827979991500": wrongCVV,
		"9900576270414197": notAllowed, "9900130597497640": bankError,
	} {
		if card.Is(number) {
			if o.code == approved.code && secret != cvv {
				return wrongCVV
			}
			return o
		}
	}
	return unknownNumber
}
