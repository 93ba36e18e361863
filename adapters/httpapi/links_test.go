package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/pay"

	"github.com/google/go-cmp/cmp"
)

const linkBody = `{"creditor":"water","account":"0004411","proof":{"invoice":"F 12","amount":{"amount":7015,"currency":"RON"}}}`

func TestAnAccountIsLinkedListedAndTakenBack(t *testing.T) {
	s := newScene(t, nil)
	w := s.ask("POST", "/v1/links", linkBody)
	want := `{"id":"link-1","creditor":"water","account":"0004411","linked_at":"2026-03-15T10:00:00Z"}`
	if w.Code != http.StatusCreated || w.Body.String() != want || w.Header().Get("Location") != "/v1/links/link-1" {
		t.Errorf("got %d %s at %q, want 201 %s at /v1/links/link-1", w.Code, w.Body, w.Header().Get("Location"), want)
	}
	asked := fmt.Sprintf("%v %v", s.links.account, s.links.proof)
	if asked != "{water 0004411} {F 12 70.15 RON}" {
		t.Errorf("the use case was asked about %s", asked)
	}
	s.links.list = []hub.Link{{ID: "link-1", Party: "p", Account: hub.AccountRef{Creditor: "water", Code: "0004411"}, LinkedAt: noon}}
	if w := s.ask("GET", "/v1/links", ""); w.Code != ok || w.Body.String() != `{"links":[`+want+`]}` {
		t.Errorf("list: got %d %s", w.Code, w.Body)
	}
	if w := s.ask("DELETE", "/v1/links/link-1", ""); w.Code != http.StatusNoContent || w.Body.Len() > 0 || s.links.removed != "link-1" {
		t.Errorf("taking back: got %d %s about %q", w.Code, w.Body, s.links.removed)
	}
}

func TestNoLinksAreAnEmptyList(t *testing.T) {
	if w := newScene(t, nil).ask("GET", "/v1/links", ""); w.Body.String() != `{"links":[]}` {
		t.Errorf("got %s, want an empty list", w.Body)
	}
}

func TestALinkThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"unknown account or wrong proof": {hub.Errorf(hub.CodeNotFound, "The account cannot be linked with these data."), 422, "link_refused"},
		"linked already":                 {hub.Errorf(hub.CodeConflict, "It is yours already."), 409, "conflict"},
		"too many attempts":              {hub.Errorf(hub.CodeTooMany, "Tomorrow."), 429, "too_many"},
		"a creditor that is closed":      {hub.Errorf(hub.CodeMaintenance, "Closed."), 503, "maintenance"},
		"a creditor without accounts":    {hub.Errorf(hub.CodeInvalid, "No."), 400, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			s.links.failure = tc.err
			w := s.ask("POST", "/v1/links", linkBody)
			if p := problemIn(t, w); w.Code != tc.status || p.Code != tc.code {
				t.Errorf("got %d %q, want %d %q", w.Code, p.Code, tc.status, tc.code)
			}
		})
	}
}

func TestABodyIsReadStrictly(t *testing.T) {
	replaced := func(old, new string) string { return strings.Replace(linkBody, old, new, 1) }
	for name, tc := range map[string]struct {
		body, contentType string
		status            int
		pointer           string
	}{
		"as it should be":       {linkBody, "application/json; charset=utf-8", 201, ""},
		"not JSON by its type":  {linkBody, "text/plain", 415, ""},
		"a form":                {"creditor=water", "application/x-www-form-urlencoded", 415, ""},
		"another character set": {linkBody, "application/json; charset=windows-1250", 415, ""},
		"no type":               {linkBody, "", 415, ""},
		"empty":                 {" ", "application/json", 400, ""},
		"not JSON":              {"{creditor:water}", "application/json", 400, ""},
		"cut off":               {linkBody[:40], "application/json", 400, ""},
		"two values":            {linkBody + "{}", "application/json", 400, ""},
		"a list":                {"[" + linkBody + "]", "application/json", 400, ""},
		"null":                  {"null", "application/json", 400, "/creditor"},
		"nested too deep":       {strings.Repeat("[", 30_000), "application/json", 400, ""},
		"longer than 64 KiB":    {replaced("0004411", strings.Repeat("0", 70_000)), "application/json", 413, ""},
		"unknown member":        {replaced(`"account"`, `"x":1,"account"`), "application/json", 400, "/x"},
		"unknown member inside": {replaced(`"invoice"`, `"cnp":"1","invoice"`), "application/json", 400, "/proof/cnp"},
		"member in capitals":    {replaced(`"account"`, `"Account"`), "application/json", 400, "/Account"},
		"member given twice":    {replaced(`"account"`, `"creditor":"ditl","account"`), "application/json", 400, "/creditor"},
		"amount in lei":         {replaced("7015", "70.15"), "application/json", 400, "/proof/amount/amount"},
		"amount as text":        {replaced("7015", `"7015"`), "application/json", 400, "/proof/amount/amount"},
		"amount too large":      {replaced("7015", "99999999999999999999"), "application/json", 400, "/proof/amount/amount"},
		"another currency":      {replaced("RON", "EUR"), "application/json", 400, "/proof/amount/currency"},
		"no amount":             {replaced(`,"amount":{"amount":7015,"currency":"RON"}`, ""), "application/json", 400, "/proof/amount"},
		"no proof":              {`{"creditor":"water","account":"0004411"}`, "application/json", 400, "/proof"},
		"no account":            {replaced("0004411", ""), "application/json", 400, "/account"},
		"account of blanks":     {replaced("0004411", "  "), "application/json", 400, "/account"},
		"account as a number":   {replaced(`"0004411"`, "4411"), "application/json", 400, "/account"},
		"account with a line":   {replaced("0004411", `1\n2`), "application/json", 400, "/account"},
		"account of 65 letters": {replaced("0004411", strings.Repeat("x", 65)), "application/json", 400, "/account"},
		"not a creditor":        {replaced("water", "Water!"), "application/json", 400, "/creditor"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScene(t, nil).ask("POST", "/v1/links", tc.body, "Content-Type", tc.contentType)
			if w.Code != tc.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, tc.status)
			}
			if tc.status == 201 {
				return
			}
			if p := problemIn(t, w); tc.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != tc.pointer) {
				t.Errorf("got errors %+v, want the first about %q", p.Errors, tc.pointer)
			}
		})
	}
}

func TestABodyNestedTooDeepIsNotRead(t *testing.T) {
	for depth, want := range map[int]string{17: "invalid", 18: "malformed", 30_000: "malformed"} {
		body := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		if p := problemIn(t, newScene(t, nil).ask("POST", "/v1/links", body)); p.Code != want {
			t.Errorf("%d deep: got %q, want %q", depth, p.Code, want)
		}
	}
}

func FuzzABodyNeverBreaksTheDoor(f *testing.F) {
	s := newScene(f, raised)
	f.Add(linkBody)
	f.Add(`{"creditor":"water","proof":{"amount":{"amount":1e400}}}`)
	f.Add(`[[[{"a":null}]]]`)
	f.Fuzz(func(t *testing.T, body string) {
		w := s.ask("POST", "/v1/links", body, "Content-Type", "application/json")
		if w.Code != 201 && w.Code/100 != 4 {
			t.Errorf("got %d for %q", w.Code, body)
		}
	})
}

func TestCreditorsAreListed(t *testing.T) {
	s := newScene(t, func(p *httpapi.Parts, _ *httpapi.Conf) {
		p.Roster = hub.Fleet{{
			Creditor: hub.Creditor{Name: "water", Title: "Apă", Category: "water", CUI: "12345674", Contact: "apa@example", Accounts: []hub.CreditorAccount{{ID: "main"}}},
			Traits: hub.Traits{Fetch: []hub.Fetch{hub.FetchByAccount}, ProofDoc: "On the bill, top right.",
				Paying: hub.Paying{Class: hub.ClassA, Partial: true, WithoutDebt: true}},
			Sink: &creditor{},
		}, {Creditor: hub.Creditor{Name: "empty", Title: "E", Category: "other"}, Traits: hub.Traits{Paying: hub.Paying{Class: hub.ClassA, Partial: true, WithoutDebt: true}}}}
		p.Paying = httpapi.Paying{Payments: &pay.Service{}, References: &pay.Service{}}
	})
	w := s.ask("GET", "/v1/creditors", "")
	want := `{"creditors":[{"creditor":"water","name":"Apă","category":"water","cui":"12345674","contact":"apa@example",` +
		`"fetch":["by_account"],"linkable":true,"proof_doc":"On the bill, top right.","pays":true,"partial":true,"by_reference":true},` +
		`{"creditor":"empty","name":"E","category":"other","fetch":[],"linkable":false,"pays":false,"partial":false,"by_reference":false}]}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if again := s.ask("GET", "/v1/creditors", "", "If-None-Match", w.Header().Get("Etag")); again.Code != http.StatusNotModified {
		t.Errorf("again: got %d, want 304", again.Code)
	}
}
