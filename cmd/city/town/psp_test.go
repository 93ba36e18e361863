package town_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/town"
)

// merchant is the hub's side: it collects notifications and the payer's return.
type merchant struct {
	*httptest.Server
	mu       sync.Mutex
	posts    []posted
	returned []string
	answer   func(n int) (status int, body string)
	arrived  chan struct{}
}

type posted struct {
	Header http.Header
	Body   []byte
}

func openMerchant(t *testing.T) *merchant {
	t.Helper()
	m := &merchant{arrived: make(chan struct{}, 1000)}
	m.answer = func(int) (int, string) { return http.StatusOK, `{"errorType":0,"errorCode":0,"errorMessage":""}` }
	m.Server = httptest.NewServer(http.HandlerFunc(m.serve))
	t.Cleanup(m.Close)
	return m
}

func (m *merchant) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasPrefix(r.URL.Path, "/back") {
		m.mu.Lock()
		m.returned = append(m.returned, r.URL.Path+"?"+r.URL.RawQuery+"&"+string(body))
		m.mu.Unlock()
		return
	}
	m.mu.Lock()
	m.posts = append(m.posts, posted{r.Header, body})
	n := len(m.posts)
	m.mu.Unlock()
	status, answer := m.answer(n)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
	m.arrived <- struct{}{}
}

// wait returns the notifications once n have arrived.
func (m *merchant) wait(t *testing.T, n int) []posted {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		posts := m.posts
		m.mu.Unlock()
		if len(posts) >= n {
			return posts
		}
		select {
		case <-m.arrived:
		case <-patience:
			t.Fatalf("got %d notifications, want %d", len(posts), n)
		}
	}
}

func (m *merchant) backs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.returned
}

var (
	formTag   = regexp.MustCompile(`(?s)<form method="(\w+)" action="([^"]*)">(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<input [^>]*>`)
	buttonTag = regexp.MustCompile(`<button name="(\w+)" value="(\w+)">`)
	nameOf    = regexp.MustCompile(`name="([^"]*)"`)
	valueOf   = regexp.MustCompile(`value="([^"]*)"`)
)

// browse pays as a person does: opens the page, types the card and presses the
// first button of every form until there is none.
func browse(t *testing.T, page, card string) string {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	answer, err := client.Get(page)
	for range 8 {
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		form := formTag.FindSubmatch(body)
		if form == nil {
			return string(body)
		}
		fields := url.Values{}
		for _, input := range inputTag.FindAll(form[3], -1) {
			name, value := nameOf.FindSubmatch(input), valueOf.FindSubmatch(input)
			if value == nil {
				fields.Set(string(name[1]), card)
				continue
			}
			fields.Set(string(name[1]), html.UnescapeString(string(value[1])))
		}
		if button := buttonTag.FindSubmatch(form[3]); button != nil {
			fields.Set(string(button[1]), string(button[2]))
		}
		answer, err = client.PostForm(html.UnescapeString(string(form[2])), fields)
	}
	t.Fatal("the pages do not end")
	return ""
}

type netopiaAnswer struct {
	Code    string
	Message string
	Error   struct{ Code, Message string }
	Payment struct {
		NtpID, PaymentURL, Currency string
		Status                      int
		Amount                      float64
		Data                        map[string]string
	}
	Order struct {
		OrderID string
		Data    map[string]string
	}
	CustomerAction struct {
		AuthenticationToken, Type, URL string
		FormData                       map[string]string
	}
}

type netopiaMerchant struct {
	*merchant
	city *town.Town
	keys map[string]string
}

func netopiaFor(t *testing.T, conf town.Config) netopiaMerchant {
	t.Helper()
	if conf.Size == "" {
		conf.Size = "XS"
	}
	if conf.PSPRetries == nil {
		conf.PSPRetries = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond}
	}
	city := start(t, conf)
	return netopiaMerchant{openMerchant(t), city, city.Credentials()}
}

func (m netopiaMerchant) call(t *testing.T, path string, body any) netopiaAnswer {
	t.Helper()
	text, _ := json.Marshal(body)
	_, answer := ask(t, "POST", m.city.URL()+"/netopia"+path, map[string]string{"Authorization": m.keys["netopia-api-key"]}, string(text))
	var into netopiaAnswer
	if err := json.Unmarshal(answer, &into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, answer)
	}
	return into
}

type split struct {
	PosID  int     `json:"posID"`
	Amount float64 `json:"amount"`
}

func (m netopiaMerchant) request(order, lei string, parts ...split) map[string]any {
	return map[string]any{
		"config":  map[string]any{"notifyUrl": m.URL + "/ipn", "redirectUrl": m.URL + "/back?x=1", "language": "ro"},
		"payment": map[string]any{"options": map[string]any{"installments": 0, "split": parts}, "instrument": map[string]any{"type": "card"}},
		"order": map[string]any{
			"posSignature": m.keys["netopia-pos-signature"], "orderID": order, "amount": json.Number(lei), "currency": "RON",
			"description": "Taxe", "data": map[string]string{"manifest": "m-" + order},
		},
	}
}

// open starts an order of 20.50 lei for the fines and water.
func (m netopiaMerchant) open(t *testing.T, order string) netopiaAnswer {
	t.Helper()
	opened := m.call(t, "/payment/card/start", m.request(order, "20.50", split{10005, 10}, split{10006, 10.5}))
	if opened.Error.Code != "101" || opened.Payment.PaymentURL == "" || opened.Payment.Status != 1 {
		t.Fatalf("start: got %+v, want 101 and a page", opened)
	}
	return opened
}

func (m netopiaMerchant) status(t *testing.T, order string) netopiaAnswer {
	t.Helper()
	return m.call(t, "/operation/status", map[string]string{"posID": m.keys["netopia-pos-signature"], "orderID": order})
}

func (m netopiaMerchant) order(t *testing.T, order string) town.Order {
	t.Helper()
	return inBook(t, m.city, town.Netopia, order)
}

func inBook(t *testing.T, city *town.Town, psp, order string) town.Order {
	t.Helper()
	book, err := city.PSPBook(psp)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range book {
		if o.OrderID == order {
			return o
		}
	}
	t.Fatalf("order %s: not in the book of %s", order, psp)
	return town.Order{}
}

func TestNetopiaIsPaidThroughTheHostedPage(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	opened := m.open(t, "HUB-1")
	browse(t, opened.Payment.PaymentURL, "9900 0091 8421 4768")
	posts := m.wait(t, 1)
	n := verifyNetopia(t, posts[0], m.keys)
	if n.Payment.Status != 3 || n.Order.OrderID != "HUB-1" || n.Payment.Amount != 20.5 || n.Payment.NtpID != opened.Payment.NtpID {
		t.Errorf("notification: got %+v, want 3 of 20.5", n)
	}
	if backs := m.backs(); len(backs) != 1 || !strings.Contains(backs[0], "orderId=HUB-1&x=1") {
		t.Errorf("redirect: got %q, want one with the order", backs)
	}
	if s := m.status(t, "HUB-1"); s.Payment.Status != 3 || s.Error.Code != "00" || s.Order.Data["manifest"] != "m-HUB-1" {
		t.Errorf("status: got %+v, want 3 with the manifest", s)
	}
	o := m.order(t, "HUB-1")
	if o.Captured != 2050 || len(o.Movements) != 2 || o.Movements[0].Account != "fines" || o.Movements[1].Amount != 1050 {
		t.Errorf("book: got %+v, want 20.50 captured in two parts", o)
	}
	if strings.Contains(fmt.Sprintf("%+v", o), "9900009184214768") {
		t.Error("book: got a card number, want a mask")
	}
}

func TestNetopiaDuplicates(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	m.open(t, "HUB-1")
	same := m.call(t, "/payment/card/start", m.request("HUB-1", "20.50", split{10005, 10}, split{10006, 10.5}))
	other := m.call(t, "/payment/card/start", m.request("HUB-1", "20.51", split{10005, 20.51}))
	if same.Error.Code != "56" || other.Error.Code != "99" {
		t.Errorf("got %q and %q, want 56 and 99", same.Error.Code, other.Error.Code)
	}
	first := m.status(t, "HUB-1")
	if _, err := m.city.PayCard(first.Payment.PaymentURL, ""); err != nil {
		t.Fatal(err)
	}
	closed := m.call(t, "/payment/card/start", m.request("HUB-1", "20.50", split{10005, 10}, split{10006, 10.5}))
	if closed.Error.Message != "Order closed" || closed.Payment.Status != 3 || closed.Payment.NtpID != first.Payment.NtpID {
		t.Errorf("after payment: got %+v, want Order closed of the first", closed)
	}
	book, _ := m.city.PSPBook(town.Netopia)
	if len(book) != 1 {
		t.Errorf("book: got %d orders, want 1", len(book))
	}
}

func TestNetopiaRefusesWhatCannotBe(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	for name, change := range map[string]func(map[string]any){
		"three decimals":       func(r map[string]any) { r["order"].(map[string]any)["amount"] = json.Number("20.501") },
		"an exponent":          func(r map[string]any) { r["order"].(map[string]any)["amount"] = json.Number("2e1") },
		"nothing":              func(r map[string]any) { r["order"].(map[string]any)["amount"] = 0 },
		"another currency":     func(r map[string]any) { r["order"].(map[string]any)["currency"] = "EUR" },
		"a split that differs": func(r map[string]any) { r["order"].(map[string]any)["amount"] = json.Number("20.51") },
		"a point of sale twice": func(r map[string]any) {
			r["payment"].(map[string]any)["options"] = map[string]any{"split": []split{{10005, 10}, {10005, 10.5}}}
		},
		"no split":     func(r map[string]any) { r["payment"].(map[string]any)["options"] = map[string]any{} },
		"a stranger":   func(r map[string]any) { r["order"].(map[string]any)["posSignature"] = "XXXX" },
		"no notifyUrl": func(r map[string]any) { r["config"].(map[string]any)["notifyUrl"] = "" },
	} {
		request := m.request("HUB-1", "20.50", split{10005, 10}, split{10006, 10.5})
		change(request)
		if got := m.call(t, "/payment/card/start", request); got.Code != "400" {
			t.Errorf("%s: got %+v, want 400", name, got)
		}
	}
	status, body := ask(t, "POST", m.city.URL()+"/netopia/operation/status", map[string]string{"Authorization": "Bearer " + m.keys["netopia-api-key"]}, "{}")
	if status != http.StatusUnauthorized {
		t.Errorf("a Bearer key: got %d %s, want 401", status, body)
	}
}

func TestNetopiaCardsLeadWhereTheySay(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	for card, want := range map[string]struct {
		status int
		code   string
	}{
		"9900004810225098": {3, "00"}, "9900541631437790": {12, "19"}, "9900518572831942": {12, "20"}, "9900827979991500": {12, "21"},
		"9900576270414197": {12, "34"}, "9900130597497640": {11, "38"}, "4111111111111111": {12, "17"}, "9900005786662552": {13, "00"},
	} {
		opened := m.open(t, "C-"+card)
		if _, err := m.city.PayCard(opened.Payment.PaymentURL, card); err != nil {
			t.Fatal(err)
		}
		if got := m.status(t, "C-"+card); got.Payment.Status != want.status || got.Error.Code != want.code {
			t.Errorf("%s: got %d %s, want %d %s", card, got.Payment.Status, got.Error.Code, want.status, want.code)
		}
	}
}

func TestNetopiaWantsTheBanksWord(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	request := m.request("HUB-1", "20.50", split{10005, 20.5})
	request["payment"].(map[string]any)["instrument"] = map[string]any{"type": "card", "account": "9900009184214768", "secretCode": "111"}
	started := m.call(t, "/payment/card/start", request)
	got := m.call(t, "/payment/card/verify-auth", map[string]any{
		"authenticationToken": started.CustomerAction.AuthenticationToken, "ntpID": started.Payment.NtpID, "formData": map[string]string{"paRes": "yes"},
	})
	if got.Payment.Status != 12 || m.order(t, "HUB-1").Captured != 0 {
		t.Errorf("a made-up word: got %+v, want it declined", got)
	}
}

func TestNetopiaTakesCardsThatComeWithTheOrder(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	request := m.request("HUB-1", "20.50", split{10005, 20.5})
	request["payment"].(map[string]any)["instrument"] = map[string]any{"type": "card", "account": "9900009184214768", "secretCode": "111", "expMonth": 1, "expYear": 2030}
	started := m.call(t, "/payment/card/start", request)
	if started.Error.Code != "100" || started.Payment.Status != 15 || started.CustomerAction.Type != "Authentication3D" {
		t.Fatalf("start: got %+v, want 100, 15 and a bank", started)
	}
	answer, err := http.PostForm(m.city.URL()+"/netopia/sandbox/answer", url.Values{
		"paReq": {started.CustomerAction.FormData["paReq"]}, "backUrl": {m.URL + "/back"}, "answer": {"yes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	paRes := regexp.MustCompile(`name="paRes" value="([^"]*)"`).FindSubmatch(page)
	verify := func(word string) netopiaAnswer {
		return m.call(t, "/payment/card/verify-auth", map[string]any{
			"authenticationToken": started.CustomerAction.AuthenticationToken, "ntpID": started.Payment.NtpID, "formData": map[string]string{"paRes": word},
		})
	}
	if got := verify(string(paRes[1])); got.Payment.Status != 3 || got.Error.Code != "00" {
		t.Errorf("verify-auth: got %+v, want paid", got)
	}
	if got := verify(string(paRes[1])); got.Error.Code != "56" {
		t.Errorf("verify-auth again: got %+v, want 56", got)
	}
}

// TestAPayerMayLeaveAtTheBank closes the window at the bank's question and opens
// the payment's page again.
func TestAPayerMayLeaveAtTheBank(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	opened := m.open(t, "HUB-1")
	page, _ := url.Parse(opened.Payment.PaymentURL)
	answer, err := http.PostForm(m.city.URL()+"/netopia/ui/card", url.Values{
		"p": {page.Query().Get("p")}, "account": {"9900009184214768"}, "exp": {"12/30"}, "secretCode": {"111"}, "name": {"Test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	browse(t, opened.Payment.PaymentURL, "")
	if o := m.order(t, "HUB-1"); o.Captured != 2050 {
		t.Errorf("got %+v, want 20.50 captured", o)
	}
}

func TestPayersComeBackToAPage(t *testing.T) {
	m := netopiaFor(t, town.Config{})
	answer, err := http.Get(m.city.URL() + "/back?orderId=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 || !strings.Contains(string(body), "/v1/payments/") {
		t.Errorf("got %d %s, want a page that says where the state is read", answer.StatusCode, body)
	}
}
