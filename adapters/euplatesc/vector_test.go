package euplatesc_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"racord/adapters/euplatesc"
	"racord/adapters/pspwire"
	"racord/hub"
)

// The public test merchant of the provider's documentation.
const (
	testMerchant = "testaccount"
	testKey      = "00112233445566778899AABBCCDDEEFF"
)

// testAccount is the contract of the public test merchant, which asks nobody.
func testAccount(t testing.TB, to pspwire.Doer, extras ...string) hub.PSP {
	t.Helper()
	p, err := euplatesc.New(euplatesc.Conf{
		Merchants: hub.Merchants{"test/main": testMerchant}, Key: "key", UserKey: "user-key", UserAPI: "user-api", Extras: extras,
	}, pspwire.Env{Read: to, Write: to, Now: time.Now, Secret: secretsOf(map[string]string{
		"key": testKey, "user-key": "9c7a9d3f", "user-api": "FFEEDDCCBBAA99887766554433221100",
	})})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answered is the documented answer, with a hash made elsewhere.
func answered() url.Values {
	return url.Values{
		"amount": {"10.00"}, "curr": {"RON"}, "invoice_id": {"HUB-0001"}, "ep_id": {"EP0001"}, "merch_id": {testMerchant},
		"action": {"0"}, "message": {"Approved"}, "approval": {"123456"}, "timestamp": {"20260331101530"},
		"nonce": {"0123456789abcdef0123456789abcdef"}, "fp_hash": {"1C4397FFEB4FB179AA1A602C2C6DEDFA"},
	}
}

func TestAnAnswerSignedElsewhereIsRead(t *testing.T) {
	body := []byte(answered().Encode())
	fact, err := testAccount(t, nil).Notifier.Read(t.Context(), http.Header{}, body)
	if err != nil || fact.Order != "HUB-0001" || fact.Ref != "EP0001" || fact.PSP != "euplatesc" {
		t.Errorf("got %+v, %v", fact, err)
	}
}

func TestARequestHasTheHashThatWasMadeElsewhere(t *testing.T) {
	const want = "E18AD342C271644929A7E8AAAB8626F9"
	got := euplatesc.Hash(testKey, "10.00", "RON", "HUB-0001", "Taxe locale", testMerchant, "20260331101500", "0123456789abcdef0123456789abcdef")
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAStartIsAPureSignature(t *testing.T) {
	o := hub.ChargeOrder{
		Order: "HUB-0001", Merchant: testMerchant, Amount: hub.Bani(1000), Description: "Taxe locale", ReturnURL: "https://hub.example/back?p=1",
		NotifyURL: "https://hub.example/notify", Manifest: `{"a":1}`, Language: "hu", ExpiresAt: time.Date(2026, 3, 31, 10, 30, 0, 0, time.UTC),
	}
	session, err := testAccount(t, nil).Charger.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(session.URL)
	if err != nil || page.Host != "secure.euplatesc.ro" {
		t.Fatalf("got %s, %v", session.URL, err)
	}
	q := page.Query()
	signed := []string{}
	for _, name := range []string{"amount", "curr", "invoice_id", "order_desc", "merch_id", "timestamp", "nonce", "valability"} {
		signed = append(signed, q.Get(name))
	}
	if got := euplatesc.Hash(testKey, signed...); q.Get("fp_hash") != got {
		t.Errorf("got fp_hash %s over %v, want %s", q.Get("fp_hash"), signed, got)
	}
	for name, want := range map[string]string{
		"amount": "10.00", "curr": "RON", "invoice_id": "HUB-0001", "lang": "hu", "valability": "20260331133000",
		"ExtraData[silenturl]": o.NotifyURL, "ExtraData[successurl]": o.ReturnURL, "ExtraData[failedurl]": o.ReturnURL,
	} {
		if q.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, q.Get(name), want)
		}
	}
	for name, values := range q {
		if strings.Contains(strings.Join(values, " "), o.Manifest) {
			t.Errorf("%s holds the manifest: it comes back in the payer's browser", name)
		}
	}
	if strings.Contains(session.URL, testKey) || len(q.Get("nonce")) != 32 {
		t.Errorf("got %s", session.URL)
	}
	if again, _ := testAccount(t, nil).Charger.Start(t.Context(), o); nonceOf(t, again) != q.Get("nonce") {
		t.Error("an order that is started again has another nonce: it could be paid twice")
	}
	o.Order = "HUB-0002"
	if other, _ := testAccount(t, nil).Charger.Start(t.Context(), o); nonceOf(t, other) == q.Get("nonce") {
		t.Error("two orders have one nonce")
	}
}

func nonceOf(t *testing.T, s hub.Session) string {
	t.Helper()
	page, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return page.Query().Get("nonce")
}

func TestOnlyASCIIIsDescribed(t *testing.T) {
	for name, change := range map[string]func(*hub.ChargeOrder){
		"a letter with a comma below": func(o *hub.ChargeOrder) { o.Description = "Plăți și taxe" },
		"no description":              func(o *hub.ChargeOrder) { o.Description = "" },
		"a long description":          func(o *hub.ChargeOrder) { o.Description = strings.Repeat("a", 128) },
		"a long number":               func(o *hub.ChargeOrder) { o.Order = strings.Repeat("1", 46) },
		"more than 12 characters":     func(o *hub.ChargeOrder) { o.Amount = hub.Bani(1_000_000_000_00) },
		"somebody else's merchant":    func(o *hub.ChargeOrder) { o.Merchant = "44840000" },
	} {
		o := hub.ChargeOrder{Order: "1", Merchant: testMerchant, Amount: hub.Bani(1), Description: "Taxe"}
		change(&o)
		if _, err := testAccount(t, nil).Charger.Start(t.Context(), o); hub.CodeOf(err) != hub.CodeInvalid || !hub.Certainly(err) {
			t.Errorf("%s: got %v, want a certain invalid", name, err)
		}
	}
}

func TestReadingWithoutAKeyIsNotARefusal(t *testing.T) {
	p, err := euplatesc.New(euplatesc.Conf{
		Merchants: hub.Merchants{"test/main": testMerchant}, Key: "key", UserKey: "user-key", UserAPI: "user-api",
	}, pspwire.Env{Now: time.Now, Secret: func(context.Context, string) (hub.Secret, error) {
		return hub.Secret{}, hub.Errorf(hub.CodeAuth, "the disk is away")
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Notifier.Read(t.Context(), http.Header{}, []byte(answered().Encode()))
	if hub.CodeOf(err) != hub.CodeUnavailable {
		t.Errorf("got %v, want unavailable: it must come again", err)
	}
}
