package town_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/gate"
	"racord/cmd/city/netopia"
	"racord/cmd/city/pspbook"
	"racord/cmd/city/town"
)

// payAtNetopia opens and pays an order.
func (m netopiaMerchant) paid(t *testing.T, order string) {
	t.Helper()
	if paid, err := m.city.PayCard(m.open(t, order).Payment.PaymentURL, ""); err != nil || paid.State != pspbook.Captured {
		t.Fatalf("pay: got %+v, %v, want it captured", paid, err)
	}
}

func fault(t *testing.T, city *town.Town, psp string, f town.Fault) {
	t.Helper()
	if err := city.Fault(psp, f); err != nil {
		t.Fatal(err)
	}
}

// quiet waits until the last notification of an order is taken.
func quiet(t *testing.T, city *town.Town, psp, order string) town.Order {
	t.Helper()
	for range 2000 {
		o := inBook(t, city, psp, order)
		open := false
		for _, n := range o.Notices {
			open = open || n.Attempts == 0 && n.Fault != string(gate.NotifyLost)
		}
		if !open && len(o.Notices) > 0 {
			return o
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("notifications do not end")
	return town.Order{}
}

func TestNotificationsAreLostDoubledAndReplayed(t *testing.T) {
	for kind, want := range map[gate.Kind]int{gate.NotifyLost: 0, gate.NotifyTwice: 2, gate.NotifyReplayed: 2} {
		t.Run(string(kind), func(t *testing.T) {
			m := netopiaFor(t, town.Config{})
			fault(t, m.city, town.Netopia, town.Fault{Kind: kind, Delay: time.Millisecond})
			m.paid(t, "HUB-1")
			posts := m.wait(t, want)
			quiet(t, m.city, town.Netopia, "HUB-1")
			for _, p := range posts {
				if n := verifyNetopia(t, p, m.keys); n.Payment.Status != 3 {
					t.Errorf("got status %d, want 3", n.Payment.Status)
				}
			}
			if kind == gate.NotifyReplayed && posts[0].Header.Get("Verification-token") != posts[1].Header.Get("Verification-token") {
				t.Error("replayed: got another token, want the same bytes")
			}
			if posts := m.wait(t, want); len(posts) != want {
				t.Errorf("got %d notifications, want %d", len(posts), want)
			}
		})
	}
}

func TestForgedAndAlteredNotificationsDoNotVerify(t *testing.T) {
	for _, kind := range []gate.Kind{gate.NotifyForged, gate.NotifyAltered} {
		m := netopiaFor(t, town.Config{})
		fault(t, m.city, town.Netopia, town.Fault{Kind: kind})
		opened := m.open(t, "HUB-1")
		want := 2 // the bad one, then the true one
		if kind == gate.NotifyForged {
			forged := m.wait(t, 1)[0]
			if _, err := checkNetopia(forged, m.keys); err == nil || !strings.Contains(string(forged.Body), `"status":3`) {
				t.Errorf("at the start: got %s, want a forged paid", forged.Body)
			}
			want = 3
		}
		if _, err := m.city.PayCard(opened.Payment.PaymentURL, netopia.NoFundsCard); err != nil {
			t.Fatal(err)
		}
		posts := m.wait(t, want)
		if _, err := checkNetopia(posts[want-2], m.keys); err == nil {
			t.Errorf("%s: got a good signature, want a bad one", kind)
		}
		if n := verifyNetopia(t, posts[want-1], m.keys); n.Payment.Status != 12 {
			t.Errorf("%s: got %d at last, want 12", kind, n.Payment.Status)
		}
	}
}

func TestALateNotificationComesThreeHoursLater(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	fault(t, m.city, town.Netopia, town.Fault{Kind: gate.NotifyLate})
	m.paid(t, "HUB-1")
	if err := m.city.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	m.city.ClearFaults()
	for i := range 10 { // by the last of these HUB-1 had its chance, too
		m.paid(t, fmt.Sprintf("OTHER-%d", i))
		for _, p := range m.wait(t, i+1) {
			if n := verifyNetopia(t, p, m.keys); n.Order.OrderID == "HUB-1" {
				t.Fatal("after two hours: got a notification, want none")
			}
		}
	}
	if err := m.city.Advance(time.Hour + time.Minute); err != nil {
		t.Fatal(err)
	}
	m.wait(t, 11)
}

func TestAnEarlyNotificationComesBeforeTheAnswer(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	fault(t, m.city, town.Netopia, town.Fault{Kind: gate.NotifyEarly})
	m.paid(t, "HUB-1")
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.posts) != 1 {
		t.Errorf("when the payer is sent back: got %d notifications, want 1", len(m.posts))
	}
}

func TestNotificationsAreTriedAgainButNotForEver(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	m.answer = func(n int) (int, string) {
		if n < 3 {
			return http.StatusOK, `{"errorType":1,"errorCode":5,"errorMessage":"later"}`
		}
		return http.StatusOK, `{"errorType":0,"errorCode":"0","errorMessage":""}`
	}
	m.paid(t, "HUB-1")
	m.wait(t, 3)
	stubborn := netopiaFor(t, town.Config{})
	stubborn.answer = func(int) (int, string) { return http.StatusInternalServerError, "" }
	stubborn.paid(t, "HUB-1")
	stubborn.wait(t, 4) // one and three retries
	never := netopiaFor(t, town.Config{})
	never.answer = func(int) (int, string) { return http.StatusOK, `{"errorType":2,"errorCode":7,"errorMessage":"no"}` }
	never.paid(t, "HUB-1")
	never.wait(t, 1)
	for range 500 {
		if o := stubborn.order(t, "HUB-1"); o.Notices[0].Attempts == 4 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if o := stubborn.order(t, "HUB-1"); o.Notices[0].Attempts != 4 || o.Notices[0].Taken {
		t.Errorf("got %+v, want four attempts and not taken", o.Notices)
	}
	if o := quiet(t, never.city, town.Netopia, "HUB-1"); o.Notices[0].Attempts != 1 {
		t.Errorf("a final no: got %+v, want one attempt", o.Notices)
	}
}

func TestFraudReviewTurnsToPaid(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	fault(t, m.city, town.Netopia, town.Fault{Kind: gate.FraudReview, Delay: time.Hour})
	if _, err := m.city.PayCard(m.open(t, "HUB-1").Payment.PaymentURL, ""); err != nil {
		t.Fatal(err)
	}
	if n := verifyNetopia(t, m.wait(t, 1)[0], m.keys); n.Payment.Status != 13 {
		t.Errorf("got %d, want 13", n.Payment.Status)
	}
	if o := m.order(t, "HUB-1"); o.Captured != 0 {
		t.Errorf("under review: got %d captured, want 0", o.Captured)
	}
	if err := m.city.Advance(time.Hour + time.Minute); err != nil {
		t.Fatal(err)
	}
	if n := verifyNetopia(t, m.wait(t, 2)[1], m.keys); n.Payment.Status != 3 {
		t.Errorf("later: got %d, want 3", n.Payment.Status)
	}
	if _, err := m.city.PayCard(m.open(t, "HUB-2").Payment.PaymentURL, ""); err != nil {
		t.Fatal(err)
	}
	if err := m.city.PSPEvent(town.Netopia, "HUB-2", "decline", 0); err != nil {
		t.Fatal(err)
	}
	if s := m.status(t, "HUB-2"); s.Payment.Status != 12 {
		t.Errorf("declined: got %d, want 12", s.Payment.Status)
	}
}

func TestEuPlatescReviewIsToldWithoutASignature(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	fault(t, m.city, town.EuPlatesc, town.Fault{Kind: gate.FraudReview})
	epid := m.paid(t, "HUB-1", "20.50", "")
	first := formOf(t, m.wait(t, 1)[0])
	if !m.check(t, first) || first.Get("sec_status") != "3" {
		t.Errorf("got %v, want it hashed with sec_status 3", first)
	}
	m.mustNot(t, "capture", "epid", epid)
	if err := m.city.Advance(3 * time.Hour); err != nil {
		t.Fatal(err)
	}
	second := formOf(t, m.wait(t, 2)[1])
	if second.Get("cart_id") != epid || second.Get("sec_status") != "8" || second.Has("fp_hash") {
		t.Errorf("got %v, want cart_id and sec_status 8 only", second)
	}
	m.must(t, "capture", "epid", epid)
}

func TestEuPlatescUnsignedFieldsLieAndForgeriesFail(t *testing.T) {
	m := euplatescFor(t, town.Config{}, "water")
	fault(t, m.city, town.EuPlatesc, town.Fault{Kind: gate.NotifyAltered})
	m.paid(t, "HUB-1", "20.50", "")
	altered := formOf(t, m.wait(t, 2)[0])
	if !m.check(t, altered) || altered.Get("ExtraData[amount]") != "21.50" || altered.Get("amount") != "20.50" {
		t.Errorf("altered: got %v, want a good hash and another amount outside it", altered)
	}
	m.city.ClearFaults()
	fault(t, m.city, town.EuPlatesc, town.Fault{Kind: gate.NotifyForged})
	m.open(t, m.form("HUB-2", "20.50"))
	if forged := formOf(t, m.wait(t, 3)[2]); m.check(t, forged) || forged.Get("action") != "0" {
		t.Errorf("forged: got %v, want approved under a wrong hash", forged)
	}
}

func TestTheAPIFailsBeforeAndAfterTheEffect(t *testing.T) {
	for kind, want := range map[gate.Kind]struct {
		orders   int
		answered bool
	}{
		gate.Down: {0, false}, gate.LostAnswer: {1, false}, gate.LostSilence: {1, false}, gate.Refuse503: {0, true}, gate.Malformed: {1, true},
	} {
		m := netopiaFor(t, town.Config{})
		fault(t, m.city, town.Netopia, town.Fault{Kind: kind, Delay: 20 * time.Millisecond})
		text, _ := json.Marshal(m.request("HUB-1", "20.50", split{10005, 20.5}))
		status, _, err := try("POST", m.city.URL()+"/netopia/payment/card/start", map[string]string{"Authorization": m.keys["netopia-api-key"]}, string(text))
		book, _ := m.city.PSPBook(town.Netopia)
		if len(book) != want.orders || (err == nil && status != 0) != want.answered && kind != gate.Malformed {
			t.Errorf("%s: got %d orders, status %d, %v, want %+v", kind, len(book), status, err, want)
		}
	}
}

func TestChargebacksAndReversals(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	m.paid(t, "HUB-1")
	m.wait(t, 1)
	post := func(path, body string) town.Order {
		return askJSON[town.Order](t, "POST", m.city.URL()+"/__ctl/psp/netopia/orders/HUB-1/"+path, nil, body)
	}
	steps := []struct {
		path, body string
		status     int
		owed       int64
	}{
		{"chargeback", `{"stage":"init"}`, 9, 2050}, {"chargeback", ``, 10, 0}, {"chargeback", `{"stage":"won"}`, 16, 2050}, {"reversal", `{}`, 17, 0},
	}
	for i, s := range steps {
		o := post(s.path, s.body)
		if n := verifyNetopia(t, m.wait(t, i+2)[i+1], m.keys); n.Payment.Status != s.status || o.Owed() != s.owed {
			t.Errorf("%s %s: got %d and %d owed, want %d and %d", s.path, s.body, n.Payment.Status, o.Owed(), s.status, s.owed)
		}
	}
	if status, _ := ask(t, "POST", m.city.URL()+"/__ctl/psp/netopia/orders/HUB-1/chargeback", nil, ""); status != http.StatusBadRequest {
		t.Errorf("a charge-back of nothing: got %d, want 400", status)
	}
}

func TestNetopiaExtrasAreOffUnlessAskedFor(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	m.paid(t, "HUB-1")
	m.wait(t, 1)
	id := m.order(t, "HUB-1").ID
	refund := map[string]any{"ntpID": id, "amount": 10.5, "split": []split{{10006, 10.5}}}
	if got := m.call(t, "/operation/credit", refund); got.Code != "404" {
		t.Fatalf("off: got %+v, want 404", got)
	}
	ask(t, "POST", m.city.URL()+"/__ctl/psp/netopia/extras", nil, `{"on":true}`)
	if got := m.call(t, "/operation/credit", refund); got.Error.Code != "00" || got.Payment.Status != 8 || got.Payment.Amount != 10.5 {
		t.Errorf("on: got %+v, want 8", got)
	}
	if got := m.call(t, "/operation/credit", refund); got.Error.Code != "58" {
		t.Errorf("more than there is of a part: got %+v, want 58", got)
	}
	if n := verifyNetopia(t, m.wait(t, 2)[1], m.keys); n.Payment.Status != 8 || n.Payment.Amount != 10.5 {
		t.Errorf("notification: got %+v, want 8 of 10.5", n)
	}
	o := m.order(t, "HUB-1")
	if last := o.Movements[2]; last.Account != "water" || last.Amount != 1050 || o.State != pspbook.Captured {
		t.Errorf("book: got %+v, want the part of water refunded", o)
	}
	list := askJSON[struct{ Orders []netopiaAnswer }](t, "GET", m.city.URL()+"/netopia/extras/orders?posSignature="+m.keys["netopia-pos-signature"],
		map[string]string{"Authorization": m.keys["netopia-api-key"]}, "")
	if len(list.Orders) != 1 || list.Orders[0].Order.Data["manifest"] != "m-HUB-1" {
		t.Errorf("list: got %+v, want the order with its manifest", list)
	}
}

func TestTheControlChannelPaysInOneCall(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	body, _ := json.Marshal(map[string]any{"url": m.open(t, "HUB-1").Payment.PaymentURL, "visit": true})
	paid := askJSON[town.Paid](t, "POST", m.city.URL()+"/__ctl/psp/pay", nil, string(body))
	if paid.Provider != town.Netopia || paid.OrderID != "HUB-1" || paid.State != pspbook.Captured || len(m.backs()) != 1 {
		t.Errorf("got %+v and %d visits, want it captured and one", paid, len(m.backs()))
	}
	if status, _ := ask(t, "POST", m.city.URL()+"/__ctl/psp/pay", nil, string(body)); status != http.StatusBadRequest {
		t.Errorf("again: got %d, want 400", status)
	}
	if refused, err := m.city.RefuseCard(m.open(t, "HUB-2").Payment.PaymentURL, ""); err != nil || refused.State != pspbook.Declined {
		t.Errorf("a no at the bank: got %+v, %v, want it declined", refused, err)
	}
	book := askJSON[struct{ Orders []town.Order }](t, "GET", m.city.URL()+"/__ctl/psp/netopia/book", nil, "")
	if len(book.Orders) != 2 || book.Orders[0].Data["manifest"] != "m-HUB-1" {
		t.Errorf("book: got %+v, want both orders", book)
	}
}

func TestReseedAndCloseEndNotifications(t *testing.T) {
	m := netopiaFor(t, town.Config{PSPRetries: []time.Duration{time.Hour}})
	m.answer = func(int) (int, string) { return http.StatusServiceUnavailable, "" }
	m.paid(t, "HUB-1")
	m.wait(t, 1)
	if err := m.city.Reseed(2, ""); err != nil {
		t.Fatal(err)
	}
	if book, _ := m.city.PSPBook(town.Netopia); len(book) != 0 {
		t.Errorf("after Reseed: got %d orders, want a new book", len(book))
	}
	m.paid(t, "HUB-1")
	m.wait(t, 2) // Close, in the test's clean-up, must not wait for an hour
}

// statementOf fetches a statement.
func statementOf(t *testing.T, city *town.Town, iban, day string) (int, string) {
	t.Helper()
	status, body := ask(t, "GET", city.URL()+"/bank/statements/"+iban+"/"+day+".xml", map[string]string{"X-API-Key": city.Credentials()["bank-api-key"]}, "")
	return status, string(body)
}

func TestTheBankBooksOnePayoutForManyPayments(t *testing.T) {
	const water = "RO39SBXB0000999900000001"
	m := netopiaFor(t, town.Config{Clock: time.Date(2026, time.March, 27, 10, 0, 0, 0, time.UTC)})
	for _, order := range []string{"HUB-1", "HUB-2", "HUB-3"} {
		m.paid(t, order)
	}
	for name, tc := range map[string]struct{ iban, day string }{
		"before it is over": {water, "2026-03-27"}, "a Saturday": {water, "2026-03-28"}, "another's account": {"RO00XXXX", "2026-03-26"}, "no date": {water, "yesterday"},
	} {
		if status, body := statementOf(t, m.city, tc.iban, tc.day); status != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", name, status, body)
		}
	}
	if err := m.city.Advance(4 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	status, text := statementOf(t, m.city, water, "2026-03-30")
	for _, want := range []string{
		`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">`, `<NbOfNtries>1</NbOfNtries>`, // 3 × 10.50, fee 3 × 0.09, VAT 0.06
		`<Amt Ccy="RON">31.17</Amt>`, `<CdtDbtInd>CRDT</CdtDbtInd>`, `<EndToEndId>NTP2026032710006</EndToEndId>`,
		`TRANZACTII 3 BRUT 31.50 COMISION 0.27 TVA 0.06`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("Monday: got %d without %s in %s", status, want, text)
		}
	}
	for _, r := range text {
		if r > 126 {
			t.Fatalf("got %q, want basic Latin only", r)
		}
	}
	if err := m.city.PSPEvent(town.Netopia, "HUB-1", "refund", 0); err != nil {
		t.Fatal(err)
	}
	if err := m.city.Advance(2 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	fault(t, m.city, "bank", town.Fault{Kind: gate.NoReference})
	_, text = statementOf(t, m.city, water, "2026-04-01")
	if !strings.Contains(text, `<CdtDbtInd>DBIT</CdtDbtInd>`) || !strings.Contains(text, `<EndToEndId>NOTPROVIDED</EndToEndId>`) || strings.Contains(text, "Ustrd") ||
		!strings.Contains(text, `<Amt Ccy="RON">20.67</Amt>`) {
		t.Errorf("a refund without reference: got %s, want a debit and what is left", text)
	}
	if status, _, _ := try("GET", m.city.URL()+"/bank/statements/"+water+"/2026-03-30.xml", nil, ""); status != http.StatusUnauthorized {
		t.Errorf("without a key: got %d, want 401", status)
	}
}

func TestPaymentPagesHoldNoSecretsAndNoScript(t *testing.T) {
	m, e := netopiaFor(t, town.Config{}), euplatescFor(t, town.Config{}, "ditl-land")
	for _, page := range []string{m.open(t, "HUB-1").Payment.PaymentURL, e.open(t, e.form("HUB-1", "20.50"))["url"]} {
		answer, err := http.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		text := string(body)
		if strings.Contains(text, "<script") || !strings.Contains(text, `lang="ro"`) || !strings.Contains(text, "20,50 lei") || strings.Contains(text, e.key) {
			t.Errorf("got %s, want a Romanian page of 20,50 lei without script", text)
		}
	}
	if answer, err := http.PostForm(m.city.URL()+"/netopia/ui/return", url.Values{"paReq": {"x"}, "paRes": {"y"}}); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("a made-up return: got %v %v, want 404", answer, err)
	} else {
		_ = answer.Body.Close()
	}
}
