package hub

import (
	"context"
	"net/http"
	"time"
)

// PSP is a payment provider with the parts it can do. A part that is nil is a
// thing the provider cannot do, or does not document.
type PSP struct {
	Name      string // a Name's form: netopia, euplatesc
	Title     string // as payers know it
	Traits    PSPTraits
	Merchants Merchants
	Healthy   func() bool // whether it answers, for choosing before money moves; nil = always
	Charger   Charger
	Capturer  Capturer // nil = what is authorised is captured
	Refunder  Refunder
	Lister    Lister
	Settler   Settler
	Notifier  Notifier
}

// PSPTraits are what a provider declares about itself.
type PSPTraits struct {
	Split          bool          // one charge may be split over merchant accounts
	PartialCapture bool          // less than what was authorised may be captured
	KeyWindow      time.Duration // how long repeating a request is known to be harmless; after it, only looking up
	PageLife       time.Duration // how long the payer has on the provider's page at most
	LargestCharge  int64         // bani; 0 = no limit of its own
}

// Merchants maps a creditor's approved account, "creditor/account-id", to the
// merchant account at the provider that pays out to it.
type Merchants map[string]string

// Of gives the merchant account for a creditor's account.
func (m Merchants) Of(creditor Name, account string) (string, bool) {
	merchant, ok := m[string(creditor)+"/"+account]
	return merchant, ok
}

// ChargeOrder asks a provider for a page on which the payer pays.
type ChargeOrder struct {
	Order       string // our order number, once for every charge
	Merchant    string // the merchant account that takes the order
	Amount      Money
	Splits      []Split // over merchant accounts; nil = all to Merchant
	Description string  // basic Latin, no personal data
	ReturnURL   string  // where the payer's browser goes afterwards
	NotifyURL   string  // where the provider tells us
	Manifest    string  // what the books can be rebuilt from: no personal data, at most 500 bytes
	ExpiresAt   time.Time
	Language    string // ro hu en
}

// Split is the part of a charge that goes to a merchant account.
type Split struct {
	Merchant string
	Amount   Money
}

// ChargeRef names an order at a provider.
type ChargeRef struct {
	Order    string
	Ref      string // the provider's own number; may be empty
	Merchant string
}

// Session is the provider's page for the payer.
type Session struct {
	Ref string // the provider's own number, when it gives one now
	URL string
}

// Charger starts charges and looks them up. Start fails with Certain set when no
// order came to be. Lookup returns CodeNotFound for an order that the provider
// certainly does not know.
type Charger interface {
	Start(ctx context.Context, o ChargeOrder) (Session, error)
	Lookup(ctx context.Context, r ChargeRef) (ChargeFacts, error)
}

// Capturer takes or gives back what was authorised. An error with Certain set
// says that nothing was done and never will be by this request; after any other,
// look up.
type Capturer interface {
	Capture(ctx context.Context, r ChargeRef, amount Money, key string) error
	Void(ctx context.Context, r ChargeRef, key string) error
}

// Refunder gives captured money back. Errors are those of Capturer; Lookup tells
// the sum that was refunded.
type Refunder interface {
	Refund(ctx context.Context, r ChargeRef, amount Money, merchant, key string) error
}

// Lister lists the orders that changed in a time, for finding what the hub lost.
type Lister interface {
	List(ctx context.Context, merchant string, from, to time.Time) ([]ListedCharge, error)
}

// ListedCharge is an order as a provider lists it.
type ListedCharge struct {
	Order    string
	Amount   Money
	Manifest string
	Facts    ChargeFacts
}

// Settler tells what a provider paid out to a merchant account on a day.
type Settler interface {
	Settlement(ctx context.Context, merchant string, day Date) ([]SettledCharge, error)
}

// SettledCharge is an order in a settlement.
type SettledCharge struct {
	Order           string
	Gross, Fee, Net Money
	Refund          bool
	PayoutRef       string
}

// Notifier reads a provider's notification. Read verifies it over the raw bytes
// and returns CodeUnauthenticated for one that the provider did not sign so.
// The fact says only that the provider should be asked.
type Notifier interface {
	Read(ctx context.Context, h http.Header, body []byte) (Fact, error)
	Reply(w http.ResponseWriter, err error) // as the provider wants to hear it
}

// Fact is a verified notification. It prompts a look-up and moves nothing.
type Fact struct {
	PSP   string
	Event string // unique for the provider: its event id, or a hash of what it signed
	Order string
	Ref   string
	Raw   []byte // kept sealed
}
