package town

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"racord/cmd/city/bank"
	"racord/cmd/city/euplatesc"
	"racord/cmd/city/gate"
	"racord/cmd/city/netopia"
	"racord/cmd/city/pspbook"
)

// Names of the payment providers, of their gates and in /__ctl/psp/.
const (
	Netopia   = "netopia"
	EuPlatesc = "euplatesc"
)

// bankGate is the name faults and counters of the bank have.
const bankGate = "bank"

const (
	netopiaKey = "napoca-test-netopia-api-4f2b"
	bankKey    = "napoca-test-bank-6b11"
)

// Order is what a payment provider wrote down about an attempt to pay.
type Order = pspbook.Order

// providers are the city's payment providers.
type providers struct {
	netopia   *netopia.Provider
	euplatesc *euplatesc.Provider
}

// openProviders opens payment providers with empty books behind their gates.
func (t *Town) openProviders(w *world) {
	for _, name := range []string{Netopia, EuPlatesc, bankGate} {
		w.gates[name] = gate.New(gate.Config{Name: name, Seed: w.seed})
	}
	retries := t.conf.PSPRetries
	if retries == nil {
		retries = pspbook.Retries()
	}
	w.providers.netopia = netopia.New(netopia.Config{
		URL: t.URL() + "/netopia", APIKey: netopiaKey, Extras: t.conf.PSPExtras, Retries: retries,
	}, t.clock, w.gates[Netopia])
	w.providers.euplatesc = euplatesc.New(euplatesc.Config{
		URL: t.URL() + "/euplatesc", Extras: t.conf.PSPExtras, Retries: retries,
	}, t.clock, w.gates[EuPlatesc])
	w.mux.HandleFunc("/back", portal)
	w.mux.Handle("/netopia/", w.providers.netopia)
	w.mux.Handle("/euplatesc/", w.providers.euplatesc)
	w.mux.Handle("/bank/", w.gates[bankGate].Wrap(t.openBank(w)))
	t.controlProviders(w)
}

// openBank opens the bank that the providers pay out through.
func (t *Town) openBank(w *world) *bank.Bank {
	var accounts []pspbook.Account
	for _, m := range euplatesc.Merchants() {
		accounts = append(accounts, m.Account)
	}
	return bank.New(t.clock, w.gates[bankGate], bankKey, accounts,
		bank.Payer{Name: "NETOPIA FINANCIAL SERVICES", Prefix: netopia.Prefix, IBAN: "RO13SBXB0000999900000081", Book: w.providers.netopia.Book()},
		bank.Payer{Name: "EURO PAYMENT SERVICES", Prefix: euplatesc.Prefix, IBAN: "RO83SBXB0000999900000082", Book: w.providers.euplatesc.Book()})
}

// close ends the providers' own work.
func (p providers) close() {
	p.netopia.Close()
	p.euplatesc.Close()
}

// clockSet tells those who wait in virtual time.
func (p providers) clockSet() {
	p.netopia.ClockSet()
	p.euplatesc.ClockSet()
}

// provider is what the control channel needs of each.
type provider interface {
	Book() *pspbook.Book
	Pay(secret, card string, confirm bool) (pspbook.Order, string, error)
	Release(id string, paid bool) error
	Dispute(id string) error
	ChargeBack(id string, amount int64) error
	Represent(id string) error
	Reverse(id string) error
	Refund(id string, amount int64, reason string, from ...pspbook.Split) error
	SetExtras(on bool)
}

var (
	_ provider = (*netopia.Provider)(nil)
	_ provider = (*euplatesc.Provider)(nil)
)

func (p providers) named(name string) (provider, error) {
	switch name {
	case Netopia:
		return p.netopia, nil
	case EuPlatesc:
		return p.euplatesc, nil
	default:
		return nil, fmt.Errorf("town: unknown payment provider %q", name)
	}
}

// PSPBook returns everything a payment provider wrote down, in order.
func (t *Town) PSPBook(name string) ([]Order, error) {
	p, err := t.world.Load().providers.named(name)
	if err != nil {
		return nil, err
	}
	return p.Book().Orders(), nil
}

// Paid is what the payer saw.
type Paid struct {
	Provider string        `json:"provider"`
	ID       string        `json:"id"`
	OrderID  string        `json:"order_id"`
	State    pspbook.State `json:"state"`
	Redirect string        `json:"redirect"` // where the payer was sent
}

// PayCard plays the payer's browser on a hosted payment page: types a card,
// confirms at the bank, and stops before it would visit Redirect. An empty card
// is the provider's test card that pays after 3-D Secure.
func (t *Town) PayCard(pageURL, card string) (Paid, error) { return t.payCard(pageURL, card, true) }

// RefuseCard is PayCard by somebody who says no at the bank.
func (t *Town) RefuseCard(pageURL, card string) (Paid, error) { return t.payCard(pageURL, card, false) }

func (t *Town) payCard(pageURL, card string, confirm bool) (Paid, error) {
	name, secret, testCard, err := hostedPage(pageURL)
	if err != nil {
		return Paid{}, err
	}
	p, err := t.world.Load().providers.named(name)
	if err != nil {
		return Paid{}, err
	}
	if card == "" {
		card = testCard
	}
	o, back, err := p.Pay(secret, card, confirm)
	return Paid{Provider: name, ID: o.ID, OrderID: o.OrderID, State: o.State, Redirect: back}, err
}

// hostedPage says whose page an address is, and which.
func hostedPage(address string) (provider, secret, testCard string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", "", errors.New("town: not an address")
	}
	switch u.Path {
	case "/netopia/ui/card":
		return Netopia, u.Query().Get("p"), netopia.TestCard, nil
	case "/euplatesc/tdsprocess/card.php":
		return EuPlatesc, u.Query().Get("cart_id"), euplatesc.TestCard, nil
	default:
		return "", "", "", errors.New("town: not a payment page of the city")
	}
}

// orderOf finds an order by the provider's number or the merchant's; of several
// the one that took money.
func orderOf(p provider, number string) (Order, error) {
	if o, err := p.Book().ByID(number); err == nil {
		return o, nil
	}
	var found Order
	for _, o := range p.Book().Orders() {
		if o.OrderID == number && (found.ID == "" || found.Captured == 0) {
			found = o
		}
	}
	if found.ID == "" {
		return found, pspbook.ErrUnknown
	}
	return found, nil
}

// eventWire asks for something to happen to an order.
type eventWire struct {
	Amount int64  `json:"amount_bani"` // 0 for all
	Stage  string `json:"stage"`       // of a charge-back: init, accept (default), won
	Paid   *bool  `json:"paid"`        // of a release; default true
	Reason string `json:"reason"`
}

// PSPEvent makes something happen to an order that the hub did not ask for:
// chargeback, dispute, represent, reversal, release, decline or refund. number
// is the provider's or the merchant's; amount is in bani, 0 for all.
func (t *Town) PSPEvent(name, number, what string, amount int64) error {
	p, err := t.world.Load().providers.named(name)
	if err != nil {
		return err
	}
	o, err := orderOf(p, number)
	if err != nil {
		return err
	}
	switch what {
	case "chargeback":
		return p.ChargeBack(o.ID, amount)
	case "dispute":
		return p.Dispute(o.ID)
	case "represent":
		return p.Represent(o.ID)
	case "reversal":
		return p.Reverse(o.ID)
	case "release":
		return p.Release(o.ID, true)
	case "decline":
		return p.Release(o.ID, false)
	case "refund":
		if amount == 0 {
			amount = o.Owed()
		}
		return p.Refund(o.ID, amount, "console")
	default:
		return fmt.Errorf("town: nothing called %q can happen to an order", what)
	}
}

// controlProviders is the part of the control channel that is about payments.
func (t *Town) controlProviders(w *world) {
	for pattern, serve := range map[string]action{
		"GET /__ctl/psp/{provider}/book":                   t.showProviderBook,
		"GET /__ctl/psp/{provider}/orders/{order}":         t.showOrder,
		"POST /__ctl/psp/{provider}/orders/{order}/{what}": t.orderEvent,
		"POST /__ctl/psp/{provider}/extras":                t.switchExtras,
		"POST /__ctl/psp/euplatesc/capture":                t.switchCapture,
		"POST /__ctl/psp/pay":                              t.playPayer,
		"GET /__ctl/psp/accounts":                          t.listAccounts,
	} {
		w.mux.HandleFunc(pattern, serve.answer)
	}
}

func (t *Town) showProviderBook(r *http.Request) (any, error) {
	orders, err := t.PSPBook(r.PathValue("provider"))
	return map[string]any{"provider": r.PathValue("provider"), "now": t.Now(), "orders": orders}, err
}

func (t *Town) showOrder(r *http.Request) (any, error) {
	p, err := t.world.Load().providers.named(r.PathValue("provider"))
	if err != nil {
		return nil, err
	}
	return orderOf(p, r.PathValue("order"))
}

func (t *Town) orderEvent(r *http.Request) (any, error) {
	var asked eventWire
	if r.ContentLength != 0 {
		var err error
		if asked, err = read[eventWire](r); err != nil {
			return nil, err
		}
	}
	if err := t.PSPEvent(r.PathValue("provider"), r.PathValue("order"), asked.what(r.PathValue("what")), asked.Amount); err != nil {
		return nil, err
	}
	return t.showOrder(r)
}

// what is the event a path and a stage name.
func (e eventWire) what(path string) string {
	switch {
	case path == "chargeback" && e.Stage == "init":
		return "dispute"
	case path == "chargeback" && e.Stage == "won":
		return "represent"
	case path == "release" && e.Paid != nil && !*e.Paid:
		return "decline"
	}
	return path
}

func (t *Town) switchExtras(r *http.Request) (any, error) {
	asked, err := read[struct {
		On bool `json:"on"`
	}](r)
	if err != nil {
		return nil, err
	}
	p, err := t.world.Load().providers.named(r.PathValue("provider"))
	if err == nil {
		p.SetExtras(asked.On)
	}
	return asked, err
}

// SetCapture makes EuPlătesc capture at once or by hand (the default) for the
// merchant accounts named, or all; it returns how many merchants there were.
func (t *Town) SetCapture(automatic bool, accounts ...string) int {
	return t.world.Load().providers.euplatesc.SetCapture(automatic, accounts...)
}

func (t *Town) switchCapture(r *http.Request) (any, error) {
	asked, err := read[struct {
		Automatic bool     `json:"automatic"`
		Accounts  []string `json:"accounts"` // keys of merchant accounts; none for all
	}](r)
	if err != nil {
		return nil, err
	}
	return map[string]int{"merchants": t.SetCapture(asked.Automatic, asked.Accounts...)}, nil
}

func (t *Town) playPayer(r *http.Request) (any, error) {
	asked, err := read[struct {
		URL    string `json:"url"`
		Card   string `json:"card"`
		Refuse bool   `json:"refuse"` // say no at the bank
		Visit  bool   `json:"visit"`  // go where the payer is sent, whatever comes of it
	}](r)
	if err != nil {
		return nil, err
	}
	paid, err := t.payCard(asked.URL, asked.Card, !asked.Refuse)
	if err == nil && asked.Visit {
		visit(r, paid.Redirect)
	}
	return paid, err
}

// visit opens a page as a browser would, and forgets it.
func visit(r *http.Request, address string) {
	client := http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
	if err != nil {
		return
	}
	if answer, err := client.Do(request); err == nil {
		_ = answer.Body.Close()
	}
}

// MerchantAccount is a merchant account with what each provider calls it.
type MerchantAccount struct {
	pspbook.Account
	Netopia      string `json:"netopia_pos_signature"`
	EuPlatesc    string `json:"euplatesc_mid"`
	EuPlatescKey string `json:"euplatesc_key"` // hexadecimal
}

// MerchantAccounts lists the creditors' accounts at the payment providers, and
// EuPlătesc's public test account last.
func (t *Town) MerchantAccounts() []MerchantAccount {
	var all []MerchantAccount
	for _, m := range euplatesc.Merchants() {
		told := MerchantAccount{Account: m.Account, EuPlatesc: m.MID, EuPlatescKey: m.Key}
		if m.MID != euplatesc.TestMerchant {
			told.Netopia = netopia.Signature(m.Account)
		}
		all = append(all, told)
	}
	return all
}

func (t *Town) listAccounts(*http.Request) (any, error) {
	return map[string]any{"accounts": t.MerchantAccounts(), "netopia_city_hall": netopia.CityHall}, nil
}

// providerCredentials are the keys of the payment providers.
func providerCredentials(all map[string]string) map[string]string {
	all["netopia-api-key"] = netopiaKey
	all["netopia-public-key"] = netopia.PublicKey()
	all["netopia-pos-signature"] = netopia.CityHall
	all["bank-api-key"] = bankKey
	all["euplatesc-user-key"] = euplatesc.UserKey()
	all["euplatesc-user-api"] = euplatesc.UserAPI()
	for _, m := range euplatesc.Merchants() {
		all["euplatesc-key-"+m.Account.Key] = m.Key
	}
	return all
}
