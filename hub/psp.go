package hub

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"
)

// PSP is a payment provider with the parts it can do. A part that is nil is a
// thing the provider cannot do, or does not document.
type PSP struct {
	Name      string // a Name's form: netopia, euplatesc
	Title     string // as payers know it
	Traits    PSPTraits
	Merchants Merchants
	Charger   Charger
	Capturer  Capturer // nil = what is authorised is captured
	Refunder  Refunder
	Lister    Lister
	Recaller  Recaller
	Settler   Settler
	Notifier  Notifier
	Probe     Probe       // asks whether the provider answers; moves nothing
	Health    func() bool // set by the guard; nil = nobody knows of any trouble
}

// Healthy tells whether the provider answers, as far as the hub knows. New
// charges go to another one while it does not.
func (p *PSP) Healthy() bool { return p.Health == nil || p.Health() }

// Accounts lists the provider's merchant accounts, in order.
func (p *PSP) Accounts() []string {
	return slices.Compact(slices.Sorted(maps.Values(p.Merchants)))
}

// Recall asks for all that the provider keeps of an order by its number alone, and
// fails like Lookup. One without a Recaller tells what happened, and neither for
// how much nor for what; with CodeUnsupported there is such an order, of which
// nothing is told.
func (p *PSP) Recall(ctx context.Context, merchant, order string, within time.Duration) (ListedCharge, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ref := ChargeRef{Order: order, Merchant: merchant}
	if p.Recaller != nil {
		return p.Recaller.Recall(ctx, ref)
	}
	facts, err := p.Charger.Lookup(ctx, ref)
	return ListedCharge{Order: order, Facts: facts}, err
}

// PSPTraits are what a provider declares about itself.
type PSPTraits struct {
	Split          bool          // one charge may be split over merchant accounts
	PartialCapture bool          // less than what was authorised may be captured
	SilentStart    bool          // Start asks nobody: the provider learns of an order when the payer comes to the page
	TellsDisputes  bool          // a look-up tells what payers' banks took back; else only settlements do
	AssumesAmounts bool          // a look-up tells whether money was taken and not how much: ChargeRef.Take or, without it, all
	PageLife       time.Duration // how long the payer has on the provider's page at most
	LargestCharge  int64         // bani; 0 = no limit of its own
	Extras         []string      // abilities that were switched on although the provider does not document them
}

// Merchants maps a creditor's approved account, "creditor/account-id", to the
// merchant account at the provider that pays out to it.
type Merchants map[string]string

// Of gives the merchant account for a creditor's account.
func (m Merchants) Of(creditor Name, account string) (string, bool) {
	merchant, ok := m[string(creditor)+"/"+account]
	return merchant, ok
}

// AccountOf gives the creditor's account, "creditor/account-id", that a merchant
// account pays out to, or "".
func (m Merchants) AccountOf(merchant string) string {
	for _, account := range slices.Sorted(maps.Keys(m)) {
		if m[account] == merchant {
			return account
		}
	}
	return ""
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

// ChargeRef names an order at a provider, and says what the hub asked for: some
// providers tell what happened and not how much.
type ChargeRef struct {
	Order    string
	Ref      string // the provider's own number; may be empty
	Merchant string
	Amount   Money // what the order is for; zero = the hub does not know
	Take     Money // what the hub asked to capture; zero = nothing yet, or all
}

// Session is the provider's page for the payer.
type Session struct {
	Ref string // the provider's own number, when it gives one now
	URL string
}

// Charger starts charges and looks them up. Start fails with Certain set when no
// order came to be; an order that exists already with the same amount gives its
// page again, or CodeConflict without Certain: it is to be looked up. Lookup
// returns CodeNotFound for an order that the provider does not know. With
// SilentStart that means, as long as the page lives, only that the payer has not
// come yet.
type Charger interface {
	Start(ctx context.Context, o ChargeOrder) (Session, error)
	Lookup(ctx context.Context, r ChargeRef) (ChargeFacts, error)
}

// Capturer takes or gives back what was authorised, once: a second Capture of the
// same amount, and a second Void, succeed and do nothing. An error with Certain
// set says that nothing was done and never will be by this request; after any
// other, look up. Void never gives back what was captured: that is CodeConflict.
type Capturer interface {
	Capture(ctx context.Context, r ChargeRef, amount Money, key string) error
	Void(ctx context.Context, r ChargeRef, key string) error
}

// Refunder gives captured money back, as often as it is asked to. From says which
// merchant accounts give how much of the amount; without it, the charge's own
// gives all. An error with Certain set says that this request did nothing; Lookup
// tells the sum that was refunded.
type Refunder interface {
	Refund(ctx context.Context, r ChargeRef, amount Money, from []Split, key string) error
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

// Recaller tells all that a provider keeps of one order, for finding what the hub
// lost where there is no listing. It fails like Lookup; the manifest is empty
// when the provider does not keep it.
type Recaller interface {
	Recall(ctx context.Context, r ChargeRef) (ListedCharge, error)
}

// Settler tells what a provider paid out to a merchant account on the days from one
// to another, both included.
type Settler interface {
	Settlement(ctx context.Context, merchant string, from, to Date) ([]SettledCharge, error)
}

// SettledCharge is an order in a settlement. Gross less Fee is Net, and the Nets
// of a PayoutRef add up to what the bank books. The fee is with its VAT.
type SettledCharge struct {
	Order           string
	Gross, Fee, Net Money
	Refund          bool // money that went back, to the payer or the payer's bank: Gross and Net are negative
	Dispute         bool // of the payer's bank: what it took back or, when the creditor won, gave back again
	PayoutRef       string
	Day             Date // business day of the payout
}

// Notifier reads a provider's notification. Read verifies it over the raw bytes
// and returns CodeUnauthenticated for one that the provider did not sign so,
// CodeUnavailable when that cannot be told now. The fact says only that the
// provider should be asked. Reply answers with what became of the notification:
// nil says that it is kept and need not come again.
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
