package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/book"
)

// TestTheDemoTakesAPayment goes the way of somebody with curl and a browser: a
// view, a quote of the first debt at every creditor, one payment on the
// provider's page, and then the books of all who were told.
func TestTheDemoTakesAPayment(t *testing.T) {
	told := make(chan string, 100)
	portal := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		told <- r.Header.Get("webhook-signature") + " " + string(event)
	}))
	t.Cleanup(portal.Close)
	d := startDemo(t, "--webhook", portal.URL)
	basket := d.basket()
	var quote struct {
		Quote string
		Lines []struct{ Creditor, State, Message string }
		Total amount
	}
	d.ask("POST", "/v1/quotes", map[string]any{"lines": basket}, 200, &quote)
	for _, l := range quote.Lines {
		if l.State != "confirmed" {
			t.Errorf("%s: got %s (%s), want confirmed", l.Creditor, l.State, l.Message)
		}
	}
	p := d.pay(quote.Quote)
	if p.State != "settled" || p.Taken != quote.Total {
		t.Fatalf("got %s with %v taken, want settled with %v: %+v", p.State, p.Taken, quote.Total, p.Lines)
	}
	d.booksAgree(p)
	d.notDueAnyMore(basket)
	for heard := ""; !strings.Contains(heard, `"payment.settled"`); {
		var event string
		select {
		case event = <-told:
		case <-time.After(time.Minute):
			t.Fatalf("the portal was told nothing after %q", heard)
		}
		heard = event
		if !strings.HasPrefix(event, "v1,") || !strings.Contains(event, p.ID) {
			t.Errorf("the portal is told %s, want events of %s that are signed", event, p.ID)
		}
	}
}

// demo is a running racord demo and a citizen in front of it.
type demo struct {
	t    *testing.T
	data string
	ops  string
	city string
	log  *record
	portal
}

// paidBasket is a payment as a portal reads it.
type paidBasket struct {
	ID         string
	State      string
	Final      bool
	NextAction *struct{ URL string } `json:"next_action"`
	Taken      amount
	Lines      []struct {
		No              int
		Creditor, State string
		Amount          amount
		Receipt         string
	}
}

func startDemo(t *testing.T, more ...string) *demo {
	t.Helper()
	data, addresses := t.TempDir(), free(t, 3)
	log := &record{}
	cmd := exec.Command(program, append([]string{"demo", "--data", data, "--latency", "none",
		"--listen", addresses[0], "--ops-listen", addresses[1], "--city-listen", addresses[2]}, more...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for !strings.Contains(log.String(), "Press Ctrl-C") {
		select {
		case <-ended:
			t.Fatalf("the demo ended at its start:\n%s", log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	token, err := exec.Command(program, "token", "--data", data, "--citizen", "ana").Output()
	if err != nil {
		t.Fatal(err)
	}
	return &demo{t, data, "http://" + addresses[1], "http://" + addresses[2], log, portal{"http://" + addresses[0], strings.TrimSpace(string(token))}}
}

// TestASecondDemoLeavesTheFirstAlone starts one in the same directory, whose
// city would have other keys.
func TestASecondDemoLeavesTheFirstAlone(t *testing.T) {
	d := startDemo(t)
	key := filepath.Join(d.data, "secrets", "roadfines", "roadfines-ca")
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	addresses := free(t, 3)
	out, err := exec.CommandContext(t.Context(), program, "demo", "--data", d.data,
		"--listen", addresses[0], "--ops-listen", addresses[1], "--city-listen", addresses[2]).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "a demo runs in "+d.data+" already") {
		t.Errorf("got %v with %s", err, out)
	}
	if after, err := os.ReadFile(key); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the running demo's secrets were changed (%v)", err)
	}
}

func TestTheDemoGivesTokensToAllWhoHaveARole(t *testing.T) {
	d := startDemo(t)
	token := func(who ...string) string {
		out, _ := exec.CommandContext(t.Context(), program, append([]string{"token", "--data", d.data}, who...)...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	none := map[string]any{"line": 1, "expected_refundable": map[string]any{"amount": 1, "currency": "RON"}, "reason": "other"}
	for _, role := range []struct {
		who  []string
		want int // of who wants money given back of a payment that is not there
	}{
		{[]string{"--citizen", "ana"}, 403}, {[]string{"--company", "water"}, 403}, {[]string{"--approver", "maria"}, 403}, {[]string{"--staff"}, 404},
	} {
		d.token = token(role.who...)
		d.ask("POST", "/v1/payments/AAAAAAAAAAAAAAAAAAAAAAAAAA/refunds", none, role.want, nil)
	}
	if got := token("--citizen", "nobody"); !strings.Contains(got, "ana, ion, maria and istvan do") {
		t.Errorf("got %s, want to be told who lives there", got)
	}
}

// free finds loopback addresses nobody listens on now. They lie below those that the
// system gives to whoever connects somewhere: none is taken before it is used.
func free(t *testing.T, count int) (list []string) {
	t.Helper()
	for tries := 0; len(list) < count; tries++ {
		door, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.N(12_000)))
		if err != nil && tries > 100 {
			t.Fatal(err)
		}
		if err == nil {
			defer door.Close()
			list = append(list, door.Addr().String())
		}
	}
	return list
}

// ask sends one request and reads the answer, which must have the status.
func (d *demo) ask(method, path string, body any, want int, into any, headers ...string) {
	d.t.Helper()
	root := d.url
	switch {
	case strings.HasPrefix(path, "/__ctl"):
		root = d.city
	case strings.HasPrefix(path, "/jobs"), strings.HasPrefix(path, "/differences"):
		root = d.ops
	}
	encoded, _ := json.Marshal(body)
	request, err := http.NewRequestWithContext(d.t.Context(), method, root+path, bytes.NewReader(encoded))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := browser.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer got.Body.Close()
	var answer bytes.Buffer
	_, _ = answer.ReadFrom(got.Body)
	if got.StatusCode != want {
		d.t.Fatalf("%s %s: got %d, want %d: %s", method, path, got.StatusCode, want, &answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Bytes(), into); err != nil {
			d.t.Fatal(err)
		}
	}
}

// item is one line of a basket.
type item struct {
	Creditor   string `json:"creditor"`
	Obligation string `json:"obligation"`
}

// basket takes the first debt at every creditor that can be paid in full.
func (d *demo) basket() (items []item) {
	d.t.Helper()
	var view struct {
		Pages []struct {
			Creditor    string
			Obligations []struct {
				ID          string
				Outstanding amount
				Options     []struct{ ID string }
			}
		}
	}
	d.ask("GET", "/v1/view", nil, 200, &view)
	for _, page := range view.Pages {
		for _, o := range page.Obligations {
			if o.Outstanding.Amount > 0 && len(o.Options) > 0 {
				items = append(items, item{page.Creditor, o.ID})
				break
			}
		}
	}
	if all := len(book.Creditors()); len(items) != all {
		d.t.Fatalf("got debts at %d creditors, want %d", len(items), all)
	}
	return items
}

// pay opens a payment, pays on every page it leads to, and waits for its end.
func (d *demo) pay(quote string) (p paidBasket) {
	d.t.Helper()
	d.ask("POST", "/v1/payments", map[string]any{
		"quote": quote, "policy": "best_effort", "return_url": d.city + "/back",
	}, 201, &p, "Idempotency-Key", fmt.Sprint(time.Now().UnixNano()))
	seen := ""
	for tries := range 600 {
		if p.Final {
			return p
		}
		if p.NextAction != nil && p.NextAction.URL != seen {
			seen = p.NextAction.URL
			d.ask("POST", "/__ctl/psp/pay", map[string]string{"url": seen}, 200, nil)
		}
		if tries%20 == 19 { // what was put among the heating company's files is booked in the morning
			d.ask("POST", "/__ctl/day", map[string]string{"until": "05:45"}, 200, nil)
		}
		time.Sleep(100 * time.Millisecond)
		p.NextAction = nil
		d.ask("GET", "/v1/payments/"+p.ID, nil, 200, &p)
	}
	d.t.Fatalf("the payment came to no end: %+v", p)
	return p
}

// booksAgree holds the payment against what the provider took and every
// creditor booked.
func (d *demo) booksAgree(p paidBasket) {
	d.t.Helper()
	taken := int64(0)
	for _, provider := range []string{"netopia", "euplatesc"} {
		var book struct {
			Orders []struct {
				Captured int64 `json:"captured_bani"`
				Refunded int64 `json:"refunded_bani"`
			}
		}
		d.ask("GET", "/__ctl/psp/"+provider+"/book", nil, 200, &book)
		for _, o := range book.Orders {
			taken += o.Captured - o.Refunded
		}
	}
	if taken != p.Taken.Amount {
		d.t.Errorf("the providers took %d bani, the payment says %d", taken, p.Taken.Amount)
	}
	for _, l := range p.Lines {
		var book struct {
			Receipts []struct {
				Reference string
				Amount    int64 `json:"amount_bani"`
			}
		}
		d.ask("GET", "/__ctl/books/"+l.Creditor, nil, 200, &book)
		booked := int64(0)
		for _, r := range book.Receipts {
			if r.Reference == fmt.Sprintf("hub:%s:%d", p.ID, l.No) {
				booked += r.Amount
			}
		}
		if booked != l.Amount.Amount {
			d.t.Errorf("%s booked %d bani, want %d", l.Creditor, booked, l.Amount.Amount)
		}
	}
}

// notDueAnyMore makes sure that what was paid cannot be paid again, whatever the
// creditor still shows.
func (d *demo) notDueAnyMore(basket []item) {
	d.t.Helper()
	var quote struct {
		Quote string
		Lines []struct{ Creditor, State string }
	}
	d.ask("POST", "/v1/quotes", map[string]any{"lines": basket}, 200, &quote)
	for _, l := range quote.Lines {
		if l.State == "confirmed" {
			d.ask("POST", "/v1/payments", map[string]any{
				"quote": quote.Quote, "policy": "best_effort", "return_url": d.city + "/back",
			}, 409, nil, "Idempotency-Key", "again")
			return
		}
	}
}
