package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"racord/cmd/city/town"
)

// cablu is a company's system that nobody has seen before.
func cablu(key string) http.Handler {
	books := map[string]string{
		"0004411": `[{"numar":"CT-1","emisa":"01.03.2026","scadenta":"31.03.2026","rest":"1.128,47"}]`,
		"0004412": `[{"numar":"CT-2","emisa":"02.03.2026","scadenta":"31.03.2026","rest":"70,15"}]`,
		"0004413": `[]`,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /abonati/{cod}/facturi", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		account := r.PathValue("cod")
		switch bills, known := books[account]; {
		case r.Header.Get("X-Cheie") != key:
			w.WriteHeader(http.StatusUnauthorized)
		case !known:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"eroare":"abonat_necunoscut"}`))
		default:
			_, _ = w.Write([]byte(`{"abonat":"` + account + `","la_data":"2026-03-15T10:00:00+02:00","de_plata":` + bills + `}`))
		}
	})
	return mux
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestTheWalkThroughConnectsACompany runs what connectors/README.md tells a
// company to do, as it stands there, and then looks at a citizen's view.
func TestTheWalkThroughConnectsACompany(t *testing.T) {
	page, err := os.ReadFile("../../connectors/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range shellBlock.FindAllSubmatch(page, -1) {
		script.Write(block[1])
	}
	system := httptest.NewServer(cablu("cheia-4711"))
	defer system.Close()
	city := startTown(t, town.Config{Size: "XS", Latency: "none"})
	s := newSite(t, city, plan{More: "onboarding: {shadow_for: 0s, shadow_calls: 0, canary_for: 0s, canary_calls: 0}\n"})
	r := s.start()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", "tries=0\n"+script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HUB="+r.url, "SYSTEM="+system.URL, "KEY=cheia-4711",
		"COMPANY="+at(t, city, r, "company-cablu").token, "APPROVER="+at(t, city, r, "approver-maria").token)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	token, err := city.Token(t.Context(), city.People()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	citizen := portal{r.url, token}
	status, _, data, err := citizen.do(t.Context(), http.MethodPost, "/v1/links", map[string]any{
		"creditor": "cablu", "account": "0004411", "proof": map[string]any{"invoice": "CT-1", "amount": map[string]any{"amount": 112847, "currency": "RON"}},
	})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("link: %d %s (%v)", status, data, err)
	}
	_, _, data, err = citizen.do(t.Context(), http.MethodGet, "/v1/view?creditor=cablu", nil)
	var view struct {
		Total struct{ Amount int64 } `json:"total_confirmed"`
		Pages []struct{ State string }
	}
	if err != nil || json.Unmarshal(data, &view) != nil || view.Total.Amount != 112847 || len(view.Pages) != 1 || view.Pages[0].State != "fresh" {
		t.Errorf("the citizen sees %s (%v)", data, err)
	}
}
