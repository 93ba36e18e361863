package town_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/text/encoding/charmap"
	_ "modernc.org/sqlite" // reads the waste operator's file

	"racord/cmd/city/book"
	"racord/cmd/city/town"
)

// shown is what a creditor's interface says about one debt, in bani.
type shown struct {
	Total, Paid, Outstanding int64
	Due                      string
}

// books are debts by creditor, account (or person) and external id.
type books map[string]map[string]map[string]shown

func (b books) add(creditor, account, id string, s shown) {
	if b[creditor] == nil {
		b[creditor] = map[string]map[string]shown{}
	}
	if b[creditor][account] == nil {
		b[creditor][account] = map[string]shown{}
	}
	b[creditor][account][id] = s
}

// readAll reads everything about everybody through the creditors' own
// interfaces, as a stranger to the book would.
func readAll(t *testing.T, city *town.Town) books {
	t.Helper()
	seen, water := books{}, bearer(t, city, "water")
	parking, road := callParking(t, city), callRoadFines(t, city)
	ctp := logIn(t, city)
	for _, p := range city.People() {
		readTaxes(t, city, p, seen)
		readFines(t, city, p, seen)
		readParking(t, parking, p, seen)
		readRoadFines(t, city, road, p, seen)
		readTransport(t, ctp, p, seen)
		for _, a := range p.Accounts["water"] {
			readWater(t, city, water, a.Code, seen)
		}
		for _, a := range p.Accounts["gas"] {
			readGas(t, city, a.Code, seen)
		}
		for _, a := range p.Accounts["associations"] {
			readAssociation(t, city, a.Code, seen)
		}
	}
	readHeating(t, city, seen)
	readWaste(t, city, seen)
	readElectricity(t, city, seen)
	return seen
}

// compareAll holds what was read against the truth of everybody.
func compareAll(t *testing.T, city *town.Town, seen books) {
	t.Helper()
	want := books{}
	for _, p := range city.People() {
		for creditor, debts := range city.Truth(p.ID) {
			for _, d := range debts {
				account := d.Account
				if account == "" {
					account = p.ID
				}
				want.add(creditor, account, d.ExternalID, shown{d.Total, d.Paid, d.Outstanding, d.DueOn})
			}
		}
	}
	for creditor, accounts := range want {
		if len(accounts) != len(seen[creditor]) {
			t.Errorf("%s: got %d accounts, want %d", creditor, len(seen[creditor]), len(accounts))
		}
		for account, debts := range accounts {
			if got := seen[creditor][account]; !maps.Equal(got, debts) {
				t.Fatalf("%s account %s: got %v, want %v", creditor, account, got, debts)
			}
		}
	}
	if len(want) != len(book.Creditors()) {
		t.Errorf("got %d creditors, want %d", len(want), len(book.Creditors()))
	}
}

func TestCreditorsShowTheTruthAboutEverybody(t *testing.T) {
	t.Parallel()
	city := start(t, town.Config{Seed: 1})
	compareAll(t, city, readAll(t, city))
}

// Two months later the arrears have grown, bills were paid and others issued;
// somebody paid everything at the counters.
func TestCreditorsShowTheTruthOfAnotherDay(t *testing.T) {
	t.Parallel()
	city := start(t, town.Config{Seed: 5, Size: "XS"})
	payAll(t, city, "maria")
	if err := city.SetClock(city.Now().AddDate(0, 2, 4)); err != nil { // the 19th: all bills of the month are out
		t.Fatal(err)
	}
	compareAll(t, city, readAll(t, city))
}

// bani reads a decimal number; group and point are its separators.
func bani(t *testing.T, text, group, point string) int64 {
	t.Helper()
	plain := strings.ReplaceAll(text, group, "")
	whole, cents, ok := strings.Cut(plain, point)
	n, err := strconv.ParseInt(whole+cents, 10, 64)
	if !ok || len(cents) != 2 || err != nil {
		t.Fatalf("amount %q: got no number with two decimals", text)
	}
	return n
}

type taxAnswer struct {
	Code     int    `xml:"Body>ListaDebiteResponse>CodEroare"`
	Fault    string `xml:"Body>Fault>faultstring"`
	Taxpayer []struct {
		Role string `xml:"Rol"`
		CNP  string `xml:"CNP"`
		Name string `xml:"Nume"`
	} `xml:"Body>ListaDebiteResponse>Contribuabil"`
	Charges []struct {
		ID    string `xml:"Id"`
		Due   string `xml:"Scadenta"`
		Debit string `xml:"Debit"`
		Late  string `xml:"Majorari"`
		Paid  string `xml:"Incasat"`
		Sold  string `xml:"Sold"`
		Role  string `xml:"Rol"`
	} `xml:"Body>ListaDebiteResponse>Debite>Debit"`
	Bonus []struct {
		Sum   string `xml:"Suma,attr"`
		Until string `xml:"PanaLa,attr"`
	} `xml:"Body>ListaDebiteResponse>Debite>BonificatieAnIntegral"`
}

const taxQuery = `<?xml version="1.0" encoding="utf-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:d="urn:napoca-test:ditl:v3">
<soapenv:Header><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">
<wsse:UsernameToken><wsse:Username>%s</wsse:Username>
<wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText">%s</wsse:Password>
</wsse:UsernameToken></wsse:Security></soapenv:Header>
<soapenv:Body><d:ListaDebite>%s</d:ListaDebite></soapenv:Body></soapenv:Envelope>`

// taxes asks the tax office with one element, CNP or Rol.
func taxes(t *testing.T, city *town.Town, element string) (int, taxAnswer) {
	t.Helper()
	var user, password bytes.Buffer
	_ = xml.EscapeText(&user, []byte(city.Credentials()["ditl-user"]))
	_ = xml.EscapeText(&password, []byte(city.Credentials()["ditl-password"]))
	status, body := ask(t, "POST", city.URL()+"/ditl/ws", map[string]string{"Content-Type": "text/xml; charset=utf-8"},
		fmt.Sprintf(taxQuery, user.String(), password.String(), element))
	return status, parseTaxes(t, body)
}

func parseTaxes(t *testing.T, body []byte) taxAnswer {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if label != "windows-1250" {
			return nil, errors.New("encoding " + label)
		}
		return charmap.Windows1250.NewDecoder().Reader(in), nil
	}
	var answer taxAnswer
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("tax office: %v", err)
	}
	return answer
}

func readTaxes(t *testing.T, city *town.Town, p town.Person, seen books) {
	t.Helper()
	status, answer := taxes(t, city, "<d:CNP>"+p.CNP+p.CUI+"</d:CNP>")
	if status != http.StatusOK || answer.Code != 0 && answer.Code != 4 {
		t.Fatalf("taxes of %s: got status %d code %d, want 200 and 0 or 4", p.ID, status, answer.Code)
	}
	keepTaxes(t, answer, seen)
	if answer.Code == 0 {
		return
	}
	for _, role := range p.Accounts["ditl"] { // not found by code: the office has none or a wrong one
		_, answer := taxes(t, city, "<d:Rol>"+role.Code+"</d:Rol>")
		keepTaxes(t, answer, seen)
	}
}

func keepTaxes(t *testing.T, answer taxAnswer, seen books) {
	t.Helper()
	for _, c := range answer.Charges {
		s := shown{
			Total: bani(t, c.Debit, ".", ",") + bani(t, c.Late, ".", ","), Paid: bani(t, c.Paid, ".", ","),
			Outstanding: bani(t, c.Sold, ".", ","), Due: iso(c.Due),
		}
		if s.Total-s.Paid != s.Outstanding {
			t.Fatalf("charge %s: got a balance of %s, want debit and additions less payments", c.ID, c.Sold)
		}
		seen.add("ditl", c.Role, c.ID, s)
	}
}

// iso turns DD.MM.YYYY round.
func iso(date string) string {
	parts := strings.Split(date, ".")
	slices.Reverse(parts)
	return strings.Join(parts, "-")
}

type fineAnswer struct {
	Person struct{ CNP, Name string }
	Debts  []struct {
		ID          string
		Applied     int64 `json:"applied_bani"`
		Paid        int64 `json:"paid_bani"`
		Outstanding int64 `json:"outstanding_bani"`
		Status      string
		PV          struct {
			Communicated string `json:"communicated_on"`
		}
		Options []struct {
			Kind   string
			Amount int64 `json:"amount_bani"`
			Until  string
		}
	}
	Next *string `json:"next_cursor"`
}

func fineKey(city *town.Town) map[string]string {
	return map[string]string{"X-Api-Key": city.Credentials()["fines-api-key"], "Content-Type": "application/json"}
}

func readFines(t *testing.T, city *town.Town, p town.Person, seen books) {
	t.Helper()
	due := map[string]string{} // the register has no due date of its own
	for _, d := range city.Truth(p.ID)["fines"] {
		due[d.ExternalID] = d.DueOn
	}
	for cursor := ""; ; {
		status, body := ask(t, "POST", city.URL()+"/fines/v1/debts/search", fineKey(city),
			fmt.Sprintf(`{"cnp":%q,"cursor":%q,"limit":50}`, p.CNP+p.CUI, cursor))
		if status == http.StatusNotFound && strings.Contains(string(body), "person_unknown") {
			return
		}
		var answer fineAnswer
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer.Debts) > 2 {
			t.Fatalf("fines of %s: got status %d, %d debts, %v; want at most two", p.ID, status, len(answer.Debts), err)
		}
		for _, d := range answer.Debts {
			seen.add("fines", p.ID, d.ID, shown{d.Outstanding + d.Paid, d.Paid, d.Outstanding, due[d.ID]})
		}
		if answer.Next == nil {
			return
		}
		cursor = *answer.Next
	}
}

// bearer gets a token of a utility.
func bearer(t *testing.T, city *town.Town, utility string) map[string]string {
	t.Helper()
	secrets := city.Credentials()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {secrets[utility+"-client-id"]},
		"client_secret": {secrets[utility+"-client-secret"]},
	}
	token := askJSON[struct {
		Token string `json:"access_token"`
	}](t, "POST", city.URL()+"/"+utility+"/oauth/token",
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
	return map[string]string{"Authorization": "Bearer " + token.Token}
}

func readWater(t *testing.T, city *town.Town, with map[string]string, code string, seen books) {
	t.Helper()
	for page, pages := 1, 1; page <= pages; page++ {
		answer := askJSON[struct {
			Account struct {
				Code string `json:"client_code"`
			}
			Invoices []struct {
				ID, Due, Paid, Remaining string
				Current                  string `json:"current_amount"`
				Previous                 string `json:"previous_balance"`
				Total                    string `json:"total_to_pay"`
			}
			Pages int
		}](t, "GET", fmt.Sprintf("%s/water/api/v2/accounts/%s/invoices?page=%d", city.URL(), code, page), with, "")
		pages = answer.Pages
		for _, inv := range answer.Invoices {
			if bani(t, inv.Current, "", ".")+bani(t, inv.Previous, "", ".") != bani(t, inv.Total, "", ".") {
				t.Fatalf("invoice %s: got a total of %s, want current and previous", inv.ID, inv.Total)
			}
			seen.add("water", code, inv.ID, shown{
				bani(t, inv.Current, "", "."), bani(t, inv.Paid, "", "."), bani(t, inv.Remaining, "", "."), inv.Due,
			})
		}
	}
}

// dialHeating opens the heating company's file server, pinning its key.
func dialHeating(city *town.Town) (*sftp.Client, error) {
	secrets := city.Credentials()
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(secrets["heating-sftp-hostkey"]))
	if err != nil {
		return nil, err
	}
	conn, err := ssh.Dial("tcp", city.SFTPAddr(), &ssh.ClientConfig{
		User: secrets["heating-sftp-user"], Auth: []ssh.AuthMethod{ssh.Password(secrets["heating-sftp-password"])},
		HostKeyCallback: ssh.FixedHostKey(pinned),
	})
	if err != nil {
		return nil, err
	}
	client, err := sftp.NewClient(conn)
	if err != nil {
		_ = conn.Close()
	}
	return client, err
}

func fetch(client *sftp.Client, name string) ([]byte, error) {
	f, err := client.Open("/out/" + name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// sheetOf fetches one branch's file of the day and checks marker and totals.
func sheetOf(client *sftp.Client, day string, branch int) ([][]string, error) {
	name := fmt.Sprintf("termo_%s_%02d.csv", strings.ReplaceAll(day, "-", ""), branch)
	raw, err := fetch(client, name)
	if err != nil {
		return nil, err
	}
	marker, err := fetch(client, name+".ok")
	if err != nil {
		return nil, fmt.Errorf("marker: %w", err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:])+"\n" != string(marker) {
		return nil, errors.New("marker differs")
	}
	text, err := charmap.Windows1250.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n")
	var rows [][]string
	for _, line := range lines[1:] {
		rows = append(rows, strings.Split(line, ";"))
	}
	last := len(rows) - 1
	if last < 0 || rows[last][0] != "#TOTAL" || rows[last][1] != strconv.Itoa(last) {
		return nil, errors.New("no control line")
	}
	return rows, nil
}

func readHeating(t *testing.T, city *town.Town, seen books) {
	t.Helper()
	client, err := dialHeating(city)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for branch := 1; branch <= 3; branch++ {
		rows, err := sheetOf(client, city.Now().Format("2006-01-02"), branch)
		if err != nil {
			t.Fatal(err)
		}
		var sums [4]int64
		for _, r := range rows[:len(rows)-1] {
			for i := range sums {
				sums[i] += bani(t, r[4+i], ".", ",")
			}
			seen.add("heating", r[0], r[1], shown{
				bani(t, r[4], ".", ",") + bani(t, r[7], ".", ","), bani(t, r[5], ".", ","),
				bani(t, r[6], ".", ",") + bani(t, r[7], ".", ","), iso(r[3]),
			})
		}
		for i, sum := range sums {
			if got := bani(t, rows[len(rows)-1][4+i], ".", ","); got != sum {
				t.Errorf("branch %d, control column %d: got %d, want %d", branch, 4+i, got, sum)
			}
		}
	}
}

func readWaste(t *testing.T, city *town.Town, seen books) {
	t.Helper()
	driver := map[string]string{"sqlite": "sqlite", "postgres": "pgx"}[city.WasteDriver()]
	db, err := sql.Open(driver, city.WasteDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT cod_client, nume, nr_fact, CAST(valoare AS text), CAST(sold AS text), CAST(penal AS text), CAST(scadenta AS text)
		FROM v_solduri`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var code, name, number, value, sold, penalty, due string
		if err := rows.Scan(&code, &name, &number, &value, &sold, &penalty, &due); err != nil {
			t.Fatal(err)
		}
		if len(code) != 12 || len([]rune(name)) != 40 || len(number) != 16 {
			t.Fatalf("row %q: got columns of %d, %d, %d, want 12, 40, 16", code, len(code), len([]rune(name)), len(number))
		}
		v, s, p := bani(t, value, "", "."), bani(t, sold, "", "."), bani(t, penalty, "", ".")
		seen.add("waste", strings.TrimSpace(code), strings.TrimSpace(number), shown{v + p, v - s, s + p, due})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

type invoiceXML struct {
	ID       string
	DueDate  string
	TypeCode string `xml:"InvoiceTypeCode"`
	Terms    string `xml:"PaymentTerms>Note"`
	Cancels  string `xml:"BillingReference>InvoiceDocumentReference>ID"`
	Client   string `xml:"AccountingCustomerParty>Party>PartyIdentification>ID"`
	Payable  string `xml:"LegalMonetaryTotal>PayableAmount"`
	Tax      string `xml:"TaxTotal>TaxAmount"`
	Net      string `xml:"LegalMonetaryTotal>TaxExclusiveAmount"`
}

// invoices lists and downloads all e-invoices that can be seen.
func invoices(t *testing.T, city *town.Town) map[string][]invoiceXML {
	t.Helper()
	with, byClient := bearer(t, city, "electricity"), map[string][]invoiceXML{}
	for after, more := "", true; more; {
		list := askJSON[struct {
			Messages []struct{ Index string }
			More     bool
		}](t, "GET", city.URL()+"/electricity/api/messages?limit=500&after="+after, with, "")
		more = list.More
		for _, m := range list.Messages {
			if len(after) > 0 && m.Index <= after {
				t.Fatalf("index %s after %s: got a list that goes back", m.Index, after)
			}
			after = m.Index
			status, body := ask(t, "GET", city.URL()+"/electricity/api/download/"+m.Index, with, "")
			if status != http.StatusOK {
				t.Fatalf("download %s: got status %d, want 200", m.Index, status)
			}
			inv := unpack(t, body, m.Index)
			byClient[inv.Client] = append(byClient[inv.Client], inv)
		}
	}
	return byClient
}

func unpack(t *testing.T, body []byte, index string) invoiceXML {
	t.Helper()
	files, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.Open(index + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	var inv invoiceXML
	if err := xml.NewDecoder(f).Decode(&inv); err != nil {
		t.Fatal(err)
	}
	if inv.DueDate == "" {
		inv.DueDate = iso(strings.TrimPrefix(inv.Terms, "Termen de plată: "))
	}
	if bani(t, inv.Net, "", ".")+bani(t, inv.Tax, "", ".") != bani(t, inv.Payable, "", ".") {
		t.Fatalf("invoice %s: got %s payable, want net and tax", inv.ID, inv.Payable)
	}
	return inv
}

type balance struct {
	Balance string
	Unpaid  []struct{ Invoice, Remaining string }
	Last    struct{ Number, Total string } `json:"last_invoice"`
}

func readElectricity(t *testing.T, city *town.Town, seen books) {
	t.Helper()
	with := bearer(t, city, "electricity")
	for code, all := range invoices(t, city) {
		answer := askJSON[balance](t, "POST", city.URL()+"/electricity/api/balance", with, fmt.Sprintf(`{"client_code":%q}`, code))
		left, sum := map[string]int64{answer.Last.Number: 0}, int64(0)
		for _, u := range answer.Unpaid {
			left[u.Invoice] = bani(t, u.Remaining, "", ".")
			sum += left[u.Invoice]
		}
		if sum != bani(t, answer.Balance, "", ".") {
			t.Fatalf("account %s: got a balance of %s, want %d bani", code, answer.Balance, sum)
		}
		for _, inv := range all {
			if remaining, listed := left[inv.ID]; listed {
				total := bani(t, inv.Payable, "", ".")
				seen.add("electricity", code, inv.ID, shown{total, total - remaining, remaining, inv.DueDate})
			}
		}
	}
}
