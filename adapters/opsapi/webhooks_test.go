package opsapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
)

func TestAnOperatorSeesWhoWasToldAndTellsAgain(t *testing.T) {
	press, store, _ := desk(t)
	key := hub.RequestKey{Portal: "portal", Party: "party", Route: "r", Key: "k"}
	_, _, err := store.OpenPayment(t.Context(), key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		tx.Emit(hub.Event{Type: "payment.opened"})
		return hubtest.Basket("party", "a"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := press("GET", "/webhooks"); status != 200 || !strings.Contains(body, `"portal:portal":1`) {
		t.Errorf("waiting: got %d %s, want one event for the portal", status, body)
	}
	notices, err := store.LeaseNotices(t.Context(), hub.NoticeQuery{Most: 1, TTL: time.Minute})
	if err != nil || len(notices) != 1 {
		t.Fatalf("got %d notices (%v)", len(notices), err)
	}
	if err := store.Settle(t.Context(), notices[0], hub.Try{Took: 20 * time.Millisecond, Status: 503, Code: hub.CodeUnavailable}, nil); err != nil {
		t.Fatal(err)
	}
	status, body := press("GET", "/webhooks/portal:portal/attempts?most=5")
	if status != 200 || !strings.Contains(body, notices[0].ID()) || !strings.Contains(body, `"status":503,"code":"unavailable"`) {
		t.Errorf("attempts: got %d %s", status, body)
	}
	from := url.QueryEscape(time.Now().Add(-time.Hour).Format(time.RFC3339))
	if status, body := press("POST", "/webhooks/portal:portal/replay?from="+from+"&until="+url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))); status != 200 || !strings.Contains(body, `"replayed":1`) {
		t.Errorf("replay: got %d %s", status, body)
	}
	if again, err := store.LeaseNotices(t.Context(), hub.NoticeQuery{Most: 1, TTL: time.Minute}); err != nil || len(again) != 1 || again[0].ID() != notices[0].ID() {
		t.Errorf("got %v (%v), want the same event again", again, err)
	}
	for _, bad := range []string{"", "?from=yesterday", "?from=2026-03-15T10:00:00Z&until=2026-03-15T09:00:00Z"} {
		if status, _ := press("POST", "/webhooks/portal:portal/replay"+bad); status != 400 {
			t.Errorf("%q: got %d, want 400", bad, status)
		}
	}
}
