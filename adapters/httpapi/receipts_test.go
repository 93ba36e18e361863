package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/hub"
)

// receipt is what tests look at in a receipt.
type receipt struct {
	Code      string
	VerifyURL string `json:"verify_url"`
	Total     hub.Money
	Refunded  hub.Money
	Lines     []struct {
		No        int
		Creditor  hub.Name
		Account   string
		State     hub.ReceiptState
		Number    string
		Transfers []struct{ IBAN, Beneficiary string }
	}
	Providers []struct{ Provider, Order string }
}

func TestAReceiptTellsWhatWasPaid(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0), debt("water", 0))
	r := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", ""))
	if len(r.Lines) != 2 || r.Total != hub.Bani(14030) || r.Lines[0].State != hub.ReceiptBooked || r.Lines[0].Number == "" ||
		r.Lines[0].Transfers[0].Beneficiary != "Trezoreria" || r.Providers[0].Provider != "Banca Test" {
		t.Errorf("got %+v", r)
	}
	if r.VerifyURL != "https://racord.example/v1/receipts/"+r.Code {
		t.Errorf("it is checked at %s", r.VerifyURL)
	}
}

func TestThereIsNoReceiptBeforeMoneyIsTaken(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	for _, accept := range []string{"application/json", "application/pdf"} {
		if w := s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "", "Accept", accept); w.Code != http.StatusConflict {
			t.Errorf("%s: got %d %s, want 409", accept, w.Code, w.Body)
		}
	}
}

func TestAReceiptIsPrinted(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0))
	w := s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "", "Accept", "application/pdf")
	if w.Code != ok || w.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(w.Body.String(), "%PDF https://racord.example/v1/receipts/") {
		t.Errorf("got %d of type %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if got := w.Header().Get("Content-Disposition"); got != `inline; filename="dovada-plata-`+string(p.ID)+`.pdf"` {
		t.Errorf("it is named %s", got)
	}
}

func TestAReceiptOfOneLineShowsNoOther(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0), debt("water", 0))
	w := s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt?line=2", "")
	r := decode[receipt](t, w)
	if len(r.Lines) != 1 || r.Lines[0].Creditor != "water" || r.Total != hub.Bani(7015) || strings.Contains(w.Body.String(), "ditl") {
		t.Errorf("got %s", w.Body)
	}
	checked := s.ask("GET", "/v1/receipts/"+r.Code, "", "Authorization", "")
	if got := decode[receipt](t, checked); len(got.Lines) != 1 || strings.Contains(checked.Body.String(), "ditl") {
		t.Errorf("checked: got %s", checked.Body)
	}
	whole := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", ""))
	widened := strings.Replace(r.Code, "-2-", "-0-", 1)
	if w := s.ask("GET", "/v1/receipts/"+widened, ""); w.Code != 404 || whole.Code == widened {
		t.Errorf("a line's code opens the whole basket: %d %s", w.Code, w.Body)
	}
}

func TestWhoeverIsShownAReceiptChecksItWithoutSeeingAPerson(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0))
	code := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "")).Code
	w := s.ask("GET", "/v1/receipts/"+strings.ToLower(code), "", "Authorization", "")
	r := decode[receipt](t, w)
	if w.Code != ok || r.Total != hub.Bani(7015) || r.Lines[0].State != hub.ReceiptBooked || r.Lines[0].Account != "***411" {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	for _, personal := range []string{"0004411", "ditl-0", string(debt("ditl", 0)), "Ana", "1850415120007", "bank", "Banca", "M1"} {
		if strings.Contains(w.Body.String(), personal) {
			t.Errorf("the answer holds %q: %s", personal, w.Body)
		}
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q: money may go back", got)
	}
}

func TestAFilesNameIsNoReceipt(t *testing.T) {
	s := newTill(t, nil)
	s.sinks["ditl"].pending = true
	p := s.opened(t, "k1", debt("ditl", 0))
	s.psp.authorise()
	s.work(t)
	for s.read(t, p.ID, "ana").Lines[0].State != hub.LinePostUnknown {
		s.ledger.Hurry()
		time.Sleep(2 * time.Millisecond)
	}
	if got := s.read(t, p.ID, "ana").Lines[0].Receipt; got != "" {
		t.Errorf("the payment shows %q", got)
	}
	r := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", ""))
	if r.Lines[0].State != hub.ReceiptPaid || r.Lines[0].Number != "" {
		t.Errorf("the receipt shows %+v, want the line paid and not yet booked", r.Lines[0])
	}
}

func TestACodeCannotBeMadeUp(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0))
	code := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "")).Code
	flipped := code[:len(code)-1] + map[bool]string{true: "B", false: "A"}[code[len(code)-1] == 'A']
	for _, bad := range []string{
		string(p.ID), string(p.ID) + "-0-", string(p.ID) + "-0", flipped, code + "A", code[:len(code)-1], strings.Replace(code, "-0-", "-1-", 1),
		hub.NewID() + code[26:], "x", strings.Repeat("-", 70),
	} {
		if w := s.ask("GET", "/v1/receipts/"+bad, "", "Authorization", ""); w.Code != 404 || problemIn(t, w).Code != "not_found" {
			t.Errorf("%s: got %d %s, want 404", bad, w.Code, w.Body)
		}
	}
}

func TestAReceiptFollowsTheMoney(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0), debt("water", 0))
	code := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "")).Code
	s.ask("POST", "/v1/payments/"+string(p.ID)+"/refunds", `{"line":2,"expected_refundable":{"amount":7015,"currency":"RON"},"reason":"paid_twice"}`, "Authorization", "Bearer staff")
	s.work(t)
	s.until(t, p.ID, "ana", hub.PaymentSettledPartly)
	r := decode[receipt](t, s.ask("GET", "/v1/receipts/"+code, "", "Authorization", ""))
	if r.Refunded != hub.Bani(7015) || r.Lines[0].State != hub.ReceiptBooked || r.Lines[1].State != hub.ReceiptRefunded {
		t.Errorf("got %+v, want the second line refunded", r)
	}
}

// TestTheReceiptsPictureLeadsToAPage asks as a browser does.
func TestTheReceiptsPictureLeadsToAPage(t *testing.T) {
	s := newTill(t, nil)
	p := s.settled(t, "k1", debt("ditl", 0))
	code := decode[receipt](t, s.ask("GET", "/v1/payments/"+string(p.ID)+"/receipt", "")).Code
	for name, tc := range map[string]struct {
		code   string
		status int
		says   []string
	}{
		"good":  {code, 200, []string{"este valabilă", "Creditorul ditl", "70,15 lei", "***411", "înregistrată de creditor la 15.03.2026"}},
		"wrong": {code[:26] + "-0-AAAAAAAAAAAAAAAA", 404, []string{"Nu există nicio dovadă"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.ask("GET", "/v1/receipts/"+tc.code, "", "Authorization", "", "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
			if w.Code != tc.status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("got %d %v", w.Code, w.Header())
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
				t.Errorf("got policy %q", policy)
			}
			for _, want := range tc.says {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("the page does not say %q: %s", want, w.Body)
				}
			}
			for _, personal := range []string{"0004411", "ditl-0", "Banca", code} {
				if strings.Contains(w.Body.String(), personal) {
					t.Errorf("the page holds %q", personal)
				}
			}
		})
	}
}
