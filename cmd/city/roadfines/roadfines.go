// Package roadfines is the national register of road fines with its single
// account: HTTPS that wants a certificate, JSON that is signed both ways (compact
// JWS of type application/jose). Answers are signed with two keys, turn about, as
// in the weeks when one of them is being changed. Amounts are integers in bani.
//
//	POST /roadfines/v1/reports/search              what one person owes
//	POST /roadfines/v1/payments                    book a payment: 201 and a receipt
//	GET  /roadfines/v1/payments?reference=R        200 {"payments":[receipt…]}, maybe none
//	GET  /roadfines/v1/payments/statement?day=D    200 {"day","payments":[…]}
//	POST /roadfines/v1/payments/{number}/cancel    200 receipt with "reversed":true
//	GET  /roadfines/v1/health                      200 {"status":"ok"}
//
// A payment is {"reference":R,"series":S,"amount_bani":A,"paid_at":T}; S is the
// unique series of 23 characters. A reference is booked once: a repeat gives the
// first receipt with status 200.
//
// Money of somebody who lives in another town belongs to that town's budget: the
// report is listed in the state other_uat, and a payment here is refused.
//
// Refusals are {"code":C}, signed as well, and nothing was done:
//
//	400 bad_request, bad_signature      404 person_unknown, unknown_report, unknown_payment
//	409 already_paid, amount_changed, cancelled, other_uat, reference_taken, already_reversed, too_late
package roadfines

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Register answers for the country. It is an http.Handler for paths under
// /roadfines/.
type Register struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	keys  *Keys
}

// New opens the register.
func New(b *book.Book, c *clock.Clock, keys *Keys) *Register {
	r := &Register{ServeMux: http.NewServeMux(), book: b, clock: c, keys: keys}
	r.HandleFunc("POST /roadfines/v1/reports/search", r.search)
	r.HandleFunc("POST /roadfines/v1/payments", r.pay)
	r.HandleFunc("GET /roadfines/v1/payments", r.lookup)
	r.HandleFunc("GET /roadfines/v1/payments/statement", r.statement)
	r.HandleFunc("POST /roadfines/v1/payments/{number}/cancel", r.cancel)
	r.HandleFunc("GET /roadfines/v1/health", func(w http.ResponseWriter, _ *http.Request) {
		r.keys.say(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return r
}

func (r *Register) refuse(w http.ResponseWriter, status int, code string) {
	r.keys.refuse(w, status, code)
}

// read verifies a request and reads what it says.
func (r *Register) read(w http.ResponseWriter, req *http.Request, into any) bool {
	text, err := r.keys.open(req)
	if err != nil {
		r.refuse(w, http.StatusBadRequest, "bad_signature")
		return false
	}
	if json.Unmarshal(text, into) != nil {
		r.refuse(w, http.StatusBadRequest, "bad_request")
		return false
	}
	return true
}

// search answers what one person owes.
func (r *Register) search(w http.ResponseWriter, req *http.Request) {
	var asked query
	if !r.read(w, req, &asked) {
		return
	}
	now := r.clock.Now()
	person, ok := r.book.People().ByCode(asked.Code)
	if ok && gate.Mistaken(req.Context()) {
		person = r.neighbour(person, calendar.Of(now))
	}
	fines, known := []book.RoadFine(nil), false
	if ok {
		fines, known = r.book.Shown(book.Roadfines, now).RoadFines(person, calendar.Of(now))
	}
	if !known {
		r.refuse(w, http.StatusNotFound, "person_unknown")
		return
	}
	p := r.book.People().Person(person)
	r.keys.say(w, http.StatusOK, page{who{p.Code(), p.Official()}, reports(fines), now.Format(time.RFC3339)})
}

// neighbour is the next person with something to show.
func (r *Register) neighbour(person int, on calendar.Day) int {
	n := r.book.People().Len()
	for step := 1; step < n; step++ {
		if fines, _ := r.book.RoadFines((person+step)%n, on); len(fines) > 0 {
			return (person + step) % n
		}
	}
	return person
}

// pay books a reference once.
func (r *Register) pay(w http.ResponseWriter, req *http.Request) {
	var o order
	if !r.read(w, req, &o) {
		return
	}
	now := r.clock.Now()
	if !o.complete(now) {
		r.refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	booked, again, err := r.book.Enter(book.Roadfines, book.Payment{
		Reference: o.Reference, Once: !r.book.Manners(book.Roadfines).Doubles, Debt: o.Series, Amount: o.Amount, Effective: o.PaidAt,
	}, now)
	switch {
	case err != nil:
		r.refuseFor(w, err)
	case again:
		r.keys.say(w, http.StatusOK, tell(booked))
	default:
		r.keys.say(w, http.StatusCreated, tell(booked))
	}
}

// refuseFor says why nothing was booked or undone.
func (r *Register) refuseFor(w http.ResponseWriter, err error) {
	for _, no := range []struct {
		cause  error
		status int
		code   string
	}{
		{book.ErrUnknownDebt, http.StatusNotFound, "unknown_report"},
		{book.ErrNoReceipt, http.StatusNotFound, "unknown_payment"},
		{book.ErrOtherUAT, http.StatusConflict, "other_uat"},
		{book.ErrAlreadyPaid, http.StatusConflict, "already_paid"},
		{book.ErrAmountChanged, http.StatusConflict, "amount_changed"},
		{book.ErrCancelled, http.StatusConflict, "cancelled"},
		{book.ErrReferenceTaken, http.StatusConflict, "reference_taken"},
		{book.ErrReversed, http.StatusConflict, "already_reversed"},
		{book.ErrClosed, http.StatusConflict, "too_late"},
	} {
		if errors.Is(err, no.cause) {
			r.refuse(w, no.status, no.code)
			return
		}
	}
	r.refuse(w, http.StatusBadRequest, "bad_request")
}

func (r *Register) lookup(w http.ResponseWriter, req *http.Request) {
	reference := req.URL.Query().Get("reference")
	if reference == "" {
		r.refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	r.keys.say(w, http.StatusOK, map[string]any{"payments": tellAll(r.book.Find(book.Roadfines, reference, r.clock.Now()))})
}

func (r *Register) statement(w http.ResponseWriter, req *http.Request) {
	day, err := calendar.Parse(req.URL.Query().Get("day"))
	if err != nil {
		r.refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	r.keys.say(w, http.StatusOK, map[string]any{
		"day": day.ISO(), "payments": tellAll(r.book.Statement(book.Roadfines, day, r.clock.Now())),
	})
}

func (r *Register) cancel(w http.ResponseWriter, req *http.Request) {
	undone, err := r.book.Reverse(book.Roadfines, req.PathValue("number"), r.clock.Now())
	if err != nil {
		r.refuseFor(w, err)
		return
	}
	r.keys.say(w, http.StatusOK, tell(undone))
}
