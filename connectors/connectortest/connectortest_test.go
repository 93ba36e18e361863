package connectortest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"racord/connectors"
	"racord/connectors/connectortest"
	"racord/hub"
)

func TestAGoodConnectorPasses(t *testing.T) {
	report := connectortest.Test(t, suite(t, ""))
	if !report.Passed() {
		t.Errorf("got %v, want all passed", failures(report))
	}
	if n := verdicts(report, connectortest.Passed); n < 28 {
		t.Errorf("got %d clauses passed, want at least 28: the others did not look", n)
	}
}

func failures(r connectortest.Report) (names []string) {
	for _, result := range r.Results {
		if result.Verdict == connectortest.Failed {
			names = append(names, result.Clause)
		}
	}
	return names
}

func verdicts(r connectortest.Report, v connectortest.Verdict) (n int) {
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

func TestEachDefectFailsItsOwnClause(t *testing.T) {
	for d, want := range map[defect][]string{
		"does not open":                   {"it opens"},
		"does not ping":                   {"the creditor is reachable"},
		"an empty list for strangers":     {"an unknown subject is not found"},
		"a bare 404 means not found":      {"a page that is gone does not mean not found"},
		"other words every time":          {"asking twice gives the same"},
		"refuses a record":                {"no record is refused"},
		"lei for bani":                    {"amounts are the expected ones", "amounts are in bani"},
		"settled like strangers":          {"a subject that owes nothing is known"},
		"tires of calls":                  {"the declared rate is borne"},
		"reads pages":                     nil,
		"takes the first pages for all":   {"an endless list ends"},
		"forgets when it opens":           {"a closed system says when to ask again"},
		"remembers its first key":         {"credentials are looked at, and can be changed"},
		"a key of its own":                {"credentials are looked at, and can be changed"},
		"parts that do not add up":        {"amounts add up"},
		"one id for all":                  {"names of debts are present and unique"},
		"ids of its own":                  {"names of debts are present and unique"},
		"the 31st of February":            {"dates exist"},
		"answers from the future":         {"the answer says when it was true"},
		"padded names":                    {"text is clean"},
		"cedillas":                        {"text is clean"},
		"an account nobody approved":      {"money goes to approved accounts"},
		"transfers that do not add up":    {"money goes to approved accounts"},
		"forgets the context":             {"a cancelled call ends", "a deadline is kept"},
		"two turns":                       {"every call waits for its turn"},
		"two calls at once":               {"no more calls at once than declared"},
		"leaves answers open":             {"no more calls at once than declared"},
		"believes anybody's data":         {"another subject's data are refused"},
		"knows all fields":                {"unknown fields do no harm"},
		"repairs truncated answers":       {"a truncated answer is an error"},
		"reads without end":               {"an endless answer is an error"},
		"reads any character set":         {"a wrong character set is noticed"},
		"forgets Retry-After":             {"too many requests is busy"},
		"a broken server is bad data":     {"a broken server is unavailable", "a closed system says when to ask again"},
		"401 is a broken server":          {"refused credentials are auth", "credentials are looked at, and can be changed"},
		"takes no list for an empty one":  {"an answer without its list is an error"},
		"takes silence for the last page": {"an answer that does not say whether more follows is an error"},
		"repeats their words":             {"the creditor's words are not repeated"},
		"a code in the address":           {"no personal code in an address or a header"},
		"a code in a header":              {"no personal code in an address or a header"},
		"a code in errors":                {"no personal code in an error or a log"},
		"a code in the log":               {"no personal code in an error or a log"},
		"a secret in the address":         {"no credential in an address, an error or a log"},
	} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := suite(t, d)
			if d == "one id for all" {
				s.Expected = nil
			}
			report := connectortest.Run(t.Context(), s)
			if got := failures(report); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
				for _, r := range report.Results {
					if r.Verdict == connectortest.Failed {
						t.Logf("%s: %s", r.Clause, r.Why)
					}
				}
			}
			toldTogether(t, report)
		})
	}
}

// toldTogether looks for what a report must never hold.
func toldTogether(t *testing.T, report connectortest.Report) {
	t.Helper()
	var table bytes.Buffer
	if err := report.Table(&table); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{ana, ion, zoe, eva, "sesame-of-gaz"} {
		if strings.Contains(table.String()+string(encoded), secret) {
			t.Errorf("the report holds %q\n%s", secret, &table)
		}
	}
}

func TestAReportSaysWhatToChange(t *testing.T) {
	report := connectortest.Run(t.Context(), suite(t, "an empty list for strangers"))
	var table bytes.Buffer
	if err := report.Table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CLAUSE ", "RESULT ", "WHAT TO CHANGE",
		"an unknown subject is not found ", "failed ", "Map what the creditor says about strangers to not_found",
		"sent: POST http://127.0.0.1:", `{"code":"***008"}`, `came back: 404 application/json; charset=utf-8 {"error":"stranger"}`,
		"gaz: ", " 1 failed",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("got\n%s\nwant it to say %q", &table, want)
		}
	}
	lines := strings.Split(table.String(), "\n")
	column := strings.Index(lines[0], "RESULT")
	for _, line := range lines[1:len(report.Results)] {
		if line[column-1] != ' ' || line[column] == ' ' {
			t.Errorf("got %q, want its result under RESULT", line)
		}
	}
	var back connectortest.Report
	encoded, err := json.Marshal(report)
	if err == nil {
		err = json.Unmarshal(encoded, &back)
	}
	if err != nil || !slices.Equal(back.Results, report.Results) {
		t.Errorf("got %v (%v), want the report again", back, err)
	}
}

func TestWithoutTestDebtorsTheSuiteSaysSo(t *testing.T) {
	s := suite(t, "")
	s.Known, s.Other, s.Unknown = hub.Asked{}, hub.Asked{}, hub.Asked{}
	report := connectortest.Run(t.Context(), s)
	if got := failures(report); !slices.Equal(got, []string{"a known subject is listed"}) {
		t.Errorf("got %q failed, want the missing debtors named", got)
	}
}

func TestTheSuiteTellsOfEveryClauseAsItEnds(t *testing.T) {
	var told []connectortest.Result
	ctx, stop := context.WithCancel(t.Context())
	stop() // every clause ends at once
	s := connectortest.Suite{
		Open: func(ctx context.Context, _ func(connectors.Env) connectors.Env) (*hub.Connector, error) {
			return nil, ctx.Err()
		},
		Told: func(r connectortest.Result) { told = append(told, r) },
	}
	if report := connectortest.Run(ctx, s); !slices.Equal(told, report.Results) {
		t.Errorf("got told of %d clauses, want all %d in order", len(told), len(report.Results))
	}
}
