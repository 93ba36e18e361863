package opsapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"racord/adapters/opsapi"
	"racord/adapters/sqlite"
	"racord/hub"
)

// desk is an operator in front of a store in which a delivery waits and a
// connector is in quarantine.
func desk(t *testing.T) (press func(method, path string) (int, string), store *sqlite.Store, stage hub.StageID) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), make([]byte, hub.MasterKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	stage, err = store.Stage(t.Context(), "heating", hub.ExtentAll, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Hold(t.Context(), stage, "cursor-2", "it drops 12000 of 24000 accounts"); err != nil {
		t.Fatal(err)
	}
	if err := store.Quarantine(t.Context(), "water", "foreign data", time.Now()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(opsapi.Handler(store, compare, rewrap, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return func(method, path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		body, _ := io.ReadAll(got.Body)
		return got.StatusCode, string(body)
	}, store, stage
}

func TestAnOperatorDecidesAboutAHeldDelivery(t *testing.T) {
	for button, published := range map[string]bool{"release": true, "discard": false} {
		t.Run(button, func(t *testing.T) {
			press, store, stage := desk(t)
			if status, body := press("GET", "/feeds/held"); status != 200 || !strings.Contains(body, "12000 of 24000") {
				t.Fatalf("got %d %s, want the delivery and its reason", status, body)
			}
			path := "/feeds/held/" + string(stage) + "/" + button
			if status, body := press("POST", path); status != 200 {
				t.Fatalf("got %d %s", status, body)
			}
			if held, err := store.Held(t.Context()); err != nil || len(held) != 0 {
				t.Errorf("got %v (%v), want nothing held", held, err)
			}
			_, err := store.Snapshot(t.Context(), hub.AccountRef{Creditor: "heating", Code: "1"})
			if got := hub.CodeOf(err) != hub.CodeNotFound; got != published {
				t.Errorf("got published %t (%v), want %t", got, err, published)
			}
			if status, body := press("POST", path); button == "release" && status != 404 {
				t.Errorf("again: got %d %s, want 404", status, body)
			}
		})
	}
}

func TestAnOperatorLiftsAQuarantine(t *testing.T) {
	press, store, _ := desk(t)
	if status, body := press("GET", "/quarantine"); status != 200 || !strings.Contains(body, "water") {
		t.Fatalf("got %d %s, want water", status, body)
	}
	if status, body := press("DELETE", "/quarantine/water"); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	if left, err := store.Quarantined(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("got %v (%v), want nobody", left, err)
	}
	if status, body := press("DELETE", "/quarantine/watre"); status != 404 {
		t.Errorf("a slip of the finger: got %d %s, want 404", status, body)
	}
}

func TestTheButtonsAreListed(t *testing.T) {
	press, _, _ := desk(t)
	status, list := press("GET", "/")
	for _, line := range []string{"GET     /metrics ", "DELETE  /quarantine/{creditor} ", "POST    /webhooks/{receiver}/replay "} {
		if status != 200 || !strings.Contains(list, "\n"+line) && !strings.HasPrefix(list, line) {
			t.Errorf("got %d %s, want a line %q", status, list, line)
		}
	}
	if status, _ := press("GET", "/button"); status != 404 {
		t.Errorf("an address that is none: got %d, want 404", status)
	}
}

// compare is busy with the bank, reads no settlement of two accounts, and is glad
// about everything else.
func compare(_ context.Context, job hub.Job, _ hub.Date) error {
	switch job {
	case hub.JobBank:
		return hub.Errorf(hub.CodeConflict, "busy")
	case hub.JobSettlement:
		return errors.Join(
			fmt.Errorf("netopia/m1: %w", hub.Wrap(hub.CodeAuth, errors.New("HTTP 401"), "The provider refused.")),
			fmt.Errorf("netopia/m2: %w", hub.Errorf(hub.CodeTimeout, "The provider does not answer.")),
		)
	}
	return nil
}

func rewrap(context.Context, func(int)) (int, error) { return 7, nil }

func TestAnOperatorWrapsTheSecretsAnew(t *testing.T) {
	press, _, _ := desk(t)
	if status, body := press("POST", "/keys/rewrap"); status != 200 || !strings.Contains(body, `"rewrapped":7`) {
		t.Errorf("got %d %s", status, body)
	}
}

func TestAnOperatorComparesNow(t *testing.T) {
	press, _, _ := desk(t)
	for path, want := range map[string]int{
		"/jobs/audit": 200, "/jobs/creditor?day=2026-03-15": 200, "/jobs/bank": 409, "/jobs/settlement": 500, "/jobs/none": 404, "/jobs/audit?day=yesterday": 404,
	} {
		if status, body := press("POST", path); status != want {
			t.Errorf("%s: got %d %s, want %d", path, status, body, want)
		}
	}
}

// TestAnOperatorIsToldAllThatIsWrong has two accounts of a provider fail: the answer
// and the log name both, and why.
func TestAnOperatorIsToldAllThatIsWrong(t *testing.T) {
	var log strings.Builder
	handler := opsapi.Handler(nil, compare, rewrap, slog.New(slog.NewTextHandler(&log, nil)))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "POST", "/jobs/settlement", nil))
	for _, wrong := range []string{"netopia/m1: auth: The provider refused.: HTTP 401", "netopia/m2: timeout: The provider does not answer."} {
		if !strings.Contains(answer.Body.String(), `"`+wrong+`"`) {
			t.Errorf("got %s, want %q", answer.Body, wrong)
		}
		if !strings.Contains(log.String(), wrong) {
			t.Errorf("the log says %s, want %q", log.String(), wrong)
		}
	}
}

func TestAnOperatorSeesWhatTheBooksDifferIn(t *testing.T) {
	press, store, _ := desk(t)
	ctx := t.Context()
	found := []hub.Difference{{Kind: "missing_here", Name: "R1", Amount: -500, Detail: "booked there"}}
	for _, found := range [][]hub.Difference{found, nil} {
		if err := store.Compared(ctx, hub.JobCreditor, "water", found); err != nil {
			t.Fatal(err)
		}
		_, open := press("GET", "/differences")
		if got := strings.Contains(open, `"amount_bani":-500`); got != (len(found) > 0) {
			t.Errorf("got %s for %d differences", open, len(found))
		}
	}
	if _, all := press("GET", "/differences?explained=true&job=creditor"); !strings.Contains(all, `"state":"explained"`) {
		t.Errorf("got %s, want the one that was explained", all)
	}
	if _, other := press("GET", "/differences?explained=true&job=bank"); strings.Contains(other, "R1") {
		t.Errorf("got %s of another job", other)
	}
	if err := store.Note(ctx, "other_amount", "an order"); err != nil {
		t.Fatal(err)
	}
	if _, noted := press("GET", "/anomalies"); !strings.Contains(noted, "other_amount") {
		t.Errorf("got %s, want the anomaly", noted)
	}
	if _, err := store.TakeJob(ctx, hub.JobBank, "me", time.Minute, false); err != nil {
		t.Fatal(err)
	}
	if _, jobs := press("GET", "/jobs"); !strings.Contains(jobs, `"job":"bank","running":true`) {
		t.Errorf("got %s, want the job that runs", jobs)
	}
}

func TestAnOperatorLowersABarrier(t *testing.T) {
	press, store, _ := desk(t)
	if err := store.RaiseBarrier(t.Context(), hub.BarrierCapture, "the journal is off by 5"); err != nil {
		t.Fatal(err)
	}
	if _, body := press("GET", "/barriers"); !strings.Contains(body, "off by 5") {
		t.Fatalf("got %s, want the barrier and its reason", body)
	}
	if status, _ := press("DELETE", "/barriers/walls"); status != 404 {
		t.Errorf("got %d for a barrier that is none, want 404", status)
	}
	if status, body := press("DELETE", "/barriers/capture"); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	if _, body := press("GET", "/barriers"); strings.Contains(body, "capture") {
		t.Errorf("got %s after it was lowered", body)
	}
}
