package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"racord/hub"

	"github.com/goccy/go-yaml"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/schema_validation"
)

// TestRealAnswersAboutPaymentsAreAsDescribed holds real requests and answers
// against the document.
func TestRealAnswersAboutPaymentsAreAsDescribed(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	refund := `{"line":1,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"court_decision"}`
	ended := `{"outcome":"at_provider","amount":{"amount":7015,"currency":"RON"}}`
	card := `{"creditor":"ditl","reference":"4111 1111 1111 1111","amount":{"amount":29000,"currency":"RON"}}`
	for name, tc := range map[string]struct {
		method, target, body, as string
		before                   func(*testing.T, *till) hub.PaymentID
		status                   int
	}{
		"a quote":                       {"POST", "/v1/quotes", basket(debt("ditl", 0), debt("water", 1)), "ana", nil, 200},
		"a quote of what is unknown":    {"POST", "/v1/quotes", basket(hub.NewObligationID("ditl", "unknown")), "ana", nil, 200},
		"a quote of a changed amount":   {"POST", "/v1/quotes", strings.Replace(basket(debt("ditl", 0)), `"obligation"`, `"amount":{"amount":9000,"currency":"RON"},"obligation"`, 1), "ana", nil, 200},
		"a quote of a part":             {"POST", "/v1/quotes", strings.Replace(basket(debt("ditl", 0)), `"obligation"`, `"amount":{"amount":7000,"currency":"RON"},"obligation"`, 1), "ana", nil, 200},
		"a quote of everything":         {"POST", "/v1/quotes", basket(hub.NewObligationID("ditl", "1")), "ana", full, 200},
		"a quote of a silent creditor":  {"POST", "/v1/quotes", basket(debt("ditl", 0)), "ana", silent, 200},
		"a quote of a reference":        {"POST", "/v1/quotes", fine, "portal", nil, 200},
		"a reference by a citizen":      {"POST", "/v1/quotes", fine, "ana", nil, 403},
		"lines by a portal":             {"POST", "/v1/quotes", basket(debt("ditl", 0)), "portal", nil, 403},
		"a card number":                 {"POST", "/v1/quotes", card, "portal", nil, 422},
		"an empty basket":               {"POST", "/v1/quotes", `{"lines":[]}`, "ana", nil, 400},
		"a payment":                     {"GET", "/v1/payments/%", "", "ana", open, 200},
		"a settled payment":             {"GET", "/v1/payments/%", "", "ana", settle, 200},
		"a cancelled payment":           {"POST", "/v1/payments/%/cancel", "", "ana", open, 200},
		"a payment that goes on":        {"POST", "/v1/payments/%/resume", "", "ana", open, 200},
		"a payment too late to give up": {"POST", "/v1/payments/%/cancel", "", "ana", settle, 409},
		"another's payment":             {"GET", "/v1/payments/%", "", "ion", open, 404},
		"payments":                      {"GET", "/v1/payments?limit=5", "", "ana", settle, 200},
		"no payments":                   {"GET", "/v1/payments", "", "ana", nil, 200},
		"a receipt":                     {"GET", "/v1/payments/%/receipt", "", "ana", settle, 200},
		"a receipt of a line":           {"GET", "/v1/payments/%/receipt?line=1", "", "ana", settle, 200},
		"no receipt yet":                {"GET", "/v1/payments/%/receipt", "", "ana", open, 409},
		"a receipt of no line":          {"GET", "/v1/payments/%/receipt?line=2", "", "ana", settle, 404},
		"another's receipt":             {"GET", "/v1/payments/%/receipt", "", "ion", settle, 404},
		"a receipt that is shown":       {"GET", "/v1/receipts/%", "", "nobody", shownReceipt, 200},
		"a receipt that is made up":     {"GET", "/v1/receipts/%-0-AAAAAAAAAAAAAAAA", "", "nobody", settle, 404},
		"a refund":                      {"POST", "/v1/payments/%/refunds", refund, "staff", settle, 202},
		"a confirmed refund":            {"POST", "/v1/payments/%/refunds/confirm", refund, "staff2", wished, 202},
		"a confirmation of no refund":   {"POST", "/v1/payments/%/refunds/confirm", refund, "staff2", settle, 412},
		"what staff see of a line":      {"GET", "/v1/payments/%/refunds?line=1", "", "staff", settle, 200},
		"a line that is not there":      {"GET", "/v1/payments/%/refunds?line=2", "", "staff", settle, 404},
		"no line":                       {"GET", "/v1/payments/%/refunds", "", "staff", settle, 400},
		"a line to its payer":           {"GET", "/v1/payments/%/refunds?line=1", "", "ana", settle, 403},
		"a refund of something else":    {"POST", "/v1/payments/%/refunds", strings.Replace(refund, "7015", "7014", 1), "staff", settle, 412},
		"a refund that failed, ended":   {"POST", "/v1/payments/%/refunds/1/end", ended, "staff", failed, 202},
		"a refund that failed, twice":   {"POST", "/v1/payments/%/refunds/1/end/confirm", ended, "staff2", failed, 412},
		"a refund by the payer":         {"POST", "/v1/payments/%/refunds", refund, "ana", settle, 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTill(t, nil)
			if strings.Contains(tc.target, "confirm") {
				s = newTill(t, twoPersons)
			}
			id := hub.PaymentID("")
			if tc.before != nil {
				id = tc.before(t, s)
			}
			target := strings.Replace(tc.target, "%", string(id), 1)
			w := s.ask(tc.method, target, tc.body, "Authorization", "Bearer "+tc.as)
			if w.Code != tc.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, tc.status)
			}
			r := httptest.NewRequest(tc.method, target, strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer ana")
			if tc.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			hold(t, v, r, w.Result())
		})
	}
}

func open(t *testing.T, s *till) hub.PaymentID   { return s.opened(t, "k1", debt("ditl", 0)).ID }
func settle(t *testing.T, s *till) hub.PaymentID { return s.settled(t, "k1", debt("ditl", 0)).ID }

func wished(t *testing.T, s *till) hub.PaymentID {
	id := settle(t, s)
	s.ask("POST", "/v1/payments/"+string(id)+"/refunds", `{"line":1,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"other"}`, "Authorization", "Bearer staff")
	return id
}

func shownReceipt(t *testing.T, s *till) hub.PaymentID {
	w := s.ask("GET", "/v1/payments/"+string(settle(t, s))+"/receipt", "")
	return hub.PaymentID(decode[struct{ Code string }](t, w).Code)
}

func silent(_ *testing.T, s *till) hub.PaymentID {
	s.debts["ditl"].err = hub.Errorf(hub.CodeTimeout, "The creditor did not answer in time.")
	return ""
}

func full(_ *testing.T, s *till) hub.PaymentID {
	s.debts["ditl"].answer = everything()
	s.debts["ditl"].answer.Obligations[0].NotPayable = ""
	return ""
}

func TestAnOpenedPaymentIsAsDescribed(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	s := newTill(t, nil)
	body := order1(s.quoted(t, debt("ditl", 0), debt("water", 0)))
	w := s.ask("POST", "/v1/payments", body, "Idempotency-Key", "k1")
	if w.Code != 201 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "/v1/payments", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer ana")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "k1")
	hold(t, v, r, w.Result())
}

func TestTheEventsOfAPaymentAreAsDescribed(t *testing.T) {
	s := newTill(t, nil)
	id := settle(t, s)
	body := s.ask("GET", "/v1/payments/"+string(id), "", "Accept", "text/event-stream").Body.String()
	data, found := strings.CutPrefix(strings.TrimSpace(body), "event: payment\ndata: ")
	if !found {
		t.Fatalf("got %q", body)
	}
	schema := model(t).Components.Schemas.GetOrZero("Payment").Schema()
	if valid, problems := schema_validation.NewSchemaValidator().ValidateSchemaString(schema, data); !valid {
		t.Errorf("%v", problems[0])
	}
}

// TestEveryExampleIsAsDescribed holds the named examples against the schemas of
// the same name.
func TestEveryExampleIsAsDescribed(t *testing.T) {
	var doc struct {
		Components struct {
			Examples map[string]struct{ Value any }
		}
	}
	if err := yaml.Unmarshal(newScene(t, nil).ask("GET", "/openapi.yaml", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	check := schema_validation.NewSchemaValidator()
	for name := range maps.Keys(doc.Components.Examples) {
		of := strings.TrimPrefix(name, "Incomplete")
		schema := model(t).Components.Schemas.GetOrZero(of)
		if schema == nil {
			t.Errorf("the example %s has no schema", name)
			continue
		}
		body, err := json.Marshal(doc.Components.Examples[name].Value)
		if err != nil {
			t.Fatal(err)
		}
		if valid, problems := check.ValidateSchemaString(schema.Schema(), string(body)); !valid {
			t.Errorf("%s: %v", name, problems[0])
			for _, p := range problems[0].SchemaValidationErrors {
				t.Errorf("  %s: %s", p.FieldPath, p.Reason)
			}
		}
	}
}

func TestEveryEventIsDescribed(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0), debt("water", 0))
	s.ask("POST", "/v1/payments/"+string(p.ID)+"/refunds", `{"line":2,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"other"}`, "Authorization", "Bearer staff")
	s.work(t)
	s.until(t, p.ID, "ana", hub.PaymentSettledPartly)
	s.ask("POST", "/v1/payments/"+string(s.opened(t, "k2", debt("ditl", 1)).ID)+"/cancel", "")
	text := model(t).Components.Schemas.GetOrZero("Event").Schema().Properties.GetOrZero("type").Schema().Description
	kinds := map[string]bool{}
	for _, e := range s.ledger.Events() {
		kinds[e.Type] = true
		state, ofPayment := strings.CutPrefix(e.Type, "payment.")
		if !strings.Contains(text, "`"+e.Type+"`") && !(ofPayment && hub.PaymentState(state).Final()) {
			t.Errorf("the document does not name %s", e.Type)
		}
	}
	if len(kinds) < 6 {
		t.Errorf("only %v happened", kinds)
	}
}
