// Code generated from native.openapi.yaml by go generate ./connectors/native; DO NOT EDIT.

package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Subject: Whom a question is about, either by identifier or by account, as the manifest's `fetch` says.
type Subject struct {
	Scheme     string `json:"scheme,omitzero"`     // What the identifier is
	Identifier string `json:"identifier,omitzero"` // The personal or fiscal code
	Account    string `json:"account,omitzero"`    // The company's own code of the account. Leading zeros are real
}

// Question: A question about one subject.
type Question struct {
	Subject Subject `json:"subject"` // Whom a question is about, either by identifier or by account, as the manifest's `fetch` says
}

// QuoteQuestion: A question about one obligation.
type QuoteQuestion struct {
	Subject    Subject `json:"subject"`         // Whom a question is about, either by identifier or by account, as the manifest's `fetch` says
	Obligation string  `json:"obligation"`      // Its id
	Option     string  `json:"option,omitzero"` // Which of its options; nothing for all that is outstanding
	Amount     int64   `json:"amount,omitzero"` // Bani; nothing for the option's own amount
}

// Answer: What is due.
type Answer struct {
	Subject      Subject      `json:"subject"`               // Whom a question is about, either by identifier or by account, as the manifest's `fetch` says
	AsOf         time.Time    `json:"as_of"`                 // The moment the amounts speak about
	ValidUntil   time.Time    `json:"valid_until,omitzero"`  // When they may change
	Provisional  bool         `json:"provisional,omitzero"`  // The amounts are not final and cannot be paid
	Obligations  []Obligation `json:"obligations"`           // Every debt of the subject. Leaving it out is an error
	Extinguishes []Share      `json:"extinguishes,omitzero"` // Of a quote, where a part payment is booked to in your own order
}

// Obligation: One debt.
type Obligation struct {
	ID           string        `json:"id"`                    // Your own number of it. It never changes
	Kind         string        `json:"kind"`                  // What it is: `water.bill`, `gas.bill`, `parking.fee` …
	Total        int64         `json:"total,omitzero"`        // What it was in all; without it
	Paid         int64         `json:"paid,omitzero"`         // What was paid of it
	Outstanding  int64         `json:"outstanding"`           // What is owed now of this debt alone. Negative is a credit
	Account      string        `json:"account,omitzero"`      // The account it is of
	Debtor       string        `json:"debtor,omitzero"`       // Who owes it
	About        *About        `json:"about,omitzero"`        // The thing a debt is about
	Reference    *Reference    `json:"reference,omitzero"`    // Numbers that stand on paper. With an invoice's number and its total a citizen proves an account
	Period       *Period       `json:"period,omitzero"`       // The time a debt is for
	IssuedOn     string        `json:"issued_on,omitzero"`    // Day of issue
	DueOn        string        `json:"due_on,omitzero"`       // Last day to pay it all; or say installments
	LegalStage   string        `json:"legal_stage,omitzero"`  // How far collection went
	Status       string        `json:"status,omitzero"`       // Without it, it follows from the amounts
	IBAN         string        `json:"iban,omitzero"`         // Where it is paid to
	Components   []Component   `json:"components,omitzero"`   // Parts that add up to the total
	Installments []Installment `json:"installments,omitzero"` // Days on which parts are due
	Options      []Option      `json:"options,omitzero"`      // Ways to pay; without it, all that is outstanding at once
	NextChange   *Change       `json:"next_change,omitzero"`  // When the amount changes, and why
}

// About: The thing a debt is about.
type About struct {
	Type  string `json:"type,omitzero"`  // flat, meter, vehicle …
	Label string `json:"label,omitzero"` // As a citizen names it
	Ref   string `json:"ref,omitzero"`   // Its number
}

// Reference: Numbers that stand on paper. With an invoice's number and its total a citizen proves an account.
type Reference struct {
	Invoice    string `json:"invoice,omitzero"`     // Number of the invoice
	PVSeries   string `json:"pv_series,omitzero"`   // Series of a fine report
	PVNumber   string `json:"pv_number,omitzero"`   // Number of a fine report
	Decision   string `json:"decision,omitzero"`    // Number of an assessment
	PaymentRef string `json:"payment_ref,omitzero"` // What to write on a bank transfer
}

// Period: The time a debt is for.
type Period struct {
	From  string `json:"from,omitzero"`  // First day
	To    string `json:"to,omitzero"`    // Last day
	Label string `json:"label,omitzero"` // As you write it
}

// Component: A part of a total.
type Component struct {
	Type   string `json:"type"`           // What it is
	Label  string `json:"label,omitzero"` // As you name it
	Amount int64  `json:"amount"`         // Bani
}

// Installment: A day on which a part is due.
type Installment struct {
	No          int64  `json:"no,omitzero"` // Its number
	DueOn       string `json:"due_on"`      // Last day to pay it
	Amount      int64  `json:"amount"`      // Bani
	Outstanding int64  `json:"outstanding"` // Bani, what is left of it
}

// Option: A way to pay.
type Option struct {
	ID             string     `json:"id"`                       // Its name within the debt
	Kind           string     `json:"kind"`                     // What it is
	Label          string     `json:"label,omitzero"`           // As you word it
	Amount         int64      `json:"amount"`                   // Bani, what you take
	LegalBasis     string     `json:"legal_basis,omitzero"`     // The law it rests on
	AvailableUntil string     `json:"available_until,omitzero"` // Last day
	Transfers      []Transfer `json:"transfers,omitzero"`       // Parts that go to different accounts
	Covers         []Covered  `json:"covers,omitzero"`          // Other debts that it pays whole, too
}

// Covered: Another debt that an option pays.
type Covered struct {
	ID string `json:"id"` // Your id of it
}

// Transfer: A part of an option and where it goes.
type Transfer struct {
	IBAN        string `json:"iban"`                  // One of the manifest's accounts
	RevenueCode string `json:"revenue_code,omitzero"` // Budget classification
	Amount      int64  `json:"amount"`                // Bani
}

// Change: When the amount changes, and why.
type Change struct {
	After          string `json:"after"`                    // Last day of the present amount
	Reason         string `json:"reason"`                   // Why
	NewOutstanding int64  `json:"new_outstanding,omitzero"` // What is owed from then on
}

// Payment: A payment of one debt.
type Payment struct {
	Obligation string    `json:"obligation,omitzero"` // Id of the debt; nothing when it is paid by reference
	Option     string    `json:"option,omitzero"`     // The option that was chosen
	Account    string    `json:"account,omitzero"`    // The account it is of
	Reference  string    `json:"reference,omitzero"`  // What the payer typed, when the debt is not listed
	Amount     int64     `json:"amount"`              // Bani
	Currency   string    `json:"currency"`            // Always RON
	PaidAt     time.Time `json:"paid_at"`             // The moment the payer authorised it
	IBAN       string    `json:"iban,omitzero"`       // Where the money goes, when it is one account
}

// Posting: What is booked under a posting's id.
type Posting struct {
	Posting    string    `json:"posting"`             // The id it was sent under
	Receipt    string    `json:"receipt,omitzero"`    // Number of your receipt, the same for ever. It may be missing while pending
	BookedAt   time.Time `json:"booked_at,omitzero"`  // When it was booked
	Obligation string    `json:"obligation,omitzero"` // Id of the debt
	Amount     int64     `json:"amount"`              // Bani, what was booked
	State      string    `json:"state"`               // Where it stands
}

// Reversal: Which booking is taken back.
type Reversal struct {
	Receipt string `json:"receipt"` // Number of the receipt
}

// Statement: A page of what was booked on a day.
type Statement struct {
	Postings   []Posting `json:"postings"`             // In any order
	NextCursor string    `json:"next_cursor,omitzero"` // Where the next page starts; nothing on the last
}

// Share: A part of a payment and the debt it is booked to.
type Share struct {
	Obligation string `json:"obligation"`     // Id of the debt
	Label      string `json:"label,omitzero"` // As you name it
	Amount     int64  `json:"amount"`         // Bani
}

// Pong: Yes.
type Pong struct {
	Status string `json:"status"` // Always ok
}

// Problem: Why it is not done. Only the code is read; the message is for people who look at the wire, and holds no personal data.
type Problem struct {
	Code    string `json:"code"`             // What is wrong
	Message string `json:"message,omitzero"` // For people
}

// The codes of a Problem.
const (
	UnknownSubject    = "unknown_subject"
	UnknownObligation = "unknown_obligation"
	UnknownPosting    = "unknown_posting"
	NotPayable        = "not_payable"
	AmountChanged     = "amount_changed"
	NotReversible     = "not_reversible"
	Invalid           = "invalid"
	Unauthorized      = "unauthorized"
	Busy              = "busy"
	Maintenance       = "maintenance"
)

var statuses = map[string]int{
	UnknownSubject:    404,
	UnknownObligation: 404,
	UnknownPosting:    404,
	NotPayable:        409,
	AmountChanged:     409,
	NotReversible:     409,
	Invalid:           400,
	Unauthorized:      401,
	Busy:              429,
	Maintenance:       503,
}

// Error says the code, which makes a Problem what the calls fail with. Any other
// error becomes the status 500: whether something was done is then not known.
func (p Problem) Error() string { return p.Code }

// Company is what a company implements.
type Company interface {
	// Obligations: What does this person or account owe?
	Obligations(ctx context.Context, in Question) (Answer, error)
	// Ping: Are you there?
	Ping(ctx context.Context) (Pong, error)
	// Post: This was paid. Book it.
	Post(ctx context.Context, id string, in Payment) (Posting, error)
	// Find: Did you book it?
	Find(ctx context.Context, id string) (Posting, error)
}

// OffersQuote is what a company implements that offers the call.
type OffersQuote interface {
	// Quote: May this be paid now, and what becomes of the money?
	Quote(ctx context.Context, in QuoteQuestion) (Answer, error)
}

// OffersStatement is what a company implements that offers the call.
type OffersStatement interface {
	// Statement: What did you book on that day?
	Statement(ctx context.Context, day string, cursor string) (Statement, error)
}

// OffersReverse is what a company implements that offers the call.
type OffersReverse interface {
	// Reverse: Take this booking back.
	Reverse(ctx context.Context, id string, in Reversal) (Posting, error)
}

// Handler serves the contract. tokens gives those that are good now: two, while
// the token is changed.
func Handler(c Company, tokens func() []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /obligations", func(w http.ResponseWriter, r *http.Request) {
		var in Question
		if err := read(w, r, &in); err != nil {
			answer(w, nil, err)
			return
		}
		out, err := c.Obligations(r.Context(), in)
		answer(w, out, err)
	})
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) {
		out, err := c.Ping(r.Context())
		answer(w, out, err)
	})
	mux.HandleFunc("PUT /postings/{id}", func(w http.ResponseWriter, r *http.Request) {
		var in Payment
		if err := read(w, r, &in); err != nil {
			answer(w, nil, err)
			return
		}
		out, err := c.Post(r.Context(), r.PathValue("id"), in)
		answer(w, out, err)
	})
	mux.HandleFunc("GET /postings/{id}", func(w http.ResponseWriter, r *http.Request) {
		out, err := c.Find(r.Context(), r.PathValue("id"))
		answer(w, out, err)
	})
	if c, ok := c.(OffersQuote); ok {
		mux.HandleFunc("POST /quotes", func(w http.ResponseWriter, r *http.Request) {
			var in QuoteQuestion
			if err := read(w, r, &in); err != nil {
				answer(w, nil, err)
				return
			}
			out, err := c.Quote(r.Context(), in)
			answer(w, out, err)
		})
	}
	if c, ok := c.(OffersStatement); ok {
		mux.HandleFunc("GET /postings", func(w http.ResponseWriter, r *http.Request) {
			out, err := c.Statement(r.Context(), r.URL.Query().Get("day"), r.URL.Query().Get("cursor"))
			answer(w, out, err)
		})
	}
	if c, ok := c.(OffersReverse); ok {
		mux.HandleFunc("PUT /postings/{id}/reversal", func(w http.ResponseWriter, r *http.Request) {
			var in Reversal
			if err := read(w, r, &in); err != nil {
				answer(w, nil, err)
				return
			}
			out, err := c.Reverse(r.Context(), r.PathValue("id"), in)
			answer(w, out, err)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !admitted(r, tokens()) {
			answer(w, nil, Problem{Code: Unauthorized})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func admitted(r *http.Request, tokens []string) bool {
	sent, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	good := 0
	for _, token := range tokens {
		good |= subtle.ConstantTimeCompare([]byte(sent), []byte(token))
	}
	return bearer && sent != "" && good == 1
}

// read decodes a body of at most 1 MiB.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		return Problem{Code: Invalid, Message: "not the JSON of the contract"}
	}
	return nil
}

// answer writes what a call gave, or the Problem it failed with.
func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if problem := (Problem{}); errors.As(err, &problem) && statuses[problem.Code] != 0 {
		status, out = statuses[problem.Code], problem
	} else if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // who hung up hears nothing
}
