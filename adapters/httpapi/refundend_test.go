package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"racord/hub"
)

// failed is a payment of which the provider does not give line 1 back.
func failed(t *testing.T, s *till) hub.PaymentID {
	t.Helper()
	s.psp.keeps = true
	p := s.settled(t, "k1", debt("ditl", 0))
	if _, err := s.pay.GiveBack(t.Context(), hub.Login{Subject: "clerk"}, p.ID, 1, hub.Bani(7015)); err != nil {
		t.Fatal(err)
	}
	stop := s.work(t)
	defer stop()
	for range 2000 {
		if r := s.read(t, p.ID, "ana").Refunds; len(r) == 1 && r[0].State == hub.RefundFailed {
			return p.ID
		}
		s.ledger.Hurry()
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("the refund did not fail")
	return ""
}

// TestAFailedRefundIsEndedByWhoMay ends a refund that the provider refused.
func TestAFailedRefundIsEndedByWhoMay(t *testing.T) {
	s := newTill(t, nil)
	id := failed(t, s)
	target := "/v1/payments/" + string(id) + "/refunds/1/end"
	body := `{"outcome":"by_transfer","amount":{"amount":7015,"currency":"RON"}}`
	for _, step := range []struct {
		what, target, as, body string
		status                 int
		says                   string
	}{
		{"another amount", target, "staff", strings.Replace(body, "7015", "7014", 1), 412, "refund_not_failed"},
		{"no such refund", strings.Replace(target, "/1/", "/2/", 1), "staff", body, 404, "not_found"},
		{"a refund without a number", strings.Replace(target, "/1/", "/x/", 1), "staff", body, 404, "not_found"},
		{"the payer", target, "ana", body, 403, "forbidden"},
		{"no outcome", target, "staff", `{"amount":{"amount":7015,"currency":"RON"}}`, 400, "/outcome"},
		{"no amount", target, "staff", `{"outcome":"by_transfer"}`, 400, "/amount"},
		{"confirming what nobody said", target + "/confirm", "staff2", body, 412, "refund_not_failed"},
		{"one of the staff", target, "staff", body, 202, `"state":"refunded"`},
		{"twice", target, "staff", body, 412, "refund_not_failed"},
	} {
		if w := s.ask("POST", step.target, step.body, "Authorization", "Bearer "+step.as); w.Code != step.status || !strings.Contains(w.Body.String(), step.says) {
			t.Errorf("%s: got %d %s, want %d and %s", step.what, w.Code, w.Body, step.status, step.says)
		}
	}
	if p := s.read(t, id, "ana"); p.State != hub.PaymentSettledPartly || p.Refunded != hub.Bani(7015) || p.Lines[0].State != hub.LineRefunded {
		t.Errorf("got %+v, want the line refunded", p)
	}
}
