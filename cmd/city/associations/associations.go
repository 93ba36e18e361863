// Package associations is the platform on which 408 owners' associations keep
// their books, each with an account of its own. It speaks GraphQL over POST: its
// partners' operations are registered with it, so a request names one and gives
// the variables, and everything is answered with status 200.
//
//	POST /associations/graphql  {"operation":O,"variables":{…}}, Authorization: Bearer T
//
//	flatLists      {"flat":"40000007","after":cursor?}        the lists of payments of one flat, two a page
//	recordPayment  {"id","flat","list","bani","paidAt"}       books a payment
//	payment        {"id"}                                     {"payment":receipt}, or PAYMENT_UNKNOWN
//	cancelPayment  {"id"}                                     undoes one
//	paymentsOf     {"day":"2026-03-15"}                       {"payments":[…]}
//	ping           {}                                         {"up":true}
//
// Answers are {"data":{…}}. A list of payments has its items, and a penalty of
// 0.2 % a day from the thirty-first day after it was due. An association that got
// a list wrong takes it down for three days and posts it again under its old
// number: meanwhile it is not there, and cannot be paid. Some associations have no
// account, and some changed theirs yesterday.
//
// An id books once: a repeat gives the same receipt. Refusals are {"errors":
// [{"extensions":{"code":C}}]}, and nothing was done: FLAT_UNKNOWN, LIST_UNKNOWN,
// WITHDRAWN, ALREADY_PAID, AMOUNT_EXCEEDS, ID_REUSED, PAYMENT_UNKNOWN,
// ALREADY_CANCELLED, TOO_LATE, BAD_INPUT. Without the token the status is 401.
package associations

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Path is where the platform is found.
const Path = "/associations/graphql"

// PageSize is how many lists one answer holds.
const PageSize = 2

// Platform answers for all associations.
type Platform struct {
	book  *book.Book
	clock *clock.Clock
	token string
}

// New opens the platform to callers with the token.
func New(b *book.Book, c *clock.Clock, token string) *Platform {
	return &Platform{book: b, clock: c, token: token}
}

// Posts tells the operations that change the books.
func Posts(_ *http.Request, body []byte) bool {
	return bytes.Contains(body, []byte(`"recordPayment"`)) || bytes.Contains(body, []byte(`"cancelPayment"`))
}

// variables of any operation.
type variables struct {
	Flat   string    `json:"flat"`
	After  string    `json:"after"`
	ID     string    `json:"id"`
	List   string    `json:"list"`
	Bani   int64     `json:"bani"`
	PaidAt time.Time `json:"paidAt"`
	Day    string    `json:"day"`
}

// ServeHTTP answers one operation.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+p.token)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var asked struct {
		Operation string    `json:"operation"`
		Variables variables `json:"variables"`
	}
	serve := map[string]func(context.Context, variables) (map[string]any, string){
		"flatLists": p.lists, "recordPayment": p.pay, "payment": p.find, "cancelPayment": p.cancel, "paymentsOf": p.statement,
		"ping": func(context.Context, variables) (map[string]any, string) { return map[string]any{"up": true}, "" },
	}
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&asked) != nil || serve[asked.Operation] == nil {
		say(w, nil, badInput)
		return
	}
	data, code := serve[asked.Operation](r.Context(), asked.Variables)
	say(w, data, code)
}

const badInput = "BAD_INPUT"

func say(w http.ResponseWriter, data map[string]any, code string) {
	answer := map[string]any{"data": data}
	if code != "" {
		answer["errors"] = []any{map[string]any{"message": "Operațiunea a fost refuzată.", "extensions": map[string]string{"code": code}}}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// lists shows a page of the lists of a flat.
func (p *Platform) lists(ctx context.Context, v variables) (map[string]any, string) {
	client, ok := p.book.ClientByCode(book.Hoa, v.Flat)
	if !ok {
		return nil, "FLAT_UNKNOWN"
	}
	if gate.Mistaken(ctx) {
		client = p.neighbour(client)
	}
	now := p.clock.Now()
	today := calendar.Of(now)
	all := book.Listed(p.book.Shown(book.Hoa, now).Invoices(book.Hoa, client.House, today))
	from := 0
	if v.After != "" {
		var err error
		if from, err = strconv.Atoi(v.After); err != nil || from < 1 || from >= len(all) {
			return nil, badInput
		}
	}
	to := min(from+PageSize, len(all))
	shown := flat{
		Code: client.Code, Owner: client.Holder, Address: client.Address, Association: tenant(book.TenantAt(book.TenantOf(client.House), today)),
		AsOf: now.Format(time.RFC3339), Day: today.ISO(), ValidUntil: (today + 1).At(0, 0).Format(time.RFC3339), Lists: []list{},
	}
	for _, inv := range all[from:to] {
		shown.Lists = append(shown.Lists, tell(inv, today))
	}
	if to < len(all) {
		next := strconv.Itoa(to)
		shown.Next = &next
	}
	return map[string]any{"flat": shown}, ""
}

func (p *Platform) neighbour(of book.Client) book.Client {
	n := p.book.People().Houses()
	for step := 1; step < n; step++ {
		if other, ok := p.book.Client(book.Hoa, (of.House+step)%n); ok {
			return other
		}
	}
	return of
}
