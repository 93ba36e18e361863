package netopia_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"racord/adapters/netopia"
	"racord/hub"
)

// script answers each path with a status and a body, and remembers what it was
// asked.
type script struct {
	answers map[string]string // by path; "404 {…}" has a status in front
	then    map[string]string // by path, from the second time on
	asked   []string
	keys    []string
}

func (s *script) Do(req *http.Request) (*http.Response, error) {
	body := []byte{}
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	s.asked = append(s.asked, req.URL.Path+" "+string(body))
	s.keys = append(s.keys, req.Header.Get("Authorization"))
	status, text := http.StatusOK, s.answers[req.URL.Path]
	if next, changes := s.then[req.URL.Path]; changes {
		s.answers[req.URL.Path] = next
	}
	if code, rest, ok := strings.Cut(text, " "); ok && len(code) == 3 {
		if n, err := strconv.Atoi(code); err == nil {
			status, text = n, rest
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

var anOrder = hub.ChargeOrder{
	Order: "RC-1", Merchant: "10006", Amount: hub.Bani(2050), Description: "Taxe locale", ReturnURL: "https://hub.example/back",
	NotifyURL: "https://hub.example/notify", Manifest: `{"a":1}`, Language: "ro",
}

var aRef = hub.ChargeRef{Order: "RC-1", Merchant: "10006"}

// told is the documented answer of status.
func told(status int, amount string) string {
	return fmt.Sprintf(`{"error":{"code":"00"},"order":{"orderID":"RC-1","data":{"manifest":"m"}},
		"payment":{"ntpID":"1309088","status":%d,"amount":%s,"currency":"RON","operationDate":"2026-03-15T08:00:00Z"}}`, status, amount)
}

func TestOnlyTwoStatusesAreMoney(t *testing.T) {
	const all = 2050
	at := time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC)
	money := hub.ChargeFacts{Authorised: all, Captured: all, AuthorisedAt: at}
	back, disputed, won := money, money, money
	back.Refunded, disputed.Disputed, won.Disputed, won.Won = all, all, all, all
	for status, want := range map[int]hub.ChargeFacts{
		1: {}, 2: {}, 3: money, 4: {Voided: true}, 5: money, 6: {}, 7: {}, 8: back, 9: disputed, 10: disputed, 11: {Declined: true},
		12: {Declined: true}, 13: {Review: true}, 14: {}, 15: {}, 16: won, 17: back, 18: {}, 19: {}, 20: {}, 21: {}, 22: {}, 23: {Expired: true},
	} {
		want.Ref = "1309088"
		p := contract(t, &script{answers: map[string]string{"/operation/status": told(status, "20.499999999999996")}}, time.Now)
		got, err := p.Charger.Lookup(t.Context(), aRef)
		if err != nil || got != want {
			t.Errorf("status %d: got %+v, %v; want %+v", status, got, err, want)
		}
	}
	for _, status := range []int{0, 24, -3, 33} {
		p := contract(t, &script{answers: map[string]string{"/operation/status": told(status, "20.5")}}, time.Now)
		if got, err := p.Charger.Lookup(t.Context(), aRef); hub.CodeOf(err) != hub.CodeBadData {
			t.Errorf("status %d: got %+v, %v; want bad data", status, got, err)
		}
	}
}

func TestAStatusThatCannotBeTrustedSaysNothing(t *testing.T) {
	fine := told(3, "20.5")
	for name, tc := range map[string]struct {
		answer string
		want   hub.Code
	}{
		"another order":         {strings.Replace(fine, "RC-1", "RC-2", 1), hub.CodeBadData},
		"euros":                 {strings.Replace(fine, "RON", "EUR", 1), hub.CodeBadData},
		"a negative amount":     {told(3, "-20.5"), hub.CodeBadData},
		"an amount as a word":   {told(3, `"lots"`), hub.CodeBadData},
		"no amount":             {strings.Replace(fine, `"amount":20.5,`, "", 1), hub.CodeBadData},
		"no status":             {strings.Replace(fine, `"status":3,`, "", 1), hub.CodeBadData},
		"a status as a word":    {strings.Replace(fine, `"status":3`, `"status":"3"`, 1), hub.CodeBadData},
		"a status with a point": {strings.Replace(fine, `"status":3`, `"status":3.5`, 1), hub.CodeBadData},
		"no payment":            {`{"error":{"code":"00"},"order":{"orderID":"RC-1"}}`, hub.CodeBadData},
		"no order":              {strings.Replace(fine, `"order"`, `"other"`, 1), hub.CodeBadData},
		"no time":               {strings.Replace(fine, "2026-03-15T08", "15 martie", 1), hub.CodeBadData},
		"a page":                {"<html>", hub.CodeBadData},
		"half of it":            {fine[:len(fine)/2], hub.CodeBadData},
		"two answers":           {fine + fine, hub.CodeBadData},
		"nothing":               {"", hub.CodeBadData},
		"null":                  {"null", hub.CodeBadData},
		"not known":             {`404 {"code":"404","message":"Order not found"}`, hub.CodeNotFound},
		"a wrong address":       {"404 page not found", hub.CodeBadData},
		"a wrong key":           {`401 {"code":"401"}`, hub.CodeAuth},
		"a fault":               {"500 {}", hub.CodeUnavailable},
	} {
		p := contract(t, &script{answers: map[string]string{"/operation/status": tc.answer}}, time.Now)
		if got, err := p.Charger.Lookup(t.Context(), aRef); hub.CodeOf(err) != tc.want || got != (hub.ChargeFacts{}) {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, tc.want)
		}
	}
	p := contract(t, &script{answers: map[string]string{"/operation/status": fine}}, time.Now)
	if _, err := p.Charger.Lookup(t.Context(), hub.ChargeRef{Order: "RC-1", Ref: "77"}); hub.CodeOf(err) != hub.CodeBadData {
		t.Errorf("another number: got %v, want bad data", err)
	}
}

// started is the documented answer of start.
func started(code, payment string) string {
	return fmt.Sprintf(`{"customerAction":{},"error":{"code":%s,"message":"m"},"payment":{%s}}`, code, payment)
}

func TestAStartSaysWhetherAnOrderCameToBe(t *testing.T) {
	const page = `"ntpID":"1309088","amount":20.5,"currency":"RON","status":1,"paymentURL":"https://psp.invalid/ui/card?p=1"`
	for name, tc := range map[string]struct {
		start, status string
		want          hub.Code
		certain       bool
	}{
		"a page":                        {started(`"101"`, page), "", "", false},
		"a code as a number":            {started(`101`, page), "", "", false},
		"needs 3-D Secure":              {started(`"100"`, page), "", "", false},
		"another amount":                {started(`"101"`, strings.Replace(page, "20.5", "20.51", 1)), "", hub.CodeBadData, false},
		"no page":                       {started(`"101"`, strings.Replace(page, "paymentURL", "url", 1)), "", hub.CodeBadData, false},
		"a page without TLS":            {started(`"101"`, strings.Replace(page, "https", "http", 1)), "", hub.CodeBadData, false},
		"a page that is a script":       {started(`"101"`, strings.Replace(page, "https", "javascript", 1)), "", hub.CodeBadData, false},
		"no number":                     {started(`"101"`, strings.Replace(page, "ntpID", "id", 1)), "", hub.CodeBadData, false},
		"exists, with its page":         {started(`"56"`, page), strings.Replace(told(1, "20.5"), `"status"`, `"paymentURL":"https://psp.invalid/ui/card?p=1","status"`, 1), "", false},
		"exists, and is paid":           {started(`"56"`, page), told(3, "20.5"), hub.CodeConflict, false},
		"exists, nobody knows":          {started(`"56"`, page), "500 ", hub.CodeConflict, false},
		"exists, for another amount":    {started(`"99"`, page), "", hub.CodeConflict, true},
		"a card that is not allowed":    {started(`"34"`, page), "", hub.CodeConflict, true},
		"a code that is not documented": {started(`"77"`, page), "", hub.CodeBadData, false},
		"no code":                       {`{"payment":{` + page + `}}`, "", hub.CodeBadData, false},
		"a page for people":             {"<html>", "", hub.CodeBadData, false},
		"a wrong request":               {`400 {"code":"400","message":"order.amount"}`, "", hub.CodeInvalid, true},
		"a wrong request from a proxy":  {"400 <html>", "", hub.CodeBadData, false},
		"a wrong key":                   {`401 {"code":"401"}`, "", hub.CodeAuth, true},
		"too many":                      {"429 ", "", hub.CodeBusy, true},
		"a fault":                       {"500 ", "", hub.CodeUnavailable, false},
		"a redirect":                    {"302 ", "", hub.CodeBadData, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := contract(t, &script{answers: map[string]string{"/payment/card/start": tc.start, "/operation/status": tc.status}}, time.Now)
			session, err := p.Charger.Start(t.Context(), anOrder)
			if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.certain || (err == nil) != (session.URL != "") {
				t.Errorf("got %+v, %v (certain %v); want %q (certain %v)", session, err, hub.Certainly(err), tc.want, tc.certain)
			}
		})
	}
}

func TestAStartTellsTheProviderNothingOfThePayer(t *testing.T) {
	s := &script{answers: map[string]string{}}
	p := contract(t, s, time.Now)
	o := anOrder
	o.Amount = hub.Bani(3050)
	o.Splits = []hub.Split{{Merchant: "10006", Amount: hub.Bani(2000)}, {Merchant: "10007", Amount: hub.Bani(50)}, {Merchant: "10006", Amount: hub.Bani(1000)}}
	_, _ = p.Charger.Start(t.Context(), o)
	path, body, _ := strings.Cut(s.asked[0], " ")
	if path != "/payment/card/start" || s.keys[0] != "k3y" {
		t.Errorf("got %s with the key %q", path, s.keys[0])
	}
	var sent struct {
		Config  struct{ NotifyURL, RedirectURL, Language string }
		Payment struct {
			Instrument any
			Options    struct {
				Split []struct {
					PosID  int
					Amount json.Number
				}
			}
		}
		Order struct {
			PosSignature, OrderID, Currency, DateTime string
			Amount                                    json.Number
			Data                                      map[string]string
		}
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	decoder.UseNumber()
	if err := decoder.Decode(&sent); err != nil {
		t.Fatal(err)
	}
	split := sent.Payment.Options.Split
	if sent.Order.Amount != "30.50" || len(split) != 2 || split[0].PosID != 10006 || split[0].Amount != "30.00" || split[1].Amount != "0.50" {
		t.Errorf("got amounts %s, %v", sent.Order.Amount, split)
	}
	if sent.Payment.Instrument != nil || sent.Order.PosSignature != signature || sent.Order.OrderID != "RC-1" || sent.Order.Data["manifest"] != o.Manifest ||
		sent.Config.NotifyURL != o.NotifyURL || sent.Config.RedirectURL != o.ReturnURL || sent.Config.Language != "ro" {
		t.Errorf("got %+v", sent)
	}
	if _, err := time.Parse(time.RFC3339, sent.Order.DateTime); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotDocumentedIsOff(t *testing.T) {
	p := contract(t, nil, time.Now)
	if p.Refunder != nil || p.Lister != nil || p.Settler != nil || p.Capturer != nil || len(p.Traits.Extras) != 0 {
		t.Errorf("got %+v", p)
	}
	p = contract(t, nil, time.Now, netopia.ExtraRefund)
	if p.Refunder == nil || p.Lister != nil || p.Settler != nil || len(p.Traits.Extras) != 1 {
		t.Errorf("got %+v", p)
	}
}

// TestAnOrderOfAnotherShopHidesNone lists orders of which one, of another point of sale
// under the same signature, is nothing that can be understood.
func TestAnOrderOfAnotherShopHidesNone(t *testing.T) {
	order := func(number string, pos, status int, currency string) string {
		return fmt.Sprintf(`{"order":{"orderID":%q,"dateTime":"2026-03-15T08:00:00Z"},"payment":{"ntpID":%q,"status":%d,"amount":20.5,"currency":%q,
			"operationDate":"2026-03-15T08:00:00Z","options":{"split":[{"posID":%d,"amount":20.5}]}}}`, number, number, status, currency, pos)
	}
	for name, foreign := range map[string]string{
		"in euros":             order("X-1", 10007, 3, "EUR"),
		"of an unknown status": order("X-1", 10007, 99, "RON"),
	} {
		s := &script{
			answers: map[string]string{"/extras/orders": `{"orders":[` + foreign + "," + order("RC-1", 10006, 3, "RON") + "]}"},
			then:    map[string]string{"/extras/orders": `{"orders":[]}`},
		}
		p := contract(t, s, time.Now, netopia.Extras()...)
		all, err := p.Lister.List(t.Context(), "10006", time.Time{}, time.Now().AddDate(10, 0, 0))
		if err != nil || len(all) != 1 || all[0].Order != "RC-1" {
			t.Errorf("%s: got %+v, %v, want ours alone", name, all, err)
		}
	}
}

func FuzzAStatusIsUnderstoodOrRefused(f *testing.F) {
	for status := range 25 {
		f.Add(told(status, "20.5"))
	}
	f.Add("0")
	f.Add(`{"payment":null,"order":null}`)
	f.Add(`{"orders":[{"payment":{},"order":{}}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		if len(answer) >= 4 && answer[3] == ' ' { // the script would take it for a status
			return
		}
		s := &script{answers: map[string]string{"/operation/status": answer, "/payment/card/start": answer, "/operation/credit": answer,
			"/extras/orders": answer, "/extras/settlements": answer}}
		p := contract(t, s, time.Now, netopia.Extras()...)
		facts, err := p.Charger.Lookup(t.Context(), aRef)
		if err == nil && (facts.Authorised < 0 || facts.Captured > facts.Authorised || facts.Refunded > facts.Captured || facts.Won > facts.Disputed) {
			t.Errorf("got %+v", facts)
		}
		if err != nil && hub.CodeOf(err) != hub.CodeBadData {
			t.Errorf("got %v, want bad data", err)
		}
		if session, err := p.Charger.Start(t.Context(), anOrder); err == nil && !strings.HasPrefix(session.URL, "https://") {
			t.Errorf("got a page at %q", session.URL)
		}
		_ = p.Refunder.Refund(t.Context(), hub.ChargeRef{Order: "RC-1", Ref: "1"}, hub.Bani(1), []hub.Split{{Merchant: "10006", Amount: hub.Bani(1)}}, "k")
		_, _ = p.Lister.List(t.Context(), "10006", time.Time{}, time.Now())
		_, _ = p.Settler.Settlement(t.Context(), "10006", "2026-03-16", "2026-03-18")
	})
}
