package euplatesc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/clock"
	"racord/cmd/city/euplatesc"
	"racord/cmd/city/gate"
)

func provider(t *testing.T) *euplatesc.Provider {
	t.Helper()
	p := euplatesc.New(euplatesc.Config{URL: "http://city/euplatesc"}, clock.New(time.Now()), gate.New(gate.Config{Name: "euplatesc"}))
	t.Cleanup(p.Close)
	return p
}

func post(p http.Handler, path, kind, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Content-Type", kind)
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, request)
	return answer
}

// FuzzForms sends anything as a form: nobody without a key gets anywhere.
func FuzzForms(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "amount=10.00&curr=RON&merch_id=testaccount&fp_hash=00&ExtraData[silenturl]=x&generate_epid=1")
	f.Add("application/x-www-form-urlencoded", "method=refund&ukey=x&amount=1&epid=2&fp_hash=")
	f.Add("application/x-www-form-urlencoded", "%zz=%&;")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\ncheck_mid\r\n--b--\r\n")
	f.Add("multipart/form-data", "")
	f.Fuzz(func(t *testing.T, kind, body string) {
		p := provider(t)
		for _, path := range []string{"/euplatesc/tdsprocess/tranzactd.php", "/euplatesc/manager/v3/index.php?action=ws", "/euplatesc/tdsprocess/card.php", "/euplatesc/tdsprocess/acs.php"} {
			if answer := post(p, path, kind, body); answer.Code >= 500 || strings.Contains(answer.Body.String(), `"success"`) {
				t.Errorf("%s: got %d %s, want a refusal", path, answer.Code, answer.Body)
			}
		}
		if orders := p.Book().Orders(); len(orders) != 0 {
			t.Errorf("got %d transactions, want none", len(orders))
		}
	})
}

// FuzzSigned signs whatever is in the fields: what is opened is what was signed.
func FuzzSigned(f *testing.F) {
	f.Add("10.00", "HUB-1", "Taxe locale", "20260331101500", "0123456789abcdef0123456789abcdef")
	f.Add("0", "", "", "", "")
	f.Add("1e3", "ă", "ș", "x", strings.Repeat("n", 64))
	f.Fuzz(func(t *testing.T, amount, invoice, desc, stamp, nonce string) {
		p := provider(t)
		form := url.Values{
			"amount": {amount}, "curr": {"RON"}, "invoice_id": {invoice}, "order_desc": {desc}, "merch_id": {euplatesc.TestMerchant}, "timestamp": {stamp},
			"nonce": {nonce}, "fp_hash": {euplatesc.Hash(euplatesc.TestKey, amount, "RON", invoice, desc, euplatesc.TestMerchant, stamp, nonce)},
		}
		answer := post(p, "/euplatesc/tdsprocess/tranzactd.php", "application/x-www-form-urlencoded", form.Encode())
		orders := p.Book().Orders()
		if (answer.Code == http.StatusSeeOther) != (len(orders) == 1) {
			t.Fatalf("got %d and %d transactions", answer.Code, len(orders))
		}
		if len(orders) == 1 && (orders[0].Amount <= 0 || orders[0].OrderID != invoice || orders[0].Description != desc) {
			t.Errorf("got %+v, want what was signed", orders[0])
		}
	})
}
