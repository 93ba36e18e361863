package connectors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"racord/connectors"
	"racord/hub"
)

// paper is a kind without a wire: tests give it answers by hand.
var paper = connectors.Define("paper", "Answers given by hand.", struct{}{},
	func(context.Context, connectors.Env, *connectors.Manifest, struct{}) (*hub.Connector, error) {
		return &hub.Connector{}, nil
	})

const paperHead = `kind: paper
creditor: hall
name: Hall
category: tax_office
accounts:
  - {id: buildings, iban: RO31TREZ99921A070101XXXX, beneficiary: Hall, revenue_code: "07.01.01"}
  - {id: land, iban: RO66TREZ99921A070201XXXX, beneficiary: Hall, revenue_code: "07.02.01"}
traits:
  fetch: [by_party, by_account]
  identifiers: [ro:cnp, ro:cui]
calls:
  obligations:
`

// paperMap is the mapping most tests use.
const paperMap = `    subject: {party: $.who.cnp, account: $.who.role, record: role, among: $.who.roles}
    items: debts
    map:
      external_id: id
      kind: {path: code, table: {B: tax.building, L: tax.land}}
      outstanding: due | money_ro
      paid: paid | money_ro
      debtor: $.who.name | squeeze | cedilla
      subject: {label: {each: $.things, where: {code: code}, path: name}}
      issued_on: issued | date_ro
      period: {year: year}
      iban: iban
      components:
        - {type: ="principal", amount: base | money_ro}
        - {type: ="late", amount: late | money_ro}
      options:
        - {kind: ="full", amount: due | money_ro}
        - each: $.offers
          where: {code: code}
          when: {at: ^.n, is: "1"}
          kind: ="early_full_year"
          amount: {expr: "sum(filter(root.debts, .code == record.code), money_ro(.due)) - money_ro(element.off)"}
          available_until: until | date_ro
      next_change:
        - {after: deadline | date_ro, reason: ="due"}
        - {each: $.offers, where: {code: code}, after: until | date_ro, reason: ="discount_ends"}
`

func paperManifest(t testing.TB, calls string) *connectors.Manifest {
	t.Helper()
	m, err := connectors.NewCatalog(paper).Parse("hall.yaml", []byte(paperHead+calls))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)
	ana  = hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: "2920229120001"}}
)

// read reads a JSON answer with a mapping.
func read(t testing.TB, calls, answer string, asked hub.Asked) (hub.Answer, error) {
	t.Helper()
	m := paperManifest(t, calls)
	j, err := connectors.ParseJSON([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Release()
	r := m.Reading(m.Calls["obligations"], asked, noon)
	if err := r.Classify(0, j.Root(), 0); err != nil {
		return hub.Answer{}, err
	}
	_, err = r.Page(j.Root())
	return r.Answer(), err
}

// anaOwes wraps records into an answer about Ana.
func anaOwes(records ...string) string {
	return `{"who":{"cnp":"2920229120001","role":"7","roles":["7","8"],"name":" MUREŞAN  ANA "},"things":[{"code":"L","name":"Plot"},{"code":"B","name":"Flat"},{"code":"B","name":"Other"}],"offers":[{"code":"B","off":"51,50","until":"31.03.2026"}],"debts":[` + strings.Join(records, ",") + `]}`
}

const (
	firstHalf  = `{"id":"b1","code":"B","role":"7","n":1,"due":"257,50","paid":"0,00","base":"257,50","late":"0,00","iban":"RO31TREZ99921A070101XXXX","issued":"02.01.2026","deadline":"31.03.2026","year":2026}`
	secondHalf = `{"id":"b2","code":"B","role":"8","n":2,"due":"257,50","paid":"","iban":"RO31TREZ99921A070101XXXX","deadline":"30.09.2026"}`
	credit     = `{"id":"l1","code":"L","role":"7","due":"-12,00","iban":"RO66TREZ99921A070201XXXX"}`
)

func TestARecordBecomesAnObligation(t *testing.T) {
	a, err := read(t, paperMap, anaOwes(firstHalf, secondHalf, credit), ana)
	if err != nil || len(a.Refused) != 0 || len(a.Obligations) != 3 {
		t.Fatalf("got %d obligations, %v refused, %v; want 3", len(a.Obligations), a.Refused, err)
	}
	want := hub.Obligation{
		ID: hub.NewObligationID("hall", "b1"), ExternalID: "b1", Kind: "tax.building", Debtor: "MUREȘAN ANA",
		Subject: &hub.Subject{Label: "Flat"},
		Period:  &hub.Period{From: "2026-01-01", To: "2026-12-31", Label: "2026"}, IssuedOn: "2026-01-02",
		Components: []hub.Component{{Type: "principal", Amount: hub.Bani(25750)}},
		Total:      hub.Bani(25750), Paid: hub.Bani(0), Outstanding: hub.Bani(25750), Status: hub.StatusOpen, HubState: hub.HubNone,
		NextChange: &hub.NextChange{At: time.Date(2026, 3, 31, 21, 0, 0, 0, time.UTC), Reason: "due"},
		Options: []hub.PaymentOption{
			{ID: "full", Kind: "full", Amount: hub.Bani(25750), Transfers: toBuildings(25750)},
			{ID: "early_full_year", Kind: "early_full_year", Amount: hub.Bani(46350), AvailableUntil: "2026-03-31", Transfers: toBuildings(46350)},
		},
	}
	if diff := cmp.Diff(want, a.Obligations[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o := a.Obligations[1]; len(o.Options) != 1 || o.NextChange.Reason != "discount_ends" {
		t.Errorf("second instalment: got %d options, next change %v; want 1 and the earlier end of the discount", len(o.Options), o.NextChange)
	}
	if o := a.Obligations[2]; o.Status != hub.StatusCredit || o.Options != nil || o.NextChange != nil {
		t.Errorf("credit: got status %s, %d options; want credit without a way to pay", o.Status, len(o.Options))
	}
	if !a.AsOf.Equal(noon) {
		t.Errorf("got as of %v, want now", a.AsOf)
	}
}

func toBuildings(minor int64) []hub.Transfer {
	return []hub.Transfer{{Seq: 1, AccountID: "buildings", IBAN: "RO31TREZ99921A070101XXXX", RevenueCode: "07.01.01", Amount: hub.Bani(minor)}}
}

func TestBadRecordsAreRefusedOneByOne(t *testing.T) {
	for name, tc := range map[string]struct{ record, code, field string }{
		"an unknown kind":       {`{"id":"x","code":"Q","role":"7","due":"1,00"}`, "unknown_kind", "debts[1].code"},
		"no id":                 {`{"code":"B","role":"7","due":"1,00"}`, "missing_field", "debts[1].id"},
		"a null id":             {`{"id":null,"code":"B","role":"7","due":"1,00"}`, "missing_field", "debts[1].id"},
		"no amount":             {`{"id":"x","code":"B","role":"7"}`, "missing_field", "debts[1].due"},
		"a float":               {`{"id":"x","code":"B","role":"7","due":0.30000000000000004}`, "bad_amount", "debts[1].due"},
		"an amount with parts":  {`{"id":"x","code":"B","role":"7","due":{"v":1}}`, "missing_field", "debts[1].due"},
		"a damaged late part":   {`{"id":"x","code":"B","role":"7","due":"1,00","late":"?"}`, "bad_amount", "debts[1].late"},
		"another's role":        {`{"id":"x","code":"B","role":"9","due":"1,00"}`, "foreign_record", "debts[1].role"},
		"nobody's role":         {`{"id":"x","code":"B","due":"1,00"}`, "foreign_record", "debts[1].role"},
		"the same id once more": {firstHalf, "duplicate_record", "debts[1].external_id"},
		"no object at all":      {`17`, "foreign_record", "debts[1].role"},
		"amounts that overflow": {`{"id":"x","code":"B","role":"7","due":"92233720368547758,07","paid":"1,00"}`, "bad_amount", "debts[1].due"},
	} {
		a, err := read(t, paperMap, anaOwes(firstHalf, tc.record, credit), ana)
		if err != nil || len(a.Obligations) != 2 || len(a.Refused) != 1 {
			t.Errorf("%s: got %d obligations, %v refused, %v; want 2 and 1", name, len(a.Obligations), a.Refused, err)
			continue
		}
		if got := a.Refused[0]; got.Code != tc.code || got.Field != tc.field {
			t.Errorf("%s: got %s at %s, want %s at %s", name, got.Code, got.Field, tc.code, tc.field)
		}
		if text, _ := json.Marshal(a.Refused); strings.Contains(string(text), "0.3000") {
			t.Errorf("%s: the refusal repeats data: %s", name, text)
		}
	}
}

// In a number of JSON three digits behind a point are decimals; money_ro reads
// them as thousands in text only.
func TestANumberIsNotReadAsGroupedText(t *testing.T) {
	const refused = -1
	const maps = `    items: debts
    map:
      external_id: id
      kind: ="tax.building"
      outstanding: OUTSTANDING
      details: {again: due | money_ro}
`
	for written, want := range map[string]int64{
		`70.125`: refused, `234.000`: 23400, `234.500`: 23450, `1234.5`: 123450, `1234`: 123400, `1e3`: refused, `0.01`: 1,
		`"70.125"`: 7012500, `"1.234,50"`: 123450, `"70.15"`: 7015,
	} {
		for _, field := range []string{"due | money_ro", "due | trim | money_ro", "{sum: [due | money_ro]}", `{expr: "money_ro(record.due)"}`} {
			a, err := read(t, strings.Replace(maps, "OUTSTANDING", field, 1), `{"debts":[{"id":"x","due":`+written+`}]}`, hub.Asked{})
			switch {
			case err != nil || len(a.Obligations)+len(a.Refused) != 1:
				t.Errorf("%s of %s: got %+v, %v, want a debt or a refusal", field, written, a, err)
			case want == refused && len(a.Refused) != 1 || want != refused && (len(a.Obligations) != 1 || a.Obligations[0].Outstanding.Minor != want):
				t.Errorf("%s of %s: got %+v, want %d", field, written, a.Obligations, want)
			case want != refused && a.Obligations[0].Details["again"] != fmt.Sprintf("%d.%02d", want/100, want%100):
				t.Errorf("%s of %s: got detail %q", field, written, a.Obligations[0].Details["again"])
			}
		}
	}
}

func TestSmallDamageIsNotedAndTheRecordKept(t *testing.T) {
	for name, tc := range map[string]struct{ record, code string }{
		"a day that does not exist": {`{"id":"x","code":"B","role":"7","due":"1,00","issued":"31.02.2026","iban":"RO31TREZ99921A070101XXXX"}`, "bad_date"},
		"an IBAN nobody approved":   {`{"id":"x","code":"B","role":"7","due":"1,00","iban":"RO49AAAA1B31007593840000"}`, "iban_not_approved"},
		"parts that differ":         {`{"id":"x","code":"B","role":"7","due":"1,00","base":"2,00","iban":"RO31TREZ99921A070101XXXX"}`, "components_differ"},
		"a text without end":        {`{"id":"x","code":"B","role":"7","due":"1,00","iban":"` + strings.Repeat("X", 1001) + `"}`, "too_long"},
	} {
		a, err := read(t, paperMap, anaOwes(tc.record), ana)
		if err != nil || len(a.Obligations) != 1 {
			t.Errorf("%s: got %v, %v refused; want the record kept", name, err, a.Refused)
			continue
		}
		o := a.Obligations[0]
		if !slices.ContainsFunc(o.Quality, func(e hub.QualityEvent) bool { return e.Code == tc.code && e.Field == "debts[0].*" }) {
			t.Errorf("%s: got quality %v, want %s", name, o.Quality, tc.code)
		}
		if (o.NotPayable != "") != (tc.code == "iban_not_approved" || tc.code == "too_long") { // nobody knows where to
			t.Errorf("%s: got not payable %q", name, o.NotPayable)
		}
		for _, option := range o.Options {
			if tc.code == "iban_not_approved" && option.Transfers != nil {
				t.Errorf("%s: got transfers %v, want none to an account nobody approved", name, option.Transfers)
			}
		}
	}
}

// A creditor with several accounts that names none has not said where the money
// goes: its debt is shown, and not paid here.
func TestADebtWithoutAnAccountIsShownAndNotPayable(t *testing.T) {
	a, err := read(t, paperMap, anaOwes(`{"id":"x","code":"B","role":"7","due":"1,00"}`), ana)
	if err != nil || len(a.Obligations) != 1 || a.Obligations[0].NotPayable == "" || a.Obligations[0].Outstanding.Minor != 100 {
		t.Errorf("got %+v, %v, want it shown and not payable", a.Obligations, err)
	}
}

func TestAnAnswerAboutSomebodyElseIsRefusedWhole(t *testing.T) {
	role := hub.Asked{Account: hub.AccountRef{Creditor: "hall", Code: "7"}}
	typed := hub.Asked{Account: hub.AccountRef{Creditor: "hall", Code: "ab 12"}}
	company := hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCUI, Value: "RO12345674"}}
	for name, tc := range map[string]struct {
		asked hub.Asked
		who   string
		want  hub.Code
	}{
		"Ana's":                     {ana, `{"cnp":"2920229120001","roles":["7"]}`, ""},
		"a neighbour's":             {ana, `{"cnp":"1850415120007","roles":["7"]}`, hub.CodeForeignData},
		"nobody's":                  {ana, `{"roles":["7"]}`, hub.CodeBadData},
		"nobody's, with a null":     {ana, `{"cnp":null,"roles":["7"]}`, hub.CodeBadData},
		"Ana's and a neighbour's":   {ana, `{"cnp":["2920229120001","1850415120007"],"roles":["7"]}`, hub.CodeForeignData},
		"the account's":             {role, `{"cnp":"1850415120007","role":"7","roles":["7"]}`, ""},
		"another account's":         {role, `{"cnp":"2920229120001","role":"70","roles":["7"]}`, hub.CodeForeignData},
		"with zeros before":         {role, `{"cnp":"2920229120001","role":"007","roles":["7"]}`, hub.CodeNotFound},
		"in capitals, no blank":     {typed, `{"cnp":"2920229120001","role":"AB12","roles":["7"]}`, hub.CodeNotFound},
		"that and a neighbour's":    {role, `{"cnp":"2920229120001","role":["007","8"],"roles":["7"]}`, hub.CodeForeignData},
		"the company's, without RO": {company, `{"cnp":"12345674","roles":["7"]}`, ""},
		"another company's":         {company, `{"cnp":"1000050","roles":["7"]}`, hub.CodeForeignData},
	} {
		_, err := read(t, paperMap, `{"who":`+tc.who+`,"debts":[`+firstHalf+`]}`, tc.asked)
		if got := hub.CodeOf(err); got != tc.want {
			t.Errorf("%s: got %v, want code %q", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "2920229120001") {
			t.Errorf("%s: the error repeats a personal code", name)
		}
	}
}

func TestAnswersAreThreeWay(t *testing.T) {
	calls := `    known: {at: found, is: "true"}
    errors:
      - {at: error, is: [E4, E5], code: not_found}
      - {at: error, is: E17, code: maintenance, retry_after: 5m}
      - {at: error, exists: true, code: bad_data}
    items: debts
    map: {external_id: id, kind: ="tax.building", outstanding: due | bani}
`
	for name, tc := range map[string]struct {
		answer string
		want   hub.Code
		owed   int
	}{
		"this is due":              {`{"found":true,"debts":[{"id":"a","due":100}]}`, "", 1},
		"nothing is due":           {`{"found":true,"debts":[]}`, "", 0},
		"nothing, as null":         {`{"found":true,"debts":null}`, "", 0},
		"nothing, left out":        {`{"found":true}`, hub.CodeBadData, 0},
		"not known here":           {`{"found":false}`, hub.CodeNotFound, 0},
		"not known here, by error": {`{"error":"E5"}`, hub.CodeNotFound, 0},
		"closed":                   {`{"error":"E17","debts":[]}`, hub.CodeMaintenance, 0},
		"an error nobody knows":    {`{"error":"E99","found":true,"debts":[]}`, hub.CodeBadData, 0},
		"an error that is null":    {`{"error":null,"found":true,"debts":[]}`, "", 0},
		"no list":                  {`{"found":true,"debts":{"id":"a"}}`, hub.CodeBadData, 0},
	} {
		a, err := read(t, calls, tc.answer, hub.Asked{})
		if got := hub.CodeOf(err); got != tc.want || len(a.Obligations) != tc.owed {
			t.Errorf("%s: got %d obligations, %v; want %d, %q", name, len(a.Obligations), err, tc.owed, tc.want)
		}
		if tc.want == hub.CodeMaintenance && hub.RetryAfterOf(err) != 5*time.Minute {
			t.Errorf("%s: got retry after %s, want 5m", name, hub.RetryAfterOf(err))
		}
	}
}

func TestOnlyTheManifestMaySayThatNoListMeansNothingIsDue(t *testing.T) {
	calls := "    items: debts\n    items_may_be_omitted: true\n    map: {external_id: id, kind: =\"tax.building\", outstanding: due | bani}\n"
	for answer, want := range map[string]hub.Code{`{}`: "", `{"debts":null}`: "", `{"debts":{}}`: hub.CodeBadData, `{"debts":"none"}`: hub.CodeBadData} {
		a, err := read(t, calls, answer, hub.Asked{})
		if got := hub.CodeOf(err); got != want || len(a.Obligations) != 0 {
			t.Errorf("%s: got %v, want code %q", answer, err, want)
		}
	}
}

func TestAnAnswerHasAtMostFiveHundredRecords(t *testing.T) {
	calls := "    items: $\n    map: {external_id: id, kind: =\"tax.building\", outstanding: due | bani}\n"
	for n, want := range map[int]hub.Code{500: "", 501: hub.CodeBadData} {
		var records []string
		for i := range n {
			records = append(records, `{"id":"`+time.Duration(i).String()+`","due":1}`)
		}
		_, err := read(t, calls, "["+strings.Join(records, ",")+"]", hub.Asked{})
		if got := hub.CodeOf(err); got != want {
			t.Errorf("%d records: got %v, want code %q", n, err, want)
		}
	}
}

func TestARowOfATableIsARecordToo(t *testing.T) {
	m := paperManifest(t, `    map:
      external_id: NR | trim
      kind: ="heat.bill"
      account: COD | pad_zeros(7)
      outstanding: {sum: [REST | money_ro, PENALIT | money_ro]}
      details: {month: LUNA, value: VAL | money_ro}
`)
	r := m.Reading(m.Calls["obligations"], hub.Asked{}, noon)
	row := connectors.NewRow([]string{"COD", "NR", "REST", "PENALIT", "LUNA", "VAL"})
	row.Set([]string{"4411", " TF 1 ", "1.284,77", "0,23"})
	o, refused := r.Record(row)
	if refused != nil || o.Account != "0004411" || o.ExternalID != "TF 1" || o.Outstanding.Minor != 128500 || o.Details != nil {
		t.Errorf("got %+v, %v; want 1285.00 for 0004411", o, refused)
	}
	row.Set([]string{"4412", "TF 2", "", "", "02.2026", "-1.000,05"})
	row.Null(0)
	if _, refused := r.Record(row); refused == nil || refused.Field != "record[1].sum" {
		t.Errorf("got %v, want the second record refused: nothing to add up", refused)
	}
	row.Set([]string{"4412", "TF 2", "1,00", "", "02.2026", "-1.000,05"})
	if o, refused := r.Record(row); refused != nil || o.Outstanding.Minor != 100 || o.Details["value"] != "-1000.05" || o.Details["month"] != "02.2026" {
		t.Errorf("got %+v, %v", o, refused)
	}
}

// FuzzMapping feeds the mapping with any JSON: it must not panic, and what it
// lets through must be whole.
func FuzzMapping(f *testing.F) {
	m := paperManifest(f, paperMap)
	f.Add([]byte(anaOwes(firstHalf, secondHalf, credit)))
	f.Add([]byte(`{"who":[{"cnp":"2920229120001"}],"debts":[[],{},null,"x"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := connectors.ParseJSON(data)
		if err != nil {
			return
		}
		defer j.Release()
		r := m.Reading(m.Calls["obligations"], ana, noon)
		if r.Classify(200, j.Root(), 0) != nil {
			return
		}
		if _, err := r.Page(j.Root()); err != nil {
			return
		}
		a := r.Answer()
		for i := range a.Obligations {
			o := &a.Obligations[i]
			if o.ExternalID == "" || !strings.HasPrefix(o.Kind, "tax.") || o.Status == "" || o.Total.Minor-o.Paid.Minor != o.Outstanding.Minor {
				t.Fatalf("got %+v", o)
			}
		}
	})
}
