package town_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/euplatesc"
	"racord/cmd/city/town"
)

type euplatescMerchant struct {
	*merchant
	city     *town.Town
	mid, key string
	user     string
	api      string
}

func euplatescFor(t *testing.T, conf town.Config, account string) euplatescMerchant {
	t.Helper()
	conf.Size = "XS"
	if conf.PSPRetries == nil {
		conf.PSPRetries = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond}
	}
	city := start(t, conf)
	keys := city.Credentials()
	for _, a := range city.MerchantAccounts() {
		if a.Key == account {
			return euplatescMerchant{openMerchant(t), city, a.EuPlatesc, a.EuPlatescKey, keys["euplatesc-user-key"], keys["euplatesc-user-api"]}
		}
	}
	t.Fatalf("no account %q", account)
	return euplatescMerchant{}
}

func nonce() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	return hex.EncodeToString(raw)
}

// form is a signed request to pay.
func (m euplatescMerchant) form(invoice, lei string) url.Values {
	stamp, once := m.city.Now().UTC().Format("20060102150405"), nonce()
	return url.Values{
		"amount": {lei}, "curr": {"RON"}, "invoice_id": {invoice}, "order_desc": {"Taxe locale"}, "merch_id": {m.mid}, "timestamp": {stamp}, "nonce": {once},
		"fp_hash":              {euplatesc.Hash(m.key, lei, "RON", invoice, "Taxe locale", m.mid, stamp, once)},
		"ExtraData[silenturl]": {m.URL + "/silent"}, "ExtraData[successurl]": {m.URL + "/back/good"}, "ExtraData[failedurl]": {m.URL + "/back/bad"},
		"ExtraData[manifest]": {"m-" + invoice}, "lang": {"ro"},
	}
}

func (m euplatescMerchant) open(t *testing.T, form url.Values) map[string]string {
	t.Helper()
	form.Set("generate_epid", "1")
	answer, err := http.PostForm(m.city.URL()+"/euplatesc/tdsprocess/tranzactd.php", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said map[string]string
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said
}

// paid opens and pays a transaction and returns its ep_id.
func (m euplatescMerchant) paid(t *testing.T, invoice, lei, card string) string {
	t.Helper()
	opened := m.open(t, m.form(invoice, lei))
	if _, err := m.city.PayCard(opened["url"], card); err != nil {
		t.Fatalf("%v: %v", opened, err)
	}
	return opened["cart_id"]
}

// call makes a management call; pairs are names and values in hashed order.
func (m euplatescMerchant) call(t *testing.T, method string, pairs ...string) map[string]json.RawMessage {
	t.Helper()
	key := m.api
	if strings.HasPrefix(method, "check_") {
		key = m.key
	} else {
		pairs = append([]string{"ukey", m.user}, pairs...)
	}
	pairs = append([]string{"method", method}, append(pairs, "timestamp", m.city.Now().UTC().Format("20060102150405"), "nonce", nonce())...)
	form, values := url.Values{}, []string{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
		values = append(values, pairs[i+1])
	}
	form.Set("fp_hash", euplatesc.Hash(key, values...))
	return m.send(t, form)
}

func (m euplatescMerchant) send(t *testing.T, form url.Values) map[string]json.RawMessage {
	t.Helper()
	var body bytes.Buffer // multipart, as the SDKs send it
	parts := multipart.NewWriter(&body)
	for name := range form {
		_ = parts.WriteField(name, form.Get(name))
	}
	_ = parts.Close()
	answer, err := http.Post(m.city.URL()+"/euplatesc/manager/v3/index.php?action=ws", parts.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said := map[string]json.RawMessage{}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said
}

func (m euplatescMerchant) must(t *testing.T, method string, pairs ...string) {
	t.Helper()
	if said := m.call(t, method, pairs...); string(said["success"]) != `"1"` {
		t.Fatalf("%s %v: got %s, want success 1", method, pairs, said)
	}
}

func (m euplatescMerchant) mustNot(t *testing.T, method string, pairs ...string) {
	t.Helper()
	if said := m.call(t, method, pairs...); said["error"] == nil {
		t.Errorf("%s %v: got %s, want an error", method, pairs, said)
	}
}

// status is the one transaction of an ep_id.
func (m euplatescMerchant) status(t *testing.T, pairs ...string) []map[string]string {
	t.Helper()
	said := m.call(t, "check_status", append([]string{"mid", m.mid}, pairs...)...)
	var text string
	var list []map[string]string
	if json.Unmarshal(said["success"], &text) != nil || json.Unmarshal([]byte(text), &list) != nil {
		t.Fatalf("check_status: got %s, want a list in a text", said)
	}
	return list
}

// check verifies an answer as a merchant must.
func (m euplatescMerchant) check(t *testing.T, form url.Values) bool {
	t.Helper()
	values := []string{}
	for _, name := range []string{"amount", "curr", "invoice_id", "ep_id", "merch_id", "action", "message", "approval", "timestamp", "nonce"} {
		values = append(values, form.Get(name))
	}
	if form.Has("sec_status") {
		values = append(values, form.Get("sec_status"))
	}
	return form.Get("fp_hash") == euplatesc.Hash(m.key, values...)
}

func formOf(t *testing.T, p posted) url.Values {
	t.Helper()
	form, err := url.ParseQuery(string(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func TestEuPlatescHashesAsPublished(t *testing.T) {
	const once = "0123456789abcdef0123456789abcdef"
	for want, values := range map[string][]string{
		"E18AD342C271644929A7E8AAAB8626F9": {"10.00", "RON", "HUB-0001", "Taxe locale", "testaccount", "20260331101500", once},
		"1C4397FFEB4FB179AA1A602C2C6DEDFA": {"10.00", "RON", "HUB-0001", "EP0001", "testaccount", "0", "Approved", "123456", "20260331101530", once},
	} {
		if got := euplatesc.Hash(euplatesc.TestKey, values...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEuPlatescTakesThePublishedVector(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	form := url.Values{
		"amount": {"10.00"}, "curr": {"RON"}, "invoice_id": {"HUB-0001"}, "order_desc": {"Taxe locale"}, "merch_id": {"testaccount"},
		"timestamp": {"20260331101500"}, "nonce": {"0123456789abcdef0123456789abcdef"}, "fp_hash": {"e18ad342c271644929a7e8aaab8626f9"},
	}
	if said := m.open(t, form); said["cart_id"] == "" {
		t.Errorf("got %v, want a transaction", said)
	}
	form.Set("amount", "10.01")
	if said := m.open(t, form); said["error"] != "Invalid fp_hash" {
		t.Errorf("another amount: got %v, want it refused", said)
	}
}

func TestEuPlatescIsPaidThroughTheHostedPage(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	form := m.form("HUB-1", "20.5")
	form.Del("generate_epid")
	browse(t, m.city.URL()+"/euplatesc/tdsprocess/tranzactd.php?"+form.Encode(), "4000 6400 0000 0005")
	said := formOf(t, m.wait(t, 1)[0])
	if !m.check(t, said) || said.Get("action") != "0" || said.Get("amount") != "20.5" || said.Get("ExtraData[manifest]") != "m-HUB-1" {
		t.Errorf("notification: got %v, want approved, hashed, with the manifest", said)
	}
	backs := m.backs()
	if len(backs) != 1 || !strings.HasPrefix(backs[0], "/back/good") || !strings.Contains(backs[0], "invoice_id=HUB-1") {
		t.Errorf("return: got %q, want the good page with the answer", backs)
	}
	o := inBook(t, m.city, town.EuPlatesc, "HUB-1")
	if o.Authorised != 2050 || o.Captured != 0 || o.Data["manifest"] != "m-HUB-1" || o.Splits[0].IBAN != "RO39SBXB0000999900000001" {
		t.Errorf("book: got %+v, want 20.50 authorised for water", o)
	}
}

func TestEuPlatescRefusedCardsReturnToTheOtherPage(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	form := m.form("HUB-1", "20.50")
	form.Set("ExtraData[ep_method]", "get")
	opened := m.open(t, form)
	browse(t, opened["url"], euplatesc.NoFundsCard)
	said := formOf(t, m.wait(t, 1)[0])
	if !m.check(t, said) || said.Get("action") == "0" || said.Get("message") != "Not sufficient funds" {
		t.Errorf("notification: got %v, want a refusal", said)
	}
	if backs := m.backs(); len(backs) != 1 || !strings.HasPrefix(backs[0], "/back/bad?") {
		t.Errorf("return: got %q, want the bad page", backs)
	}
	if got := m.status(t, "epid", opened["cart_id"])[0]; got["action"] == "0" || got["captured"] != "0" {
		t.Errorf("check_status: got %v, want a refusal", got)
	}
}

func TestEuPlatescCapturesByHand(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	whole, part, undone := m.paid(t, "HUB-1", "20.50", ""), m.paid(t, "HUB-2", "20.50", ""), m.paid(t, "HUB-3", "20.50", "")
	m.must(t, "capture", "epid", whole)
	m.mustNot(t, "capture", "epid", whole)
	m.mustNot(t, "reversal", "epid", whole)
	m.mustNot(t, "partial_capture", "amount", "20.51", "epid", part)
	m.must(t, "partial_capture", "amount", "12.34", "epid", part)
	m.mustNot(t, "partial_capture", "amount", "1.00", "epid", part)
	m.must(t, "reversal", "epid", undone)
	m.mustNot(t, "capture", "epid", undone)
	m.must(t, "refund", "amount", "0.50", "reason", "", "epid", whole)
	m.must(t, "refund", "amount", "20.00", "reason", "twice", "epid", whole)
	m.mustNot(t, "refund", "amount", "0.01", "reason", "too much", "epid", whole)
	for invoice, want := range map[string][3]int64{"HUB-1": {2050, 2050, 2050}, "HUB-2": {2050, 1234, 0}, "HUB-3": {2050, 0, 0}} {
		o := inBook(t, m.city, town.EuPlatesc, invoice)
		if got := [3]int64{o.Authorised, o.Captured, o.Refunded}; got != want {
			t.Errorf("%s: got %v, want %v", invoice, got, want)
		}
	}
	for epid, want := range map[string][3]string{whole: {"1", "1", "Approved"}, part: {"1", "0", "Approved"}, undone: {"0", "0", "Reversed"}} {
		got := m.status(t, "epid", epid)[0]
		if [3]string{got["captured"], got["refunded"], got["message"]} != want {
			t.Errorf("check_status: got %v, want %v", got, want)
		}
		if _, told := got["captured_amount"]; told {
			t.Error("check_status: got an amount, want none without extras")
		}
	}
}

func TestEuPlatescCapturesAtOnceWhereAsked(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	if n := m.city.SetCapture(true, "water"); n != 1 {
		t.Fatalf("got %d merchants, want 1", n)
	}
	m.paid(t, "HUB-1", "20.50", "")
	if o := inBook(t, m.city, town.EuPlatesc, "HUB-1"); o.Captured != 2050 {
		t.Errorf("got %d captured, want 2050", o.Captured)
	}
}

func TestEuPlatescForgetsAuthorisationsAfterAWeek(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	epid := m.paid(t, "HUB-1", "20.50", "")
	if err := m.city.Advance(8 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	m.mustNot(t, "capture", "epid", epid)
}

func TestEuPlatescOneNonceIsOneTransaction(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	form := m.form("HUB-1", "20.50")
	first, again, other := m.open(t, form), m.open(t, form), m.open(t, m.form("HUB-1", "20.50"))
	if first["cart_id"] != again["cart_id"] || first["cart_id"] == other["cart_id"] {
		t.Errorf("got %v, %v, %v, want two transactions", first, again, other)
	}
	if list := m.status(t, "invoice_id", "HUB-1"); len(list) != 2 || list[0]["ep_id"] != other["cart_id"] || list[0]["message"] != "Pending" {
		t.Errorf("check_status: got %v, want both, newest first", list)
	}
}

func TestEuPlatescRefusesForgedCalls(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	epid := m.paid(t, "HUB-1", "20.50", "")
	forged := m
	forged.api, forged.key = "00", "00"
	forged.mustNot(t, "capture", "epid", epid)
	forged.mustNot(t, "check_status", "mid", m.mid, "epid", epid)
	m.mustNot(t, "capture", "epid", strings.Repeat("0", 40))
	m.mustNot(t, "dance")
	stranger := euplatescFor(t, town.Config{}, "waste")
	stranger.city = m.city
	stranger.mustNot(t, "check_status", "mid", stranger.mid, "epid", epid)
	if o := inBook(t, m.city, town.EuPlatesc, "HUB-1"); o.Captured != 0 {
		t.Errorf("got %d captured, want nothing", o.Captured)
	}
}

func TestEuPlatescSettlesTheNextWorkingDay(t *testing.T) {
	friday := time.Date(2026, time.March, 27, 10, 0, 0, 0, time.UTC)
	m := euplatescFor(t, town.Config{Clock: friday}, "water")
	first, second := m.paid(t, "HUB-1", "100.00", ""), m.paid(t, "HUB-2", "50.00", "")
	m.must(t, "capture", "epid", first)
	m.must(t, "capture", "epid", second)
	m.must(t, "refund", "amount", "30.00", "reason", "", "epid", first)
	type invoice struct {
		Number      string `json:"invoice_number"`
		Date        string `json:"invoice_date"`
		NoVAT       string `json:"invoice_amount_novat"`
		VAT         string `json:"invoice_amount_vat"`
		Amount      string `json:"transactions_amount"`
		Transferred string `json:"transferred_amount"`
	}
	list := func() (all []invoice) {
		said := m.call(t, "invoices", "mid", m.mid, "from", "", "to", "")
		if err := json.Unmarshal(said["success"], &all); err != nil {
			t.Fatalf("%v in %s", err, said)
		}
		return all
	}
	if early := list(); len(early) != 0 {
		t.Errorf("on the day: got %v, want none", early)
	}
	if err := m.city.Advance(3 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	want := invoice{"FPS2026032710006", "2026-03-30", "1.35", "0.28", "120.00", "118.37"}
	if got := list(); len(got) != 1 || got[0] != want {
		t.Fatalf("on Monday: got %+v, want %+v", got, want)
	}
	var lines []map[string]string
	said := m.call(t, "invoice", "invoice", want.Number)
	if err := json.Unmarshal(said["success"], &lines); err != nil || len(lines) != 3 || lines[2]["type"] != "refund" || lines[2]["amount"] != "30.00" || lines[0]["commission"] != "0.90" {
		t.Errorf("invoice: got %v, want two captures and a refund", lines)
	}
	if said := m.call(t, "captured_total", "mids", m.mid, "from", "", "to", ""); string(said["success"]) != `{"RON":"150.00"}` {
		t.Errorf("captured_total: got %s, want 150.00", said)
	}
}

func TestEuPlatescPagesRefuseStrangers(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	opened := m.open(t, m.form("HUB-1", "20.50"))
	answer, err := http.PostForm(m.city.URL()+"/euplatesc/tdsprocess/acs.php", url.Values{"cart_id": {opened["cart_id"]}, "creq": {"x"}, "answer": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("a bank's page without its secret: got %d, want 404", answer.StatusCode)
	}
}
