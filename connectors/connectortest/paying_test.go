package connectortest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/rest"
	"racord/hub"
)

const payable = `kind: rest
creditor: gaz
name: Gaz
category: gas
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Gaz}]
traits: {fetch: [by_account], timeout: 500ms, proof_doc: On the bill., paying: {class: A, partial: true}}
test:
  known: {account: "0001"}
  other: {account: "0002"}
  unknown: {account: "0009"}
  paying: {payer: {account: "0001"}, most: 100000}
settings: {base_url: "BASE", auth: {type: none}}
calls:
  obligations:
    read: true
    request: {method: GET, path: "/bills/{{ account }}"}
    errors: [{status: 404, at: code, is: stranger, code: not_found}]
    subject: {account: account}
    items: bills
    map: {external_id: id, kind: ="gas.bill", outstanding: due | bani, reference: {invoice: id}}
  quote:
    read: true
    request: {method: GET, path: "/quotes/{{ account }}"}
    subject: {account: account}
    items: bills
    map: {external_id: id, kind: ="gas.bill", outstanding: due | bani}
  post:
    request:
      method: POST
      path: /payments
      body: {id: "{{ posting.id }}", bill: "{{ external_id }}", bani: "{{ amount }}"}
    errors:
      - {status: 409, at: code, is: booked, done: true}
      - {status: 404, at: code, is: unknown, code: not_found, certain: true}
    booking: {posting: id, number: number, amount: bani | bani}
  find:
    read: true
    request: {method: GET, path: "/payments/{{ posting.id }}"}
    errors: [{status: 404, at: code, is: unknown, found: absent}]
    booking: {posting: id, number: number, amount: bani | bani}
  statement:
    read: true
    request: {method: GET, path: /payments, query: {day: "{{ day }}"}}
    items: payments
    booking: {posting: id, number: number, amount: bani | bani}
`

// payment is one entry of the book of the gas company.
type payment struct {
	ID     string `json:"id"`
	Bill   string `json:"bill"`
	Bani   int64  `json:"bani"`
	Number string `json:"number"`
	State  string `json:"state"`
}

// till is a gas company that takes payments, right but for its defect.
type till struct {
	mu     sync.Mutex
	booked []payment
	defect defect
}

func (g *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, last, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case strings.HasPrefix(r.URL.Path, "/bills/"), strings.HasPrefix(r.URL.Path, "/quotes/"):
		g.list(w, last, strings.HasPrefix(r.URL.Path, "/quotes/"))
	case r.Method == http.MethodPost:
		g.book(w, r)
	case last == "":
		rows := g.booked
		if g.defect == "forgets its statement" {
			rows = nil
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"payments": append([]payment{}, rows...)})
	default:
		g.find(w, last)
	}
}

func (g *till) list(w http.ResponseWriter, account string, quote bool) {
	if account != "0001" && account != "0002" {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"stranger"}`)
		return
	}
	due := int64(100_000)
	if quote && g.defect == "quotes another amount" {
		due--
	}
	for _, p := range g.booked {
		if g.defect != "takes nothing off" {
			due -= p.Bani
		}
	}
	_, _ = fmt.Fprintf(w, `{"account":%q,"bills":[{"id":"G%s","due":%d}]}`, account, account, due)
}

func (g *till) book(w http.ResponseWriter, r *http.Request) {
	var p payment
	_ = json.NewDecoder(r.Body).Decode(&p)
	i := slices.IndexFunc(g.booked, func(o payment) bool { return o.ID == p.ID })
	switch {
	case !strings.HasPrefix(p.Bill, "G") && g.defect != "takes money for anything":
		w.WriteHeader(http.StatusNotFound)
		code := "unknown"
		if g.defect == "refuses in other words" {
			code = "what"
		}
		_, _ = fmt.Fprintf(w, `{"code":%q}`, code)
		return
	case i >= 0 && g.defect == "refuses repeats":
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"code":"again"}`)
		return
	case i >= 0 && g.defect != "books twice" && g.defect != "books twice under one number" && g.defect != "books twice under our name":
		_ = json.NewEncoder(w).Encode(g.booked[i])
		return
	}
	p.Number = fmt.Sprint("R", len(g.booked)+1)
	if i >= 0 && g.defect == "books twice under one number" {
		p.Number = g.booked[i].Number
	}
	switch g.defect {
	case "books twice under our name":
		p.Number = p.ID
	case "books at night", "never books":
		p.State = "waiting"
	}
	g.booked = append(g.booked, p)
	if g.defect == "gives no number" {
		p.Number = ""
	}
	_ = json.NewEncoder(w).Encode(p)
}

func (g *till) find(w http.ResponseWriter, id string) {
	i := slices.IndexFunc(g.booked, func(o payment) bool { return o.ID == id })
	if g.defect == "finds anything" {
		_ = json.NewEncoder(w).Encode(payment{ID: id, Number: "R1", Bani: 100})
		return
	}
	if i < 0 || g.defect == "finds nothing" {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"unknown"}`)
		return
	}
	found := g.booked[i]
	if g.defect == "books at night" {
		found.State = ""
	}
	_ = json.NewEncoder(w).Encode(found)
}

func TestEachDefectOfPayingFailsItsOwnClause(t *testing.T) {
	const (
		post  = "{status: 404, at: code, is: unknown, code: not_found, certain: true}"
		class = "the class of postings is the claimed one"
		twice = "a posting sent twice is booked once"
		names = "{posting: id, number: number, amount: bani | bani}"
		waits = "{posting: id, number: number, amount: bani | bani, pending: {at: state, is: waiting}}"
	)
	_, stated, _ := strings.Cut(payable, "\n  statement:")
	stated = "\n  statement:" + stated
	for d, tc := range map[defect]struct {
		change []string
		class  hub.Class
		want   []string
	}{
		"":                             {nil, hub.ClassA, nil},
		"quotes another amount":        {nil, hub.ClassA, []string{"a quote says what the list says"}},
		"gives no number":              {nil, hub.ClassC, []string{"a posting is booked", twice, class}},
		"finds nothing":                {nil, hub.ClassA, []string{"a booking is found"}},
		"finds anything":               {nil, hub.ClassA, []string{"what was never sent is not found"}},
		"forgets its statement":        {nil, hub.ClassC, []string{"a statement lists the booking", twice, class}},
		"books twice":                  {nil, hub.ClassC, []string{twice, class}},
		"books twice under one number": {nil, hub.ClassC, []string{twice, class}},
		"refuses repeats":              {nil, hub.ClassC, []string{twice, "what a lost answer left is known later", class}},
		"refuses in other words":       {nil, hub.ClassA, []string{"an unknown debt is refused for certain"}},
		"takes money for anything":     {nil, hub.ClassA, []string{"an unknown debt is refused for certain"}},
		"takes any 404 for a refusal": {[]string{post, "{status: 404, code: not_found, certain: true}"}, hub.ClassA,
			[]string{"a strange answer is no refusal"}},
		"takes any 500 for a refusal": {[]string{post, post + "\n      - {status: 500, code: unavailable, certain: true}"}, hub.ClassA,
			[]string{"a strange answer is no refusal"}},
		"takes any answer for a receipt": {[]string{"booking: {posting: id, number: number, amount: bani | bani}\n  find", "booking: {posting: id, number: number, pending: {at: number, exists: false}}\n  find"}, hub.ClassA,
			[]string{"a strange answer is no refusal"}},
		"books twice under our name": {[]string{stated, ""}, hub.ClassC, []string{twice, class}},
		"takes nothing off":          {[]string{stated, ""}, hub.ClassC, []string{twice, class}},
		"states nothing":             {[]string{stated, ""}, hub.ClassA, nil},
		"books at night":             {[]string{stated, "", names, waits}, hub.ClassA, nil},
		"never books":                {[]string{stated, "", names, waits}, hub.ClassC, []string{"a booking is found", twice, class}},
		"claims less than it can":    {[]string{"class: A,", "class: C,"}, hub.ClassB, nil},
	} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			report := judged(t, d, tc.change)
			got := slices.DeleteFunc(failures(report), func(name string) bool { return !aboutPaying(name) })
			if report.Class != tc.class || !slices.Equal(got, tc.want) {
				t.Errorf("got class %s and %q, want %s and %q", report.Class, got, tc.class, tc.want)
				for _, r := range report.Results {
					if r.Verdict == connectortest.Failed {
						t.Logf("%s: %s", r.Clause, r.Why)
					}
				}
			}
		})
	}
}

func judged(t *testing.T, d defect, change []string) connectortest.Report {
	t.Helper()
	server := httptest.NewServer(&till{defect: d})
	t.Cleanup(server.Close)
	text := strings.NewReplacer(append(change, "BASE", server.URL)...).Replace(payable)
	catalog := connectors.NewCatalog(rest.Kind)
	m, err := catalog.Parse("gaz.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return connectortest.Run(t.Context(), connectortest.For(catalog, m, world(t)))
}

func aboutPaying(clause string) bool {
	for _, word := range []string{"quote", "posting", "booking", "sent", "statement", "lost", "strange", "unknown debt"} {
		if strings.Contains(clause, word) {
			return true
		}
	}
	return false
}
