// Package euplatesc is the payment provider EuPlătesc as its published client
// libraries show it, with a book of its own. Everything lives under /euplatesc;
// /tdsprocess stands for https://secure.euplatesc.ro/tdsprocess and /manager for
// https://manager.euplatesc.ro.
//
// # fp_hash
//
// Upper-case hexadecimal HMAC-MD5, under a key given in hexadecimal, of the
// values in the order documented for each message, every value preceded by its
// length in bytes, an empty one written "-". What is not listed is not covered.
// Both cases of letters are taken.
//
// # Opening a transaction
//
// GET or POST (form) /tdsprocess/tranzactd.php; hashed under the merchant's key:
// amount, curr, invoice_id, order_desc, merch_id, timestamp (YYYYMMDDHHMMSS,
// UTC), nonce, and, where sent, valability, c2p_id, c2p_cid. Not hashed and kept:
// fname, lname, email, phone, lang, ExtraData (one text), ExtraData[…]. Of these
// ExtraData[silenturl|successurl|failedurl|backtosite|ep_method] are obeyed.
//
// The payer is redirected (303) to the payment page. With generate_epid=1 the
// answer is JSON for the merchant: {"cart_id":"<ep_id>","url":"<payment page>"},
// or {"error":…,"ecode":…} with status 200. The same nonce again is the same
// transaction; another nonce under the same invoice_id is another transaction,
// and both can be paid: invoice_id is not unique to the provider.
//
// # Answer to the merchant
//
// A POST (form) from the provider to silenturl and, when the payer is done, from
// the payer's browser to successurl or failedurl (by GET when ep_method=get, by
// a page with a button otherwise; without those URLs, to backtosite). Fields:
// amount, curr, invoice_id, ep_id, merch_id, action, message, approval,
// timestamp, nonce, fp_hash, hashed in this order under the merchant's key; then
// whatever was sent in ExtraData[…] but the URLs, unhashed. action "0" is
// approved, all else is not. While the fraud department looks, a field
// sec_status=3 follows nonce and is hashed after it; later one more POST comes
// with cart_id=<ep_id> and sec_status=8 (good) or 5 (fraud) and no hash at all.
// Only approved, declined and fraud are told: captures, reversals, refunds and
// charge-backs are not. HTTP 200 is taken, anything else is tried again.
//
// # Management
//
// POST (form, urlencoded or multipart) /manager/v3/index.php?action=ws, JSON
// back, always status 200: {"success":…} or {"error":"…","ecode":"…"}. Hashed in
// the order given, always ending in timestamp, nonce.
//
//	under the merchant's key:
//	  check_status     method, mid, epid | invoice_id
//	  check_mid        method, mid
//	under the user's API key, ukey being the user's key:
//	  capture          method, ukey, epid
//	  reversal         method, ukey, epid
//	  partial_capture  method, ukey, amount, epid
//	  refund           method, ukey, amount, reason, epid
//	  invoices         method, ukey, mid, from, to      (YYYY-MM-DD or empty: 3 months; at most 100)
//	  invoice          method, ukey, invoice
//	  captured_total   method, ukey, mids, from, to     (empty: a month)
//
// check_status answers {"success":"[…]"}, a JSON text inside JSON, a list with
// every transaction of the invoice_id, newest first: merch_id, invoice_id, ep_id,
// action, message, captured ("0"/"1"), refunded ("0"/"1"), masked_card,
// card_expire, name_on_card, email, timestamp ("2026-03-31 10:15:00", local),
// tran_type, recurent_exp, recurent_cancel_date. action is "" and message
// "Pending" while nobody has paid; message is "Reversed" after a reversal. It
// tells no amounts: those are on invoices only. capture, reversal, refund and
// partial_capture answer {"success":"1"}. None of them is idempotent: a second
// full capture is an error, a second refund is a second refund.
//
// A capture is made once; a partial one releases the rest. An authorisation is
// good for seven days. A reversal undoes an authorisation; a capture cannot be
// reversed, only refunded.
//
// An invoice is the settlement of one day of one merchant account, seen from the
// day the bank books it (the next working day): invoice_number, invoice_date,
// invoice_amount_novat and invoice_amount_vat (the fee), invoice_currency,
// transactions_number, transactions_amount, transferred_amount. Its transactions:
// mid, invoice_id, epid, rrn, amount, commission, installments, type
// (capture, refund, chargeback). Refunds and charge-backs have positive amounts.
//
// There is no list of transactions besides invoices.
//
// # Extras
//
// With Config.Extras check_status also tells amount, captured_amount and
// refunded_amount, which the documentation does not have.
package euplatesc

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// The public test merchant.
const (
	TestMerchant = "testaccount"
	TestKey      = "00112233445566778899AABBCCDDEEFF"
)

// Merchant is an account at EuPlătesc: its number, its key, and the settlement
// account behind it.
type Merchant struct {
	MID     string
	Key     string // hexadecimal
	Account pspbook.Account
}

// Merchants lists the merchants, the public test account last.
func Merchants() []Merchant {
	var all []Merchant
	for _, a := range pspbook.Accounts() {
		mid := "448410" + strconv.Itoa(a.PosID)
		all = append(all, Merchant{mid, key("merchant " + a.Key), a})
	}
	return append(all, Merchant{TestMerchant, TestKey, pspbook.Account{
		Key: TestMerchant, Creditor: TestMerchant, Name: "Cont de test", IBAN: "RO12SBXB0000999900000099", PosID: 10099,
	}})
}

// UserKey and UserAPI are the credentials of the management calls. One user
// manages all merchants.
func UserKey() string { return key("user") }

// UserAPI is the key management calls are hashed under, in hexadecimal.
func UserAPI() string { return key("user api") }

// Config says what a provider is to be.
type Config struct {
	URL     string // of this provider, ending in /euplatesc
	Extras  bool   // tell what the documentation does not
	Retries []time.Duration
}

// Provider is EuPlătesc. It is safe for concurrent use.
type Provider struct {
	conf      Config
	clock     *clock.Clock
	gate      *gate.Gate
	book      *pspbook.Book
	notifier  *pspbook.Notifier
	merchants map[string]Merchant
	extras    atomic.Bool
	carts     carts
	mux       *http.ServeMux

	mu        sync.RWMutex
	automatic map[string]bool // merchants whose payments are captured at once
}

// New opens a provider with an empty book. All merchants capture by hand until
// SetCapture says otherwise.
func New(conf Config, c *clock.Clock, g *gate.Gate) *Provider {
	book := pspbook.New(c)
	p := &Provider{
		conf: conf, clock: c, gate: g, book: book, notifier: pspbook.NewNotifier(book, c, g, conf.Retries),
		merchants: map[string]Merchant{}, automatic: map[string]bool{}, mux: http.NewServeMux(),
	}
	for _, m := range Merchants() {
		p.merchants[m.MID] = m
	}
	p.extras.Store(conf.Extras)
	p.routes()
	return p
}

// routes hangs what merchants call behind the gate; the payer's pages are not
// disturbed by its faults.
func (p *Provider) routes() {
	api := http.NewServeMux()
	api.HandleFunc("GET /euplatesc/tdsprocess/tranzactd.php", p.open)
	api.HandleFunc("POST /euplatesc/tdsprocess/tranzactd.php", p.open)
	api.HandleFunc("POST /euplatesc/manager/v3/index.php", p.manage)
	p.mux.Handle("/euplatesc/", p.gate.Wrap(api))
	p.mux.HandleFunc("GET /euplatesc/tdsprocess/card.php", p.page)
	p.mux.HandleFunc("POST /euplatesc/tdsprocess/card.php", p.submit)
	p.mux.HandleFunc("POST /euplatesc/tdsprocess/acs.php", p.answered)
	p.mux.HandleFunc("GET /euplatesc/tdsprocess/replyd.php", p.finished)
}

// ServeHTTP answers everything under /euplatesc/.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Book is what the provider knows.
func (p *Provider) Book() *pspbook.Book { return p.book }

// SetExtras switches what the documentation does not tell on or off.
func (p *Provider) SetExtras(on bool) { p.extras.Store(on) }

// SetCapture makes the merchants of the accounts named, or all, capture at once
// or by hand; it returns how many there were.
func (p *Provider) SetCapture(automatic bool, accounts ...string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for mid, m := range p.merchants {
		if len(accounts) == 0 || slices.Contains(accounts, m.Account.Key) {
			p.automatic[mid] = automatic
			n++
		}
	}
	return n
}

func (p *Provider) captures(mid string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.automatic[mid]
}

// ClockSet must be called after the virtual clock was set.
func (p *Provider) ClockSet() { p.notifier.ClockSet() }

// Close ends all notifications.
func (p *Provider) Close() { p.notifier.Close() }

// carts remembers what the book does not: where the payer goes, and which nonce
// opened which transaction.
type carts struct {
	mu      sync.Mutex
	byID    map[string]*cart
	byNonce map[nonceKey]string
}

type nonceKey struct{ merchant, invoice, nonce string }

// cart never changes.
type cart struct {
	request request
	bank    string // the secret of the bank's page
}

// keep opens a cart, or returns the id of the one its nonce opened before.
func (c *carts) keep(id string, r request, open func() error) (kept string, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID, c.byNonce = map[string]*cart{}, map[nonceKey]string{}
	}
	k := nonceKey{r.MerchID, r.InvoiceID, r.Nonce}
	if before, ok := c.byNonce[k]; ok {
		return before, false, nil
	}
	if err := open(); err != nil {
		return "", false, err
	}
	c.byID[id], c.byNonce[k] = &cart{request: r, bank: pspbook.Secret(24)}, id
	return id, true, nil
}

func (c *carts) find(id string) *cart {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id]
}
