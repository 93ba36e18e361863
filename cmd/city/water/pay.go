package water

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// order is a payment, or the question what one would do.
type order struct {
	Code    string    `json:"client_code"`
	Invoice string    `json:"invoice_id"`
	Amount  string    `json:"amount"`
	PaidAt  time.Time `json:"paid_at"`
}

type receipt struct {
	Number      string       `json:"number"`
	Key         string       `json:"key"`
	Code        string       `json:"client_code"`
	Invoice     string       `json:"invoice_id,omitempty"`
	Amount      string       `json:"amount"`
	PaidAt      string       `json:"paid_at"`
	BookedAt    string       `json:"booked_at"`
	Reversed    bool         `json:"reversed"`
	Repeated    bool         `json:"repeated"`
	Allocations []allocation `json:"allocations"`
}

type allocation struct {
	Invoice string `json:"invoice_id"`
	Amount  string `json:"amount"`
}

// maxKey is how long an idempotency key may be.
const maxKey = 128

func (c *Company) pay(w http.ResponseWriter, r *http.Request) {
	p, problem := payment(r, c.clock.Now())
	if problem != "" {
		refuse(w, http.StatusBadRequest, problem)
		return
	}
	booked, again, err := c.book.Enter(book.Water, p, c.clock.Now())
	if err != nil {
		refuseFor(w, err)
		return
	}
	status := http.StatusCreated
	if again {
		status = http.StatusOK
	}
	say(w, status, tell(booked, again))
}

// payment is what a request asks for, or what is wrong with it.
func payment(r *http.Request, now time.Time) (p book.Payment, problem string) {
	var o order
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > maxKey {
		return p, "missing_key"
	}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Code == "" || o.PaidAt.IsZero() || o.PaidAt.After(now.Add(24*time.Hour)) {
		return p, "bad_request"
	}
	amount, ok := readLei(o.Amount)
	if !ok {
		return p, "bad_amount"
	}
	return book.Payment{
		Reference: key, Once: true, Account: o.Code, Debt: o.Invoice, Amount: amount, Effective: o.PaidAt,
	}, ""
}

// refuseFor says why nothing was booked or undone.
func refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause  error
		status int
		code   string
	}{
		{book.ErrUnknownAccount, http.StatusNotFound, "account_not_found"},
		{book.ErrUnknownDebt, http.StatusNotFound, "invoice_not_found"},
		{book.ErrNoReceipt, http.StatusNotFound, "unknown_payment"},
		{book.ErrCancelled, http.StatusConflict, "invoice_cancelled"},
		{book.ErrReversed, http.StatusConflict, "already_reversed"},
		{book.ErrClosed, http.StatusConflict, "too_late"},
		{book.ErrReferenceTaken, http.StatusUnprocessableEntity, "key_reused"},
	} {
		if errors.Is(err, no.cause) {
			refuse(w, no.status, no.code)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "bad_request")
}

func tell(r book.Receipt, again bool) receipt {
	return receipt{
		Number: r.Number, Key: r.Reference, Code: r.Account, Invoice: r.ExternalID, Amount: lei(r.Amount),
		PaidAt: r.EffectiveAt.In(calendar.Bucharest).Format(time.RFC3339), BookedAt: r.BookedAt.Format(time.RFC3339Nano),
		Reversed: r.Reversed(), Repeated: again, Allocations: allocations(r.Parts),
	}
}

func allocations(parts []book.Part) []allocation {
	list := make([]allocation, len(parts))
	for i, p := range parts {
		list[i] = allocation{p.ExternalID, lei(p.Amount)}
	}
	return list
}

func (c *Company) lookup(w http.ResponseWriter, r *http.Request) {
	found := c.book.Find(book.Water, r.PathValue("key"), c.clock.Now())
	if len(found) == 0 {
		refuse(w, http.StatusNotFound, "unknown_payment")
		return
	}
	say(w, http.StatusOK, tell(found[0], false))
}

func (c *Company) reverse(w http.ResponseWriter, r *http.Request) {
	now := c.clock.Now()
	booked, ok := c.book.ByReference(book.Water, r.PathValue("key"))
	if !ok {
		refuseFor(w, book.ErrNoReceipt)
		return
	}
	undone, err := c.book.Reverse(book.Water, booked.Number, now)
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, http.StatusOK, tell(undone, false))
}

func (c *Company) statement(w http.ResponseWriter, r *http.Request) {
	day, err := calendar.Parse(r.URL.Query().Get("day"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	booked, total := c.book.Statement(book.Water, day, c.clock.Now()), int64(0)
	list := make([]receipt, len(booked))
	for i, one := range booked {
		list[i] = tell(one, false)
		if !one.Reversed() {
			total += one.Amount
		}
	}
	say(w, http.StatusOK, map[string]any{"day": day.ISO(), "count": len(list), "total": lei(total), "payments": list})
}

type quoted struct {
	Code        string       `json:"client_code"`
	Due         string       `json:"due"`
	Invoice     string       `json:"invoice_id,omitempty"`
	InvoiceDue  string       `json:"invoice_due,omitempty"`
	Amount      string       `json:"amount"`
	Allocations []allocation `json:"allocations"`
	LeftOver    string       `json:"left_over"`
	AsOf        string       `json:"as_of"`
}

// quote says what is due now and what a payment would extinguish.
func (c *Company) quote(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Code == "" {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	now := c.clock.Now()
	client, ok := c.book.ClientByCode(book.Water, o.Code)
	if !ok {
		refuse(w, http.StatusNotFound, "account_not_found")
		return
	}
	bills := c.book.Shown(book.Water, now).Invoices(book.Water, client.House, calendar.Of(now))
	answer := quoted{Code: client.Code, Invoice: o.Invoice, Allocations: []allocation{}, AsOf: now.Format(time.RFC3339)}
	due := answer.owe(bills)
	amount, ok := readLei(o.Amount)
	switch {
	case o.Amount == "":
		amount = max(0, due)
	case !ok:
		refuse(w, http.StatusBadRequest, "bad_amount")
		return
	}
	if err := c.fill(&answer, o, amount, bills, calendar.Of(now)); err != nil {
		refuseFor(w, err)
		return
	}
	say(w, http.StatusOK, answer)
}

// owe fills in what is due and returns what the payment is about: the named
// bill, or everything.
func (q *quoted) owe(bills []book.Invoice) int64 {
	due, named := int64(0), int64(0)
	for _, bill := range bills {
		due += bill.Outstanding()
		if bill.ID == q.Invoice {
			named = bill.Outstanding()
		}
	}
	q.Due = lei(due)
	if q.Invoice == "" {
		return due
	}
	q.InvoiceDue = lei(named)
	return named
}

// fill says where an amount would go.
func (c *Company) fill(q *quoted, o order, amount int64, bills []book.Invoice, on calendar.Day) error {
	parts, err := c.book.Spread(book.Water, o.Code, o.Invoice, max(1, amount), on)
	if err != nil {
		return err
	}
	q.Amount, q.LeftOver = lei(amount), lei(0)
	if amount == 0 {
		return nil
	}
	over := int64(0)
	for _, p := range parts {
		over += p.Amount
		for _, bill := range bills {
			if bill.ID == p.ExternalID {
				over -= min(p.Amount, max(0, bill.Outstanding()))
			}
		}
	}
	q.Allocations, q.LeftOver = allocations(parts), lei(over)
	return nil
}

// readLei reads a positive amount such as 84.20: two decimals, no more.
func readLei(text string) (int64, bool) {
	whole, cents, ok := strings.Cut(text, ".")
	if !ok || len(cents) != 2 || whole == "" || len(whole) > 12 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+cents, 10, 63)
	return int64(n), err == nil && n > 0
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
