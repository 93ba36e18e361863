package push_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"racord/connectors"
	"racord/connectors/push"
	"racord/hub"
)

const manifest = `kind: push
creditor: salub
name: Salubritate
category: waste
accounts: [{id: main, iban: RO49AAAA1B31007593840000, beneficiary: Salubritate}]
traits: {fetch: [by_account], delivery: {at: "05:30", grace: 48h}}
`

func inbox(t testing.TB) hub.Inbox {
	t.Helper()
	catalog := connectors.NewCatalog(push.Kind)
	m, err := catalog.Parse("salub.yaml", []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), connectors.Env{Clock: hub.ClockFunc(time.Now)}, m)
	if err != nil {
		t.Fatal(err)
	}
	return c.Inbox
}

// read gives what became of every row: its account and outstanding bani, or what
// was wrong and, where it can be read, with what.
func read(t testing.TB, form hub.Form, body io.Reader) (all []string, err error) {
	t.Helper()
	rows, err := inbox(t).Rows(form, body)
	if err != nil {
		return nil, err
	}
	for r, err := range rows {
		switch {
		case err != nil:
			return all, err
		case r.Refused != nil:
			all = append(all, fmt.Sprintf("%d: %s %s (%s/%s)", r.Line, r.Refused.Code, r.Refused.Field, r.Account, r.Obligation.ExternalID))
		default:
			all = append(all, fmt.Sprintf("%d: %s %s %d", r.Line, r.Account, r.Obligation.ExternalID, r.Obligation.Outstanding.Minor))
		}
	}
	return all, nil
}

func TestABadRowNeverLosesTheRest(t *testing.T) {
	long := strings.Repeat("x", 400<<10)
	for name, tc := range map[string]struct {
		form hub.Form
		rows []string
		want []string
	}{
		"objects": {hub.FormNDJSON, []string{
			`{"id":"1","account":"A","kind":"waste.bill","outstanding":100,"due_on":"2026-03-31"}`,
			`{"id":"2","account":"A","kind":"waste.bill","outstanding":1.5}`,
			`{"id":"3","account":"A","kind":"waste.bill"}`,
			`{"id":"4","kind":"waste.bill","outstanding":1}`,
			`not JSON`,
			``,
			`[1,2]`,
			`{"id":"5","account":"A","kind":"waste.bill","outstanding":5,"debtor":"` + long + `"}`,
			`{"id":"6","account":"A","kind":"waste.bill","outstanding":6,"due_on":"31.03.2026"}`,
			"{\"id\":\"7\",\"account\":\"A\",\"kind\":\"waste.bill\",\"outstanding\":7,\"debtor\":\"\xff\"}",
			`{"id":"1850415120007","account":"A","kind":"waste.bill","outstanding":8}`,
			`{"id":"9","account":"A","kind":"waste.bill","outstanding":9,"total":5,"paid":1}`,
			`{"id":"10","account":"B","kind":"waste.bill","outstanding":-10}`,
		}, []string{
			"1: A 1 100", "2: bad_amount outstanding (A/2)", "3: missing_field outstanding (A/3)", "4: missing_field account (/4)",
			"5: bad_row  (/)", "7: bad_row  (/)", "8: bad_row  (/)",
			"9: bad_date due_on (A/6)", "10: bad_row  (/)", "11: personal_id id (A/)", "12: amounts_differ  (A/9)", "13: B 10 -10",
		}},
		"a table": {hub.FormCSV, []string{
			"\xef\xbb\xbfid;account;kind;outstanding;due_on;reference.invoice;debtor",
			`1;A;waste.bill;100;2026-03-31;F1;"MUREȘAN; ANA"`,
			`2;A;waste.bill;1,50;;;`,
			`3;A;waste.bill`,
			`4;A;"waste.bill;4;;;`,
			``,
			`5;;waste.bill;5;;;`,
			`6;B;waste.bill;6;;;`,
		}, []string{"2: A 1 100", "3: bad_amount outstanding (A/2)", "4: bad_row  (/)", "5: bad_row  (/)", "7: missing_field account (/5)", "8: B 6 6"}},
	} {
		got, err := read(t, tc.form, strings.NewReader(strings.Join(tc.rows, "\n")))
		if err != nil || strings.Join(got, "|") != strings.Join(tc.want, "|") {
			t.Errorf("%s: got\n%s (%v)\nwant\n%s", name, strings.Join(got, "\n"), err, strings.Join(tc.want, "\n"))
		}
	}
}

func TestABodyThatCannotBeReadIsRefusedWhole(t *testing.T) {
	good := `{"id":"1","account":"A","kind":"waste.bill","outstanding":100}` + "\n"
	for name, tc := range map[string]struct {
		form hub.Form
		body io.Reader
		code hub.Code
	}{
		"a connection that broke": {hub.FormNDJSON, io.MultiReader(strings.NewReader(good), iotest.ErrReader(io.ErrUnexpectedEOF)), hub.CodeBadData},
		"another form":            {"text/xml", strings.NewReader("<a/>"), hub.CodeUnsupported},
		"an unknown column":       {hub.FormCSV, strings.NewReader("id,account,kind,outstanding,sold\n"), hub.CodeInvalid},
		"a column twice":          {hub.FormCSV, strings.NewReader("id,account,kind,outstanding,id\n"), hub.CodeInvalid},
		"a column missing":        {hub.FormCSV, strings.NewReader("id,kind,outstanding\n"), hub.CodeInvalid},
		"nothing":                 {hub.FormCSV, strings.NewReader(""), hub.CodeInvalid},
	} {
		if _, err := read(t, tc.form, tc.body); hub.CodeOf(err) != tc.code {
			t.Errorf("%s: got %v, want code %s", name, err, tc.code)
		}
	}
}
