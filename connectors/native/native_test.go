package native_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/connectors"
	"racord/connectors/native"
	"racord/hub"
)

const manifest = `kind: native
creditor: cablu
name: Cablu TV
category: other
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Cablu TV}]
traits: {fetch: [by_account], proof_doc: On the bill., paying: {class: A, partial: true}}
settings: {url: "https://racord.cablu.example/v1", secret: cablu-token, offers: [quote, statement, reverse]}
`

func TestAManifestIsAFewLines(t *testing.T) {
	m, err := connectors.NewCatalog(native.Kind).Parse("cablu.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Calls) != 7 {
		t.Errorf("got %d calls, want the four and the three that are offered", len(m.Calls))
	}
}

func TestWhatAManifestCannotSay(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, want string }{
		"calls of its own":        {"settings:", "calls: {}\nsettings:", "cablu.yaml:7: calls: kind native has calls of its own"},
		"no secret":               {"secret: cablu-token,", "", "secret is missing"},
		"a call nobody knows":     {"[quote,", "[guess,", "settings.offers"},
		"files":                   {"class: A", "class: F", "F is for files"},
		"an address with a query": {"/v1", "/v1?a=b", "settings.url"},
	} {
		_, err := connectors.NewCatalog(native.Kind).Parse("cablu.yaml", []byte(strings.Replace(manifest, tc.old, tc.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

const bill = `{"id":"F-1","kind":"cable.bill","total":12000,"paid":2000,"outstanding":10000,"due_on":"2026-03-31","reference":{"invoice":"F-1"}}`

func TestAnswersAreReadAsTheContractSays(t *testing.T) {
	listed := `{"subject":{"account":"7"},"as_of":"2026-03-15T10:00:00+02:00","obligations":[` + bill + `]}`
	for name, tc := range map[string]struct {
		status int
		answer string
		debts  int
		code   hub.Code
	}{
		"what is due":                 {200, listed, 1, ""},
		"nothing is due":              {200, `{"subject":{"account":"7"},"as_of":"2026-03-15T10:00:00Z","obligations":[]}`, 0, ""},
		"not known here":              {404, `{"code":"unknown_subject"}`, 0, hub.CodeNotFound},
		"a path that is gone":         {404, `{"code":"what"}`, 0, hub.CodeBadData},
		"another subject":             {200, strings.Replace(listed, `"7"`, `"8"`, 1), 0, hub.CodeForeignData},
		"its account, with zeros":     {200, strings.Replace(listed, `"7"`, `"007"`, 1), 0, hub.CodeNotFound},
		"no subject":                  {200, `{"as_of":"2026-03-15T10:00:00Z","obligations":[]}`, 0, hub.CodeBadData},
		"no list":                     {200, `{"subject":{"account":"7"},"as_of":"2026-03-15T10:00:00Z"}`, 0, hub.CodeBadData},
		"closed":                      {503, `{"code":"maintenance"}`, 0, hub.CodeMaintenance},
		"busy":                        {429, `{"code":"busy"}`, 0, hub.CodeBusy},
		"a wrong token":               {401, `{"code":"unauthorized"}`, 0, hub.CodeAuth},
		"amounts that are not bani":   {200, strings.Replace(listed, "10000", "100.00", 1), 0, ""},
		"a state nobody knows":        {200, strings.Replace(listed, `"id":`, `"status":"weird","id":`, 1), 0, ""},
		"an account nobody approved":  {200, strings.Replace(listed, `"id":`, `"iban":"RO31TREZ99921A070101XXXX","id":`, 1), 1, ""},
		"an account that is approved": {200, strings.Replace(listed, `"id":`, `"iban":"RO49AAAA1B31007593840000","id":`, 1), 1, ""},
	} {
		c := connector(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.answer)
		})
		a, err := c.Source.Obligations(t.Context(), who)
		if hub.CodeOf(err) != tc.code || len(a.Obligations) != tc.debts {
			t.Errorf("%s: got %d debts, %v, want %d and code %q", name, len(a.Obligations), err, tc.debts, tc.code)
			continue
		}
		if tc.debts == 1 && (len(a.Obligations[0].Options) != 1 || a.Obligations[0].Options[0].Amount != hub.Bani(10_000)) {
			t.Errorf("%s: got options %+v, want all that is outstanding", name, a.Obligations[0].Options)
		}
		if payable := tc.debts == 1 && a.Obligations[0].NotPayable == ""; tc.debts == 1 && payable != (name != "an account nobody approved") {
			t.Errorf("%s: payable is %t", name, payable)
		}
	}
}

func TestAQuoteSaysWhereAPartPaymentGoes(t *testing.T) {
	var sent string
	c := connector(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = r.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, `{"subject":{"account":"7"},"as_of":"2026-03-15T10:00:00Z","obligations":[`+bill+`],"extinguishes":[{"obligation":"F-0","label":"old","amount":4000}]}`)
	})
	wanted := hub.Wanted{Obligation: hub.NewObligationID("cablu", "F-1"), ExternalID: "F-1", Amount: hub.Bani(4000)}
	quoted, err := c.Quoter.Quote(t.Context(), who, []hub.Wanted{wanted})
	if err != nil || quoted[0].Err != nil || quoted[0].Option.Amount != hub.Bani(4000) {
		t.Fatalf("got %+v, %v, want 40 lei", quoted, err)
	}
	if parts := quoted[0].Extinguishes; len(parts) != 1 || parts[0].Obligation != hub.NewObligationID("cablu", "F-0") || parts[0].Amount != hub.Bani(4000) {
		t.Errorf("got %+v, want 40 lei to F-0", parts)
	}
	if want := `/v1/quotes {"subject":{"account":"7"},"obligation":"F-1","amount":4000}`; sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
}

func TestRefusalsOfAPostingAreCertainAndNothingElseIs(t *testing.T) {
	p := hub.Posting{ID: "hub:1", ExternalID: "F-1", Account: "7", Amount: hub.Bani(10_000), PaidAt: time.Now()}
	for name, tc := range map[string]struct {
		status  int
		answer  string
		code    hub.Code
		certain bool
	}{
		"booked":                {200, `{"posting":"hub:1","receipt":"R1","amount":10000,"state":"booked"}`, "", false},
		"unknown debt":          {404, `{"code":"unknown_obligation"}`, hub.CodeNotFound, true},
		"not payable":           {409, `{"code":"not_payable"}`, hub.CodeNotPayable, true},
		"another amount":        {409, `{"code":"amount_changed"}`, hub.CodeAmountChanged, true},
		"closed":                {503, `{"code":"maintenance"}`, hub.CodeMaintenance, true},
		"refused later":         {200, `{"posting":"hub:1","amount":10000,"state":"refused"}`, hub.CodeNotPayable, true},
		"a gateway":             {503, `no`, hub.CodeUnavailable, false},
		"another posting":       {200, `{"posting":"hub:2","receipt":"R1","amount":10000,"state":"booked"}`, hub.CodeBadData, false},
		"another amount booked": {200, `{"posting":"hub:1","receipt":"R1","amount":1,"state":"booked"}`, hub.CodeBadData, false},
	} {
		c := connector(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.answer)
		})
		_, err := c.Sink.Post(t.Context(), []hub.Posting{p})
		if hub.CodeOf(err) != tc.code || hub.Certainly(err) != tc.certain {
			t.Errorf("%s: got %v (certain: %t), want code %q (certain: %t)", name, err, hub.Certainly(err), tc.code, tc.certain)
		}
	}
}

var who = hub.Asked{Account: hub.AccountRef{Creditor: "cablu", Code: "7"}}

// connector opens the manifest in front of a company.
func connector(t *testing.T, company http.HandlerFunc) *hub.Connector {
	t.Helper()
	server := httptest.NewServer(company)
	t.Cleanup(server.Close)
	catalog := connectors.NewCatalog(native.Kind)
	m, err := catalog.Parse("cablu.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	m.Rebase("https://racord.cablu.example", server.URL)
	c, err := catalog.Open(t.Context(), connectors.Env{
		Read: server.Client(), Write: server.Client(), Clock: hub.ClockFunc(time.Now),
		Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("token"), nil },
	}, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
