package fines

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
)

// order is a payment as a caller sends it.
type order struct {
	Reference string    `json:"reference"`
	DebtID    string    `json:"debt_id"`
	PV        *paper    `json:"pv"`
	Amount    int64     `json:"amount_bani"`
	PaidAt    time.Time `json:"paid_at"`
}

// paper names a report by what is printed on it.
type paper struct {
	Series string `json:"series"`
	Number string `json:"number"`
}

type receipt struct {
	Number    string `json:"number"`
	Reference string `json:"reference"`
	DebtID    string `json:"debt_id"`
	PV        paper  `json:"pv"`
	Amount    int64  `json:"amount_bani"`
	PaidAt    string `json:"paid_at"`
	BookedAt  string `json:"booked_at"`
	Matched   bool   `json:"matched"` // the fine was registered when it was booked
	Reversed  bool   `json:"reversed"`
}

// maxReference is how long a caller's reference may be.
const maxReference = 64

// payment is what an order asks for, if it is complete.
func (o order) payment() (book.Payment, bool) {
	p := book.Payment{
		Reference: o.Reference, Debt: o.DebtID, ByReport: o.PV != nil, Amount: o.Amount, Effective: o.PaidAt,
	}
	if o.PV != nil {
		p.Debt = o.PV.Series + "-" + o.PV.Number
	}
	named := (o.DebtID == "") == (o.PV != nil) && len(p.Debt) > 1 && len(p.Debt) <= 40
	return p, named && o.Reference != "" && len(o.Reference) <= maxReference && o.Amount > 0 && !o.PaidAt.IsZero()
}

// pay books each call.
func (r *Register) pay(w http.ResponseWriter, req *http.Request) {
	var o order
	err := decode(req.Body, &o)
	p, complete := o.payment()
	now := r.clock.Now()
	if err != nil || !complete || p.Effective.After(now.Add(24*time.Hour)) {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	booked, _, err := r.book.Enter(book.Fines, p, now)
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, http.StatusCreated, tell(booked))
}

// refuseFor says why nothing was booked or undone.
func refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause  error
		status int
		code   string
	}{
		{book.ErrUnknownDebt, http.StatusNotFound, "unknown_debt"},
		{book.ErrNoReceipt, http.StatusNotFound, "unknown_payment"},
		{book.ErrAlreadyPaid, http.StatusConflict, "already_paid"},
		{book.ErrAmountChanged, http.StatusConflict, "amount_changed"},
		{book.ErrCancelled, http.StatusConflict, "cancelled"},
		{book.ErrReversed, http.StatusConflict, "already_reversed"},
		{book.ErrClosed, http.StatusConflict, "too_late"},
	} {
		if errors.Is(err, no.cause) {
			refuse(w, no.status, no.code)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "bad_request")
}

func tell(r book.Receipt) receipt {
	series, number, _ := strings.Cut(r.ExternalID, "-")
	return receipt{
		Number: r.Number, Reference: r.Reference, DebtID: r.ExternalID, PV: paper{series, number}, Amount: r.Amount,
		PaidAt: r.EffectiveAt.In(calendar.Bucharest).Format(time.RFC3339), BookedAt: r.BookedAt.Format(time.RFC3339Nano),
		Matched: !r.Unmatched, Reversed: r.Reversed(),
	}
}

func tellAll(all []book.Receipt) []receipt {
	list := make([]receipt, len(all))
	for i, r := range all {
		list[i] = tell(r)
	}
	return list
}

// lookup finds payments by the caller's reference, once they show.
func (r *Register) lookup(w http.ResponseWriter, req *http.Request) {
	reference := req.URL.Query().Get("reference")
	switch {
	case reference == "":
		refuse(w, http.StatusBadRequest, "bad_request")
	case r.book.Manners(book.Fines).Mute:
		refuse(w, http.StatusNotImplemented, "not_offered")
	default:
		found := r.book.Find(book.Fines, reference, r.clock.Now())
		say(w, http.StatusOK, map[string]any{"payments": tellAll(found)})
	}
}

// receipt finds a payment by the register's own number.
func (r *Register) receipt(w http.ResponseWriter, req *http.Request) {
	found, ok := r.book.Receipt(book.Fines, req.PathValue("number"))
	if !ok {
		refuse(w, http.StatusNotFound, "unknown_payment")
		return
	}
	say(w, http.StatusOK, tell(found))
}

// statement lists what was booked on a day.
func (r *Register) statement(w http.ResponseWriter, req *http.Request) {
	day, err := calendar.Parse(req.URL.Query().Get("day"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	booked, total := r.book.Statement(book.Fines, day, r.clock.Now()), int64(0)
	for _, one := range booked {
		if !one.Reversed() {
			total += one.Amount
		}
	}
	say(w, http.StatusOK, map[string]any{
		"day": day.ISO(), "count": len(booked), "total_bani": total, "payments": tellAll(booked),
	})
}

// cancel undoes a payment.
func (r *Register) cancel(w http.ResponseWriter, req *http.Request) {
	undone, err := r.book.Reverse(book.Fines, req.PathValue("number"), r.clock.Now())
	if err != nil {
		refuseFor(w, err)
		return
	}
	say(w, http.StatusOK, tell(undone))
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
