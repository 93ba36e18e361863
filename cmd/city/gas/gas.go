// Package gas is the gas supplier: JSON over HTTP with an API key, amounts as
// decimal strings. It has no idea who a person is: a customer is a client code,
// and whoever holds the last bill proves that it is theirs. Most bills are
// estimated; when somebody reads the meter, the next one puts it right, sometimes
// in the customer's favour. One contract in seven is still in the name of whoever
// lived there before.
//
//	POST /gas/v1/links                            {"client_code","invoice","amount"}: {"client_code","confirmed"}
//	GET  /gas/v1/clients/{code}/invoices?page=N   the bills, newest first
//	POST /gas/v1/payments                         book a payment: 201, a repeat 200
//	GET  /gas/v1/payments/{transaction}           200 receipt, 404 payment_unknown
//	POST /gas/v1/payments/{transaction}/cancel    200 receipt with "cancelled":true
//	GET  /gas/v1/payments?day=2026-03-15          200 {"day","payments":[…]}
//	GET  /gas/v1/ping                             200 {"up":true}
//
// A proof is the number and the amount of the last bill, alone. One that does not
// fit and a client that does not exist are the same answer.
//
// A payment is {"transaction","client_code","invoice","amount","paid_at"}. The
// same transaction again gives the same receipt; with another body 409
// transaction_taken. The company takes any part of a bill and nothing above it.
//
// Refusals are {"error":{"code":C}}, and nothing was done: 400 bad_request; 401
// bad_key; 404 client_unknown, invoice_unknown, payment_unknown; 409 paid,
// amount_exceeds, cancelled, transaction_taken, already_cancelled, too_late.
package gas

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// PageSize is how many bills one answer holds.
const PageSize = 3

// Supplier answers for the company. It is an http.Handler for paths under /gas/.
type Supplier struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	key   string
}

// New opens the interface; callers must send key in X-Gaz-Key.
func New(b *book.Book, c *clock.Clock, key string) *Supplier {
	s := &Supplier{ServeMux: http.NewServeMux(), book: b, clock: c, key: key}
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /gas/v1/ping":                           func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, map[string]bool{"up": true}) },
		"POST /gas/v1/links":                         s.link,
		"GET /gas/v1/clients/{code}/invoices":        s.invoices,
		"POST /gas/v1/payments":                      s.pay,
		"GET /gas/v1/payments":                       s.statement,
		"GET /gas/v1/payments/{transaction}":         s.find,
		"POST /gas/v1/payments/{transaction}/cancel": s.cancel,
	} {
		s.HandleFunc(pattern, s.guard(serve))
	}
	return s
}

// guard lets only callers with the key through.
func (s *Supplier) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Gaz-Key")), []byte(s.key)) != 1 {
			refuse(w, http.StatusUnauthorized, "bad_key")
			return
		}
		next(w, r)
	}
}

// link tells whether somebody holds a client's last bill.
func (s *Supplier) link(w http.ResponseWriter, r *http.Request) {
	var proof struct {
		Code    string `json:"client_code"`
		Invoice string `json:"invoice"`
		Amount  string `json:"amount"`
	}
	if json.NewDecoder(r.Body).Decode(&proof) != nil || proof.Code == "" {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	confirmed := false
	if client, ok := s.book.ClientByCode(book.Gas, proof.Code); ok {
		last, billed := book.Latest(s.book.Invoices(book.Gas, client.House, s.clock.Today()))
		confirmed = billed && proof.Invoice == last.Number && proof.Amount == lei(last.Amount)
	}
	say(w, http.StatusOK, map[string]any{"client_code": proof.Code, "confirmed": confirmed})
}

func (s *Supplier) invoices(w http.ResponseWriter, r *http.Request) {
	client, ok := s.book.ClientByCode(book.Gas, r.PathValue("code"))
	if !ok {
		refuse(w, http.StatusNotFound, "client_unknown")
		return
	}
	if gate.Mistaken(r.Context()) {
		client = s.neighbour(client)
	}
	now := s.clock.Now()
	listed := slices.Clone(book.Listed(s.book.Shown(book.Gas, now).Invoices(book.Gas, client.House, calendar.Of(now))))
	slices.Reverse(listed)
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	from := (page - 1) * PageSize
	if err != nil || page < 1 || page > 1 && from >= len(listed) {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	to := min(from+PageSize, len(listed))
	answer := answer{
		Code: client.Code, Holder: client.Holder, Place: client.Address, Invoices: []invoice{}, More: to < len(listed), AsOf: now.Format(time.RFC3339),
	}
	for _, inv := range listed[from:to] {
		answer.Invoices = append(answer.Invoices, tell(inv))
	}
	say(w, http.StatusOK, answer)
}

func (s *Supplier) neighbour(of book.Client) book.Client {
	n := s.book.People().Houses()
	for step := 1; step < n; step++ {
		if other, ok := s.book.Client(book.Gas, (of.House+step)%n); ok {
			return other
		}
	}
	return of
}

type answer struct {
	Code     string    `json:"client_code"`
	Holder   string    `json:"holder"`
	Place    string    `json:"place"`
	Invoices []invoice `json:"invoices"`
	More     bool      `json:"more"`
	AsOf     string    `json:"as_of"`
}

type invoice struct {
	Number  string `json:"number"`
	Kind    string `json:"kind"`    // invoice or regularisation
	Reading string `json:"reading"` // read or estimated
	Issued  string `json:"issued_on"`
	Due     string `json:"due_on"`
	From    string `json:"from"`
	To      string `json:"to"`
	Amount  string `json:"amount"`
	Paid    string `json:"paid"`
	Left    string `json:"left"` // negative: the company owes the customer
	IBAN    string `json:"iban"`
}

func tell(inv book.Invoice) invoice {
	told := invoice{
		Number: inv.Number, Kind: "invoice", Reading: "estimated", Issued: inv.Issued.ISO(), Due: inv.Due.ISO(), From: inv.From.ISO(), To: inv.To.ISO(),
		Amount: lei(inv.Amount), Paid: lei(inv.Paid), Left: lei(inv.Outstanding()), IBAN: book.GasIBAN,
	}
	if inv.Read() {
		told.Reading = "read"
	}
	if inv.Amount < 0 {
		told.Kind = "regularisation"
	}
	return told
}

// lei writes bani as a decimal string with a point.
func lei(bani int64) string {
	sign := ""
	if bani < 0 {
		sign, bani = "-", -bani
	}
	return fmt.Sprintf("%s%d.%02d", sign, bani/100, bani%100)
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code string) {
	say(w, status, map[string]any{"error": map[string]string{"code": code}})
}
