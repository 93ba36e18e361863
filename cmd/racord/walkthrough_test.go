package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/cmd/city/town"
)

// cablu is a company's system that nobody has seen before. It takes one key, and
// can be made to answer about a neighbour.
type cablu struct {
	key     atomic.Pointer[string]
	astray  atomic.Int64 // every so many answers are about a neighbour; 0 = none
	answers atomic.Int64
	wrong   atomic.Int64
	away    atomic.Bool // it answers nobody
}

var bills = map[string]string{
	"0004411": `[{"numar":"CT-1","emisa":"01.03.2026","scadenta":"31.03.2026","rest":"1.128,47"}]`,
	"0004412": `[{"numar":"CT-2","emisa":"02.03.2026","scadenta":"31.03.2026","rest":"70,15"}]`,
	"0004413": `[]`,
}

func (c *cablu) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/abonati/"), "/facturi")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if c.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("X-Cheie") != *c.key.Load() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if every := c.astray.Load(); every > 0 && c.answers.Add(1)%every == 0 {
		c.wrong.Add(1)
		account = "0004412"
	}
	list, known := bills[account]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"eroare":"abonat_necunoscut"}`))
		return
	}
	_, _ = w.Write([]byte(`{"abonat":"` + account + `","la_data":"2026-03-15T10:00:00+02:00","de_plata":` + list + `}`))
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// connected is a company whose connector went live by the walk-through, and a
// citizen who has linked an account.
type connected struct {
	company *cablu
	desk    string // the company's token
	hub     string
	ops     string
	config  string // the hub's
	citizen portal
}

// walk runs what connectors/README.md tells a company to do, as it stands there.
func walk(t *testing.T) *connected {
	t.Helper()
	page, err := os.ReadFile("../../connectors/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range shellBlock.FindAllSubmatch(page, -1) {
		script.Write(block[1])
	}
	c, key := &connected{company: &cablu{}}, "cheia-1"
	c.company.key.Store(&key)
	system := httptest.NewServer(c.company)
	t.Cleanup(system.Close)
	city := startTown(t, town.Config{Size: "XS", Latency: "none"})
	s := newSite(t, city, plan{More: raised + "onboarding: {shadow_for: 0s, shadow_calls: 0, canary_for: 0s, canary_calls: 0}\n"})
	r := s.start()
	c.config = s.file
	c.hub, c.ops, c.desk = r.url, r.ops, at(t, city, r, "company-cablu").token
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HUB="+r.url, "SYSTEM="+system.URL, "KEY="+key, "COMPANY="+c.desk, "APPROVER="+at(t, city, r, "approver-maria").token)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	token, err := city.Token(t.Context(), city.People()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	c.citizen = portal{r.url, token}
	for range 100 { // every replica looks once a second
		if status, _, _, err := c.link(t); err == nil && status == http.StatusCreated {
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, _, data, err := c.link(t)
	t.Fatalf("the account cannot be linked: %s (%v)", data, err)
	return nil
}

func (c *connected) link(t *testing.T) (int, http.Header, []byte, error) {
	return c.citizen.do(t.Context(), http.MethodPost, "/v1/links", map[string]any{
		"creditor": "cablu", "account": "0004411", "proof": map[string]any{"invoice": "CT-1", "amount": map[string]any{"amount": 112847, "currency": "RON"}},
	})
}

// sees gives the state of the company's page and the whole view's total, asked
// live.
func (c *connected) sees(t *testing.T) (state string, total int64) {
	t.Helper()
	return c.shows(t, "&max_staleness=0")
}

// shows gives the company's page in a view that is asked for with more.
func (c *connected) shows(t *testing.T, more string) (state string, total int64) {
	t.Helper()
	_, _, data, err := c.citizen.do(t.Context(), http.MethodGet, "/v1/view?creditor=cablu"+more, nil)
	var view struct {
		Total struct{ Amount int64 } `json:"total_last_known"`
		Pages []struct{ State string }
	}
	if err != nil || json.Unmarshal(data, &view) != nil || len(view.Pages) != 1 {
		t.Errorf("the citizen sees %s (%v)", data, err)
		return "", 0
	}
	return view.Pages[0].State, view.Total.Amount
}

func TestTheWalkThroughConnectsACompany(t *testing.T) {
	c := walk(t)
	if state, total := c.sees(t); state != "fresh" || total != 112847 {
		t.Errorf("the citizen sees a page that is %s, and owes %d", state, total)
	}
	t.Run("an operator's command opens it, too", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), program, "verify", "--config", c.config).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "cablu is registered by its company, version 1") || strings.Count(string(out), "holds") != 14 {
			t.Errorf("verify: got %v, want that it knows the company\n%s", err, out)
		}
	})
	t.Run("secrets are rotated under load", func(t *testing.T) { rotateUnderLoad(t, c) })
	t.Run("a neighbour's bills are never shown", func(t *testing.T) { neverShown(t, c) })
	t.Run("what was said before a quarantine is not shown after it", func(t *testing.T) { lifted(t, c) })
}

// neverShown lets one of a hundred answers be about somebody else.
func neverShown(t *testing.T, c *connected) {
	c.company.astray.Store(100)
	quarantined := 0
	for range 150 {
		switch state, total := c.sees(t); {
		case state == "quarantined":
			quarantined++
		case state != "fresh" || total != 112847:
			t.Fatalf("the citizen sees a page that is %s, and owes %d", state, total)
		case quarantined > 0:
			t.Fatal("a page is shown after the connector was quarantined")
		}
	}
	if state, total := c.shows(t, ""); state != "quarantined" || total != 0 { // what is remembered is younger than the mix-up
		t.Errorf("without asking anew the citizen sees a page that is %s, and owes %d", state, total)
	}
	if quarantined == 0 || c.company.wrong.Load() != 1 {
		t.Errorf("%d views were stopped, after %d answers about a neighbour; want all after the first", quarantined, c.company.wrong.Load())
	}
}

// letOut presses the operator's button.
func (c *connected) letOut(t *testing.T) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.ops+"/quarantine/cablu", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// lifted lets the company out while its system is away, and lets it come back.
func lifted(t *testing.T, c *connected) {
	c.company.astray.Store(0)
	c.company.away.Store(true)
	for n := 0; c.letOut(t) != http.StatusOK; n++ { // the store hears of a quarantine a moment later
		if n == 50 {
			t.Fatal("the quarantine cannot be lifted")
		}
		time.Sleep(100 * time.Millisecond)
	}
	until := func(want string, total int64) {
		t.Helper()
		state, owed := c.shows(t, "")
		for n := 0; n < 150 && state != want; n++ {
			if owed != 0 {
				t.Fatalf("the citizen sees a page that is %s, and owes %d", state, owed)
			}
			time.Sleep(100 * time.Millisecond)
			state, owed = c.shows(t, "")
		}
		if state != want || owed != total {
			t.Fatalf("the citizen sees a page that is %s, and owes %d; want %s and %d", state, owed, want, total)
		}
	}
	until("missing", 0)
	c.company.away.Store(false)
	until("fresh", 112847)
}

// rotateUnderLoad changes the company's key again and again, first at the hub and
// then at its own system, while citizens ask.
func rotateUnderLoad(t *testing.T, c *connected) {
	rotations := 2
	if os.Getenv("RACORD_LONG") != "" {
		rotations = 12
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asking sync.WaitGroup
	var asked, failed atomic.Int64
	asking.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-tick.C { // 200 a second
			asking.Go(func() {
				asked.Add(1)
				if state, total := c.sees(t); state != "fresh" || total != 112847 {
					failed.Add(1)
				}
			})
		}
	})
	for n := range rotations {
		time.Sleep(3 * time.Second)
		key := fmt.Sprint("cheia-", n+2)
		c.put(t, key)
		time.Sleep(2 * time.Second) // the company is not as fast as the hub
		c.company.key.Store(&key)
	}
	stop()
	asking.Wait()
	t.Logf("%d views, %d of them without the page", asked.Load(), failed.Load())
	if failed.Load() > 0 || asked.Load() < int64(rotations)*100 {
		t.Errorf("%d of %d views failed", failed.Load(), asked.Load())
	}
}

// put gives the hub a new key.
func (c *connected) put(t *testing.T, key string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.hub+"/v1/connectors/cablu/secrets/cablu-key", strings.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.desk)
	request.Header.Set("Content-Type", "text/plain")
	answer, err := browser.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the secret was not taken: %v", err)
	}
	_ = answer.Body.Close()
}
