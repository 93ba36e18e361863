package connectortest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"racord/connectors/connectortest"
	"racord/hub"
)

func TestAReportThatWasAlteredDoesNotOpen(t *testing.T) {
	report := connectortest.Run(t.Context(), suite(t, "lei for bani"))
	key, other := signingKey(t, 7), signingKey(t, 8)
	signed, err := report.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.MarshalIndent(signed, "", "  ") // as it is kept
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		old, new string
		key      ed25519.PrivateKey
		good     bool
	}{
		"as it was signed":    {"", "", key, true},
		"by another key":      {"", "", other, false},
		"a verdict altered":   {`"verdict": "failed"`, `"verdict": "passed"`, key, false},
		"a creditor altered":  {`"creditor": "gaz"`, `"creditor": "apa"`, key, false},
		"the signature cut":   {`"jws": "`, `"jws": "x`, key, false},
		"another algorithm":   {`"jws": "eyJhbGciOiJFZERTQS`, `"jws": "eyJhbGciOiJub25l`, key, false},
		"nobody signed":       {`"jws":`, `"x":`, key, false},
		"a part more":         {`"creditor": "gaz"`, `"creditor": "gaz", "passed": true`, key, false},
		"blanks between them": {`"creditor": "gaz"`, `"creditor"   :   "gaz"`, key, true},
	} {
		text := string(file)
		if tc.old != "" && !strings.Contains(text, tc.old) {
			t.Fatalf("%s: the file does not hold %s", name, tc.old)
		}
		var altered connectortest.Signed
		if err := json.Unmarshal([]byte(strings.Replace(text, tc.old, tc.new, 1)), &altered); err != nil {
			t.Fatal(err)
		}
		back, err := altered.Open(tc.key.Public().(ed25519.PublicKey))
		if (err == nil) != tc.good {
			t.Errorf("%s: got %v, want good: %t", name, err, tc.good)
		}
		if tc.good && !slices.Equal(back.Results, report.Results) {
			t.Errorf("%s: got another report", name)
		}
		if err != nil && hub.CodeOf(err) != hub.CodeUnauthenticated {
			t.Errorf("%s: got %v, want code unauthenticated", name, err)
		}
	}
}

func signingKey(t *testing.T, of byte) ed25519.PrivateKey {
	t.Helper()
	key, err := hub.SigningKey(bytes.Repeat([]byte{of}, hub.MasterKeyBytes), "reports")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestThePageShowsEveryClauseAndNobody(t *testing.T) {
	report := connectortest.Run(t.Context(), suite(t, "an empty list for strangers"))
	report.Results[0].Why = `<script>alert("x")</script>`
	var page bytes.Buffer
	if err := report.Page(&page); err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		if !strings.Contains(page.String(), "<td>"+strings.ReplaceAll(result.Clause, "'", "&#39;")+"</td>") {
			t.Errorf("the page does not show %q", result.Clause)
		}
	}
	for _, never := range []string{ana, ion, zoe, eva, "sesame-of-gaz", "<script", "http-equiv=\"refresh\"", "src="} {
		if strings.Contains(page.String(), never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if !strings.Contains(page.String(), "Map what the creditor says about strangers") || !strings.Contains(page.String(), "came back: 404") {
		t.Errorf("got a page that does not say what to change or what came back:\n%s", &page)
	}
}

func TestOneCauseOfManyFailuresIsToldFirst(t *testing.T) {
	refused, other := "401 application/json {}", "200 application/json []"
	failed := func(got string) connectortest.Result {
		return connectortest.Result{Verdict: connectortest.Failed, Got: got}
	}
	for name, tc := range map[string]struct {
		results []connectortest.Result
		want    string
	}{
		"nearly all":  {[]connectortest.Result{failed(refused), failed(other), failed(refused), failed(refused)}, "3 of the 4 failures have one cause; mend it first: " + refused},
		"two":         {[]connectortest.Result{failed(refused), failed(refused)}, ""},
		"a few":       {[]connectortest.Result{failed(refused), failed(refused), failed(refused), failed("1"), failed("2"), failed("3"), failed("4")}, ""},
		"they passed": {[]connectortest.Result{{Verdict: connectortest.Passed, Got: other}, {Verdict: connectortest.Passed, Got: other}, {Verdict: connectortest.Passed, Got: other}}, ""},
	} {
		var table, page bytes.Buffer
		report := connectortest.Report{Results: tc.results}
		if err := errors.Join(report.Table(&table), report.Page(&page)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(table.String(), "one cause"); got != (tc.want != "") || !strings.Contains(table.String(), tc.want) {
			t.Errorf("%s: got %s, want %q", name, &table, tc.want)
		}
		if got := strings.Contains(page.String(), "one cause"); got != (tc.want != "") {
			t.Errorf("%s: got a page that says so: %t", name, got)
		}
	}
}

func TestEveryClauseAboutTheWireShowsIt(t *testing.T) {
	report := connectortest.Run(t.Context(), suite(t, ""))
	for _, result := range report.Results {
		shows := result.Sent != "" && result.Got != ""
		looksBack := strings.HasPrefix(result.Clause, "no ") && result.Clause != "no record is refused" && result.Clause != "no more calls at once than declared"
		quiet := looksBack || result.Clause == "it opens" || result.Verdict == connectortest.NotApplicable
		if shows == quiet {
			t.Errorf("%s (%s): sent %q, came back %q", result.Clause, result.Verdict, result.Sent, result.Got)
		}
		if len(result.Sent) > 700 || len(result.Got) > 700 {
			t.Errorf("%s: what was on the wire is not bounded", result.Clause)
		}
	}
}

func TestTheMeasuredClassOverridesTheClaim(t *testing.T) {
	for _, tc := range []struct{ claimed, measured, want hub.Class }{
		{hub.ClassA, hub.ClassA, hub.ClassA}, {hub.ClassA, hub.ClassC, hub.ClassC}, {hub.ClassA, hub.ClassB, hub.ClassC},
		{hub.ClassB, hub.ClassB, hub.ClassB}, {hub.ClassB, hub.ClassC, hub.ClassC}, {hub.ClassC, hub.ClassB, hub.ClassC},
		{hub.ClassF, hub.ClassF, hub.ClassF}, {"", "", ""},
	} {
		if got := (connectortest.Report{Claimed: tc.claimed, Class: tc.measured}).Granted(); got != tc.want {
			t.Errorf("%s claimed, %s measured: got %s, want %s", tc.claimed, tc.measured, got, tc.want)
		}
	}
}

// The key and its thumbprint stand in RFC 8037, appendices A.1 and A.3.
func TestAKeyIsNamedByItsThumbprint(t *testing.T) {
	key, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hub.KeyID(key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
