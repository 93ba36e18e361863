package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"racord/adapters/httpapi"
	"racord/hub"
)

func TestAProviderIsAnsweredInItsOwnWords(t *testing.T) {
	for name, tc := range map[string]struct {
		target, signature, kind, body string
		status                        int
		answer                        string
	}{
		"signed":               {"/v1/notify/bank", "good", "application/json", "T1", 200, "TAKEN"},
		"signed, as a form":    {"/v1/notify/bank", "good", "application/x-www-form-urlencoded", "a=1&b=2", 200, "TAKEN"},
		"signed, of no type":   {"/v1/notify/bank", "good", "", "T1", 200, "TAKEN"},
		"forged":               {"/v1/notify/bank", "bad", "application/json", "T1", 401, ""},
		"of nobody":            {"/v1/notify/nobody", "good", "application/json", "T1", 404, ""},
		"as long as may be":    {"/v1/notify/bank", "good", "text/plain", strings.Repeat("x", 64<<10), 200, "TAKEN"},
		"too long to be taken": {"/v1/notify/bank", "good", "text/plain", strings.Repeat("x", 64<<10+1), 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTill(t, nil)
			w := s.ask("POST", tc.target, tc.body, "Signature", tc.signature, "Content-Type", tc.kind, "Authorization", "")
			if w.Code != tc.status || tc.answer != "" && w.Body.String() != tc.answer {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tc.status, tc.answer)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("got Cache-Control %q, want no-store", got)
			}
		})
	}
}

func TestANotificationMayComeManyTimes(t *testing.T) {
	s := newTill(t, nil)
	for range 5 {
		if w := s.ask("POST", "/v1/notify/bank", "T1", "Signature", "good", "Authorization", ""); w.Code != ok {
			t.Errorf("got %d, want 200", w.Code)
		}
	}
}

func TestANotificationMakesTheProviderBeAsked(t *testing.T) {
	s := newTill(t, nil)
	p := s.opened(t, "k1", debt("ditl", 0))
	s.psp.authorise()
	page := p.NextAction.URL
	s.work(t)
	s.ask("POST", "/v1/notify/bank", page[strings.LastIndexByte(page, '/')+1:], "Signature", "good", "Authorization", "")
	if p = s.until(t, p.ID, "ana", hub.PaymentSettled); p.Taken != hub.Bani(7015) {
		t.Errorf("got %+v", p)
	}
}

func TestNotificationsAreCountedAndNotLogged(t *testing.T) {
	var out bytes.Buffer
	m := &meter{}
	s := newTill(t, func(p *httpapi.Parts, _ *httpapi.Conf) { p.Meter, p.Log = m, slog.New(slog.NewJSONHandler(&out, nil)) })
	s.ask("POST", "/v1/notify/bank", "somebody's data", "Signature", "bad", "Authorization", "")
	s.ask("POST", "/v1/notify/bank", "somebody's data", "Signature", "good", "Authorization", "")
	if m.get("ended payment_notify ") != 1 || m.get("ended payment_notify unauthenticated") != 1 {
		t.Errorf("counted %v", m.counts)
	}
	if out.Len() > 0 {
		t.Errorf("logged %s", out.String())
	}
}

func TestTheDoorOfProvidersTakesNothingElse(t *testing.T) {
	s := newTill(t, nil)
	if w := s.ask("GET", "/v1/notify/bank", "", "Authorization", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("got %d %q, want 405 and POST", w.Code, w.Header().Get("Allow"))
	}
}
