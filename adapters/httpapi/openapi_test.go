package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"racord/hub"
	"racord/hub/link"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// described reads the document that the API serves.
var described = sync.OnceValues(func() (*v3.Document, error) {
	s := newScene(new(testing.T), nil)
	doc, err := libopenapi.NewDocument(s.ask("GET", "/openapi.yaml", "").Body.Bytes())
	if err != nil {
		return nil, err
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	return &model.Model, nil
})

func model(t *testing.T) *v3.Document {
	t.Helper()
	m, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheRouteTableAndTheDocumentAgree(t *testing.T) {
	var documented []string
	for path, item := range model(t).Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			documented = append(documented, strings.ToUpper(method)+" "+path)
			if op.OperationId == "" || op.Summary == "" {
				t.Errorf("%s %s has no name or summary", method, path)
			}
		}
	}
	routes := slices.Clone(newScene(t, nil).Patterns())
	slices.Sort(documented)
	slices.Sort(routes)
	if diff := cmp.Diff(routes, documented); diff != "" {
		t.Errorf("documented (-routes +document):\n%s", diff)
	}
}

func TestTheDocumentIsValid(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	if model(t).Version != "3.1.0" {
		t.Errorf("got version %s, want 3.1.0", model(t).Version)
	}
	doc, err := libopenapi.NewDocument(newScene(t, nil).ask("GET", "/openapi.yaml", "").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	v.SetDocument(doc)
	if valid, problems := v.ValidateDocument(); !valid {
		for _, p := range problems {
			t.Errorf("%s: %s", p.Message, p.Reason)
		}
	}
}

// TestRealAnswersAreAsDescribed holds real requests and answers against the
// document.
func TestRealAnswersAreAsDescribed(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	full := everything()
	for name, tc := range map[string]struct {
		method, target, body string
		headers              []string
		change               func(*scene)
		status               int
	}{
		"a view":               {"GET", "/v1/view", "", nil, nil, 200},
		"a view of everything": {"GET", "/v1/view?creditor=water,ditl&max_staleness=90s", "", nil, func(s *scene) { s.sources[0].answer = full }, 200},
		"a view with gaps":     {"GET", "/v1/view", "", []string{"Request-Timeout-Ms", "5000"}, fail, 200},
		"a view of one":        {"GET", "/v1/view?creditor=fines", "", nil, nil, 200},
		"no token":             {"GET", "/v1/view", "", []string{"Authorization", ""}, nil, 401},
		"a portal's token":     {"GET", "/v1/view", "", []string{"Authorization", "Bearer portal"}, nil, 403},
		"unknown creditor":     {"GET", "/v1/view?creditor=nobody", "", nil, nil, 400},
		"not acceptable":       {"GET", "/v1/view", "", []string{"Accept", "image/png"}, nil, 406},
		"the identity is away": {"GET", "/v1/view", "", nil, func(s *scene) { s.doorman.failure = hub.Errorf(hub.CodeUnavailable, "x") }, 503},
		"creditors":            {"GET", "/v1/creditors", "", nil, nil, 200},
		"no links":             {"GET", "/v1/links", "", nil, nil, 200},
		"links": {"GET", "/v1/links", "", nil, func(s *scene) {
			s.links.list = []hub.Link{{ID: "1", Account: hub.AccountRef{Creditor: "water", Code: "1"}, LinkedAt: noon}}
		}, 200},
		"a new link":             {"POST", "/v1/links", linkBody, nil, nil, 201},
		"a refused link":         {"POST", "/v1/links", linkBody, nil, func(s *scene) { s.links.failure = hub.Errorf(hub.CodeNotFound, "no") }, 422},
		"a link that is there":   {"POST", "/v1/links", linkBody, nil, func(s *scene) { s.links.failure = hub.Errorf(hub.CodeConflict, "yes") }, 409},
		"too many attempts":      {"POST", "/v1/links", linkBody, nil, func(s *scene) { s.links.failure = hub.Errorf(hub.CodeTooMany, "no") }, 429},
		"a broken store":         {"GET", "/v1/links", "", nil, func(s *scene) { s.links.failure = io.ErrUnexpectedEOF }, 500},
		"a link taken back":      {"DELETE", "/v1/links/1", "", nil, nil, 204},
		"a link of another":      {"DELETE", "/v1/links/1", "", nil, func(s *scene) { s.links.failure = hub.Errorf(hub.CodeNotFound, "no") }, 404},
		"the document":           {"GET", "/openapi.yaml", "", nil, nil, 200},
		"the page":               {"GET", "/docs", "", nil, nil, 200},
		"a creditor that closed": {"POST", "/v1/links", linkBody, nil, func(s *scene) { s.links.failure = hub.Errorf(hub.CodeMaintenance, "no") }, 503},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			if tc.change != nil {
				tc.change(s)
			}
			w := s.ask(tc.method, tc.target, tc.body, tc.headers...)
			if w.Code != tc.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, tc.status)
			}
			r := httptest.NewRequest(tc.method, tc.target, strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer ana")
			r.Header.Set("Content-Type", "application/json")
			answer := w.Result()
			if answer.Header.Get("Content-Type") == "application/problem+json" || w.Code < 300 {
				hold(t, v, r, answer)
			}
		})
	}
}

func fail(s *scene) {
	s.sources[0].err = hub.Errorf(hub.CodeTimeout, "x")
	s.sources[1].err = hub.Errorf(hub.CodeNotFound, "x")
	s.sources[2].err = &hub.Error{Code: hub.CodeMaintenance, Message: "x", RetryAfter: 3600e9}
	s.sources[3].answer.Refused = []hub.QualityEvent{{Code: "bad_amount", Field: "debts[2]", Detail: "not an amount"}}
	s.sources[4].err = hub.Errorf(hub.CodeForeignData, "x")
	s.sources[5].answer.Provisional = true
}

// hold holds an answer against the document. A request that the document
// forbids must have been refused.
func hold(t *testing.T, v validator.Validator, r *http.Request, answer *http.Response) {
	t.Helper()
	if valid, problems := v.ValidateHttpResponse(r, answer); !valid {
		for _, p := range problems {
			t.Errorf("%s: %s", p.Message, p.Reason)
			for _, s := range p.SchemaValidationErrors {
				t.Errorf("  %s: %s", s.FieldPath, s.Reason)
			}
		}
	}
	if valid, problems := v.ValidateHttpRequest(r); !valid && answer.StatusCode < 300 {
		t.Errorf("an undocumented request was answered: %v", problems[0])
	}
}

// everything is an obligation in which every member is said.
func everything() hub.Answer {
	more := hub.Bani(8000)
	return hub.Answer{AsOf: noon, ValidUntil: noon.Add(48 * 3600e9), Obligations: []hub.Obligation{{
		ID: hub.NewObligationID("ditl", "1"), ExternalID: "1", Kind: "tax.building", Account: "001", Debtor: "Pop Ana",
		Subject:   &hub.Subject{Type: "flat", Label: "Str. X 5", Ref: "r"},
		Reference: &hub.Reference{Invoice: "i", PVSeries: "s", PVNumber: "n", PVUnique: "u", Decision: "d", PaymentRef: "p"},
		Period:    &hub.Period{From: "2026-01-01", To: "2026-12-31", Label: "2026"}, IssuedOn: "2026-01-01", LegalStage: "none",
		Components: []hub.Component{{Type: "principal", Label: "l", Amount: hub.Bani(7000)}},
		Total:      hub.Bani(7000), Paid: hub.Bani(0), Outstanding: hub.Bani(7000), IncludesPreviousBalance: true,
		ExcludesIDs:  []hub.ObligationID{hub.NewObligationID("ditl", "0")},
		Installments: []hub.Installment{{No: 1, DueOn: "2026-03-31", Amount: hub.Bani(3500), Outstanding: hub.Bani(3500)}},
		Options: []hub.PaymentOption{{ID: "o", Kind: "full", Label: "l", Amount: hub.Bani(7000), LegalBasis: "b", AvailableUntil: "2026-03-31",
			Transfers: []hub.Transfer{{Seq: 1, AccountID: "a", IBAN: "RO31TREZ99921A070101XXXX", RevenueCode: "07.01.01", Amount: hub.Bani(7000)}}}},
		NextChange: &hub.NextChange{At: noon.Add(24 * 3600e9), Reason: "late_step", NewOutstanding: &more},
		Status:     hub.StatusOpen, HubState: hub.HubNone, NotPayable: "n", Replaces: []string{"0"},
		Quality: []hub.QualityEvent{{Code: "c", Field: "f", Detail: "d"}}, Details: map[string]string{"k": "v"},
	}}}
}

func TestTheVocabularyAndTheSchemasAgree(t *testing.T) {
	for name, value := range map[string]any{
		"Obligation": hub.Obligation{}, "Subject": hub.Subject{}, "Reference": hub.Reference{}, "Period": hub.Period{},
		"Component": hub.Component{}, "Installment": hub.Installment{}, "PaymentOption": hub.PaymentOption{},
		"Transfer": hub.Transfer{}, "NextChange": hub.NextChange{}, "QualityEvent": hub.QualityEvent{},
		"Money": hub.Money{}, "FieldError": hub.Field{},
	} {
		t.Run(name, func(t *testing.T) {
			schema := model(t).Components.Schemas.GetOrZero(name).Schema()
			var inSchema, inCode, always []string
			for member := range schema.Properties.FromOldest() {
				inSchema = append(inSchema, member)
			}
			for i := range reflect.TypeOf(value).NumField() {
				member, options, _ := strings.Cut(reflect.TypeOf(value).Field(i).Tag.Get("json"), ",")
				inCode = append(inCode, member)
				if options == "" {
					always = append(always, member)
				}
			}
			required := slices.Clone(schema.Required)
			for _, list := range [][]string{inSchema, inCode, always, required} {
				slices.Sort(list)
			}
			if diff := cmp.Diff(inCode, inSchema); diff != "" {
				t.Errorf("members (-code +schema):\n%s", diff)
			}
			if diff := cmp.Diff(always, required); diff != "" {
				t.Errorf("required (-code +schema):\n%s", diff)
			}
		})
	}
}

func TestExamplesAreAsDescribed(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	var doc struct {
		Components struct {
			Examples map[string]struct{ Value any }
		}
	}
	if err := yaml.Unmarshal(newScene(t, nil).ask("GET", "/openapi.yaml", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(doc.Components.Examples["IncompleteView"].Value)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
	r := httptest.NewRequest("GET", "/v1/view", nil)
	r.Header.Set("Authorization", "Bearer ana")
	hold(t, v, r, w.Result())
}

func TestStreamedEventsAreAsDescribed(t *testing.T) {
	s := newScene(t, nil)
	fail(s)
	body := s.ask("GET", "/v1/view", "", "Accept", "text/event-stream").Body.String()
	schemas, events := model(t).Components.Schemas, 0
	check := schema_validation.NewSchemaValidator()
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(event, "\ndata: ")
		schema := map[string]string{"event: page": "Page", "event: view": "ViewSummary"}[name]
		if schema == "" {
			t.Fatalf("got an event %q", name)
		}
		if valid, problems := check.ValidateSchemaString(schemas.GetOrZero(schema).Schema(), data); !valid {
			t.Errorf("%s: %v", schema, problems[0])
		}
		events++
	}
	if events != len(names)+1 {
		t.Errorf("got %d events, want %d", events, len(names)+1)
	}
}

func TestEveryCodeIsDescribed(t *testing.T) {
	var described []hub.Code
	for _, value := range model(t).Components.Schemas.GetOrZero("ProblemCode").Schema().Enum {
		described = append(described, hub.Code(value.Value))
	}
	all := []hub.Code{
		hub.CodeNotFound, hub.CodeAmbiguous, hub.CodeNotPayable, hub.CodeAmountChanged, hub.CodeBusy, hub.CodeMaintenance,
		hub.CodeAuth, hub.CodeBadData, hub.CodeTimeout, hub.CodeUnsupported, hub.CodeUnavailable, hub.CodeForeignData,
		hub.CodeInvalid, hub.CodeUnauthenticated, hub.CodeForbidden, hub.CodeConflict, hub.CodeTooMany, hub.CodeCancelled,
		hub.CodeInternal, "overloaded", "no_such_route", "method_not_allowed", "not_acceptable", "unsupported_media_type",
		"too_large", "malformed", "link_refused", "key_reused", "quote_used", "quote_expired", "not_started", "refundable_changed", "refund_not_failed", "card_data",
	}
	slices.Sort(described)
	slices.Sort(all)
	if diff := cmp.Diff(all, described); diff != "" {
		t.Errorf("codes (-code +document):\n%s", diff)
	}
}

// TestEveryProblemLeadsToItsDescription follows the type of a problem.
func TestEveryProblemLeadsToItsDescription(t *testing.T) {
	s := newScene(t, nil)
	page := s.ask("GET", "/docs", "").Body.String()
	for _, value := range model(t).Components.Schemas.GetOrZero("ProblemCode").Schema().Enum {
		_, row, found := strings.Cut(page, `<tr id="problem-`+value.Value+`">`)
		row, _, _ = strings.Cut(row, "</tr>")
		if !found || !strings.Contains(row, "</p>") {
			t.Errorf("the page does not say what to do about %s: %s", value.Value, row)
		}
	}
	if p := problemIn(t, s.ask("GET", "/v1/nothing", "")); p.Type != "/docs#problem-no_such_route" {
		t.Errorf("got type %s", p.Type)
	}
}

// TestEveryMemberIsDescribed keeps a reader from guessing what a name means.
func TestEveryMemberIsDescribed(t *testing.T) {
	for name, schema := range model(t).Components.Schemas.FromOldest() {
		if schema.Schema().Description == "" {
			t.Errorf("%s is not described", name)
		}
		undescribed(t, name, schema)
	}
}

func undescribed(t *testing.T, at string, of *base.SchemaProxy) {
	schema := of.Schema()
	if schema.Items != nil && schema.Items.A != nil && !schema.Items.A.IsReference() {
		undescribed(t, at, schema.Items.A)
	}
	for name, member := range schema.Properties.FromOldest() {
		if member.IsReference() {
			continue
		}
		if member.Schema().Description == "" {
			t.Errorf("%s.%s is not described", at, name)
		}
		undescribed(t, at+"."+name, member)
	}
}

func TestTheDocumentSaysHowOftenAnAccountMayBeTried(t *testing.T) {
	want := fmt.Sprintf("%d attempts a day", link.AttemptsADay)
	if !strings.Contains(newScene(t, nil).ask("GET", "/openapi.yaml", "").Body.String(), want) {
		t.Errorf("the document does not say %q", want)
	}
}

func TestThePageShowsEverythingAndLoadsNothing(t *testing.T) {
	w := newScene(t, nil).ask("GET", "/docs", "")
	page := w.Body.String()
	for path, item := range model(t).Paths.PathItems.FromOldest() {
		for _, op := range item.GetOperations().FromOldest() {
			if !strings.Contains(page, `<article id="`+op.OperationId+`">`) || !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("the page does not show %s", op.OperationId)
			}
		}
	}
	for name := range model(t).Components.Schemas.FromOldest() {
		if !strings.Contains(page, `<article id="`+name+`">`) {
			t.Errorf("the page does not show %s", name)
		}
	}
	for _, loaded := range []string{"<script", "src=", "@import", "url(", `="http`, `='http`, "<link", " style="} {
		if strings.Contains(page, loaded) {
			t.Errorf("the page holds %q", loaded)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("got policy %s", policy)
	}
	for _, target := range anchors(page) {
		if !strings.Contains(page, `id="`+target+`"`) {
			t.Errorf("a link leads to #%s, which is not there", target)
		}
	}
}

func anchors(page string) (all []string) {
	for _, part := range strings.Split(page, `href="#`)[1:] {
		target, _, _ := strings.Cut(part, `"`)
		all = append(all, target)
	}
	return all
}
