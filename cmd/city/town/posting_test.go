package town_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

type taxReceipt struct {
	Number    string `xml:"NrChitanta"`
	Reference string `xml:"NrDocExtern"`
	Sum       string `xml:"Suma"`
	Booked    string `xml:"DataInregistrare"`
	Undone    string `xml:"Stornata"`
	Again     string `xml:"Repetata"`
	Parts     []struct {
		ID     string `xml:"Id"`
		Sum    string `xml:"Suma"`
		Waived string `xml:"Bonificatie"`
	} `xml:"Distribuire>Debit"`
}

type taxPayAnswer struct {
	Body struct {
		Answer struct {
			XMLName xml.Name
			Code    int          `xml:"CodEroare"`
			Total   string       `xml:"Total"`
			List    []taxReceipt `xml:"Plati>Plata"`
			taxReceipt
		} `xml:",any"`
	}
}

// office calls an operation of the tax office with fields as "Name=value".
func office(t *testing.T, city *town.Town, operation string, fields ...string) (code int, one taxReceipt, all []taxReceipt) {
	t.Helper()
	body := strings.ReplaceAll(fmt.Sprintf(taxQuery, "racord", "Ditl!Napoca&amp;Test", elements(fields)), "ListaDebite", operation)
	status, raw := ask(t, "POST", city.URL()+"/ditl/ws", nil, body)
	if status != http.StatusOK {
		t.Fatalf("%s: got status %d %s, want 200", operation, status, raw)
	}
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) {
		return charmap.Windows1250.NewDecoder().Reader(in), nil
	}
	var answer taxPayAnswer
	if err := decoder.Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if got := answer.Body.Answer.XMLName.Local; got != operation+"Response" {
		t.Fatalf("%s: got %s", operation, got)
	}
	return answer.Body.Answer.Code, answer.Body.Answer.taxReceipt, answer.Body.Answer.List
}

func elements(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		fmt.Fprintf(&b, "<d:%s>%s</d:%s>", name, value, name)
	}
	return b.String()
}

// taxDebt is the first of a person's taxes that owes something; prefix narrows
// the choice by external id.
func taxDebt(t *testing.T, city *town.Town, person, prefix string) town.Debt {
	t.Helper()
	for _, d := range city.Truth(person)["ditl"] {
		if d.Outstanding > 0 && strings.HasPrefix(d.ExternalID, prefix) {
			return d
		}
	}
	t.Fatalf("%s owes no tax %s", person, prefix)
	return town.Debt{}
}

// roLei writes bani as 1.234,56 in another way than the city does.
func roLei(bani int64) string {
	whole := fmt.Sprint(bani / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "." + whole[i:]
	}
	return fmt.Sprintf("%s,%02d", whole, bani%100)
}

func payTax(t *testing.T, city *town.Town, d town.Debt, amount int64, paid, reference string, more ...string) (int, taxReceipt) {
	t.Helper()
	code, r, _ := office(t, city, "InregistreazaPlata", append(more,
		"Rol="+d.Account, "IdDebit="+d.ExternalID, "Suma="+roLei(amount), "DataPlata="+paid, "NrDocExtern="+reference)...)
	return code, r
}

// owed is what the truth book says about one debt now.
func owed(t *testing.T, city *town.Town, person, creditor, id string) int64 {
	t.Helper()
	for _, d := range city.Truth(person)[creditor] {
		if d.ExternalID == id {
			return d.Outstanding
		}
	}
	return 0
}

const noonOfMarch15 = "15.03.2026 09:59:00"

func TestTaxOfficeBooksAReferenceOnce(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d := taxDebt(t, city, "ana", "2024")
	code, first := payTax(t, city, d, d.Outstanding, noonOfMarch15, "hub:1:1", "IBAN=RO31TREZ99921A070101XXXX")
	if code != 0 || first.Number == "" || first.Again != "0" {
		t.Fatalf("payment: got code %d and receipt %+v, want one", code, first)
	}
	if left := owed(t, city, "ana", "ditl", d.ExternalID); left != 0 {
		t.Errorf("after payment: got %d bani owed, want none", left)
	}
	_, shown := taxes(t, city, "<d:CNP>2920229120001</d:CNP>")
	for _, c := range shown.Charges {
		if c.ID == d.ExternalID {
			t.Errorf("after payment: got %s in the list with %s, want a settled old debt gone", c.ID, c.Sold)
		}
	}
	if code, again := payTax(t, city, d, d.Outstanding, noonOfMarch15, "hub:1:1"); code != 0 || again.Number != first.Number || again.Again != "1" {
		t.Errorf("repeat: got code %d and %s, want the receipt %s again", code, again.Number, first.Number)
	}
	if code, _ := payTax(t, city, d, d.Outstanding-1, noonOfMarch15, "hub:1:1"); code != 35 {
		t.Errorf("the reference for another sum: got code %d, want 35", code)
	}
	if code, _ := payTax(t, city, d, d.Outstanding, noonOfMarch15, "hub:2:1"); code != 32 {
		t.Errorf("another payment of it: got code %d, want 32", code)
	}
	if all := city.Book("ditl"); len(all) != 1 || all[0].Amount != d.Outstanding || all[0].Reference != "hub:1:1" {
		t.Errorf("book: got %+v, want one receipt", all)
	}
}

func TestTaxOfficeRefusesPayments(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d := taxDebt(t, city, "ana", "2025")
	gone := taxDebt(t, city, "ion", "2026-07-01")
	if err := city.Cancel("ion", "ditl", gone.ExternalID); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*town.Debt)
		amount int64
		paid   string
		more   []string
		want   int
	}{
		"more than is owed": {nil, d.Outstanding + 1, noonOfMarch15, nil, 33},
		"another role":      {func(d *town.Debt) { d.Account = "000000001" }, 1_00, noonOfMarch15, nil, 4},
		"another debt":      {func(d *town.Debt) { d.ExternalID += "9" }, 1_00, noonOfMarch15, nil, 31},
		"a cancelled debt":  {func(d *town.Debt) { *d = gone }, gone.Outstanding, noonOfMarch15, nil, 34},
		"another account":   {nil, 1_00, noonOfMarch15, []string{"IBAN=RO00"}, 36},
		"no such day":       {nil, 1_00, "31.02.2026 10:00:00", nil, 2},
		"the day after":     {nil, 1_00, "17.03.2026 10:00:00", nil, 2},
		"nothing":           {nil, 0, noonOfMarch15, nil, 2},
	} {
		bad := d
		if tc.change != nil {
			tc.change(&bad)
		}
		if code, _ := payTax(t, city, bad, tc.amount, tc.paid, "x-"+name[:4], tc.more...); code != tc.want {
			t.Errorf("%s: got code %d, want %d", name, code, tc.want)
		}
	}
	if all := city.Book("ditl"); len(all) != 0 {
		t.Errorf("book: got %d receipts, want none", len(all))
	}
}

// Whoever pays the whole year on the last day at 23:58 pays less, although the
// office is closed and books it in April.
func TestDiscountHoldsWhenBookedLate(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	at(t, city, "2026-03-31 23:58")
	sum, discount := int64(0), int64(0)
	d := taxDebt(t, city, "ion", "2026-07-01")
	for _, one := range city.Truth("ion")["ditl"] {
		if strings.HasPrefix(one.ExternalID, "2026-07-01") {
			sum += one.Outstanding
		}
	}
	discount = sum / 10
	if code, _ := payTax(t, city, d, sum-discount, "31.03.2026 23:58:00", "late"); code != 17 {
		t.Fatalf("at night: got code %d, want 17", code)
	}
	at(t, city, "2026-04-01 04:31")
	if code, _ := payTax(t, city, d, sum-discount, "01.04.2026 00:00:01", "too late"); code != 33 {
		t.Errorf("authorised on the first of April: got code %d, want 33", code)
	}
	code, r := payTax(t, city, d, sum-discount, "31.03.2026 23:58:00", "late")
	if code != 0 || len(r.Parts) < 2 {
		t.Fatalf("in the morning: got code %d over %d instalments, want 0 over all", code, len(r.Parts))
	}
	waived := int64(0)
	for _, p := range r.Parts {
		waived += bani(t, p.Waived, ".", ",")
		if left := owed(t, city, "ion", "ditl", p.ID); left != 0 {
			t.Errorf("%s: got %d bani still owed, want none", p.ID, left)
		}
	}
	if waived != discount {
		t.Errorf("got %d bani waived, want %d", waived, discount)
	}
	at(t, city, "2026-07-01 10:00") // no late addition for what was paid in time
	for _, p := range r.Parts {
		if left := owed(t, city, "ion", "ditl", p.ID); left != 0 {
			t.Errorf("%s in July: got %d bani owed, want none", p.ID, left)
		}
	}
}

func TestTaxOfficeWithoutUniqueNumbers(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	behave(t, city, "ditl", town.Manners{Doubles: true, Shows: time.Hour})
	d := taxDebt(t, city, "ana", "2025")
	for range 2 {
		if code, r := payTax(t, city, d, d.Outstanding, noonOfMarch15, "one"); code != 0 || r.Again != "0" {
			t.Fatalf("got code %d, want it booked", code)
		}
	}
	if code, _ := payTax(t, city, d, d.Outstanding, noonOfMarch15, "two"); code != 32 {
		t.Errorf("another number: got code %d, want 32", code)
	}
	if got := len(city.Book("ditl")); got != 2 {
		t.Errorf("book: got %d receipts, want the double too", got)
	}
	if left := owed(t, city, "ana", "ditl", d.ExternalID); left != -d.Outstanding {
		t.Errorf("got %d owed, want a credit of %d", left, d.Outstanding)
	}
	if code, _, _ := office(t, city, "CautaPlata", "NrDocExtern=one"); code != 41 {
		t.Errorf("lookup before it shows: got code %d, want 41", code)
	}
	at(t, city, "2026-03-15 12:00")
	if code, _, found := office(t, city, "CautaPlata", "NrDocExtern=one"); code != 0 || len(found) != 2 {
		t.Errorf("lookup: got code %d and %d payments, want both", code, len(found))
	}
	behave(t, city, "ditl", town.Manners{Mute: true})
	if code, _, _ := office(t, city, "CautaPlata", "NrDocExtern=one"); code != 44 {
		t.Errorf("lookup of a mute office: got code %d, want 44", code)
	}
	if code, _, found := office(t, city, "ExtrasPlati", "Data=15.03.2026"); code != 0 || len(found) != 2 {
		t.Errorf("statement: got code %d and %d payments, want both", code, len(found))
	}
}

// behave sets a creditor's manners.
func behave(t *testing.T, city *town.Town, creditor string, m town.Manners) {
	t.Helper()
	if err := city.Behave(creditor, m); err != nil {
		t.Fatal(err)
	}
}

func TestTaxOfficeReverses(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d := taxDebt(t, city, "ana", "2025")
	_, r := payTax(t, city, d, d.Outstanding, noonOfMarch15, "one")
	for _, want := range []int{0, 42} {
		if code, _, _ := office(t, city, "StornoPlata", "NrChitanta="+r.Number); code != want {
			t.Errorf("reversal: got code %d, want %d", code, want)
		}
	}
	if left := owed(t, city, "ana", "ditl", d.ExternalID); left != d.Outstanding {
		t.Errorf("after the reversal: got %d owed, want %d", left, d.Outstanding)
	}
	if all := city.Book("ditl"); len(all) != 1 || !all[0].Reversed() {
		t.Errorf("book: got %+v, want the receipt, reversed", all)
	}
	if code, _, _ := office(t, city, "StornoPlata", "NrChitanta=CH99999999"); code != 41 {
		t.Errorf("unknown receipt: got code %d, want 41", code)
	}
}

// A paid debt is in the list until the batch of the night.
func TestTaxOfficeShowsAZombie(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	behave(t, city, "ditl", town.Manners{Batch: true})
	d := taxDebt(t, city, "ana", "2025")
	if code, _ := payTax(t, city, d, d.Outstanding, noonOfMarch15, "one"); code != 0 {
		t.Fatalf("got code %d, want 0", code)
	}
	shown := func() bool {
		_, answer := taxes(t, city, "<d:CNP>2920229120001</d:CNP>")
		for _, c := range answer.Charges {
			if c.ID == d.ExternalID && c.Sold != "0,00" {
				return true
			}
		}
		return false
	}
	for local, want := range map[string]bool{"2026-03-15 23:00": true, "2026-03-16 05:00": false} {
		at(t, city, local)
		if got := shown(); got != want {
			t.Errorf("at %s: got %v, want %v", local, got, want)
		}
	}
}

type finePayment struct {
	Number, Reference string
	DebtID            string `json:"debt_id"`
	Amount            int64  `json:"amount_bani"`
	Matched, Reversed bool
	Code              string
}

func payFine(t *testing.T, city *town.Town, reference, which string, amount int64, paid string) (int, finePayment) {
	t.Helper()
	status, body := ask(t, "POST", city.URL()+"/fines/v1/payments", fineKey(city),
		fmt.Sprintf(`{"reference":%q,%s,"amount_bani":%d,"paid_at":%q}`, reference, which, amount, paid))
	var answer finePayment
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("got status %d %s", status, body)
	}
	return status, answer
}

func findFines(t *testing.T, city *town.Town, reference string) []finePayment {
	t.Helper()
	return askJSON[struct{ Payments []finePayment }](t, "GET",
		city.URL()+"/fines/v1/payments?reference="+reference, fineKey(city), "").Payments
}

// anasFine is what ana owes for her first fine, full and reduced.
func anasFine(t *testing.T, city *town.Town) (id string, full, reduced int64) {
	t.Helper()
	answer := askJSON[fineAnswer](t, "POST", city.URL()+"/fines/v1/debts/search", fineKey(city), `{"cnp":"2920229120001"}`)
	d := answer.Debts[0]
	return d.ID, d.Outstanding, d.Options[0].Amount
}

func TestFinesRegisterBooksEachCall(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	behave(t, city, "fines", town.Manners{Shows: time.Minute})
	id, _, reduced := anasFine(t, city)
	which := fmt.Sprintf(`"debt_id":%q`, id)
	if status, no := payFine(t, city, "a", which, reduced+1, "2026-03-15T10:00:00+02:00"); status != 409 || no.Code != "amount_changed" {
		t.Errorf("another amount: got status %d %s, want 409 amount_changed", status, no.Code)
	}
	for range 2 {
		if status, r := payFine(t, city, "a", which, reduced, "2026-03-15T10:00:00+02:00"); status != 201 || !r.Matched {
			t.Fatalf("payment: got status %d %+v, want 201", status, r)
		}
	}
	if status, no := payFine(t, city, "b", which, reduced, "2026-03-15T10:00:00+02:00"); status != 409 || no.Code != "already_paid" {
		t.Errorf("another payer: got status %d %s, want 409 already_paid", status, no.Code)
	}
	if found := findFines(t, city, "a"); len(found) != 0 {
		t.Errorf("at once: got %d payments, want none shown yet", len(found))
	}
	at(t, city, "2026-03-15 10:05")
	found := findFines(t, city, "a")
	if len(found) != 2 {
		t.Fatalf("later: got %d payments, want both", len(found))
	}
	for _, want := range []int{200, 409} {
		status, _ := ask(t, "POST", city.URL()+"/fines/v1/payments/"+found[1].Number+"/cancel", fineKey(city), "")
		if status != want {
			t.Errorf("cancel: got status %d, want %d", status, want)
		}
	}
	if left := owed(t, city, "ana", "fines", id); left != 0 {
		t.Errorf("after one was cancelled: got %d owed, want none", left)
	}
	behave(t, city, "fines", town.Manners{Mute: true})
	if status, _ := ask(t, "GET", city.URL()+"/fines/v1/payments?reference=a", fineKey(city), ""); status != 501 {
		t.Errorf("lookup of a mute register: got status %d, want 501", status)
	}
	day := askJSON[struct {
		Count int
		Total int64 `json:"total_bani"`
	}](t, "GET", city.URL()+"/fines/v1/payments/statement?day=2026-03-15", fineKey(city), "")
	if day.Count != 2 || day.Total != reduced {
		t.Errorf("statement: got %+v, want two receipts and %d bani", day, reduced)
	}
}

// A report in hand is paid on its fourteenth day; the register learns of it
// later and shows it as paid.
func TestFineIsPaidBeforeItIsRegistered(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	at(t, city, "2026-03-20 10:00")
	reports, err := city.Reports("ana")
	if err != nil || len(reports) != 4 || reports[3].Number != "0000003" || reports[3].Registered <= "2026-03-20" {
		t.Fatalf("ana's reports: got %+v, %v, want a fourth that is not registered", reports, err)
	}
	reduced := reports[3].Reduced
	which := `"pv":{"series":"PLNT","number":"0000003"}`
	status, no := payFine(t, city, "x", `"debt_id":"PLNT-0000003"`, reduced, "2026-03-20T09:00:00+02:00")
	if status != 404 || no.Code != "unknown_debt" {
		t.Errorf("by id: got status %d %s, want 404 unknown_debt", status, no.Code)
	}
	if status, r := payFine(t, city, "x", which, reduced, "2026-03-20T09:00:00+02:00"); status != 201 || r.Matched {
		t.Fatalf("by report: got status %d %+v, want 201 without a match", status, r)
	}
	at(t, city, "2026-04-20 10:00")
	if shown := city.Truth("ana")["fines"]; len(shown) != 4 || shown[3].Outstanding != 0 || shown[3].Paid != reduced {
		t.Errorf("once registered: got %+v, want it paid with %d", shown[3:], reduced)
	}
	if status, no := payFine(t, city, "y", which, reduced, "2026-04-20T09:00:00+03:00"); status != 409 || no.Code != "already_paid" {
		t.Errorf("again: got status %d %s, want 409 already_paid", status, no.Code)
	}
	if status, no := payFine(t, city, "z", `"pv":{"series":"XX","number":"1"}`, 1, "2026-04-20T09:00:00+03:00"); status != 404 || no.Code != "unknown_debt" {
		t.Errorf("another police's: got status %d %s, want 404", status, no.Code)
	}
}

type waterReceipt struct {
	Number, Amount, Error string
	Repeated, Reversed    bool
	Allocations           []struct {
		Invoice string `json:"invoice_id"`
		Amount  string
	}
}

func payWater(t *testing.T, city *town.Town, key, invoice, amount string) (int, waterReceipt) {
	t.Helper()
	with := bearer(t, city, "water")
	with["Idempotency-Key"] = key
	status, body := ask(t, "POST", city.URL()+"/water/api/v2/payments", with,
		fmt.Sprintf(`{"client_code":"0004411","invoice_id":%q,"amount":%q,"paid_at":"2026-03-15T10:00:00+02:00"}`, invoice, amount))
	var answer waterReceipt
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("got status %d %s", status, body)
	}
	return status, answer
}

// open are what somebody owes a utility, oldest first.
func openBills(t *testing.T, city *town.Town, person, creditor string) []town.Debt {
	t.Helper()
	var open []town.Debt
	for _, d := range city.Truth(person)[creditor] {
		if d.Outstanding > 0 {
			open = append(open, d)
		}
	}
	if len(open) < 2 {
		t.Fatalf("%s at %s: got %d open bills, want some", person, creditor, len(open))
	}
	return open
}

func enLei(bani int64) string { return fmt.Sprintf("%d.%02d", bani/100, bani%100) }

func TestWaterTakesAnyAmount(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	open := openBills(t, city, "ana", "water")
	newest := open[len(open)-1]
	status, r := payWater(t, city, "k1", newest.ExternalID, enLei(newest.Outstanding))
	if status != 201 || len(r.Allocations) != 1 || r.Allocations[0].Invoice != newest.ExternalID {
		t.Fatalf("a bill's own amount: got status %d %+v, want it on that bill", status, r)
	}
	if status, again := payWater(t, city, "k1", newest.ExternalID, enLei(newest.Outstanding)); status != 200 || again.Number != r.Number || !again.Repeated {
		t.Errorf("repeat: got status %d %+v, want the same receipt", status, again)
	}
	if status, no := payWater(t, city, "k1", newest.ExternalID, "0.01"); status != 422 || no.Error != "key_reused" {
		t.Errorf("the key for another amount: got status %d %s, want 422", status, no.Error)
	}
	part := open[0].Outstanding + 50
	if status, r = payWater(t, city, "k2", open[1].ExternalID, enLei(part)); status != 201 || len(r.Allocations) != 2 ||
		r.Allocations[0].Invoice != open[0].ExternalID || r.Allocations[1].Amount != "0.50" {
		t.Errorf("a part: got status %d %+v, want the oldest paid first", status, r)
	}
	rest := int64(0)
	for _, d := range city.Truth("ana")["water"] {
		rest += d.Outstanding
	}
	if status, _ = payWater(t, city, "k3", "", enLei(rest+7_00)); status != 201 {
		t.Errorf("more than is owed: got status %d, want 201", status)
	}
	balance := int64(0)
	for _, d := range city.Truth("ana")["water"] {
		balance += d.Outstanding
	}
	if balance != -7_00 {
		t.Errorf("got a balance of %d, want a credit of 700", balance)
	}
	for name, tc := range map[string]struct {
		key, invoice, amount, want string
	}{
		"no key":         {"", "", "1.00", "missing_key"},
		"three decimals": {"k", "", "1.000", "bad_amount"},
		"no such bill":   {"k", "W-1", "1.00", "invoice_not_found"},
	} {
		if status, no := payWater(t, city, tc.key, tc.invoice, tc.amount); status < 400 || no.Error != tc.want {
			t.Errorf("%s: got status %d %s, want %s", name, status, no.Error, tc.want)
		}
	}
}

func TestWaterReversesAndQuotes(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	open := openBills(t, city, "ana", "water")
	with := bearer(t, city, "water")
	type quote struct {
		Due, Amount string
		InvoiceDue  string `json:"invoice_due"`
		LeftOver    string `json:"left_over"`
		Allocations []struct {
			Invoice string `json:"invoice_id"`
		}
	}
	ask1 := func(body string) quote {
		return askJSON[quote](t, "POST", city.URL()+"/water/api/v2/quotes", with, body)
	}
	q := ask1(fmt.Sprintf(`{"client_code":"0004411","invoice_id":%q}`, open[1].ExternalID))
	if q.InvoiceDue != enLei(open[1].Outstanding) || q.Amount != q.InvoiceDue || len(q.Allocations) != 1 || q.Allocations[0].Invoice != open[1].ExternalID {
		t.Errorf("quote of a bill: got %+v", q)
	}
	q = ask1(fmt.Sprintf(`{"client_code":"0004411","amount":%q}`, enLei(open[0].Outstanding+1)))
	if len(q.Allocations) != 2 || q.Allocations[0].Invoice != open[0].ExternalID || q.LeftOver != "0.00" {
		t.Errorf("quote of a part: got %+v, want two bills, the oldest first", q)
	}
	_, r := payWater(t, city, "k1", open[1].ExternalID, enLei(open[1].Outstanding))
	for _, want := range []int{200, 409} {
		if status, _ := ask(t, "POST", city.URL()+"/water/api/v2/payments/k1/reversal", with, ""); status != want {
			t.Errorf("reversal of %s: got status %d, want %d", r.Number, status, want)
		}
	}
	if left := owed(t, city, "ana", "water", open[1].ExternalID); left != open[1].Outstanding {
		t.Errorf("after the reversal: got %d owed, want %d", left, open[1].Outstanding)
	}
}

func TestElectricityAnswersARepeatWithTheReceipt(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	d, with := openBills(t, city, "ana", "electricity")[0], bearer(t, city, "electricity")
	type answer struct {
		Number, Error string
		Receipt       struct{ Number string }
	}
	pay := func(reference string, amount int64) (int, answer) {
		status, body := ask(t, "POST", city.URL()+"/electricity/api/payments", with, fmt.Sprintf(
			`{"reference":%q,"client_code":%q,"invoice":%q,"amount":%q,"paid_at":"2026-03-15T09:00:00+02:00"}`,
			reference, d.Account, d.ExternalID, enLei(amount)))
		var a answer
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatal(err)
		}
		return status, a
	}
	status, first := pay("r1", d.Outstanding)
	if status != 201 || first.Number == "" {
		t.Fatalf("got status %d %+v, want 201", status, first)
	}
	if status, again := pay("r1", d.Outstanding); status != 409 || again.Error != "duplicate_reference" || again.Receipt.Number != first.Number {
		t.Errorf("repeat: got status %d %+v, want 409 with the receipt", status, again)
	}
	if status, no := pay("r1", 1); status != 422 || no.Error != "reference_reused" {
		t.Errorf("another amount: got status %d %+v, want 422", status, no)
	}
	if status, no := pay("r2", 1); status != 409 || no.Error != "already_paid" {
		t.Errorf("another payment: got status %d %+v, want 409 already_paid", status, no)
	}
	if got := len(city.Book("electricity")); got != 1 {
		t.Errorf("book: got %d receipts, want one", got)
	}
}

// Many callers pay the same debt at once: an exact creditor takes one.
func TestOneOfManyPaysADebt(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	id, _, reduced := anasFine(t, city)
	var paid sync.Map
	var callers sync.WaitGroup
	for n := range 32 {
		callers.Go(func() {
			status, _, err := try("POST", city.URL()+"/fines/v1/payments", fineKey(city), fmt.Sprintf(
				`{"reference":"r%d","debt_id":%q,"amount_bani":%d,"paid_at":"2026-03-15T10:00:00+02:00"}`, n, id, reduced))
			if err == nil && status == 201 {
				paid.Store(n, true)
			}
		})
	}
	callers.Wait()
	n := 0
	paid.Range(func(any, any) bool { n++; return true })
	if got := len(city.Book("fines")); n != 1 || got != 1 {
		t.Errorf("got %d accepted and %d booked, want one", n, got)
	}
}

func TestDebtsChangeOverTheControlChannel(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	ctl := city.URL() + "/__ctl"
	for _, creditor := range names() {
		d := openBills(t, city, "ana", creditor)
		change := func(id, how string) int {
			status, _ := ask(t, "POST", ctl+"/debts/change", nil,
				fmt.Sprintf(`{"creditor":%q,"person":"ana","external_id":%q,%s}`, creditor, id, how))
			return status
		}
		if status := change(d[0].ExternalID, `"outstanding_bani":12345`); status != 200 || owed(t, city, "ana", creditor, d[0].ExternalID) != 12345 {
			t.Errorf("%s: got status %d and %d owed, want 12345", creditor, status, owed(t, city, "ana", creditor, d[0].ExternalID))
		}
		if status := change(d[1].ExternalID, `"paid_elsewhere":true`); status != 200 || owed(t, city, "ana", creditor, d[1].ExternalID) != 0 {
			t.Errorf("%s: got status %d and %d owed, want it paid", creditor, status, owed(t, city, "ana", creditor, d[1].ExternalID))
		}
		if status := change(d[0].ExternalID, `"cancel":true`); status != 200 || owed(t, city, "ana", creditor, d[0].ExternalID) != 0 {
			t.Errorf("%s: got status %d and %d owed, want it cancelled", creditor, status, owed(t, city, "ana", creditor, d[0].ExternalID))
		}
		if status := change(d[1].ExternalID, `"cancel":true,"paid_elsewhere":true`); status != 400 {
			t.Errorf("%s: two ways at once: got status %d, want 400", creditor, status)
		}
		seen := askJSON[struct {
			Count    int
			Receipts []struct {
				Reference  string
				ExternalID string `json:"external_id"`
				Amount     int64  `json:"amount_bani"`
				On         string `json:"effective_on"`
			}
		}](t, "GET", ctl+"/books/"+creditor, nil, "")
		if seen.Count != 1 || seen.Receipts[0].ExternalID != d[1].ExternalID || seen.Receipts[0].Amount != d[1].Outstanding || seen.Receipts[0].On != "2026-03-15" {
			t.Errorf("%s: got the book %+v, want the payment at the counter", creditor, seen)
		}
	}
}

// The faults of postings: what was done can be told from the book.
func TestPostingFaults(t *testing.T) {
	city := start(t, town.Config{Seed: 1})
	for kind, booked := range map[gate.Kind]int{gate.Down: 0, gate.Refuse503: 0, gate.Maintenance: 0, gate.LostAnswer: 1, gate.LostSilence: 1} {
		t.Run(string(kind), func(t *testing.T) {
			before := len(city.Book("fines"))
			id, _, reduced := anasFine(t, city)
			meet(t, city, "fines", town.Fault{Kind: kind, Only: gate.Posts, Delay: time.Millisecond})
			if anotherID, _, _ := anasFine(t, city); anotherID != id {
				t.Error("a question met the fault of payments")
			}
			status, _, err := try("POST", city.URL()+"/fines/v1/payments", fineKey(city), fmt.Sprintf(
				`{"reference":"f-%s","debt_id":%q,"amount_bani":%d,"paid_at":"2026-03-15T10:00:00+02:00"}`, kind, id, reduced))
			if err == nil && status != http.StatusServiceUnavailable {
				t.Errorf("got status %d, want none or 503", status)
			}
			if got := len(city.Book("fines")) - before; got != booked {
				t.Errorf("got %d receipts, want %d", got, booked)
			}
			city.ClearFaults("fines")
			for _, r := range city.Book("fines")[before:] { // so that the next kind can pay it
				status, _ := ask(t, "POST", city.URL()+"/fines/v1/payments/"+r.Number+"/cancel", fineKey(city), "")
				if status != 200 {
					t.Fatalf("cancel: got status %d", status)
				}
			}
		})
	}
}
