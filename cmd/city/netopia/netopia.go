// Package netopia is the payment provider Netopia as its API v2 documents it,
// with a book of its own. Everything lives under /netopia; that prefix stands
// for https://secure.sandbox.netopia-payments.com.
//
// # Calls of the merchant
//
// JSON in and out; header Authorization is the API key alone, no "Bearer".
// A wrong key is answered 401 {"code":"401","message":"Unauthorized"}, a body
// that cannot be read 400 {"code":"400","message":…}: flat, not under "error".
// Everything else is 200, and error.code says what happened.
//
//	POST /payment/card/start         opens an order
//	POST /payment/card/verify-auth   ends 3-D Secure for cards sent to start
//	POST /operation/status           {posID: posSignature, ntpID, orderID}
//
// start without payment.instrument.account answers
//
//	{"customerAction":{}, "error":{"code":"101","message":"Redirect user to payment page"},
//	 "payment":{"amount":20.5,"currency":"RON","ntpID":"1309088","paymentURL":"…/ui/card?p=…","status":1}}
//
// Amounts are JSON numbers in lei with at most two decimals. payment.options.
// split[] of {posID, amount} divides the order among points of sale; the parts
// must add up to order.amount. Without split all is of the account the
// posSignature belongs to; the signature of the city hall has no account of
// its own and must always split. An orderID is good once per posSignature:
// again with the same amount is error 56 with the ntpID and status of the first
// ("Order closed" once it ended, "Duplicated Order ID" before), with another
// amount error 99. Capture is automatic.
//
// status answers {"error","merchant","config","order","payment","customerAction"};
// error describes the order, not the question: "00" when paid, "101" or "100"
// while open, the card's error when declined. order.data is what start was
// given; payment.paymentURL is there while the order can be paid. Unknown is
// 404 {"code":"404","message":"Order not found"}.
//
// # Statuses
//
//	 1 new   3 paid   5 confirmed   8 credit (all refunded)   9 charge-back begun
//	10 charge-back   11 error   12 declined   13 fraud review   15 3-D Secure
//	16 charge-back won   17 reversed
//
// 3 becomes 5 when the day of payment is over; no notification says so. An
// order of which a part was refunded stays 3 or 5.
//
// # Notifications
//
// POST to config.notifyUrl with Verification-token: a JWT (RS512) whose claims
// are iss "NETOPIA Payments", aud [posSignature], sub base64(SHA-512(body)),
// iat, nbf and exp five minutes later, in real time. The whole body is covered:
//
//	{"order":{"orderID":"…"}, "payment":{"amount":20.5,"code":"00","currency":"RON",
//	 "data":{"AuthCode","BIN","ISSUER","ISSUER_COUNTRY","RRN"},"instrument":{"country":642,"panMasked":"990000xxxxxx5098"},
//	 "message":"Approved","ntpID":"1309088","operationDate":"RFC 3339","status":3}}
//
// One is sent when the order is decided (3, 11, 12, 13) and one at each later
// change (3 after 13, 8, 9, 10, 16, 17), also for a part refunded (8 with the
// part as amount). None is sent when 3-D Secure begins. The answer must be 200 with
// {"errorType":0,"errorCode":0,"errorMessage":""}; errorType 1 or no answer
// means try again, errorType 2 never. A notification may be doubled, late, lost
// and out of order.
//
// # The payer
//
// GET paymentURL is a page with one form (field account and others); it leads
// over a 3-D Secure page to config.redirectUrl with ?orderId= added, by 303. The
// redirect says nothing of the outcome. Works without script.
//
// # Extras
//
// Off unless Config.Extras is set, because the documentation does not offer
// them: the published OpenAPI file lists POST /operation/credit as "will be
// available at a future date"; listing and settlements are not mentioned at all.
//
//	POST /operation/credit       {ntpID, amount[, split[]]}: refund; 00, or 58 when it cannot be
//	payment.refunded             of an order of which something went back: how much in all
//	GET  /extras/orders          ?posSignature=&after=ntpID: 500 orders at a time
//	GET  /extras/settlements     ?posID=&from=YYYY-MM-DD&to=: payouts net of fee
package netopia

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// CityHall is the posSignature under which orders are split among creditors.
const CityHall = "NAPO-CATE-STCI-TYHA-LL01"

// Config says what a provider is to be.
type Config struct {
	URL     string // of this provider, ending in /netopia
	APIKey  string
	Extras  bool            // offer what the documentation does not
	Retries []time.Duration // between attempts to notify
}

// Provider is Netopia. It is safe for concurrent use.
type Provider struct {
	conf     Config
	clock    *clock.Clock
	gate     *gate.Gate
	book     *pspbook.Book
	notifier *pspbook.Notifier
	points   map[string]pspbook.Account // by posSignature
	byPosID  map[int]pspbook.Account
	sessions sessions
	extras   atomic.Bool
	last     atomic.Int64 // ntpID given last
	mux      *http.ServeMux
}

// Signature is the posSignature of a merchant account, such as
// NAPO-CATE-STPS-0100-06; the digits are its posID.
func Signature(a pspbook.Account) string {
	id := strconv.Itoa(a.PosID)
	return "NAPO-CATE-STPS-" + "0" + id[:3] + "-" + id[3:]
}

// New opens a provider with an empty book.
func New(conf Config, c *clock.Clock, g *gate.Gate) *Provider {
	book := pspbook.New(c)
	p := &Provider{
		conf: conf, clock: c, gate: g, book: book, notifier: pspbook.NewNotifier(book, c, g, conf.Retries),
		points: map[string]pspbook.Account{}, byPosID: map[int]pspbook.Account{}, mux: http.NewServeMux(),
	}
	for _, a := range pspbook.Accounts() {
		p.points[Signature(a)], p.byPosID[a.PosID] = a, a
	}
	p.extras.Store(conf.Extras)
	p.last.Store(1_300_000)
	p.routes()
	return p
}

// routes hangs the merchant's calls behind the gate; the payer's pages are not
// disturbed by its faults.
func (p *Provider) routes() {
	api := http.NewServeMux()
	api.HandleFunc("POST /netopia/payment/card/start", p.keyed(p.start))
	api.HandleFunc("POST /netopia/payment/card/verify-auth", p.keyed(p.verifyAuth))
	api.HandleFunc("POST /netopia/operation/status", p.keyed(p.status))
	api.HandleFunc("POST /netopia/operation/credit", p.extra(p.keyed(p.credit)))
	api.HandleFunc("GET /netopia/extras/orders", p.extra(p.keyed(p.list)))
	api.HandleFunc("GET /netopia/extras/settlements", p.extra(p.keyed(p.settlements)))
	p.mux.Handle("/netopia/", p.gate.Wrap(api))
	p.mux.HandleFunc("GET /netopia/ui/card", p.page)
	p.mux.HandleFunc("POST /netopia/ui/card", p.submit)
	p.mux.HandleFunc("POST /netopia/ui/return", p.returned)
	p.mux.HandleFunc("POST /netopia/sandbox/authorize", p.challenge)
	p.mux.HandleFunc("POST /netopia/sandbox/answer", p.answered)
}

// ServeHTTP answers everything under /netopia/.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Book is what the provider knows.
func (p *Provider) Book() *pspbook.Book { return p.book }

// SetExtras switches what the documentation does not offer on or off.
func (p *Provider) SetExtras(on bool) { p.extras.Store(on) }

// ClockSet must be called after the virtual clock was set.
func (p *Provider) ClockSet() { p.notifier.ClockSet() }

// Close ends all notifications.
func (p *Provider) Close() { p.notifier.Close() }

func (p *Provider) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != p.conf.APIKey {
			reply(w, http.StatusUnauthorized, flat{"401", "Unauthorized"})
			return
		}
		next(w, r)
	}
}

func (p *Provider) extra(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.extras.Load() {
			reply(w, http.StatusNotFound, flat{"404", "Not found"})
			return
		}
		next(w, r)
	}
}

// nextID gives numbers as Netopia does: digits, ascending.
func (p *Provider) nextID() string { return strconv.FormatInt(p.last.Add(1), 10) }

// Statuses of a payment.
const (
	statusNew         = 1
	statusPaid        = 3
	statusCancelled   = 4
	statusConfirmed   = 5
	statusCredit      = 8
	statusDispute     = 9
	statusChargeback  = 10
	statusError       = 11
	statusDeclined    = 12
	statusReview      = 13
	status3D          = 15
	statusRepresented = 16
	statusReversed    = 17
)

// Status is the number Netopia gives to where an order stands.
func (p *Provider) Status(o pspbook.Order) int {
	switch o.State {
	case pspbook.Opened:
		return statusNew
	case pspbook.Challenged:
		return status3D
	case pspbook.Review:
		return statusReview
	case pspbook.Captured:
		return p.paidStatus(o)
	case pspbook.Declined:
		if o.Code == bankError.code {
			return statusError
		}
		return statusDeclined
	case pspbook.Refunded:
		return statusCredit
	case pspbook.Disputed:
		return statusDispute
	case pspbook.ChargedBack:
		return statusChargeback
	case pspbook.Reversed:
		return statusReversed
	default:
		return statusCancelled
	}
}

func (p *Provider) paidStatus(o pspbook.Order) int {
	for _, m := range o.Movements {
		if m.Kind == pspbook.Represented {
			return statusRepresented
		}
	}
	if p.clock.Today() > calendar.Of(o.CapturedAt) {
		return statusConfirmed
	}
	return statusPaid
}

// account is where an order under a posSignature goes when it is not split.
func (p *Provider) account(signature string) (a pspbook.Account, known bool) {
	if strings.EqualFold(signature, CityHall) {
		return pspbook.Account{Key: "city-hall", Name: "Primaria Napoca-Test"}, true
	}
	a, known = p.points[signature]
	return a, known
}
