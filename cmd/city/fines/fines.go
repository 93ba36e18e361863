// Package fines is the local police's register of fines: JSON over HTTP with an
// API key, pages of two fines with cursors, and entity tags. Amounts are
// integers in bani, times RFC 3339.
//
//	POST /fines/v1/debts/search                 what one person owes
//	POST /fines/v1/payments                     book a payment: 201 and a receipt
//	GET  /fines/v1/payments?reference=R         200 {"payments":[receipt…]}, maybe none
//	GET  /fines/v1/payments/{number}            200 receipt, by the register's number
//	GET  /fines/v1/payments/statement?day=D     200 {"day","count","total_bani","payments":[…]}
//	POST /fines/v1/payments/{number}/cancel     200 receipt with "reversed":true
//	GET  /fines/v1/health                       200 {"status":"ok"}
//
// A payment is {"reference":R,"debt_id":"PLNT-0000012","amount_bani":14500,
// "paid_at":"2026-03-27T23:58:00+02:00"}, or with "pv":{"series":"PLNT",
// "number":"0000012"} in the place of debt_id: so a report in hand is paid
// before the register has it, and matched when it is entered. The amount must
// be what is owed, or the reduced amount if paid_at is within its term,
// whenever the payment is booked.
//
// A receipt is {"number","reference","debt_id","pv":{"series","number"},
// "amount_bani","paid_at","booked_at","matched","reversed"}.
//
// Booking is not idempotent: each call books, whatever its reference. A repeat
// is refused only as what it is: the same reference may pay the same fine
// again. What was booked shows in lookups and statements only after
// book.Manners Shows (200 ms). A register that is Mute answers the first lookup
// with 501 not_offered.
//
// Refusals are {"code":C}, and nothing was done:
//
//	400 bad_request                     401 unauthorized
//	404 unknown_debt, unknown_payment   501 not_offered
//	409 already_paid, amount_changed, cancelled, already_reversed, too_late
package fines

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/memo"
)

// PageSize is the most fines one answer holds, whatever limit is asked for.
const PageSize = 2

// Register answers for the police. It is an http.Handler for paths under
// /fines/.
type Register struct {
	*http.ServeMux
	book  *book.Book
	clock *clock.Clock
	key   string
	first memo.Memo[sheet] // each person's first page, for towns that are not too large
}

// remembered is the largest population whose first pages are kept.
const remembered = 10_000

// New opens the register; callers must send key in X-Api-Key.
func New(b *book.Book, c *clock.Clock, key string) *Register {
	r := &Register{ServeMux: http.NewServeMux(), book: b, clock: c, key: key}
	if n := b.People().Len(); n <= remembered {
		r.first.Size(n)
	}
	r.HandleFunc("POST /fines/v1/debts/search", r.search)
	r.HandleFunc("GET /fines/v1/health", r.health)
	r.HandleFunc("POST /fines/v1/payments", r.guard(r.pay))
	r.HandleFunc("GET /fines/v1/payments", r.guard(r.lookup))
	r.HandleFunc("GET /fines/v1/payments/statement", r.guard(r.statement))
	r.HandleFunc("GET /fines/v1/payments/{number}", r.guard(r.receipt))
	r.HandleFunc("POST /fines/v1/payments/{number}/cancel", r.guard(r.cancel))
	return r
}

func (r *Register) health(w http.ResponseWriter, req *http.Request) {
	if !r.known(req) {
		refuse(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}`))
}

func (r *Register) known(req *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(req.Header.Get("X-Api-Key")), []byte(r.key)) == 1
}

// guard lets only callers with the key through.
func (r *Register) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if !r.known(req) {
			refuse(w, http.StatusUnauthorized, "unauthorized")
			return
		}
		next(w, req)
	}
}

// search answers what one person owes. It is a POST so that the personal code
// stays out of URLs; repeating it does no harm.
func (r *Register) search(w http.ResponseWriter, req *http.Request) {
	if !r.known(req) {
		refuse(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	var asked query
	if err := decode(req.Body, &asked); err != nil || asked.CNP == "" {
		refuse(w, http.StatusBadRequest, "bad_request")
		return
	}
	now := r.clock.Now()
	found, problem := r.page(req.Context(), asked, now)
	if problem != nil {
		refuse(w, problem.status, problem.code)
		return
	}
	found.answer(w, req, now)
}

func decode(body io.Reader, into any) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// problem is a refusal.
type problem struct {
	status int
	code   string
}

// page returns the page a query asks for, ready to be sent.
func (r *Register) page(ctx context.Context, asked query, now time.Time) (sheet, *problem) {
	i, ok := r.book.People().ByCode(asked.CNP)
	if !ok {
		return sheet{}, &problem{http.StatusNotFound, "person_unknown"}
	}
	on, shown := calendar.Of(now), r.book.Shown(book.Fines, now)
	usual := asked.Cursor == "" && (asked.Limit == 0 || asked.Limit >= PageSize) && !gate.Mistaken(ctx) && shown == r.book
	state := r.book.State(book.Fines, i, on)
	if kept, ok := r.first.Get(i, state); ok && usual {
		return kept, nil
	}
	made, problem := r.make(ctx, shown, asked, i, on)
	if usual && problem == nil {
		r.first.Keep(i, state, made)
	}
	return made, problem
}

func (r *Register) make(ctx context.Context, shown *book.Book, asked query, i int, on calendar.Day) (sheet, *problem) {
	if gate.Mistaken(ctx) {
		i = r.neighbour(i, on)
	}
	all, known := shown.Fines(i, on)
	if !known {
		return sheet{}, &problem{http.StatusNotFound, "person_unknown"}
	}
	from, ok := position(asked.Cursor, len(all))
	if !ok {
		return sheet{}, &problem{http.StatusBadRequest, "bad_cursor"}
	}
	size := PageSize
	if asked.Limit > 0 {
		size = min(size, asked.Limit)
	}
	to := min(from+size, len(all))
	p := r.book.People().Person(i)
	return seal(page{Person: who{p.Code(), p.Official()}, Debts: debts(all[from:to]), NextCursor: cursor(to, len(all))}), nil
}

// neighbour is the next person with fines to show.
func (r *Register) neighbour(i int, on calendar.Day) int {
	n := r.book.People().Len()
	for step := 1; step < n; step++ {
		if all, _ := r.book.Fines((i+step)%n, on); len(all) > 0 {
			return (i + step) % n
		}
	}
	return i
}

// sheet is a page as JSON without the time of the answer, and its tag.
type sheet struct {
	body []byte
	tag  string
}

func seal(p page) sheet {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a page holds texts and numbers only
	}
	hash := fnv.New64a()
	_, _ = hash.Write(body)
	return sheet{body, `W/"` + strconv.FormatUint(hash.Sum64(), 16) + `"`}
}

// answer writes the page, or 304 when the caller has it already.
func (s sheet) answer(w http.ResponseWriter, req *http.Request, now time.Time) {
	w.Header().Set("ETag", s.tag)
	if req.Header.Get("If-None-Match") == s.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	body := append(make([]byte, 0, len(s.body)+64), s.body[:len(s.body)-1]...)
	body = append(body, `,"as_of":"`...)
	body = now.AppendFormat(body, time.RFC3339)
	_, _ = w.Write(append(body, `"}`...))
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"code":"` + code + `"}`))
}
