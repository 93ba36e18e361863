// Package water is the water company: JSON over HTTP with OAuth 2.0 client
// credentials, amounts as decimal strings ("84.20"), customers found by client
// code. A bill's total contains what older bills left open, and those bills are
// listed too: whoever adds the totals counts money twice.
//
//	GET  /water/api/v2/accounts/{code}/invoices?page=N   the bills
//	POST /water/api/v2/quotes                            what is due now
//	POST /water/api/v2/payments                          book a payment: 201, a repeat 200
//	GET  /water/api/v2/payments/{key}                    200 receipt, 404 unknown_payment
//	POST /water/api/v2/payments/{key}/reversal           200 receipt with "reversed":true
//	GET  /water/api/v2/payments?day=2026-03-15           200 {"day","count","total","payments":[…]}
//
// A payment is {"client_code":"0004411","invoice_id":"W-0740000000",
// "amount":"84.20","paid_at":"2026-03-15T10:00:00+02:00"} with the header
// Idempotency-Key; invoice_id may be left out. A repeat of the key with the
// same client, invoice and amount gives the same receipt with "repeated":true;
// with another body 422 key_reused. The company takes any amount: what is
// exactly the named bill's goes to that bill, anything else to the oldest bills
// first, and what is left over is a credit.
//
// A receipt is {"number","key","client_code","invoice_id","amount","paid_at",
// "booked_at","reversed","repeated","allocations":[{"invoice_id","amount"}]}.
//
// A quote is {"client_code","invoice_id"?,"amount"?} and answers {"client_code",
// "due" (of all bills, credits deducted), "invoice_id", "invoice_due",
// "amount", "allocations", "left_over" (credit), "as_of"}; without amount it is
// about paying the named bill, or everything.
//
// Refusals are {"error":E}, and nothing was done: 400 bad_request, bad_amount,
// missing_key; 401 invalid_token; 404 account_not_found, invoice_not_found,
// unknown_payment; 409 invoice_cancelled, already_reversed, too_late; 422
// key_reused.
package water

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"racord/cmd/city/bearer"
	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// PageSize is how many invoices one answer holds.
const PageSize = 2

// IBAN is the company's account.
const IBAN = "RO39SBXB0000999900000001"

// Company answers for the water company, under /water/api/.
type Company struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
}

// New opens the company's interface; callers need a token of the issuer.
func New(b *book.Book, c *clock.Clock, tokens *bearer.Issuer) *Company {
	w := &Company{ServeMux: http.NewServeMux(), book: b, clock: c}
	w.HandleFunc("GET /water/api/v2/accounts/{code}/invoices", tokens.Guard(w.invoices))
	w.HandleFunc("POST /water/api/v2/quotes", tokens.Guard(w.quote))
	w.HandleFunc("POST /water/api/v2/payments", tokens.Guard(w.pay))
	w.HandleFunc("GET /water/api/v2/payments", tokens.Guard(w.statement))
	w.HandleFunc("GET /water/api/v2/payments/{key}", tokens.Guard(w.lookup))
	w.HandleFunc("POST /water/api/v2/payments/{key}/reversal", tokens.Guard(w.reverse))
	return w
}

func (c *Company) invoices(w http.ResponseWriter, r *http.Request) {
	now := c.clock.Now()
	client, ok := c.book.ClientByCode(book.Water, r.PathValue("code"))
	if !ok {
		refuse(w, http.StatusNotFound, "account_not_found")
		return
	}
	if gate.Mistaken(r.Context()) {
		client = c.neighbour(client)
	}
	shown := rows(c.book.Shown(book.Water, now).Invoices(book.Water, client.House, calendar.Of(now)))
	pages := max(1, (len(shown)+PageSize-1)/PageSize)
	number, ok := pageNumber(r, pages)
	if !ok {
		refuse(w, http.StatusBadRequest, "bad_page")
		return
	}
	from := (number - 1) * PageSize
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer{
		Account:  account{client.Code, client.Holder, client.Address},
		Invoices: shown[from:min(from+PageSize, len(shown))],
		Page:     number, Pages: pages, AsOf: now.Format(time.RFC3339),
	})
}

// rows are the listed bills, newest first, each with what older ones left open.
func rows(all []book.Invoice) []invoice {
	listed := book.Listed(all)
	rows, open := make([]invoice, 0, len(listed)), int64(0)
	for _, inv := range listed {
		rows = append(rows, row(inv, open))
		open += inv.Outstanding()
	}
	slices.Reverse(rows)
	return rows
}

func (c *Company) neighbour(of book.Client) book.Client {
	n := c.book.People().Houses()
	for step := 1; step < n; step++ {
		if other, ok := c.book.Client(book.Water, (of.House+step)%n); ok {
			return other
		}
	}
	return of
}

func pageNumber(r *http.Request, pages int) (int, bool) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= pages
}

type answer struct {
	Account  account   `json:"account"`
	Invoices []invoice `json:"invoices"`
	Page     int       `json:"page"`
	Pages    int       `json:"pages"`
	AsOf     string    `json:"as_of"`
}

type account struct {
	Code    string `json:"client_code"`
	Holder  string `json:"holder"`
	Address string `json:"address"`
}

type invoice struct {
	ID         string `json:"id"`
	Number     string `json:"number"`
	Issued     string `json:"issued"`
	Due        string `json:"due"`
	PeriodFrom string `json:"period_from"`
	PeriodTo   string `json:"period_to"`
	Current    string `json:"current_amount"`
	Previous   string `json:"previous_balance"`
	Total      string `json:"total_to_pay"`
	Paid       string `json:"paid"`
	Remaining  string `json:"remaining"`
	IBAN       string `json:"iban"`
	Status     string `json:"status"`
}

func row(inv book.Invoice, previous int64) invoice {
	return invoice{
		ID: inv.ID, Number: inv.Number, Issued: inv.Issued.ISO(), Due: inv.Due.ISO(),
		PeriodFrom: inv.From.ISO(), PeriodTo: inv.To.ISO(),
		Current: lei(inv.Amount), Previous: lei(previous), Total: lei(inv.Amount + previous),
		Paid: lei(inv.Paid), Remaining: lei(inv.Outstanding()), IBAN: IBAN, Status: status(inv),
	}
}

func status(inv book.Invoice) string {
	switch left := inv.Outstanding(); {
	case left < 0:
		return "credit"
	case left == 0:
		return "paid"
	case inv.Paid > 0:
		return "partially_paid"
	default:
		return "open"
	}
}

// lei writes bani as a decimal string with a point.
func lei(bani int64) string {
	sign := ""
	if bani < 0 {
		sign, bani = "-", -bani
	}
	return fmt.Sprintf("%s%d.%02d", sign, bani/100, bani%100)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":"` + code + `"}`))
}
