package electricity

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

type orderJSON struct {
	Reference string    `json:"reference"`
	Code      string    `json:"client_code"`
	Invoice   string    `json:"invoice"`
	Amount    string    `json:"amount"`
	PaidAt    time.Time `json:"paid_at"`
}

type receiptJSON struct {
	Number      string           `json:"number"`
	Reference   string           `json:"reference"`
	Code        string           `json:"client_code"`
	Invoice     string           `json:"invoice,omitempty"`
	Amount      string           `json:"amount"`
	PaidAt      string           `json:"paid_at"`
	BookedAt    string           `json:"booked_at"`
	Reversed    bool             `json:"reversed"`
	Allocations []allocationJSON `json:"allocations"`
}

type allocationJSON struct {
	Invoice string `json:"invoice"`
	Amount  string `json:"amount"`
}

// maxReference is how long a caller's reference may be.
const maxReference = 64

// pay books a reference once.
func (s *Supplier) pay(w http.ResponseWriter, r *http.Request) {
	now := s.clock.Now()
	p, problem := payment(r, now)
	if problem != "" {
		refuse(w, http.StatusBadRequest, problem)
		return
	}
	booked, again, err := s.book.Enter(book.Electricity, p, now)
	switch {
	case err != nil:
		refuseFor(w, err)
	case again:
		say(w, http.StatusConflict, map[string]any{"error": "duplicate_reference", "receipt": tell(booked)})
	default:
		say(w, http.StatusCreated, tell(booked))
	}
}

// payment is what a request asks for, or what is wrong with it.
func payment(r *http.Request, now time.Time) (p book.Payment, problem string) {
	var o orderJSON
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return p, "bad_request"
	}
	named := o.Reference != "" && len(o.Reference) <= maxReference && o.Code != ""
	if !named || o.PaidAt.IsZero() || o.PaidAt.After(now.Add(24*time.Hour)) {
		return p, "bad_request"
	}
	amount, ok := readLei(o.Amount)
	if !ok {
		return p, "bad_amount"
	}
	return book.Payment{
		Reference: o.Reference, Once: true, Account: o.Code, Debt: o.Invoice, Amount: amount, Effective: o.PaidAt,
	}, ""
}

// refuseFor says why nothing was booked.
func refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause  error
		status int
		code   string
	}{
		{book.ErrUnknownAccount, http.StatusNotFound, "account_not_found"},
		{book.ErrUnknownDebt, http.StatusNotFound, "invoice_not_found"},
		{book.ErrAlreadyPaid, http.StatusConflict, "already_paid"},
		{book.ErrAmountChanged, http.StatusConflict, "amount_changed"},
		{book.ErrCancelled, http.StatusConflict, "invoice_cancelled"},
		{book.ErrReferenceTaken, http.StatusUnprocessableEntity, "reference_reused"},
	} {
		if errors.Is(err, no.cause) {
			refuse(w, no.status, no.code)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "bad_request")
}

func tell(r book.Receipt) receiptJSON {
	told := receiptJSON{
		Number: r.Number, Reference: r.Reference, Code: r.Account, Invoice: r.ExternalID, Amount: lei(r.Amount),
		PaidAt: r.EffectiveAt.In(calendar.Bucharest).Format(time.RFC3339), BookedAt: r.BookedAt.Format(time.RFC3339Nano),
		Reversed: r.Reversed(), Allocations: []allocationJSON{},
	}
	for _, p := range r.Parts {
		told.Allocations = append(told.Allocations, allocationJSON{p.ExternalID, lei(p.Amount)})
	}
	return told
}

// lookup finds a payment by the caller's reference.
func (s *Supplier) lookup(w http.ResponseWriter, r *http.Request) {
	found := s.book.Find(book.Electricity, r.PathValue("reference"), s.clock.Now())
	if len(found) == 0 {
		refuse(w, http.StatusNotFound, "unknown_payment")
		return
	}
	answer(w, tell(found[0]))
}

// paid lists what was booked on a day.
func (s *Supplier) paid(w http.ResponseWriter, r *http.Request) {
	day, err := calendar.Parse(r.URL.Query().Get("day"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	list, total := []receiptJSON{}, int64(0)
	for _, one := range s.book.Statement(book.Electricity, day, s.clock.Now()) {
		list = append(list, tell(one))
		if !one.Reversed() {
			total += one.Amount
		}
	}
	answer(w, map[string]any{"day": day.ISO(), "count": len(list), "total": lei(total), "payments": list})
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
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
