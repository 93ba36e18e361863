package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
	"racord/hub/pay"
)

func TestABasketIsQuotedPaidAndBooked(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0), debt("water", 1))
	if p.State != hub.PaymentAwaitingPayer || p.NextAction == nil || p.NextAction.Type != "redirect" ||
		!strings.HasPrefix(p.NextAction.URL, "https://bank.example/page/") {
		t.Fatalf("got %+v, want the payer sent to the provider's page", p)
	}
	if p.Total != hub.Bani(14030) || p.Charges[0].Provider != "Banca Test" {
		t.Errorf("got a total of %v at %q", p.Total, p.Charges[0].Provider)
	}
	s.psp.authorise()
	s.work(t)
	p = s.until(t, p.ID, "ana", hub.PaymentSettled)
	if !p.Final || p.Taken != hub.Bani(14030) || p.Lines[0].Receipt == "" || p.Lines[1].State != hub.LinePosted || p.NextAction != nil {
		t.Errorf("got %+v, want everything booked", p)
	}
	if len(s.sinks["ditl"].booked) != 1 || len(s.sinks["water"].booked) != 1 {
		t.Errorf("the creditors booked %v and %v", s.sinks["ditl"].booked, s.sinks["water"].booked)
	}
}

// TestAnAddressCanBeCopiedOutOfAnAnswer is for whoever opens the provider's page
// with what curl printed.
func TestAnAddressCanBeCopiedOutOfAnAnswer(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	if body := s.ask("GET", "/v1/payments/"+string(p.ID), "").Body.String(); !strings.Contains(body, "?lang=ro&t=1") {
		t.Errorf("got %s, want the address as it is", body)
	}
}

func TestAnAnswerTellsNothingOfTheProvidersInside(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0))
	body := s.ask("GET", "/v1/payments/"+string(p.ID), "").Body.String()
	for _, inside := range []string{"TM1000001", "merchant", "M1", "party", "1850415120007", "hub:", "class"} {
		if strings.Contains(body, inside) {
			t.Errorf("the answer holds %q: %s", inside, body)
		}
	}
}

func TestTheSameKeyGivesTheSamePayment(t *testing.T) {
	s := newTill(t, nil)
	body := order1(s.quoted(t, debt("ditl", 0)))
	first := s.ask("POST", "/v1/payments", body, "Idempotency-Key", `"k1"`)
	again := s.ask("POST", "/v1/payments", body, "Idempotency-Key", "k1")
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() {
		t.Errorf("got %d %s\nand %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if first.Header().Get("Location") != "/v1/payments/"+string(decode[payment](t, first).ID) {
		t.Errorf("it is at %q", first.Header().Get("Location"))
	}
}

func TestAPaymentThatCannotBeOpened(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(*testing.T, *till) (quote, key string)
		as     string
		status int
		code   string
	}{
		"the key of another request": {func(t *testing.T, s *till) (string, string) {
			s.opened(t, "k1", debt("ditl", 0))
			return s.quoted(t, debt("ditl", 1)), "k1"
		}, "ana", 422, "key_reused"},
		"a quote that was used": {func(t *testing.T, s *till) (string, string) {
			quote := s.quoted(t, debt("ditl", 0))
			p := decode[payment](t, s.ask("POST", "/v1/payments", order1(quote), "Idempotency-Key", "k1"))
			s.ask("POST", "/v1/payments/"+string(p.ID)+"/cancel", "")
			return quote, "k2"
		}, "ana", 409, "quote_used"},
		"a quote that ran out": {func(t *testing.T, s *till) (string, string) {
			quote := s.quoted(t, debt("ditl", 0))
			s.clock.Set(noon.Add(16 * time.Minute))
			return quote, "k1"
		}, "ana", 409, "quote_expired"},
		"a debt that is being paid": {func(t *testing.T, s *till) (string, string) {
			quote := s.quoted(t, debt("ditl", 0))
			s.opened(t, "k1", debt("ditl", 0))
			return quote, "k2"
		}, "ana", 409, "conflict"},
		"another person's quote": {func(t *testing.T, s *till) (string, string) {
			return s.quoted(t, debt("ditl", 0)), "k1"
		}, "ion", 400, "invalid"},
		"a portal with a person's quote": {func(t *testing.T, s *till) (string, string) {
			return s.quoted(t, debt("ditl", 0)), "k1"
		}, "portal", 400, "invalid"},
		"not a quote": {func(*testing.T, *till) (string, string) { return "abc", "k1" }, "ana", 400, "invalid"},
		"nothing confirmed": {func(t *testing.T, s *till) (string, string) {
			return s.quoted(t, hub.NewObligationID("ditl", "unknown")), "k1"
		}, "ana", 422, "not_payable"},
		"a provider that is down": {func(t *testing.T, s *till) (string, string) {
			s.psp.down = true
			return s.quoted(t, debt("ditl", 0)), "k1"
		}, "ana", 409, "not_started"},
		"no key": {func(t *testing.T, s *till) (string, string) { return s.quoted(t, debt("ditl", 0)), "" }, "ana", 400, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTill(t, nil)
			quote, key := tc.before(t, s)
			for range 2 { // the same again
				w := s.ask("POST", "/v1/payments", order1(quote), "Idempotency-Key", key, "Authorization", "Bearer "+tc.as)
				if p := problemIn(t, w); w.Code != tc.status || p.Code != tc.code {
					t.Errorf("got %d %q, want %d %q", w.Code, p.Code, tc.status, tc.code)
				}
			}
		})
	}
}

func TestAClaimSaysWhenItIsFreeAndNotWhose(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	quote := decode[struct{ Quote string }](t, s.ask("POST", "/v1/quotes", basket(debt("ditl", 0)), "Authorization", "Bearer ion"))
	w := s.ask("POST", "/v1/payments", order1(quote.Quote), "Idempotency-Key", "k1", "Authorization", "Bearer ion")
	if w.Code != 409 || w.Header().Get("Retry-After") == "" {
		t.Fatalf("got %d %v, want 409 with Retry-After", w.Code, w.Header())
	}
	for _, whose := range []string{"ana", string(p.ID)} {
		if strings.Contains(w.Body.String(), whose) {
			t.Errorf("the answer tells whose it is: %s", w.Body)
		}
	}
}

func TestAClaimOfTheCallersOwnNamesItsPayment(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	w := s.ask("POST", "/v1/payments", order1(s.quoted(t, debt("ditl", 0))), "Idempotency-Key", "k2")
	if got := problemIn(t, w).Payment; w.Code != 409 || got != string(p.ID) {
		t.Fatalf("got status %d and payment %q, want 409 and %q", w.Code, got, p.ID)
	}
	s.ask("POST", "/v1/payments/"+string(p.ID)+"/cancel", "")
	if w := s.ask("POST", "/v1/payments", order1(s.quoted(t, debt("ditl", 0))), "Idempotency-Key", "k3"); w.Code != 201 {
		t.Errorf("after the first was given up: got %d %s", w.Code, w.Body)
	}
}

// TestAClaimOfThePortalsOwnNamesItsPayment types the same reference again, at the
// portal that carries its payment and at another.
func TestAClaimOfThePortalsOwnNamesItsPayment(t *testing.T) {
	s := newTill(t, nil)
	first := s.carried(t, "portal")
	for portal, want := range map[string]hub.PaymentID{"portal": first, "other": ""} {
		quote := decode[struct{ Quote string }](t, s.ask("POST", "/v1/quotes", fine, "Authorization", "Bearer "+portal))
		w := s.ask("POST", "/v1/payments", order1(quote.Quote), "Idempotency-Key", "again", "Authorization", "Bearer "+portal)
		if got := problemIn(t, w).Payment; w.Code != 409 || got != string(want) {
			t.Errorf("%s: got status %d and payment %q, want 409 and %q", portal, w.Code, got, want)
		}
	}
}

// TestTheAddressToReturnToNamesThePayment lets a portal that keeps nothing find
// the payment when the browser is back.
func TestTheAddressToReturnToNamesThePayment(t *testing.T) {
	for given, want := range map[string]string{
		"https://portal.example/back?id={payment}&x=1":                                         "https://portal.example/back?id=ID&x=1",
		"https://portal.example/{payment}/{payment}":                                           "https://portal.example/ID/ID",
		"https://portal.example/back":                                                          "https://portal.example/back",
		"https://{payment}.example/back":                                                       "",
		"https://portal.example/" + strings.Repeat("x", 512-23-len("{payment}")) + "{payment}": "",
	} {
		s := newTill(t, nil)
		body, _ := json.Marshal(map[string]string{"quote": s.quoted(t, debt("ditl", 0)), "return_url": given})
		w := s.ask("POST", "/v1/payments", string(body), "Idempotency-Key", "k")
		if want == "" {
			if p := problemIn(t, w); w.Code != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != "/return_url" {
				t.Errorf("%s: got %d %+v, want 400 about /return_url", given, w.Code, p.Errors)
			}
			continue
		}
		p := decode[payment](t, w)
		for _, o := range s.psp.orders {
			if want := strings.ReplaceAll(want, "ID", string(p.ID)); o.ask.ReturnURL != want {
				t.Errorf("got %s, want %s", o.ask.ReturnURL, want)
			}
		}
	}
}

func TestAPaymentIsTakenUpAgainOrGivenUp(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	again := s.ask("POST", "/v1/payments/"+string(p.ID)+"/resume", "")
	if got := decode[payment](t, again); again.Code != ok || got.NextAction.URL != p.NextAction.URL {
		t.Errorf("resume: got %d %s", again.Code, again.Body)
	}
	gone := s.ask("POST", "/v1/payments/"+string(p.ID)+"/cancel", "")
	if got := decode[payment](t, gone); gone.Code != ok || got.State != hub.PaymentCancelled || got.NextAction != nil {
		t.Errorf("cancel: got %d %s", gone.Code, gone.Body)
	}
	if p := s.opened(t, "k2", debt("ditl", 0)); p.State != hub.PaymentAwaitingPayer {
		t.Errorf("the debt is not free: %+v", p)
	}
	s.psp.authorise()
	settled := s.settled(t, "k3", debt("water", 0))
	if w := s.ask("POST", "/v1/payments/"+string(settled.ID)+"/cancel", ""); w.Code != 409 {
		t.Errorf("cancel after paying: got %d, want 409", w.Code)
	}
}

// TestNobodyReachesAnothersPayment asks every door of payments as everybody who
// must not come in.
func TestNobodyReachesAnothersPayment(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	own, absent := string(p.ID), string(hub.NewID())
	refund := `{"line":1,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"other"}`
	doors := []struct{ method, target, body string }{
		{"GET", "/v1/payments/%", ""}, {"POST", "/v1/payments/%/resume", ""}, {"POST", "/v1/payments/%/cancel", ""},
		{"GET", "/v1/payments", ""}, {"POST", "/v1/payments", order1("x")}, {"POST", "/v1/quotes", basket(debt("ditl", 0))},
		{"POST", "/v1/payments/%/refunds", refund}, {"GET", "/v1/payments/%/receipt", ""},
	}
	wanted := map[string][]int{ // by door: own, absent
		"ana": {200, 404, 200, 404, 200, 404, 200, 200, 400, 400, 200, 200, 403, 403, 409, 404},
		"ion": {404, 404, 404, 404, 404, 404, 200, 200, 400, 400, 200, 200, 403, 403, 404, 404},
		// A portal's own token sees what it carries for those who did not sign in, and no citizen's.
		"portal": {404, 404, 404, 404, 404, 404, 403, 403, 400, 400, 403, 403, 403, 403, 404, 404},
		// The staff's has money given back, and nothing else.
		"staff": {403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 412, 404, 403, 403},
		"":      {401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401},
	}
	for _, who := range []string{"", "ion", "portal", "staff", "ana"} { // ana last: she cancels it
		for i, door := range doors {
			for j, id := range []string{own, absent} {
				bearer := "Bearer " + who
				if who == "" {
					bearer = ""
				}
				target := strings.Replace(door.target, "%", id, 1)
				w := s.ask(door.method, target, door.body, "Authorization", bearer, "Idempotency-Key", "matrix")
				if want := wanted[who][2*i+j]; w.Code != want {
					t.Errorf("%q %s %s: got %d %s, want %d", who, door.method, target, w.Code, w.Body, want)
				}
				if who == "ion" && strings.Contains(w.Body.String(), own) {
					t.Errorf("%s %s shows another person's payment", door.method, target)
				}
			}
		}
	}
}

func TestAPortalCarriesPaymentsOfThoseWhoDidNotSignIn(t *testing.T) {
	s := newTill(t, nil)
	id := s.carried(t, "portal")
	target := "/v1/payments/" + string(id)
	for _, tc := range []struct {
		as, method, target string
		status             int
	}{
		{"portal", "GET", target, 200},
		{"portal", "POST", target + "/resume", 200},
		{"other", "GET", target, 404},
		{"other", "POST", target + "/resume", 404},
		{"other", "POST", target + "/cancel", 404},
		{"ana", "GET", target, 404},
		{"ana", "POST", target + "/cancel", 404},
	} {
		w := s.ask(tc.method, tc.target, "", "Authorization", "Bearer "+tc.as)
		if w.Code != tc.status {
			t.Errorf("%s %s %s: got %d %s, want %d", tc.as, tc.method, tc.target, w.Code, w.Body, tc.status)
		}
	}
	s.psp.authorise()
	s.work(t)
	s.until(t, id, "portal", hub.PaymentSettled)
	for _, p := range s.sinks["ditl"].booked {
		if p.Reference != "PA 123456" || p.Amount != hub.Bani(29000) {
			t.Errorf("the creditor booked %+v", p)
		}
	}
}

func TestAReferenceIsQuotedForThePortalAlone(t *testing.T) {
	s := newTill(t, nil)
	for as, want := range map[string]int{"portal": 200, "other": 200, "ana": 403, "nobody": 401} {
		if w := s.ask("POST", "/v1/quotes", fine, "Authorization", "Bearer "+as); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", as, w.Code, w.Body, want)
		}
	}
	for bad, pointer := range map[string]string{
		`{"creditor":"ditl","amount":{"amount":1,"currency":"RON"}}`:                                                       "/reference",
		`{"creditor":"ditl","reference":"1850415120007","amount":{"amount":1,"currency":"RON"}}`:                           "/reference",
		`{"creditor":"ditl","reference":"1850415 12000-7","amount":{"amount":1,"currency":"RON"}}`:                         "/reference",
		`{"creditor":"ditl","reference":"x"}`:                                                                              "/amount",
		`{"creditor":"ditl","reference":"x","amount":{"amount":-1,"currency":"RON"}}`:                                      "/amount/amount",
		`{"reference":"x","amount":{"amount":1,"currency":"RON"}}`:                                                         "/creditor",
		`{"lines":[{"creditor":"ditl","obligation":"3h6v0q9t2k8x7m4c5r1w0y2z6n"}],"reference":"x"}`:                        "/creditor",
		`{"lines":[{"creditor":"ditl","obligation":"3h6v0q9t2k8x7m4c5r1w0y2z6n","amount":{"amount":0,"currency":"RON"}}]}`: "/lines/0/amount/amount",
		`{"lines":[{"creditor":"ditl","obligation":"D-1"}]}`:                                                               "/lines/0/obligation",
		`{}`: "/lines",
	} {
		w := s.ask("POST", "/v1/quotes", bad, "Authorization", "Bearer portal")
		if p := problemIn(t, w); w.Code != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: got %d %+v, want one error about %s", bad, w.Code, p.Errors, pointer)
		}
	}
}

func TestAnAbsentPaymentAndAnothersLookTheSame(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	others := problemIn(t, s.ask("GET", "/v1/payments/"+string(p.ID), "", "Authorization", "Bearer ion"))
	absent := problemIn(t, s.ask("GET", "/v1/payments/"+hub.NewID(), "", "Authorization", "Bearer ion"))
	if others.Detail != absent.Detail || others.Code != absent.Code {
		t.Errorf("got %+v and %+v", others, absent)
	}
}

func TestPaymentsComeInPages(t *testing.T) {
	s := newTill(t, nil)
	var all []hub.PaymentID
	for i, id := range []hub.ObligationID{debt("ditl", 0), debt("ditl", 1), debt("water", 0)} {
		s.clock.Set(noon.Add(time.Duration(i) * time.Minute))
		all = append(all, s.opened(t, string(id), id).ID)
	}
	type page struct {
		Payments []payment
		Next     string
	}
	first := decode[page](t, s.ask("GET", "/v1/payments?limit=2", ""))
	if len(first.Payments) != 2 || first.Payments[0].ID != all[2] || first.Payments[1].ID != all[1] || first.Next == "" {
		t.Fatalf("first page: got %+v, want the two newest", first)
	}
	rest := decode[page](t, s.ask("GET", "/v1/payments?limit=2&cursor="+first.Next, ""))
	if len(rest.Payments) != 1 || rest.Payments[0].ID != all[0] || rest.Next != "" {
		t.Errorf("last page: got %+v, want the oldest", rest)
	}
	if others := decode[page](t, s.ask("GET", "/v1/payments", "", "Authorization", "Bearer ion")); len(others.Payments) != 0 {
		t.Errorf("another person sees %+v", others)
	}
	for _, bad := range []string{"limit=0", "limit=51", "limit=x", "cursor=1", "cursor=../x", "all=1"} {
		if w := s.ask("GET", "/v1/payments?"+bad, ""); w.Code != 400 {
			t.Errorf("%s: got %d, want 400", bad, w.Code)
		}
	}
}

func TestAPaymentThatDidNotChangeIsNotSentAgain(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	first := s.ask("GET", "/v1/payments/"+string(p.ID), "")
	tag := first.Header().Get("Etag")
	if w := s.ask("GET", "/v1/payments/"+string(p.ID), "", "If-None-Match", tag); w.Code != http.StatusNotModified || tag == "" {
		t.Errorf("got %d for tag %q, want 304", w.Code, tag)
	}
	s.ask("POST", "/v1/payments/"+string(p.ID)+"/cancel", "")
	if w := s.ask("GET", "/v1/payments/"+string(p.ID), "", "If-None-Match", tag); w.Code != ok {
		t.Errorf("after a change: got %d, want 200", w.Code)
	}
	if got := first.Header().Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("got Cache-Control %q", got)
	}
}

func TestALineIsRefundedOnceByWhoMay(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0), debt("water", 0))
	target := "/v1/payments/" + string(p.ID) + "/refunds"
	body := `{"line":2,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"paid_twice"}`
	wrong := strings.Replace(body, "7015", "7000", 1)
	if w := s.ask("POST", target, wrong, "Authorization", "Bearer staff"); w.Code != 412 || problemIn(t, w).Code != "refundable_changed" {
		t.Errorf("another amount: got %d %s", w.Code, w.Body)
	}
	if w := s.ask("POST", target, strings.Replace(body, `"line":2`, `"line":3`, 1), "Authorization", "Bearer staff"); w.Code != 404 {
		t.Errorf("no such line: got %d %s", w.Code, w.Body)
	}
	w := s.ask("POST", target, body, "Authorization", "Bearer staff")
	if w.Code != 202 || !strings.Contains(w.Body.String(), `"state":"reversing"`) {
		t.Fatalf("got %d %s, want 202 and the line on its way back", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "ditl") {
		t.Errorf("staff see another line of the basket: %s", w.Body)
	}
	if w := s.ask("POST", target, body, "Authorization", "Bearer staff"); w.Code != 412 {
		t.Errorf("twice: got %d %s, want 412", w.Code, w.Body)
	}
	s.work(t)
	p = s.until(t, p.ID, "ana", hub.PaymentSettledPartly)
	seen := decode[struct {
		Line    struct{ No int }
		Refunds []struct {
			No    int
			State hub.RefundState
		}
	}](t, s.ask("GET", target+"?line=2", "", "Authorization", "Bearer staff"))
	if seen.Line.No != 2 || len(seen.Refunds) != 1 || seen.Refunds[0].No != 1 || seen.Refunds[0].State != hub.RefundRefunded {
		t.Errorf("staff see %+v", seen)
	}
	if p.Refunded != hub.Bani(7015) || p.Lines[1].State != hub.LineRefunded || len(s.sinks["water"].reversed) != 1 {
		t.Errorf("got %+v, want the second line refunded after %v was reversed", p, s.sinks["water"].reversed)
	}
}

// twoPersons lets nobody have a line of 70.15 lei given back alone.
func twoPersons(p *httpapi.Parts, _ *httpapi.Conf) {
	p.Paying.Refunds = pay.New(p.Paying.Payments.(*pay.Service).Parts, pay.Conf{Alone: hub.Bani(7014)})
}

func TestALargeRefundTakesTwoPersons(t *testing.T) {
	s := newTill(t, twoPersons)
	p := s.settled(t, "k1", debt("water", 0))
	target := "/v1/payments/" + string(p.ID) + "/refunds"
	body := `{"line":1,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"paid_twice"}`
	for _, step := range []struct {
		what, target, as string
		status           int
		says             string
	}{
		{"confirming what nobody asked for", target + "/confirm", "staff2", 412, "refundable_changed"},
		{"asking", target, "staff", 202, `"state":"posted"`},
		{"asking again", target, "staff", 412, "refundable_changed"},
		{"another asking for the same", target, "staff2", 412, "refundable_changed"},
		{"confirming one's own", target + "/confirm", "staff", 403, "forbidden"},
		{"the payer confirming", target + "/confirm", "ana", 403, "forbidden"},
		{"a second person", target + "/confirm", "staff2", 202, `"state":"reversing"`},
		{"a second person twice", target + "/confirm", "staff2", 412, "refundable_changed"},
	} {
		if w := s.ask("POST", step.target, body, "Authorization", "Bearer "+step.as); w.Code != step.status || !strings.Contains(w.Body.String(), step.says) {
			t.Errorf("%s: got %d %s, want %d and %s", step.what, w.Code, w.Body, step.status, step.says)
		}
		if n := len(s.sinks["water"].reversed); n > 0 {
			t.Fatalf("%s: the creditor was asked already", step.what)
		}
	}
	s.work(t)
	if p = s.until(t, p.ID, "ana", hub.PaymentSettledPartly); p.Refunded != hub.Bani(7015) {
		t.Errorf("got %+v, want the line refunded", p)
	}
}

func TestRefundsAreReadStrictly(t *testing.T) {
	s := newTill(t, nil)
	for body, pointer := range map[string]string{
		`{"line":1,"reason":"other"}`: "/expected_refundable",
		`{"line":0,"expected_refundable":{"amount":1,"currency":"RON"},"reason":"other"}`:        "/line",
		`{"line":1,"expected_refundable":{"amount":0,"currency":"RON"},"reason":"other"}`:        "/expected_refundable/amount",
		`{"line":1,"expected_refundable":{"amount":1,"currency":"EUR"},"reason":"other"}`:        "/expected_refundable/currency",
		`{"line":1,"expected_refundable":{"amount":1,"currency":"RON"},"reason":"I am unhappy"}`: "/reason",
	} {
		w := s.ask("POST", "/v1/payments/AAAAAAAAAAAAAAAAAAAAAAAAAA/refunds", body, "Authorization", "Bearer staff")
		if p := problemIn(t, w); w.Code != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: got %d %+v, want one error about %s", body, w.Code, p.Errors, pointer)
		}
	}
}

func TestAHubWithoutProvidersOffersNoPayments(t *testing.T) {
	s := newScene(t, nil)
	for target, body := range map[string]string{"/v1/quotes": basket(debt("ditl", 0)), "/v1/payments": order1("x"), "/v1/notify/bank": "x"} {
		if w := s.ask("POST", target, body, "Idempotency-Key", "k"); w.Code != http.StatusNotImplemented {
			t.Errorf("%s: got %d, want 501", target, w.Code)
		}
	}
}

func TestPaymentsAreShedLast(t *testing.T) {
	m := &meter{}
	s := newTill(t, func(p *httpapi.Parts, c *httpapi.Conf) { c.InFlight = 1; p.Meter = m })
	p := s.opened(t, "k1", debt("ditl", 0))
	s.sources[0].wait = make(chan struct{})
	inside := make(chan int)
	go func() { inside <- s.ask("GET", "/v1/view", "").Code }()
	for m.get("began view_read") == 0 {
		time.Sleep(time.Millisecond)
	}
	for s.ask("GET", "/v1/links", "").Code != 503 {
		time.Sleep(time.Millisecond)
	}
	if w := s.ask("GET", "/v1/payments/"+string(p.ID), ""); w.Code != ok {
		t.Errorf("got %d, want 200", w.Code)
	}
	close(s.sources[0].wait)
	<-inside
}
