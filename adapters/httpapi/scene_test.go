package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/view"
)

const issuer = "https://id.example"

// doorman admits by a table.
type doorman struct {
	callers map[string]hub.Caller
	failure error
}

func (d *doorman) Admit(_ context.Context, bearer string) (hub.Caller, error) {
	if d.failure != nil {
		return hub.Caller{}, d.failure
	}
	if c, ok := d.callers[bearer]; ok {
		return c, nil
	}
	return hub.Caller{}, hub.Errorf(hub.CodeUnauthenticated, "The access token is missing, expired or not accepted.")
}

func citizen(subject string) hub.Caller {
	return hub.Caller{Login: hub.Login{Issuer: issuer, Subject: subject}, Portal: "portal", Assurance: "substantial", Citizen: true}
}

// source is a creditor that answers what a test wants.
type source struct {
	mu     sync.Mutex
	answer hub.Answer
	err    error
	wait   chan struct{}
}

func (s *source) Obligations(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
			return hub.Answer{}, ctx.Err()
		}
	}
	return s.answer, s.err
}

// pages is a cache without an end.
type pages struct{ sync.Map }

func (c *pages) Get(_ context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	clear(into)
	for i, key := range keys {
		if p, ok := c.Load(key); ok {
			into[i] = p.(*hub.Page)
		}
	}
	return nil, nil
}

func (c *pages) Put(_ context.Context, key hub.PageKey, p *hub.Page) error {
	c.Store(key, p)
	return nil
}

func (c *pages) Drop(_ context.Context, keys ...hub.PageKey) error {
	for _, key := range keys {
		c.Delete(key)
	}
	return nil
}

// folders knows everybody.
type folders struct{ hub.Folders }

func (folders) Folder(_ context.Context, who hub.Login) (hub.Folder, error) {
	return hub.Folder{Party: hub.Party{
		ID: hub.PartyID("party-" + who.Subject), Name: "Ana",
		Identifiers: []hub.Identifier{{Scheme: hub.SchemeCNP, Value: "1850415120007"}},
	}}, nil
}

// links answers what a test wants and remembers what it was asked.
type links struct {
	list    []hub.Link
	failure error
	account hub.AccountRef
	proof   hub.Proof
	removed hub.LinkID
	panics  any
}

func (l *links) Link(_ context.Context, _ hub.Login, account hub.AccountRef, proof hub.Proof) (hub.Link, error) {
	if l.panics != nil {
		panic(l.panics)
	}
	l.account, l.proof = account, proof
	return hub.Link{ID: "link-1", Account: account, LinkedAt: noon}, l.failure
}

func (l *links) List(context.Context, hub.Login) ([]hub.Link, error) { return l.list, l.failure }

func (l *links) Unlink(_ context.Context, _ hub.Login, id hub.LinkID) error {
	l.removed = id
	return l.failure
}

var noon = time.Date(2026, 3, 15, 10, 0, 0, 0, time.UTC)

// scene is an API over a real view of six creditors that answer from memory.
type scene struct {
	*httpapi.API
	doorman *doorman
	links   *links
	sources []*source
	views   *view.Views
}

var names = []hub.Name{"ditl", "fines", "water", "heating", "waste", "electricity"}

func newScene(t testing.TB, change func(*httpapi.Parts, *httpapi.Conf)) *scene {
	t.Helper()
	s := &scene{doorman: &doorman{callers: map[string]hub.Caller{
		"ana": citizen("ana"), "ion": citizen("ion"),
		"portal": {Login: hub.Login{Issuer: issuer, Subject: "service"}, Portal: "portal"},
	}}, links: &links{}}
	fleet := hub.Fleet{}
	for _, name := range names {
		src := &source{answer: answerOf(name)}
		s.sources = append(s.sources, src)
		fleet = append(fleet, &hub.Connector{
			Creditor: hub.Creditor{Name: name, Title: "Creditorul " + string(name), Category: "water"},
			Traits: hub.Traits{
				Fetch: []hub.Fetch{hub.FetchByParty}, Identifiers: []hub.Scheme{hub.SchemeCNP},
				Freshness: hub.Freshness{TTL: time.Hour, StaleIfError: time.Hour, Negative: time.Hour},
			},
			Source: src,
		})
	}
	keys, err := hub.NewKeys(make([]byte, hub.MasterKeyBytes), "cache")
	if err != nil {
		t.Fatal(err)
	}
	s.views = view.New(view.Parts{
		Roster: fleet, Folders: folders{}, L1: &pages{}, Keys: keys, Clock: hub.ClockFunc(func() time.Time { return noon }),
	}, view.Conf{Deadline: 10 * time.Second})
	t.Cleanup(s.views.Close)
	parts := httpapi.Parts{Doorman: s.doorman, Views: s.views, Links: s.links, Roster: fleet}
	conf := httpapi.Conf{}
	if change != nil {
		change(&parts, &conf)
	}
	s.API = httpapi.New(parts, conf)
	return s
}

// answerOf makes about 1.2 KB of obligations.
func answerOf(name hub.Name) hub.Answer {
	a := hub.Answer{AsOf: noon}
	for i := range 2 {
		external := fmt.Sprintf("%s-%d", name, i)
		a.Obligations = append(a.Obligations, hub.Obligation{
			ID: hub.NewObligationID(name, external), ExternalID: external, Kind: "water.bill", Account: "0004411",
			Debtor: "Pop Ana", Reference: &hub.Reference{Invoice: "F 1234" + external},
			Period: &hub.Period{From: "2026-01-01", To: "2026-01-31"}, IssuedOn: "2026-02-05",
			Components: []hub.Component{{Type: "principal", Amount: hub.Bani(7015)}},
			Total:      hub.Bani(7015), Paid: hub.Bani(0), Outstanding: hub.Bani(7015),
			Installments: []hub.Installment{{No: 1, DueOn: "2026-04-01", Amount: hub.Bani(7015), Outstanding: hub.Bani(7015)}},
			Options: []hub.PaymentOption{{
				ID: "full", Kind: "full", Amount: hub.Bani(7015),
				Transfers: []hub.Transfer{{Seq: 1, IBAN: "RO31TREZ99921A070101XXXX", Amount: hub.Bani(7015)}},
			}},
			Status: hub.StatusOpen, HubState: hub.HubNone,
		})
	}
	return a
}

// ask sends a request as ana unless the headers say otherwise.
func (s *scene) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer ana")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// problem is the document every failure gives.
type problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	TraceID                             string `json:"trace_id"`
	Payment                             string
	Errors                              []hub.Field
}

func problemIn(t *testing.T, w *httptest.ResponseRecorder) (p problem) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("got status %d of type %q, want a problem document", w.Code, got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code || p.TraceID != w.Header().Get("X-Request-Id") || p.Type != "/docs#problem-"+p.Code {
		t.Errorf("the problem %+v does not agree with its answer: %d %v", p, w.Code, w.Header())
	}
	return p
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

const ok = http.StatusOK
