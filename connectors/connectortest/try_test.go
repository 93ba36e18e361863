package connectortest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/connectors/kinds"
	"racord/connectors/rest"
	"racord/hub"
)

const tried = `kind: rest
creditor: gaz
name: Gaz
category: gas
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Gaz}]
traits: {fetch: [by_party], identifiers: ["ro:cnp"]}
test: {known: {cnp: "2920229120001"}, other: {cnp: "1850415120007"}, unknown: {cnp: "7760101400001"}}
settings: {base_url: "BASE", auth: {type: bearer, secret: gaz-key}}
calls:
  obligations:
    read: true
    request: {method: POST, path: /bills, body: {cnp: "{{ cnp }}"}}
    errors: [{status: 404, at: code, is: stranger, code: not_found}]
    subject: {party: who}
    items: bills
    map:
      external_id: id
      kind: ="gas.bill"
      outstanding: due | money_ro
      debtor: $.holder | squeeze
      reference: {invoice: number}
      installments: [{due_on: day | date_ro}]
`

func TestADryRunShowsRawAndMappedSideBySide(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(string(body), eva) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"code":"stranger"}`)
			return
		}
		_, _ = io.WriteString(w, `{"who":"`+eva+`","holder":" MUREȘAN  ANA ","bills":[
			{"id":"G1","due":"1.284,77","day":"31.03.2026","number":"F 1","owner":"`+eva+`"},
			{"id":"G2","due":"12,3456","day":"30.04.2026","number":"F 2","neighbour":1850415120007}]}`)
	}))
	t.Cleanup(server.Close)
	catalog := connectors.NewCatalog(rest.Kind)
	m, err := catalog.Parse("gaz.yaml", []byte(strings.Replace(tried, "BASE", server.URL, 1)))
	if err != nil {
		t.Fatal(err)
	}
	who, err := connectortest.Subject(m, hub.TrialSubject{Debtor: "known"})
	if err != nil {
		t.Fatal(err)
	}
	dry := connectortest.Try(t.Context(), catalog, m, world(t), who)
	if len(dry.Records) != 2 || dry.Code != "" || len(dry.Exchanges) != 1 {
		t.Fatalf("got %+v, want two records of one call", dry)
	}
	good, bad := dry.Records[0], dry.Records[1]
	if good.Mapped == nil || good.Mapped.Outstanding != hub.Bani(128_477) || len(good.Refused) != 0 {
		t.Errorf("got %+v, want the first mapped", good)
	}
	if bad.Mapped != nil || len(bad.Refused) != 1 || bad.Refused[0].Code != "bad_amount" {
		t.Errorf("got %+v, want the second refused", bad)
	}
	for _, want := range []hub.DryField{
		{Field: "outstanding", From: "due | money_ro", Raw: "1.284,77", Ours: `{"amount":128477,"currency":"RON"}`},
		{Field: "debtor", From: "$.holder | squeeze", Raw: " MUREȘAN  ANA ", Ours: "MUREȘAN ANA"},
		{Field: "kind", From: "gas.bill", Ours: "gas.bill"},
		{Field: "reference.invoice", From: "number", Raw: "F 1", Ours: "F 1"},
	} {
		if !contains(good.Fields, want) {
			t.Errorf("got %+v, want %+v among them", good.Fields, want)
		}
	}
	if want := (hub.DryField{Field: "outstanding", From: "due | money_ro", Raw: "12,3456", Problem: bad.Refused[0].Detail}); !contains(bad.Fields, want) {
		t.Errorf("got %+v, want %+v among them", bad.Fields, want)
	}
	text, err := json.Marshal(dry)
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{eva, ion, "sesame-of-gaz"} {
		if strings.Contains(string(text), never) {
			t.Errorf("the dry run holds %q: %s", never, text)
		}
	}
	stranger := connectortest.Try(t.Context(), catalog, m, world(t), m.Test.Unknown)
	if stranger.Code != hub.CodeNotFound || len(stranger.Records) != 0 || !strings.Contains(stranger.Exchanges[0].CameBack, "stranger") {
		t.Errorf("got %+v, want code not_found and what came back", stranger)
	}
}

func contains(fields []hub.DryField, want hub.DryField) bool {
	for _, f := range fields {
		if f == want {
			return true
		}
	}
	return false
}

func TestADryRunOfADeliveryShowsOneAccountOfIt(t *testing.T) {
	city := startTown(t)
	m := demo(t, city, "heating.yaml")
	p, err := city.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	account := p.Accounts["heating"][0].Code
	dry := connectortest.Try(t.Context(), kinds.All(), m, way(t, city), hub.Asked{Account: hub.AccountRef{Creditor: "heating", Code: account}})
	if dry.Code != "" || len(dry.Records) == 0 {
		t.Fatalf("got %+v, want the account's bills", dry)
	}
	for _, r := range dry.Records {
		if r.Mapped == nil || r.Mapped.Account != hub.Mask(account) || r.Raw == "" {
			t.Errorf("got %+v, want a bill of the account, its code masked", r)
		}
	}
}

func TestADryRunNeedsSomebody(t *testing.T) {
	m, err := connectors.NewCatalog(rest.Kind).Parse("gaz.yaml", []byte(strings.Replace(tried, "BASE", "https://gaz.example", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, whom := range []hub.TrialSubject{{}, {Debtor: "settled"}, {Debtor: "anybody"}, {Account: "1850415120007"}, {Account: " 185-0415 12.0007"}} {
		if _, err := connectortest.Subject(m, whom); hub.CodeOf(err) != hub.CodeInvalid {
			t.Errorf("%+v: got %v, want code invalid", whom, err)
		}
	}
}

const triedByAccount = `kind: rest
creditor: gaz
name: Gaz
category: gas
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Gaz}]
traits: {fetch: [by_account]}
test: {known: {account: "12"}, other: {account: "13"}, unknown: {account: "99"}}
settings: {base_url: "BASE", auth: {type: none}}
calls:
  obligations:
    read: true
    request: {method: POST, path: /bills, body: {account: "{{ account }}"}}
    subject: {account: who}
    as_of: at | datetime_ro
    items: bills
    map:
      external_id: id
      kind: ="gas.bill"
      outstanding: due | money_ro
      account: $.who
      installments: [{due_on: day | date_ro}]
`

func TestAShortCodeOfAnAccountIsMaskedInTextsOnly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"who":"12","at":"12.03.2026 12:12","bills":[{"id":"G1","due":"1.212,12","day":"12.12.2026"}]}`)
	}))
	t.Cleanup(server.Close)
	catalog := connectors.NewCatalog(rest.Kind)
	m, err := catalog.Parse("gaz.yaml", []byte(strings.Replace(triedByAccount, "BASE", server.URL, 1)))
	if err != nil {
		t.Fatal(err)
	}
	dry := connectortest.Try(t.Context(), catalog, m, world(t), m.Test.Known)
	if len(dry.Records) != 1 || dry.Records[0].Mapped == nil {
		t.Fatalf("got %+v, want the bill mapped", dry)
	}
	if o := dry.Records[0].Mapped; o.Outstanding != hub.Bani(121_212) || o.Account != hub.Mask("12") || len(o.Installments) != 1 || o.Installments[0].DueOn != "2026-12-12" {
		t.Errorf("got %+v, want its amount and its day as they are, and the code masked", o)
	}
}
