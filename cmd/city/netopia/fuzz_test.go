package netopia_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
	"racord/cmd/city/netopia"
)

func FuzzStart(f *testing.F) {
	f.Add(`{"config":{"notifyUrl":"http://h/n","redirectUrl":"http://h/r"},"payment":{"options":{"split":[{"posID":10005,"amount":10},{"posID":10006,"amount":10.5}]}},` +
		`"order":{"posSignature":"` + netopia.CityHall + `","orderID":"1","amount":20.50,"currency":"RON","data":{"a":"b"}}}`)
	f.Add(`{"config":{"notifyUrl":"http://h/n","redirectUrl":"http://h/r"},"order":{"posSignature":"NAPO-CATE-STPS-0100-06","orderID":"1","amount":"1","currency":"RON"}}`)
	f.Add(`{"order":{"amount":-1}}`)
	f.Add(`[]`)
	f.Add(`{"order":{"amount":1e308}} {}`)
	f.Fuzz(func(t *testing.T, body string) {
		p := netopia.New(netopia.Config{URL: "http://city/netopia", APIKey: "k"}, clock.New(time.Now()), gate.New(gate.Config{Name: "netopia"}))
		defer p.Close()
		request := httptest.NewRequest(http.MethodPost, "/netopia/payment/card/start", strings.NewReader(body))
		request.Header.Set("Authorization", "k")
		answer := httptest.NewRecorder()
		p.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK && answer.Code != http.StatusBadRequest || !json.Valid(answer.Body.Bytes()) {
			t.Fatalf("got %d %s, want 200 or 400 in JSON", answer.Code, answer.Body)
		}
		orders := p.Book().Orders()
		if (answer.Code == http.StatusOK) != (len(orders) == 1) {
			t.Fatalf("got %d and %d orders", answer.Code, len(orders))
		}
		for _, o := range orders {
			var sum int64
			for _, s := range o.Splits {
				sum += s.Amount
			}
			if o.Amount <= 0 || sum != o.Amount {
				t.Errorf("got an order of %d in parts of %d", o.Amount, sum)
			}
		}
	})
}
