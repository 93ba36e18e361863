package main

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"racord/hub"
)

// creditors are who a basket pays, a line to each.
var creditors = []hub.Name{"taxes", "water", "fines"}

// office is a creditor that answers at once. Each account has one debt, and
// another one as soon as it is paid.
type office struct {
	name hub.Name
	mu   sync.Mutex
	paid map[string]int // by account
}

func (o *office) externalID(account string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return account + "-" + strconv.Itoa(o.paid[account])
}

// Obligations gives the debt of an account.
func (o *office) Obligations(_ context.Context, asked hub.Asked) (hub.Answer, error) {
	external, owed := o.externalID(asked.Account.Code), hub.Bani(12_300)
	return hub.Answer{AsOf: time.Now(), Obligations: []hub.Obligation{{
		ID: hub.NewObligationID(o.name, external), ExternalID: external, Account: asked.Account.Code, Kind: "water.bill", Status: hub.StatusOpen,
		Total: owed, Paid: hub.Bani(0), Outstanding: owed,
		Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: owed, Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: "RO49AAAA1B31007593840000", Amount: owed},
		}}},
	}}}, nil
}

// Post books a posting.
func (o *office) Post(_ context.Context, list []hub.Posting) ([]hub.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	receipts := make([]hub.Receipt, len(list))
	for i, p := range list {
		o.paid[p.Account]++
		receipts[i] = hub.Receipt{ID: p.ID, Number: "N" + string(p.ID)}
	}
	return receipts, nil
}

// connect makes a creditor whose postings may be repeated.
func connect(name hub.Name) *hub.Connector {
	o := &office{name: name, paid: map[string]int{}}
	return &hub.Connector{Creditor: hub.Creditor{Name: name}, Source: o, Sink: o, Traits: hub.Traits{
		Fetch: []hub.Fetch{hub.FetchByAccount}, Paying: hub.Paying{Class: hub.ClassA, MaxInflight: postingsAtOnce, ClearsIn: 48 * time.Hour}}}
}

// postingsAtOnce is how many postings a creditor takes at once, so that none of
// them limits the measurement; the service itself does no more than its Workers.
const postingsAtOnce = 64

// provider is a payment provider that answers at once and whose payer pays at
// once.
type provider struct {
	mu     sync.Mutex
	orders map[string]hub.ChargeFacts
}

const providerName = "bank"

// contract is the city's contract with the provider.
func (b *provider) contract() *hub.PSP {
	merchants := hub.Merchants{}
	for _, name := range creditors {
		merchants[string(name)+"/main"] = "M-" + string(name)
	}
	return &hub.PSP{Name: providerName, Traits: hub.PSPTraits{Split: true, PartialCapture: true},
		Merchants: merchants, Charger: b, Capturer: b, Notifier: b}
}

// Start opens a page.
func (b *provider) Start(_ context.Context, o hub.ChargeOrder) (hub.Session, error) {
	return hub.Session{Ref: "ref-" + o.Order, URL: "https://bank.invalid/" + o.Order}, nil
}

// authorise is the payer on the page.
func (b *provider) authorise(order string, amount hub.Money) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders[order] = hub.ChargeFacts{Authorised: amount.Minor, AuthorisedAt: time.Now().UTC()}
}

// Lookup tells how an order stands.
func (b *provider) Lookup(_ context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.orders[r.Order], nil
}

// Capture takes what was reserved.
func (b *provider) Capture(_ context.Context, r hub.ChargeRef, amount hub.Money, _ string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	facts := b.orders[r.Order]
	facts.Captured = amount.Minor
	b.orders[r.Order] = facts
	return nil
}

// Void gives back what was reserved.
func (b *provider) Void(context.Context, hub.ChargeRef, string) error {
	return hub.NotDone(hub.Errorf(hub.CodeConflict, "nobody gives anything up here"))
}

// Read reads a notification.
func (b *provider) Read(_ context.Context, h http.Header, body []byte) (hub.Fact, error) {
	return hub.Fact{Event: h.Get("Event"), Order: h.Get("Order"), Raw: body}, nil
}

// Reply answers a notification.
func (b *provider) Reply(http.ResponseWriter, error) {}
