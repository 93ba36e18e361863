// Package bank is the bank and Treasury the creditors have their accounts at.
// It books what the payment providers pay out and tells it in one statement for
// each account and banking day, as ISO 20022 camt.053.001.08.
//
// GET /bank/statements/{iban}/{YYYY-MM-DD}.xml with X-API-Key. A statement is
// there from 06:00 of the next day on; before, for days without banking and for
// accounts of others the answer is 404 application/problem+json.
//
// Each payout is one entry, net of the provider's fee, whatever the number of
// payments in it; more refunds than payments make it a debit. Its EndToEndId is
// the number of the provider's settlement, its remittance text says who paid
// out, for which day and what was kept. All text is basic Latin. The balance
// begins at nothing: the bank knows of no other money.
package bank

import (
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/pspbook"
)

// Payer is a provider that pays out.
type Payer struct {
	Name   string // basic Latin
	Prefix string // of its settlements' numbers
	IBAN   string
	Book   *pspbook.Book
}

// Bank answers under /bank/. It is safe for concurrent use.
type Bank struct {
	mux      *http.ServeMux
	clock    *clock.Clock
	gate     *gate.Gate
	key      string
	payers   []Payer
	accounts map[string]pspbook.Account // by IBAN
}

// New opens the bank for the accounts that payers pay out to; callers need key.
func New(c *clock.Clock, g *gate.Gate, key string, accounts []pspbook.Account, payers ...Payer) *Bank {
	b := &Bank{mux: http.NewServeMux(), clock: c, gate: g, key: key, payers: payers, accounts: map[string]pspbook.Account{}}
	for _, a := range accounts {
		b.accounts[a.IBAN] = a
	}
	b.mux.HandleFunc("GET /bank/statements/{iban}/{file}", b.statement)
	return b
}

// ServeHTTP answers everything under /bank/.
func (b *Bank) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.mux.ServeHTTP(w, r) }

// ready is the hour at which yesterday's statement is there.
const ready = 6

func (b *Bank) statement(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-API-Key")), []byte(b.key)) != 1 {
		refuse(w, http.StatusUnauthorized, "wrong key")
		return
	}
	text, isXML := strings.CutSuffix(r.PathValue("file"), ".xml")
	day, err := calendar.Parse(text)
	account, known := b.accounts[r.PathValue("iban")]
	switch {
	case !isXML || err != nil:
		refuse(w, http.StatusNotFound, "no such statement")
	case !known:
		refuse(w, http.StatusNotFound, "no such account")
	case !day.Working():
		refuse(w, http.StatusNotFound, "not a banking day")
	case b.clock.Now().Before((day + 1).At(ready, 0)):
		refuse(w, http.StatusNotFound, "not yet available")
	default:
		b.write(w, account, day)
	}
}

func (b *Bank) write(w http.ResponseWriter, account pspbook.Account, day calendar.Day) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	text, err := xml.MarshalIndent(b.document(account, day), "", " ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, "cannot be written")
		return
	}
	_, _ = w.Write(append([]byte(xml.Header), text...))
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": why})
}
