package camt_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"racord/adapters/camt"
	"racord/hub"
)

const iban = "RO39SBXB0000999900000001"

// whole is a statement with a credit, a debit, a batch of two and a reservation.
const whole = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>1</Id>
<Acct><Id><IBAN>RO39SBXB0000999900000001</IBAN></Id><Ccy>RON</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="RON">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="RON">92.5</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<TxsSummry><TtlNtries><NbOfNtries>4</NbOfNtries><Sum>115.50000</Sum></TtlNtries></TxsSummry>
<Ntry><Amt Ccy="RON">100</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-17</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>N1</EndToEndId></Refs><RltdPties><DbtrAcct><Id><IBAN>RO13SBXB0000999900000081</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>DECONT</Ustrd><Ustrd>N1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="RON">0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-03-17T23:30:00Z</DtTm></BookgDt><AcctSvcrRef>B2</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="RON">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-17</Dt></BookgDt><AcctSvcrRef>B3</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy="RON">1</Amt></TxDtls><TxDtls><Amt Ccy="RON">2</Amt></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="RON">12.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts><AcctSvcrRef>B4</AcctSvcrRef></Ntry>
</Stmt></BkToCstmrStmt></Document>
`

func TestAStatementIsReadWhole(t *testing.T) {
	got, err := camt.Parse([]byte(whole), iban)
	if err != nil {
		t.Fatal(err)
	}
	want := []hub.BankEntry{
		{Ref: "N1", Number: "B1", Payer: "RO13SBXB0000999900000081", Amount: hub.Bani(10000), Day: "2026-03-17", Text: "DECONT N1"},
		{Number: "B2", Amount: hub.Bani(-50), Day: "2026-03-18"}, // half past one in Bucharest
		{Ref: "E1", Number: "B3.1", Amount: hub.Bani(100), Day: "2026-03-17"},
		{Number: "B3.2", Amount: hub.Bani(200), Day: "2026-03-17"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("entry %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestPartsOfABatchAreToldApart repeats a batch's number in each of its parts.
func TestPartsOfABatchAreToldApart(t *testing.T) {
	text := strings.Replace(whole, "<TxDtls><Refs><EndToEndId>E1", "<TxDtls><Refs><AcctSvcrRef>B3</AcctSvcrRef><EndToEndId>E1", 1)
	text = strings.Replace(text, `<TxDtls><Amt Ccy="RON">2<`, `<TxDtls><Refs><AcctSvcrRef>B3</AcctSvcrRef></Refs><Amt Ccy="RON">2<`, 1)
	got, err := camt.Parse([]byte(text), iban)
	if err != nil || len(got) != 4 || got[2].Number != "B3.1" || got[3].Number != "B3.2" {
		t.Errorf("got %+v, %v, want the parts B3.1 and B3.2", got, err)
	}
}

func TestAStatementThatIsNotRightIsNotBelieved(t *testing.T) {
	for name, change := range map[string][2]string{
		"another version":              {"053.001.08", "053.001.02"},
		"no namespace":                 {` xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"`, ""},
		"another account":              {iban, "RO39SBXB0000999900000002"},
		"a document type":              {"<Document", "<!DOCTYPE x [<!ENTITY a \"b\">]><Document"},
		"an entity of its own":         {"DECONT", "&a;"},
		"another character set":        {"UTF-8", "ISO-8859-2"},
		"a missing end":                {"</Document>", ""},
		"something after the end":      {"</Document>", "</Document><Document/>"},
		"an entry that is gone":        {"<NbOfNtries>4", "<NbOfNtries>5"},
		"another sum":                  {"115.50000", "115.51"},
		"another closing balance":      {"92.5<", "92.51<"},
		"no opening balance":           {"OPBD", "XXXX"},
		"euros":                        {`<Amt Ccy="RON">100<`, `<Amt Ccy="EUR">100<`},
		"three decimals":               {">0.50<", ">0.501<"},
		"a negative amount":            {">0.50<", ">-0.50<"},
		"an exponent":                  {">100<", ">1e2<"},
		"more than there can be":       {">100<", ">99999999999999999999<"},
		"neither credit nor debit":     {"<CdtDbtInd>DBIT</CdtDbtInd><Sts>", "<CdtDbtInd>X</CdtDbtInd><Sts>"},
		"a day that is none":           {"<Dt>2026-03-17</Dt></BookgDt><AcctSvcrRef>B1", "<Dt>2026-02-30</Dt></BookgDt><AcctSvcrRef>B1"},
		"parts that do not add up":     {`<Amt Ccy="RON">2</Amt>`, `<Amt Ccy="RON">2.01</Amt>`},
		"a number that is there twice": {">B2<", ">B1<"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, change[0], change[1], 1)
			if name == "a number that is there twice" {
				text = strings.Replace(text, "2026-03-17T23:30:00Z", "2026-03-17T10:00:00Z", 1)
			}
			if text == whole {
				t.Fatal("the test changes nothing")
			}
			if got, err := camt.Parse([]byte(text), iban); hub.CodeOf(err) != hub.CodeBadData {
				t.Errorf("got %+v, %v, want bad data", got, err)
			}
		})
	}
}

// TestTheOtherSideOfAnEntry is a provider's payout, and what becomes of it. What is
// reversed keeps its parties; some banks reverse without saying so.
func TestTheOtherSideOfAnEntry(t *testing.T) {
	const provider, virtual = "RO13SBXB0000999900000081", "RO16SBXB0000999900000099"
	for name, tc := range map[string]struct{ side, reversal, debtor, creditor, want string }{
		"a payout":                           {"CRDT", "", provider, iban, provider},
		"a payout to a virtual account":      {"CRDT", "", provider, virtual, provider},
		"taken back":                         {"DBIT", "true", provider, iban, provider},
		"taken back, with no account of its": {"DBIT", "true", provider, "", provider},
		"taken back from a virtual account":  {"DBIT", "1", provider, virtual, provider},
		"taken back without a word":          {"DBIT", "", provider, iban, provider},
		"taken back, as little is said":      {"DBIT", "false", provider, "", provider},
		"what was paid to the provider":      {"DBIT", "false", iban, provider, provider},
		"that, given back":                   {"CRDT", "true", iban, provider, provider},
		"nobody is named":                    {"DBIT", "", iban, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := camt.Parse([]byte(statementOf(tc.side, tc.reversal, tc.debtor, tc.creditor)), iban)
			if err != nil || len(got) != 1 || got[0].Payer != tc.want {
				t.Errorf("got %+v, %v, want %q at the other side", got, err, tc.want)
			}
		})
	}
}

// statementOf is a statement of one entry.
func statementOf(side, reversal, debtor, creditor string) string {
	party := func(role, account string) string {
		if account == "" {
			return ""
		}
		return "<" + role + "><Id><IBAN>" + account + "</IBAN></Id></" + role + ">"
	}
	if reversal != "" {
		reversal = "<RvslInd>" + reversal + "</RvslInd>"
	}
	starts, ends := "0.00", "1.00"
	if side == "DBIT" {
		starts, ends = ends, starts
	}
	balance := func(code, amount string) string {
		return "<Bal><Tp><CdOrPrtry><Cd>" + code + `</Cd></CdOrPrtry></Tp><Amt Ccy="RON">` + amount + "</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>"
	}
	return `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>` + iban + "</IBAN></Id></Acct>" +
		balance("OPBD", starts) + balance("CLBD", ends) +
		`<Ntry><Amt Ccy="RON">1.00</Amt><CdtDbtInd>` + side + "</CdtDbtInd>" + reversal + "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-18</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef>" +
		"<NtryDtls><TxDtls><RltdPties>" + party("DbtrAcct", debtor) + party("CdtrAcct", creditor) + "</RltdPties></TxDtls></NtryDtls></Ntry>" +
		"</Stmt></BkToCstmrStmt></Document>"
}

func TestTheBankIsAskedWithItsKey(t *testing.T) {
	status, asked := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + " " + r.Header.Get("X-API-Key")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(whole))
	}))
	t.Cleanup(server.Close)
	bank := camt.New(camt.Conf{URL: server.URL + "/bank/", APIKey: "key"}, camt.Env{
		HTTP: http.DefaultClient, Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret("k1"), nil },
	})
	for answer, want := range map[int]hub.Code{200: "", 404: hub.CodeNotFound, 401: hub.CodeAuth, 503: hub.CodeUnavailable, 302: hub.CodeBadData} {
		status = answer
		entries, err := bank.Entries(t.Context(), iban, "2026-03-17")
		if hub.CodeOf(err) != want || (err == nil) != (len(entries) > 0) {
			t.Errorf("%d: got %d entries, %v, want code %q", answer, len(entries), err, want)
		}
	}
	if asked != "/bank/"+iban+"/2026-03-17.xml k1" {
		t.Errorf("got %q", asked)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := camt.Parse(data, iban)
		if err != nil && hub.CodeOf(err) != hub.CodeBadData {
			t.Errorf("got %v, want bad data or none", err)
		}
		for _, e := range entries {
			if err == nil && (e.Number == "" || e.Day == "" || e.Amount.Currency != hub.RON) {
				t.Errorf("got %+v from an accepted statement", e)
			}
		}
	})
}
