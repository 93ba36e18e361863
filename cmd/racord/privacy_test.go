package main_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racord/adapters/testserver"
	"racord/cmd/city/gate"
	"racord/cmd/city/town"
)

// TestNoPersonalCodeAndNoSecretGetsOut runs citizens through every fault and
// then looks for their codes, their tokens and all credentials in everything
// that leaves the hub's memory: logs, metrics, URLs, Redis, the database.
func TestNoPersonalCodeAndNoSecretGetsOut(t *testing.T) {
	city := startTown(t, town.Config{})
	redis := testserver.Redis(t)
	traffic, front := recorder(t, city.URL())
	s := newSite(t, city, plan{Front: front, More: raised + fmt.Sprintf("log: debug\nredis:\n  addresses: [%s]\n", redis.Addr)})
	hub := s.start()
	awaitFeeds(t, hub, city)
	people, doors := citizens(t, city, hub.url, 20)
	var answers strings.Builder
	for _, kind := range gate.Kinds() {
		for creditor := range declared(t) {
			_ = city.Fault(creditor, town.Fault{Kind: kind, Share: 0.5})
		}
		each(t, people[:4], func(p town.Person) error {
			_, _ = doors[p.ID].view(t.Context(), "?max_staleness=0") // whatever comes of it
			return nil
		})
		city.ClearFaults()
	}
	badInput(t, &answers, doors[people[0].ID], people[0])
	metrics, err := get(t.Context(), hub.ops+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{
		"a log": "", "a metric": metrics, "a URL": traffic.String(), "an error": answers.String(),
		"a Redis key": strings.Join(redis.Keys(t), "\n"), "the Redis dump": string(redis.Dump(t)),
	}
	if err := hub.stop(); err != nil {
		t.Error(err)
	}
	places["a log"] = hub.log.String()
	places["the database file"] = databaseFiles(t, s.dir)
	if len(redis.Keys(t)) == 0 || !strings.Contains(places["a URL"], "/fines/v1/debts/search") || !strings.Contains(places["a URL"], "/napoca.parking.v1.Parking/ListDues") || len(places["a log"]) == 0 {
		t.Fatalf("nothing to look at: %d keys, %d bytes of URLs, %d bytes of log", len(redis.Keys(t)), len(places["a URL"]), len(places["a log"]))
	}
	for place, text := range places {
		for what, value := range canaries(t, city, people, doors) {
			if strings.Contains(text, value) {
				t.Errorf("%s stands in %s: …%s…", what, place, around(text, value))
			}
		}
	}
}

// canaries are all values that must not be found anywhere.
func canaries(t *testing.T, city *town.Town, people []town.Person, doors map[string]portal) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, person := range people {
		if person.CNP != "" {
			all["the CNP of "+person.ID] = person.CNP
		}
		all["the token of "+person.ID] = doors[person.ID].token
	}
	for name, value := range city.Credentials() {
		if len(value) > 6 && !strings.HasSuffix(name, "-user") && !strings.HasSuffix(name, "-id") && !strings.HasSuffix(name, "-dsn") && !strings.HasSuffix(name, "-hostkey") {
			all["the secret "+name] = value
		}
	}
	return all
}

// badInput makes the API refuse things that hold personal codes.
func badInput(t *testing.T, answers *strings.Builder, citizen portal, person town.Person) {
	t.Helper()
	for _, query := range []string{"?cnp=" + person.CNP, "?creditor=" + person.CNP, "?max_staleness=" + person.CNP} {
		_, _, data, err := citizen.do(t.Context(), http.MethodGet, "/v1/view"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers.Write(data)
	}
	for _, body := range []any{
		map[string]any{person.CNP: 1}, map[string]any{"creditor": person.CNP, "account": "1"},
		map[string]any{"creditor": "water", "account": person.CNP, "proof": map[string]any{"invoice": person.CNP, "amount": amount{1, "RON"}}},
	} {
		_, _, data, err := citizen.do(t.Context(), http.MethodPost, "/v1/links", body)
		if err != nil {
			t.Fatal(err)
		}
		answers.Write(data)
	}
}

// recorder stands between the hub and the city's HTTP doors and keeps every
// URL and header name it sees.
func recorder(t *testing.T, city string) (traffic *record, front string) {
	t.Helper()
	target, err := url.Parse(city)
	if err != nil {
		t.Fatal(err)
	}
	traffic = &record{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var protocols http.Protocols // gRPC as well
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	proxy.Transport = sameProtocol{&http.Transport{}, h2c()}
	proxy.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) }
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(traffic, "%s %s\n", r.Method, r.URL.String())
		proxy.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	}))
	server.Config.Protocols = &protocols
	server.Start()
	t.Cleanup(server.Close)
	return traffic, server.URL
}

// sameProtocol passes calls on in the version of HTTP they came in.
type sameProtocol struct{ one, two http.RoundTripper }

func (s sameProtocol) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ProtoMajor == 2 {
		return s.two.RoundTrip(r)
	}
	return s.one.RoundTrip(r)
}

func h2c() http.RoundTripper {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &only}
}

func databaseFiles(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "data", "racord.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database in %s (%v)", dir, err)
	}
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func around(text, value string) string {
	at := strings.Index(text, value)
	return strings.ReplaceAll(text[max(0, at-60):min(len(text), at+20)], value[:len(value)-3], "***")
}
