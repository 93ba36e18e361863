package town_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/town"
)

// start opens a city of size S for one test.
func start(t *testing.T, conf town.Config) *town.Town {
	t.Helper()
	city, err := town.Start(context.Background(), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := city.Close(); err != nil {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	return city
}

// names lists the creditors of the city.
func names() (all []string) {
	for _, c := range book.Creditors() {
		all = append(all, string(c))
	}
	return all
}

// ask sends a request and returns status and body.
func ask(t *testing.T, method, url string, header map[string]string, body string) (int, []byte) {
	t.Helper()
	status, answer, err := try(method, url, header, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

func try(method, url string, header map[string]string, body string) (int, []byte, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

func askJSON[T any](t *testing.T, method, url string, header map[string]string, body string) T {
	t.Helper()
	status, answer := ask(t, method, url, header, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: got status %d %s, want 200", method, url, status, answer)
	}
	var into T
	if err := json.Unmarshal(answer, &into); err != nil {
		t.Fatalf("%s %s: %v in %s", method, url, err, answer)
	}
	return into
}

func TestSameSeedSameCity(t *testing.T) {
	fingerprint := func(seed int64) string {
		city := start(t, town.Config{Seed: seed})
		all := map[string]any{}
		for _, p := range city.People()[:300] {
			all[p.ID] = []any{p, city.Truth(p.ID)}
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if one, same := fingerprint(3), fingerprint(3); one != same {
		t.Error("seed 3 twice: got two different cities, want the same")
	}
	if one, other := fingerprint(3), fingerprint(4); one == other {
		t.Error("seeds 3 and 4: got the same city, want two")
	}
}

func TestDemoPeopleOweSomethingEverywhere(t *testing.T) {
	city := start(t, town.Config{Seed: 9})
	for _, login := range []string{"ana", "ion", "maria", "istvan"} {
		truth := city.Truth(login)
		for _, creditor := range names() {
			owed := int64(0)
			for _, d := range truth[creditor] {
				owed += max(0, d.Outstanding)
			}
			if owed == 0 {
				t.Errorf("%s at %s: got nothing owed, want something", login, creditor)
			}
		}
	}
}

func TestControlChannelTellsWhatTheDoorsTell(t *testing.T) {
	city := start(t, town.Config{Seed: 2})
	ctl := city.URL() + "/__ctl"
	type debts = map[string][]town.Debt
	truth := askJSON[struct{ Truth debts }](t, "GET", ctl+"/truth?person=ana", nil, "").Truth
	if got, want := len(truth["ditl"]), len(city.Truth("ana")["ditl"]); got != want || want == 0 {
		t.Errorf("truth of ana: got %d tax records, want %d", got, want)
	}
	page := askJSON[struct {
		People []town.Person
		Next   string
	}](t, "GET", ctl+"/people?after=p000010&limit=5", nil, "")
	if len(page.People) != 5 || page.People[0].ID != "p000011" || page.Next != "p000015" {
		t.Errorf("people after p000010: got %d from %s to %s, want 5 up to p000015", len(page.People), page.People[0].ID, page.Next)
	}
	now := askJSON[struct{ Now time.Time }](t, "POST", ctl+"/clock", nil, `{"advance":"24h"}`).Now
	if got := now.Format(time.DateOnly); got != "2026-03-16" {
		t.Errorf("a day later: got %s, want 2026-03-16", got)
	}
	if status, _ := ask(t, "POST", ctl+"/faults", nil, `{"creditor":"water","kind":"flood"}`); status != http.StatusBadRequest {
		t.Errorf("unknown fault: got status %d, want 400", status)
	}
	state := askJSON[map[string]any](t, "POST", ctl+"/seed", nil, `{"seed":77,"size":"S"}`)
	if state["seed"] != 77.0 {
		t.Errorf("after reseeding: got seed %v, want 77", state["seed"])
	}
}

func TestPaymentsReachTheBook(t *testing.T) {
	city := start(t, town.Config{Seed: 2})
	payAll(t, city, "maria")
	for creditor, debts := range city.Truth("maria") {
		for _, d := range debts {
			if d.Outstanding > 0 {
				t.Errorf("%s %s after payment: got %d bani owed, want none", creditor, d.ExternalID, d.Outstanding)
			}
		}
	}
	if err := city.Pay("maria", "water", "W-nothing", 1); err == nil {
		t.Error("payment of an unknown debt: got no error, want one")
	}
}

// payAll pays everything somebody owes.
func payAll(t *testing.T, city *town.Town, id string) {
	t.Helper()
	for creditor, debts := range city.Truth(id) {
		for _, d := range debts {
			if d.Outstanding <= 0 {
				continue
			}
			if err := city.Pay(id, creditor, d.ExternalID, d.Outstanding); err != nil {
				t.Fatal(err)
			}
		}
	}
}
