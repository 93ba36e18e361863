package soap_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"racord/hub"
)

func TestAnAnswerBecomesDebts(t *testing.T) {
	a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: in1250(t, envelope("windows-1250", debts))}), person(ion))
	if err != nil || len(a.Refused) > 0 || len(a.Obligations) != 3 {
		t.Fatalf("got %d debts, refused %v, %v; want 3", len(a.Obligations), a.Refused, err)
	}
	if want := time.Date(2026, 3, 15, 11, 58, 9, 0, hub.Bucharest); !a.AsOf.Equal(want) {
		t.Errorf("got as of %s, want %s", a.AsOf, want)
	}
	toBuildings := func(bani int64) []hub.Transfer {
		return []hub.Transfer{{Seq: 1, AccountID: "buildings", IBAN: "RO31TREZ99921A070101XXXX", RevenueCode: "07.01.01", Amount: hub.Bani(bani)}}
	}
	want := hub.Obligation{
		ID: hub.NewObligationID("ditl", "2026-07-01-000123456-1"), ExternalID: "2026-07-01-000123456-1", Kind: "tax.building",
		Account: "000123456", Debtor: "MUREȘAN IOAN",
		Subject:   &hub.Subject{Type: "building", Label: "Apartament Str. Fîntînii 5"},
		Reference: &hub.Reference{Decision: "2026-07-01-000123456-1"},
		Period:    &hub.Period{From: "2026-01-01", To: "2026-12-31", Label: "2026"},
		Components: []hub.Component{
			{Type: "principal", Label: "IMPOZIT CLĂDIRI PF", Amount: hub.Bani(125750)},
		},
		Total: hub.Bani(125750), Paid: hub.Bani(0), Outstanding: hub.Bani(125750),
		Installments: []hub.Installment{{No: 1, DueOn: "2026-03-31", Amount: hub.Bani(125750), Outstanding: hub.Bani(125750)}},
		Options: []hub.PaymentOption{
			{ID: "full", Kind: "full", Amount: hub.Bani(125750), Transfers: toBuildings(125750)},
			{
				ID: "early_full_year", Kind: "early_full_year", Label: "Tot anul, cu bonificație", Amount: hub.Bani(2*125750 - 25150),
				LegalBasis: "Legea 227/2015 art. 462 alin. (2)", AvailableUntil: "2026-03-31", Transfers: toBuildings(2*125750 - 25150),
				Covers: []hub.ObligationID{a.Obligations[1].ID},
			},
		},
		NextChange: &hub.NextChange{At: time.Date(2026, 3, 31, 21, 0, 0, 0, time.UTC), Reason: "discount_ends"},
		Status:     hub.StatusOpen, HubState: hub.HubNone,
	}
	if !reflect.DeepEqual(a.Obligations[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", a.Obligations[0], want)
	}
	second, late := a.Obligations[1], a.Obligations[2]
	if len(second.Options) != 1 || second.NextChange == nil || second.NextChange.Reason != "discount_ends" {
		t.Errorf("got %+v, want the second instalment with its own amount only", second)
	}
	if late.Kind != "tax.vehicle" || late.Total != hub.Bani(5035) || late.Paid != hub.Bani(1000) || late.Outstanding != hub.Bani(4035) ||
		late.Status != hub.StatusPartiallyPaid || len(late.Components) != 2 || late.Components[1].Amount != hub.Bani(285) || late.NextChange != nil {
		t.Errorf("got %+v, want arrears with late additions, partly paid", late)
	}
}

func TestTheRequestIsWhatTheOfficeReads(t *testing.T) {
	s := &said{status: 200, kind: xml1250, body: in1250(t, envelope("windows-1250", debts))}
	c := office(t, s)
	for who, want := range map[hub.Asked]string{
		person(ion):                      "<CNP>1850415120007</CNP></ListaDebite>",
		role("000123456"):                "<Rol>000123456</Rol></ListaDebite>",
		role("</Rol><CNP>1</CNP><Rol>&"): "<Rol>&lt;/Rol&gt;&lt;CNP&gt;1&lt;/CNP&gt;&lt;Rol&gt;&amp;</Rol></ListaDebite>",
		role("Ș ő"):                      "<Rol>\xaa \xf5</Rol></ListaDebite>",
		{Identifier: hub.Identifier{Scheme: hub.SchemeCUI, Value: "RO99990004"}}: "<CNP>99990004</CNP></ListaDebite>",
	} {
		_, _ = ask(t, c, who) // the office talks about somebody else most of the time
		got := string(s.asked)
		if !strings.Contains(got, want) || !strings.HasPrefix(got, `<?xml version="1.0" encoding="windows-1250"?>`) {
			t.Errorf("%v: got %q, want it to hold %q", who, got, want)
		}
		if !strings.Contains(got, "<wsse:Username>racord</wsse:Username>") || !strings.Contains(got, "\">p&lt;&amp;&gt;&quot;\xba</wsse:Password>") {
			t.Errorf("%v: got %q, want user and password, escaped", who, got)
		}
		if got := s.headers.Get("SOAPAction"); got != `"urn:napoca-test:ditl:v3/ListaDebite"` {
			t.Errorf("got action %s", got)
		}
		if got := s.headers.Get("Content-Type"); got != xml1250 {
			t.Errorf("got content type %s", got)
		}
	}
}

func TestWhatCannotBeSaidIsNotSent(t *testing.T) {
	for name, tc := range map[string]struct {
		who  hub.Asked
		want hub.Code
	}{
		"a letter the character set lacks": {role("Ω"), hub.CodeInvalid},
		"a character XML lacks":            {role("a\x00b"), hub.CodeInvalid},
	} {
		s := &said{status: 200, kind: xml1250, body: in1250(t, envelope("windows-1250", debts))}
		if _, err := ask(t, office(t, s), tc.who); hub.CodeOf(err) != tc.want || s.asked != nil {
			t.Errorf("%s: got %v and %q sent, want code %s and nothing", name, err, s.asked, tc.want)
		}
	}
}

func TestCharacterSets(t *testing.T) {
	comma := strings.NewReplacer("ş", "ș", "Ş", "Ș", "ţ", "ț", "Ţ", "Ț").Replace(debts)
	for name, tc := range map[string]struct {
		kind    string
		body    []byte
		guessed bool
	}{
		"as declared":                            {xml1250, in1250(t, envelope("windows-1250", debts)), false},
		"declared by the document alone":         {"text/xml", in1250(t, envelope("windows-1250", debts)), false},
		"declared by the header alone":           {xml1250, in1250(t, strings.Replace(envelope("x", debts), ` encoding="x"`, "", 1)), false},
		"UTF-8":                                  {"text/xml; charset=utf-8", []byte(envelope("UTF-8", comma)), false},
		"UTF-8 with a mark in front":             {"text/xml", []byte("\xef\xbb\xbf" + envelope("UTF-8", comma)), false},
		"UTF-8 that nobody declared":             {"text/xml", []byte(strings.Replace(envelope("x", comma), ` encoding="x"`, "", 1)), false},
		"windows-1250 that claims to be UTF-8":   {"text/xml; charset=utf-8", in1250(t, envelope("UTF-8", debts)), true},
		"windows-1250 that nobody declared":      {"text/xml", in1250(t, strings.Replace(envelope("x", debts), ` encoding="x"`, "", 1)), true},
		"UTF-8 that claims to be windows-1250":   {xml1250, []byte(envelope("windows-1250", comma)), true},
		"UTF-8 with cedillas, claimed otherwise": {xml1250, []byte(envelope("windows-1250", debts)), true},
	} {
		a, err := ask(t, office(t, &said{status: 200, kind: tc.kind, body: tc.body}), person(ion))
		if err != nil || len(a.Obligations) != 3 {
			t.Errorf("%s: got %d debts, %v; want 3", name, len(a.Obligations), err)
			continue
		}
		o := a.Obligations[0]
		if o.Debtor != "MUREȘAN IOAN" || o.Components[0].Label != "IMPOZIT CLĂDIRI PF" {
			t.Errorf("%s: got %q, %q; want right letters", name, o.Debtor, o.Components[0].Label)
		}
		if guessed := len(o.Quality) == 1 && o.Quality[0].Code == "encoding_guessed"; guessed != tc.guessed {
			t.Errorf("%s: got quality %v, want guessed %v", name, o.Quality, tc.guessed)
		}
	}
}

// Ă and Ş beside each other are, in windows-1250, what ê is in UTF-8.
func TestAChancePairIsNoUTF8(t *testing.T) {
	plain := strings.NewReplacer("MUREŞAN", "MURESAN", "CLĂDIRI", "NAME", "Î", "I", "ţ", "t", "ş", "s", "ă", "a", "î", "i", "â", "a", "Ţ", "T", "Ă", "A").Replace(debts)
	for name, tc := range map[string]struct {
		body    func(string) []byte
		written string
		want    string
		guessed bool
	}{
		"the only letters":           {func(s string) []byte { return in1250(t, s) }, "PĂŞUNII", "PĂȘUNII", false},
		"more than once":             {func(s string) []byte { return in1250(t, s) }, "RĂŞINARI, PĂŞUNII", "RĂȘINARI, PĂȘUNII", false},
		"beside others":              {func(s string) []byte { return in1250(t, s) }, "PĂŞUNII FÂNEŢE", "PĂȘUNII FÂNEȚE", false},
		"UTF-8, claimed otherwise":   {func(s string) []byte { return []byte(s) }, "PĂȘUNII", "PĂȘUNII", true},
		"one letter, UTF-8":          {func(s string) []byte { return []byte(s) }, "PLATĂ", "PLATĂ", true},
		"letters of others in UTF-8": {func(s string) []byte { return []byte(s) }, "Łódź, RENÉ", "Łódź, RENÉ", true},
	} {
		body := tc.body(envelope("windows-1250", strings.ReplaceAll(plain, "NAME", tc.written)))
		a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: body}), person(ion))
		if err != nil || len(a.Obligations) != 3 {
			t.Errorf("%s: got %d debts, %v; want 3", name, len(a.Obligations), err)
			continue
		}
		o := a.Obligations[0]
		if got := o.Components[0].Label; got != "IMPOZIT "+tc.want+" PF" {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		if guessed := len(o.Quality) == 1 && o.Quality[0].Code == "encoding_guessed"; guessed != tc.guessed {
			t.Errorf("%s: got quality %v, want guessed %v", name, o.Quality, tc.guessed)
		}
	}
}

func TestAForeignAnswerIsNeverShown(t *testing.T) {
	body := func(change ...string) []byte {
		return in1250(t, envelope("windows-1250", strings.NewReplacer(change...).Replace(debts)))
	}
	second := `<Contribuabil><Rol>000123457</Rol><CNP>CODE</CNP><Nume>X</Nume></Contribuabil> <Debite>`
	for name, tc := range map[string]struct {
		body    []byte
		who     hub.Asked
		want    hub.Code
		debts   int
		refused int
	}{
		"two roles of the one who asked":         {body(" <Debite>", strings.Replace(second, "CODE", ion, 1)), person(ion), "", 3, 0},
		"one of two roles is somebody else's":    {body(" <Debite>", strings.Replace(second, "CODE", ana, 1)), person(ion), hub.CodeForeignData, 0, 0},
		"everything is somebody else's":          {body(ion, ana), person(ion), hub.CodeForeignData, 0, 0},
		"another role":                           {body(), role("000123450"), hub.CodeForeignData, 0, 0},
		"the role asked for":                     {body(), role("000123456"), "", 3, 0},
		"it does not say whom it is about":       {body("<CNP>1850415120007</CNP>", ""), person(ion), hub.CodeBadData, 0, 0},
		"a code with blanks around":              {body(">1850415120007<", ">  1850415120007\n<"), person(ion), "", 3, 0},
		"one debt belongs to a role not told of": {body("<Sold>40,35</Sold><IBAN>RO85TREZ99921A160202XXXX</IBAN><Rol>000123456</Rol>", "<Sold>40,35</Sold><IBAN>RO85TREZ99921A160202XXXX</IBAN><Rol>000999999</Rol>"), person(ion), "", 2, 1},
	} {
		a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: tc.body}), tc.who)
		if hub.CodeOf(err) != tc.want || len(a.Obligations) != tc.debts || len(a.Refused) != tc.refused {
			t.Errorf("%s: got %v, %d debts, refused %v; want code %q, %d debts, %d refused", name, err, len(a.Obligations), a.Refused, tc.want, tc.debts, tc.refused)
		}
		if tc.refused > 0 && len(a.Refused) > 0 && a.Refused[0].Code != "foreign_record" {
			t.Errorf("%s: got %v, want a foreign record", name, a.Refused)
		}
	}
}

func TestRefusalsOfTheOffice(t *testing.T) {
	verdict := func(code string) string {
		return `<ListaDebiteResponse xmlns="urn:napoca-test:ditl:v3"><CodEroare>` + code + `</CodEroare><MesajEroare>Ionescu Ion nu are voie</MesajEroare><Debite/><DataCalcul>15.03.2026 11:58:09</DataCalcul></ListaDebiteResponse>`
	}
	fault := func(code, text string) string {
		return `<soap:Fault><faultcode>` + code + `</faultcode><faultstring>` + text + `</faultstring><detail><x>Ionescu Ion nu are voie</x></detail></soap:Fault>`
	}
	for name, tc := range map[string]struct {
		status int
		inside string
		want   hub.Code
		wait   time.Duration
	}{
		"unknown":                                {200, verdict("4"), hub.CodeNotFound, 0},
		"unknown, padded":                        {200, verdict(" 4 "), hub.CodeNotFound, 0},
		"maintenance":                            {200, verdict("17"), hub.CodeMaintenance, 15 * time.Minute},
		"busy":                                   {200, verdict("23"), hub.CodeBusy, 0},
		"a code nobody knows":                    {200, verdict("99"), hub.CodeBadData, 0},
		"over eight calls":                       {500, fault("soap:Server", "Server busy"), hub.CodeBusy, time.Second},
		"wrong password":                         {500, fault("wsse:FailedAuthentication", "no"), hub.CodeAuth, 0},
		"wrong password, another prefix":         {500, fault("ns7:FailedAuthentication", "no"), hub.CodeAuth, 0},
		"wrong password, no prefix":              {500, fault("FailedAuthentication", "no"), hub.CodeAuth, 0},
		"a fault nobody knows":                   {500, fault("soap:Server", "NullPointerException"), hub.CodeUnavailable, 0},
		"a fault nobody knows, as a good answer": {200, fault("soap:Server", "NullPointerException"), hub.CodeUnavailable, 0},
		"a fault with status 503":                {503, fault("soap:Server", "x"), hub.CodeUnavailable, 0},
		"ok, but without the list":               {200, strings.Replace(verdict("0"), "<Debite/>", "<Contribuabil><Rol>1</Rol><CNP>"+ion+"</CNP></Contribuabil>", 1), hub.CodeBadData, 0},
	} {
		c := office(t, &said{status: tc.status, kind: xml1250, body: in1250(t, envelope("windows-1250", tc.inside))})
		a, err := ask(t, c, person(ion))
		if hub.CodeOf(err) != tc.want || hub.RetryAfterOf(err) != tc.wait || len(a.Obligations) > 0 {
			t.Errorf("%s: got %v (wait %s), want code %s (wait %s)", name, err, hub.RetryAfterOf(err), tc.want, tc.wait)
		}
		if err != nil && strings.Contains(err.Error(), "Ionescu") {
			t.Errorf("%s: got %v, want none of the office's words", name, err)
		}
	}
}

func TestKnownAndNothingDue(t *testing.T) {
	inside := `<ListaDebiteResponse><CodEroare>0</CodEroare><Contribuabil><Rol>1</Rol><CNP>` + ion + `</CNP></Contribuabil><Debite/><DataCalcul>15.03.2026 11:58:09</DataCalcul></ListaDebiteResponse>`
	a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: in1250(t, envelope("windows-1250", inside))}), person(ion))
	if err != nil || len(a.Obligations)+len(a.Refused) > 0 || a.AsOf.IsZero() {
		t.Errorf("got %+v, %v; want an answer without debts", a, err)
	}
}

func TestHostileAnswers(t *testing.T) {
	good := envelope("windows-1250", debts)
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	many := strings.Repeat(strings.SplitAfter(strings.SplitN(debts, "<Debite>\n", 2)[1], "</Debit>\n")[0], 501)
	laughs := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>`
	for name, body := range map[string]string{
		"nothing":                      "",
		"blanks":                       " \n\t ",
		"noise":                        "\x00\x01\x02<\xff\xfe>",
		"a page":                       "<!DOCTYPE html><html><body>Autentificare</body></html>",
		"JSON":                         `{"CodEroare":0}`,
		"another document":             "<html><body><p>Autentificare</p></body></html>",
		"half":                         good[:len(good)/2],
		"without its end":              good[:len(good)-20],
		"two documents":                good + good,
		"text behind":                  good + "x",
		"a body with two elements":     envelope("windows-1250", debts+debts),
		"an empty body":                envelope("windows-1250", ""),
		"an envelope in an envelope":   envelope("windows-1250", "<soap:Envelope><soap:Body>"+debts+"</soap:Body></soap:Envelope>"),
		"elements closed out of order": strings.Replace(good, "</Contribuabil>", "</Contribuabl>", 1),
		"entities of its own":          laughs + "<soap:Envelope><soap:Body><x>&b;</x></soap:Body></soap:Envelope>",
		"an entity nobody declared":    strings.Replace(good, "IOAN", "&ioan;", 1),
		"an outside file":              `<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">` + "<soap:Envelope><soap:Body><x/></soap:Body></soap:Envelope>",
		"an instruction":               strings.Replace(good, "<Debite>", `<?php system("id") ?><Debite>`, 1),
		"too deep":                     strings.Replace(good, "<MesajEroare/>", deep, 1),
		"more than 500 debts":          strings.Replace(good, "<Debite>", "<Debite>"+many, 1),
		"a million elements":           strings.Replace(good, "<MesajEroare/>", strings.Repeat("<a/>", 200_000), 1),
		"more than a megabyte":         good + strings.Repeat(" ", 1<<20),
		"a character set nobody knows": envelope("ebcdic-cp-us", debts),
		"a control character":          strings.Replace(good, "IOAN", "IO\x01AN", 1),
		"UTF-8 that lost a few bytes":  strings.Replace(envelope("UTF-8", strings.Repeat("<n>ĂÎȘȚÂ</n>", 0)+debts), "CLĂDIRI", "CL\xc4DIRI", 1),
	} {
		encoded := []byte(body)
		if !strings.Contains(name, "UTF-8") && !strings.Contains(name, "noise") {
			encoded = in1250(t, body)
		}
		a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: encoded}), person(ion))
		if hub.CodeOf(err) != hub.CodeBadData || len(a.Obligations)+len(a.Refused) > 0 {
			t.Errorf("%s: got %d debts, %v; want code bad_data", name, len(a.Obligations), err)
		}
		if err != nil && strings.Contains(err.Error(), "1850415") {
			t.Errorf("%s: got %v, want no data in it", name, err)
		}
	}
}

func TestALoginPageIsNoAnswer(t *testing.T) {
	c := office(t, &said{status: http.StatusOK, kind: "text/html", body: []byte("<html><body>Autentificare</body></html>")})
	if _, err := ask(t, c, person(ion)); hub.CodeOf(err) != hub.CodeBadData {
		t.Errorf("got %v, want code bad_data", err)
	}
}

func TestOneDamagedDebtIsRefusedAlone(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, code string }{
		"an amount in words":     {"<Sold>40,35</Sold>", "<Sold>patruzeci</Sold>", "bad_amount"},
		"no amount":              {"<Sold>40,35</Sold>", "", "missing_field"},
		"an amount with parts":   {"<Sold>40,35</Sold>", "<Sold><Lei>40</Lei></Sold>", "missing_field"},
		"a revenue nobody knows": {"<CodVenit>16.02.01</CodVenit>", "<CodVenit>99.99.99</CodVenit>", "unknown_kind"},
		"no id":                  {"<Id>2025-16-02-000123456-2</Id>", "<Id/>", "missing_field"},
		"an id that stood there": {"2025-16-02-000123456-2", "2026-07-01-000123456-1", "duplicate_record"},
	} {
		body := in1250(t, envelope("windows-1250", strings.Replace(debts, tc.old, tc.new, 1)))
		a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: body}), person(ion))
		if err != nil || len(a.Obligations) != 2 || len(a.Refused) != 1 || a.Refused[0].Code != tc.code {
			t.Errorf("%s: got %d debts, refused %v, %v; want 2 and one refused for %s", name, len(a.Obligations), a.Refused, err, tc.code)
		}
	}
}

func TestAnAccountNobodyApprovedIsNotPayable(t *testing.T) {
	body := in1250(t, envelope("windows-1250", strings.ReplaceAll(debts, "RO85TREZ99921A160202XXXX", "RO08TREZ99921A350102XXXX")))
	a, err := ask(t, office(t, &said{status: 200, kind: xml1250, body: body}), person(ion))
	if err != nil || len(a.Obligations) != 3 {
		t.Fatalf("got %d debts, %v", len(a.Obligations), err)
	}
	if late := a.Obligations[2]; late.NotPayable == "" || len(late.Options[0].Transfers) > 0 {
		t.Errorf("got %+v, want a debt that cannot be paid here", late)
	}
}
