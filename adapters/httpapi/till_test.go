package httpapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"racord/adapters/httpapi"
	paper "racord/adapters/receipt"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/pay"
)

// till is an API over real paying: creditors that list debts and book payments
// from memory, one provider, a ledger in memory.
type till struct {
	*scene
	ledger *hubtest.Ledger
	pay    *pay.Service
	psp    *provider
	sinks  map[hub.Name]*creditor
	debts  map[hub.Name]*source
	clock  *hubtest.Clock
}

var payees = []hub.Name{"ditl", "water"}

const iban = "RO31TREZ99921A070101XXXX"

func newTill(t testing.TB, change func(*httpapi.Parts, *httpapi.Conf)) *till {
	t.Helper()
	s := &till{ledger: hubtest.NewLedger(), psp: &provider{orders: map[string]*order{}}, sinks: map[hub.Name]*creditor{},
		debts: map[hub.Name]*source{}, clock: hubtest.NewClock(noon)}
	fleet := hub.Fleet{}
	for _, name := range payees {
		s.debts[name], s.sinks[name] = &source{answer: answerOf(name)}, &creditor{}
		for i := range s.debts[name].answer.Obligations {
			s.debts[name].answer.Obligations[i].Options[0].Transfers[0].AccountID = "main"
		}
		fleet = append(fleet, &hub.Connector{
			Creditor: hub.Creditor{Name: name, Title: "Creditorul " + string(name), Accounts: []hub.CreditorAccount{{ID: "main", IBAN: iban, Beneficiary: "Trezoreria"}}},
			Traits: hub.Traits{Fetch: []hub.Fetch{hub.FetchByParty}, Identifiers: []hub.Scheme{hub.SchemeCNP},
				Paying: hub.Paying{Class: hub.ClassA, Partial: true, WithoutDebt: true}},
			Source: s.debts[name], Sink: s.sinks[name], Reverser: s.sinks[name],
		})
	}
	keys, err := hub.NewKeys(hubtest.Master(), "pay")
	if err != nil {
		t.Fatal(err)
	}
	bank := &hub.PSP{
		Name: "bank", Title: "Banca Test", Merchants: hub.Merchants{"ditl/main": "M1", "water/main": "M1"},
		Traits:  hub.PSPTraits{PartialCapture: true},
		Charger: s.psp, Capturer: s.psp, Refunder: s.psp, Notifier: s.psp,
	}
	s.pay = pay.New(pay.Parts{Roster: fleet, Folders: folders{}, Store: s.ledger, PSPs: []*hub.PSP{bank}, Keys: keys, Clock: s.clock},
		pay.Conf{LookUpEvery: time.Millisecond})
	s.scene = newScene(t, func(p *httpapi.Parts, c *httpapi.Conf) {
		p.Roster = fleet
		p.Paying = httpapi.Paying{Payments: s.pay, References: s.pay, Notices: s.pay, Refunds: s.pay, Receipts: s.pay, Printer: printer{}}
		c.PublicURL = "https://racord.example"
		c.StartsPerMinute, c.PaymentsPerMinute, c.ReferencesPerMinute = 10_000, 10_000, 10_000
		if change != nil {
			change(p, c)
		}
	})
	s.doorman.callers["staff"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "clerk"}, Portal: "desk", Refunds: true}
	s.doorman.callers["staff2"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "second clerk"}, Portal: "desk", Refunds: true}
	s.doorman.callers["other"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "other"}, Portal: "other"}
	return s
}

// carried is a payment that a portal carries for somebody who did not sign in.
func (s *till) carried(t testing.TB, portal string) hub.PaymentID {
	t.Helper()
	quoted := s.ask("POST", "/v1/quotes", fine, "Authorization", "Bearer "+portal)
	var q struct{ Quote string }
	if err := json.Unmarshal(quoted.Body.Bytes(), &q); err != nil || quoted.Code != ok {
		t.Fatalf("quote: got %d %s", quoted.Code, quoted.Body)
	}
	opened := s.ask("POST", "/v1/payments", order1(q.Quote), "Authorization", "Bearer "+portal, "Idempotency-Key", "r")
	var p payment
	if err := json.Unmarshal(opened.Body.Bytes(), &p); err != nil || opened.Code != http.StatusCreated {
		t.Fatalf("payment: got %d %s", opened.Code, opened.Body)
	}
	return p.ID
}

// fine is a debt that no creditor lists.
const fine = `{"creditor":"ditl","reference":"PA 123456","amount":{"amount":29000,"currency":"RON"}}`

// work runs the workers until stop is called.
func (s *till) work(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.pay.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// debt is the id of a creditor's debt number i.
func debt(name hub.Name, i int) hub.ObligationID {
	return hub.NewObligationID(name, fmt.Sprintf("%s-%d", name, i))
}

func basket(of ...hub.ObligationID) string {
	names := map[hub.ObligationID]hub.Name{}
	for _, name := range payees {
		names[debt(name, 0)], names[debt(name, 1)] = name, name
	}
	lines := []map[string]any{}
	for _, id := range of {
		lines = append(lines, map[string]any{"creditor": cmp.Or(names[id], "ditl"), "obligation": id})
	}
	body, _ := json.Marshal(map[string]any{"lines": lines})
	return string(body)
}

// quoted gives the token of a quote of the debts.
func (s *till) quoted(t testing.TB, of ...hub.ObligationID) string {
	t.Helper()
	w := s.ask("POST", "/v1/quotes", basket(of...))
	if w.Code != ok {
		t.Fatalf("quote: got %d %s", w.Code, w.Body)
	}
	var q struct{ Quote string }
	if err := json.Unmarshal(w.Body.Bytes(), &q); err != nil {
		t.Fatal(err)
	}
	return q.Quote
}

func order1(quote string) string {
	body, _ := json.Marshal(map[string]string{"quote": quote, "return_url": "https://portal.example/back"})
	return string(body)
}

// payment is what tests look at in an answer.
type payment struct {
	ID         hub.PaymentID
	State      hub.PaymentState
	Final      bool
	NextAction *struct{ Type, URL string } `json:"next_action"`
	Total      hub.Money
	Taken      hub.Money
	Refunded   hub.Money
	Lines      []struct {
		No         int
		Creditor   hub.Name
		State      hub.LineState
		Receipt    string
		Refundable hub.Money
	}
	Charges []struct {
		Provider string
		State    hub.ChargeState
	}
	Refunds []struct{ State hub.RefundState }
}

// opened opens a payment of the debts.
func (s *till) opened(t testing.TB, key string, of ...hub.ObligationID) payment {
	t.Helper()
	w := s.ask("POST", "/v1/payments", order1(s.quoted(t, of...)), "Idempotency-Key", key)
	if w.Code != http.StatusCreated {
		t.Fatalf("payment: got %d %s", w.Code, w.Body)
	}
	var p payment
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// read gives the payment as it stands.
func (s *till) read(t testing.TB, id hub.PaymentID, as string) payment {
	t.Helper()
	w := s.ask("GET", "/v1/payments/"+string(id), "", "Authorization", "Bearer "+as)
	if w.Code != ok {
		t.Fatalf("read: got %d %s", w.Code, w.Body)
	}
	var p payment
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// settled pays the debts to the end.
func (s *till) settled(t testing.TB, key string, of ...hub.ObligationID) payment {
	t.Helper()
	p := s.opened(t, key, of...)
	s.psp.authorise()
	defer s.work(t)()
	return s.until(t, p.ID, "ana", hub.PaymentSettled)
}

func (s *till) until(t testing.TB, id hub.PaymentID, as string, state hub.PaymentState) payment {
	t.Helper()
	for range 2000 {
		if p := s.read(t, id, as); p.State == state {
			return p
		}
		s.ledger.Hurry()
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("the payment is %s, want %s", s.read(t, id, as).State, state)
	return payment{}
}

// printer writes documents of one line.
// printer makes the page as it is, and a document that is short.
type printer struct{ paper.Printer }

func (printer) Print(to io.Writer, r *hub.PaymentReceipt) error {
	_, err := io.WriteString(to, "%PDF "+r.Link)
	return err
}

// provider is a payment provider with pages, a book and signed notifications.
type provider struct {
	mu     sync.Mutex
	orders map[string]*order
	down   bool
	keeps  bool // gives nothing back
}

type order struct {
	ask   hub.ChargeOrder
	facts hub.ChargeFacts
}

func (p *provider) Start(_ context.Context, o hub.ChargeOrder) (hub.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return hub.Session{}, hub.NotDone(hub.Errorf(hub.CodeUnavailable, "down"))
	}
	p.orders[o.Order] = &order{ask: o}
	return hub.Session{URL: "https://bank.example/page/" + o.Order + "?lang=ro&t=1", Ref: "R" + o.Order}, nil
}

func (p *provider) Lookup(_ context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.orders[r.Order]; o != nil {
		return o.facts, nil
	}
	return hub.ChargeFacts{}, hub.Errorf(hub.CodeNotFound, "no such order")
}

// authorise lets the payer of every order pay.
func (p *provider) authorise() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		o.facts.Authorised, o.facts.AuthorisedAt = o.ask.Amount.Minor, noon
	}
}

func (p *provider) Capture(_ context.Context, r hub.ChargeRef, amount hub.Money, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders[r.Order].facts.Captured = amount.Minor
	return nil
}

func (p *provider) Void(_ context.Context, r hub.ChargeRef, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders[r.Order].facts.Voided = true
	return nil
}

func (p *provider) Refund(_ context.Context, r hub.ChargeRef, amount hub.Money, _ []hub.Split, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keeps {
		return hub.NotDone(hub.Errorf(hub.CodeNotPayable, "too long ago"))
	}
	p.orders[r.Order].facts.Refunded += amount.Minor
	return nil
}

func (p *provider) Read(_ context.Context, h http.Header, body []byte) (hub.Fact, error) {
	if h.Get("Signature") != "good" {
		return hub.Fact{}, hub.Errorf(hub.CodeUnauthenticated, "not signed")
	}
	return hub.Fact{Event: string(body), Order: string(body), Raw: body}, nil
}

func (p *provider) Reply(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain")
	switch hub.CodeOf(err) {
	case "":
		_, _ = io.WriteString(w, "TAKEN")
	case hub.CodeUnauthenticated:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// creditor is one that books payments.
type creditor struct {
	mu       sync.Mutex
	booked   map[hub.PostingID]hub.Posting
	reversed []hub.PostingID
	err      error
	pending  bool // takes files and confirms them later
}

func (s *creditor) Post(_ context.Context, postings []hub.Posting) (receipts []hub.Receipt, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if s.booked == nil {
		s.booked = map[hub.PostingID]hub.Posting{}
	}
	for _, p := range postings {
		if s.pending {
			receipts = append(receipts, hub.Receipt{ID: p.ID, Number: "plati.csv", Pending: true})
			continue
		}
		s.booked[p.ID] = p
		receipts = append(receipts, hub.Receipt{ID: p.ID, Number: "CH-" + strconv.Itoa(len(s.booked)), BookedAt: noon})
	}
	return receipts, nil
}

func (s *creditor) Reverse(_ context.Context, p hub.Posting, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reversed = append(s.reversed, p.ID)
	return nil
}
