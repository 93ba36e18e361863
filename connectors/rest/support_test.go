package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/cmd/city/town"
	"racord/connectors"
	"racord/connectors/rest"
	"racord/hub"
)

var catalog = connectors.NewCatalog(rest.Kind)

// wire is the outside world of a test: a client that does not follow redirects,
// and a record of every address that was asked.
type wire struct {
	client *http.Client
	mu     sync.Mutex
	urls   []string
}

func newWire(t testing.TB) *wire {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &wire{client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.urls = append(w.urls, r.URL.String())
	w.mu.Unlock()
	return w.client.Do(r)
}

// env gives a kind the world, with the secrets of the demo city.
func (w *wire) env(clock hub.Clock, secrets map[string]string) connectors.Env {
	return connectors.Env{
		Read: w, Write: w, Clock: clock,
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			value, ok := secrets[name]
			if !ok {
				return hub.Secret{}, connectors.Failure(hub.CodeAuth, os.ErrNotExist)
			}
			return hub.NewSecret(value), nil
		},
	}
}

// city starts a small city.
func city(t testing.TB, size string) *town.Town {
	t.Helper()
	c, err := town.Start(context.Background(), town.Config{Size: size, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open opens the manifest of a creditor of the demo city.
func open(t testing.TB, name string, c *town.Town, w *wire) *hub.Connector {
	t.Helper()
	data, err := os.ReadFile("../../config/creditors/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := catalog.Parse(name+".yaml", data, func(file string) ([]byte, error) { return os.ReadFile("../../config/creditors/" + file) })
	if err != nil {
		t.Fatal(err)
	}
	if m.Rebase("http://127.0.0.1:8090", c.URL()) == 0 {
		t.Fatal("the manifest does not point at the demo city")
	}
	connector, err := catalog.Open(context.Background(), w.env(hub.ClockFunc(c.Now), c.Credentials()), m)
	if err != nil {
		t.Fatal(err)
	}
	return connector
}

const lonely = `kind: rest
creditor: gaz
name: Gaz
category: gas
traits: {fetch: [by_account]}
settings: {base_url: "BASE", auth: {type: none}}
calls:
  obligations:
    read: true
    request:
      method: GET
      path: /bills/{{ account }}
      QUERY
    errors:
      - {status: 404, at: code, is: unknown, code: not_found}
      - {status: 503, at: code, is: closed, code: maintenance, retry_after: 10m}
    items: bills
    map: {external_id: id, kind: ="gas.bill", outstanding: due | bani}
`

// hostile opens a creditor that answers as the handler says; query is what the
// request says besides its path.
func hostile(t testing.TB, query string, answer http.HandlerFunc) (hub.Source, *wire) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	text := strings.NewReplacer("BASE", server.URL, "QUERY", query).Replace(lonely)
	m, err := catalog.Parse("gaz.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t)
	c, err := catalog.Open(context.Background(), w.env(hub.ClockFunc(time.Now), nil), m)
	if err != nil {
		t.Fatal(err)
	}
	return c.Source, w
}

func account(code string) hub.Asked {
	return hub.Asked{Account: hub.AccountRef{Creditor: "gaz", Code: code}}
}

func ask(t testing.TB, s hub.Source, who hub.Asked) (hub.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Obligations(ctx, who)
}
