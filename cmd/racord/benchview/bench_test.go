package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

func TestCitizensHaveCodesThatAreNeverIssued(t *testing.T) {
	seen := map[string]bool{}
	for i := range 5000 {
		cnp := cnpOf(i)
		if !hub.ValidCNP(cnp) || cnp[9:12] != "000" || seen[cnp] {
			t.Fatalf("citizen %d: got %s, want a valid code with serial 000 of his own", i, hub.Mask(cnp))
		}
		seen[cnp] = true
	}
}

// mocks starts the six creditors.
func mocks(t *testing.T) *upstreams {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	u, err := openUpstreams(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); u.close() })
	return u
}

func TestAMockCreditorTalksAboutTheCitizenItWasAskedAbout(t *testing.T) {
	u := mocks(t)
	for i, address := range u.addresses() {
		for n := range 3 { // over the same connection
			answer, err := http.Post("http://"+address+debtsPath, "application/json", strings.NewReader(`{"cnp":"`+cnpOf(n)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			var list debtList
			if err := json.Unmarshal(body, &list); err != nil {
				t.Fatalf("%s: %v: %s", creditors[i], err, body)
			}
			if list.Person.CNP != cnpOf(n) || len(list.Debts) != 2 || len(body) < 1100 || len(body) > 1400 {
				t.Errorf("%s: got %d debts in %d bytes, want 2 of the citizen asked about in 1.2 KB", creditors[i], len(list.Debts), len(body))
			}
		}
		if calls := u.calls[i].Load(); calls != 3 {
			t.Errorf("%s: got %d calls counted, want 3", creditors[i], calls)
		}
	}
}

func TestTheYardstickSaysWhatItDoesNotKnow(t *testing.T) {
	u := mocks(t)
	y := httptest.NewServer(newYardstick(u.addresses(), map[string]string{"token": cnpOf(7)}))
	defer y.Close()
	for name, tc := range map[string]struct {
		token  string
		hangs  int
		status int
		total  int64
		gaps   int
	}{
		"all six answer":     {"token", nobody, 200, 6 * (40000 + 12576), 0},
		"one hangs":          {"token", victim, 200, 5 * (40000 + 12576), 1},
		"a token of nobody":  {"other", nobody, 401, 0, 0},
		"no token is no one": {"", nobody, 401, 0, 0},
	} {
		u.hung.Store(int64(tc.hangs) + 1)
		r, _ := http.NewRequest(http.MethodGet, y.URL+viewPath, nil)
		r.Header.Set("Authorization", "Bearer "+tc.token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var v canonical
		if answer.StatusCode == http.StatusOK {
			err = json.NewDecoder(answer.Body).Decode(&v)
		}
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != tc.status || v.TotalConfirmed.Minor != tc.total || len(v.NotCounted) != tc.gaps {
			t.Errorf("%s: got %d, %v, %d gaps (%v), want %d, %d, %d", name, answer.StatusCode, v.TotalConfirmed, len(v.NotCounted), err, tc.status, tc.total, tc.gaps)
		}
	}
}

func TestAResultOfWrkIsReadOrRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		out  string
		good bool
	}{
		"a result":   {"Running 1s test\nRESULT {\"requests\":10,\"microseconds\":1000000,\"p99\":7}\n", true},
		"no request": {"RESULT {\"requests\":0,\"microseconds\":1000000}\n", false},
		"nothing":    {"unable to connect\n", false},
		"torn":       {"RESULT {\"requests\":\n", false},
	} {
		s, err := readResult([]byte(tc.out))
		if (err == nil) != tc.good || (tc.good && s.rate() != 10) {
			t.Errorf("%s: got %v, %v; want good %t", name, s, err, tc.good)
		}
	}
}

func TestTheHubsManifestsGiveWhatTheYardstickGives(t *testing.T) {
	u, ctx := mocks(t), context.Background()
	y := newYardstick(u.addresses(), nil)
	for i, name := range creditors {
		m, err := kinds.All().Parse(name+".yaml", []byte(manifestOf(name, u.addresses()[i])))
		if err != nil {
			t.Fatal(err)
		}
		c, err := kinds.All().Open(ctx, connectors.Env{
			Read: http.DefaultClient, Clock: hub.ClockFunc(time.Now),
			Secret: func(context.Context, string) (hub.Secret, error) { return hub.NewSecret(apiKey), nil },
		}, m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Source.Obligations(ctx, hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: cnpOf(3)}})
		if err != nil {
			t.Fatal(err)
		}
		want := y.page(ctx, &y.sources[i], cnpOf(3))
		if diff := cmp.Diff(want.Obligations, got.Obligations); diff != "" || len(got.Refused) > 0 || c.Creditor.Title != want.Name {
			t.Errorf("%s: refused %v, yardstick and hub differ (-yardstick +hub):\n%s", name, got.Refused, diff)
		}
	}
}
