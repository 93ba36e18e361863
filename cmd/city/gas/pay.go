package gas

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

// order is a payment as a caller sends it.
type order struct {
	Transaction string    `json:"transaction"`
	Code        string    `json:"client_code"`
	Invoice     string    `json:"invoice"`
	Amount      string    `json:"amount"`
	PaidAt      time.Time `json:"paid_at"`
}

type receipt struct {
	Number      string `json:"number"`
	Transaction string `json:"transaction"`
	Code        string `json:"client_code"`
	Invoice     string `json:"invoice"`
	Amount      string `json:"amount"`
	BookedAt    string `json:"booked_at"`
	Cancelled   bool   `json:"cancelled"`
}

// maxTransaction is how long a caller's number may be.
const maxTransaction = 64

// pay books a transaction once.
func (s *Supplier) pay(w http.ResponseWriter, r *http.Request) {
	var o order
	now := s.clock.Now()
	err := json.NewDecoder(r.Body).Decode(&o)
	amount, ok := readLei(o.Amount)
	named := o.Transaction != "" && len(o.Transaction) <= maxTransaction && o.Code != "" && o.Invoice != ""
	if err != nil || !ok || !named || o.PaidAt.IsZero() || o.PaidAt.After(now.Add(24*time.Hour)) {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	booked, again, err := s.book.Enter(book.Gas, book.Payment{
		Reference: o.Transaction, Once: true, Account: o.Code, Debt: o.Invoice, Amount: amount, Effective: o.PaidAt,
	}, now)
	switch {
	case err != nil:
		refuseFor(w, err)
	case again:
		say(w, http.StatusOK, tellReceipt(booked))
	default:
		say(w, http.StatusCreated, tellReceipt(booked))
	}
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

// refuseFor says why nothing was booked or undone.
func refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause  error
		status int
		code   string
	}{
		{book.ErrUnknownAccount, http.StatusNotFound, "client_unknown"},
		{book.ErrUnknownDebt, http.StatusNotFound, "invoice_unknown"},
		{book.ErrNoReceipt, http.StatusNotFound, "payment_unknown"},
		{book.ErrAlreadyPaid, http.StatusConflict, "paid"},
		{book.ErrAmountChanged, http.StatusConflict, "amount_exceeds"},
		{book.ErrCancelled, http.StatusConflict, "cancelled"},
		{book.ErrReferenceTaken, http.StatusConflict, "transaction_taken"},
		{book.ErrReversed, http.StatusConflict, "already_cancelled"},
		{book.ErrClosed, http.StatusConflict, "too_late"},
	} {
		if errors.Is(err, no.cause) {
			refuse(w, no.status, no.code)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "bad_request")
}

func tellReceipt(r book.Receipt) receipt {
	return receipt{
		Number: r.Number, Transaction: r.Reference, Code: r.Account, Invoice: r.ExternalID, Amount: lei(r.Amount),
		BookedAt: r.BookedAt.Format(time.RFC3339Nano), Cancelled: r.Reversed(),
	}
}

// find shows a payment once lookups have caught up with it.
func (s *Supplier) find(w http.ResponseWriter, r *http.Request) {
	found := s.book.Find(book.Gas, r.PathValue("transaction"), s.clock.Now())
	if len(found) == 0 {
		refuse(w, http.StatusNotFound, "payment_unknown")
		return
	}
	say(w, http.StatusOK, tellReceipt(found[0]))
}

func (s *Supplier) cancel(w http.ResponseWriter, r *http.Request) {
	booked, ok := s.book.ByReference(book.Gas, r.PathValue("transaction"))
	if !ok {
		refuseFor(w, book.ErrNoReceipt)
		return
	}
	undone, err := s.book.Reverse(book.Gas, booked.Number, s.clock.Now())
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, http.StatusOK, tellReceipt(undone))
}

func (s *Supplier) statement(w http.ResponseWriter, r *http.Request) {
	day, err := calendar.Parse(r.URL.Query().Get("day"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	list := []receipt{}
	for _, one := range s.book.Statement(book.Gas, day, s.clock.Now()) {
		list = append(list, tellReceipt(one))
	}
	say(w, http.StatusOK, map[string]any{"day": day.ISO(), "payments": list})
}
