// Package electricity is the electricity supplier: it sends e-invoices (UBL 2.1,
// CIUS-RO) the way the national system does, listed by index and downloaded as
// ZIP files a day after their issue, and answers what an account owes. What it
// sends is made when asked for; nothing is stored. Amounts are decimal strings
// ("84.20"); callers bring an OAuth 2.0 token.
//
//	GET  /electricity/api/messages               e-invoices by index
//	GET  /electricity/api/download/{index}       one of them
//	POST /electricity/api/balance                {"client_code"}: what is unpaid now
//	POST /electricity/api/payments               book a payment: 201 and a receipt
//	GET  /electricity/api/payments/{reference}   200 receipt, 404 unknown_payment
//	GET  /electricity/api/payments?day=D         200 {"day","count","total","payments":[…]}
//
// A payment is {"reference":R,"client_code":"1000003517","invoice":"EL 0740000010",
// "amount":"84.20","paid_at":"2026-03-15T10:00:00+02:00"}. Any part of the bill is
// taken and nothing above it; without invoice the oldest bills are paid first.
//
// A receipt is {"number","reference","client_code","invoice","amount","paid_at",
// "booked_at","reversed","allocations":[{"invoice","amount"}]}.
//
// A repeated reference is answered 409 {"error":"duplicate_reference",
// "receipt":{…}} with the receipt given before, and 422 {"error":
// "reference_reused"} when it asks for something else. Other refusals are
// {"error":E}, and nothing was done: 400 bad_request, bad_amount; 401
// invalid_token; 404 account_not_found, invoice_not_found, unknown_payment; 409
// already_paid, amount_changed, invoice_cancelled.
package electricity

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/bearer"
	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Supplier answers under /electricity/api/.
type Supplier struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	gate  *gate.Gate
}

// New opens the supplier's interface; callers need a token of the issuer.
// Faults of g show in the messages and balances.
func New(b *book.Book, c *clock.Clock, g *gate.Gate, tokens *bearer.Issuer) *Supplier {
	s := &Supplier{ServeMux: http.NewServeMux(), book: b, clock: c, gate: g}
	s.HandleFunc("GET /electricity/api/messages", tokens.Guard(s.messages))
	s.HandleFunc("GET /electricity/api/download/{index}", tokens.Guard(s.download))
	s.HandleFunc("POST /electricity/api/balance", tokens.Guard(s.balance))
	s.HandleFunc("POST /electricity/api/payments", tokens.Guard(s.pay))
	s.HandleFunc("GET /electricity/api/payments", tokens.Guard(s.paid))
	s.HandleFunc("GET /electricity/api/payments/{reference}", tokens.Guard(s.lookup))
	return s
}

type messageJSON struct {
	Index   string `json:"index"`
	Created string `json:"created"`
	Size    int    `json:"size"` // bytes of the invoice, unpacked
}

// maxLimit is the most messages one answer lists.
const maxLimit = 500

// messages lists what can be downloaded, oldest first.
func (s *Supplier) messages(w http.ResponseWriter, r *http.Request) {
	after, limit, ok := window(r)
	if !ok {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	now := s.clock.Now()
	list, more := []messageJSON{}, false
	for m := range s.since(after, now) {
		if len(list) == limit {
			more = true
			break
		}
		size := len(appendInvoice(nil, m.client, m.invoice))
		list = append(list, messageJSON{m.index.String(), m.index.created().Format(time.RFC3339), size})
	}
	answer(w, map[string]any{"messages": list, "more": more})
}

func window(r *http.Request) (after index, limit int, ok bool) {
	q := r.URL.Query()
	limit, n := maxLimit, int64(0)
	var err error
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return 0, 0, false
		}
	}
	if text := q.Get("after"); text != "" {
		if n, err = strconv.ParseInt(text, 10, 64); err != nil || n < 0 {
			return 0, 0, false
		}
	}
	return index(n), min(limit, maxLimit), true
}

// download sends one message as a ZIP file.
func (s *Supplier) download(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.PathValue("index"), 10, 64)
	if err != nil {
		refuse(w, http.StatusNotFound, "message_not_found")
		return
	}
	m, ok := s.message(index(n), s.clock.Now())
	if !ok {
		refuse(w, http.StatusNotFound, "message_not_found")
		return
	}
	if gate.Mistaken(r.Context()) {
		m.client = s.neighbour(m.client)
	}
	body, err := m.zip()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal")
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	_, _ = w.Write(body)
}

type balanceJSON struct {
	Code    string       `json:"client_code"`
	Holder  string       `json:"holder"`
	Balance string       `json:"balance"`
	Unpaid  []unpaidJSON `json:"unpaid"`
	Last    *lastJSON    `json:"last_invoice"`
	AsOf    string       `json:"as_of"`
}

type unpaidJSON struct {
	Invoice   string `json:"invoice"`
	Remaining string `json:"remaining"`
}

type lastJSON struct {
	Number string `json:"number"`
	Total  string `json:"total"`
}

// balance answers what an account owes now.
func (s *Supplier) balance(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Code string `json:"client_code"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	client, ok := s.book.ClientByCode(book.Electricity, asked.Code)
	if !ok {
		refuse(w, http.StatusNotFound, "account_not_found")
		return
	}
	if gate.Mistaken(r.Context()) {
		client = s.neighbour(client)
	}
	answer(w, s.statement(client, s.clock.Now()))
}

func (s *Supplier) statement(client book.Client, now time.Time) balanceJSON {
	all := s.book.Shown(book.Electricity, now).Invoices(book.Electricity, client.House, calendar.Of(now))
	out := balanceJSON{Code: client.Code, Holder: client.Holder, Unpaid: []unpaidJSON{}, AsOf: now.Format(time.RFC3339)}
	if last, ok := book.Latest(all); ok {
		out.Last = &lastJSON{last.Number, lei(last.Amount)}
	}
	sum := int64(0)
	for _, inv := range all {
		if left := inv.Outstanding(); left != 0 {
			out.Unpaid = append(out.Unpaid, unpaidJSON{inv.Number, lei(left)})
			sum += left
		}
	}
	if _, differs := s.gate.On(gate.BalanceDiffers); differs {
		sum += 12_34
	}
	out.Balance = lei(sum)
	return out
}

func (s *Supplier) neighbour(of book.Client) book.Client {
	n := s.book.People().Houses()
	for step := 1; step < n; step++ {
		if other, ok := s.book.Client(book.Electricity, (of.House+step)%n); ok {
			return other
		}
	}
	return of
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":"` + code + `"}`))
}

// lei writes bani as a decimal string with a point.
func lei(bani int64) string { return string(appendLei(nil, bani)) }

func appendLei(b []byte, bani int64) []byte {
	if bani < 0 {
		b, bani = append(b, '-'), -bani
	}
	b = strconv.AppendInt(b, bani/100, 10)
	return append(b, '.', byte('0'+bani/10%10), byte('0'+bani%10))
}
