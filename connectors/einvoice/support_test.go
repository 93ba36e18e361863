package einvoice_test

import (
	"context"
	"io/fs"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/einvoice"
	"racord/hub"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

func asked(code string) hub.Asked {
	return hub.Asked{Account: hub.AccountRef{Creditor: "electricity", Code: code}}
}

func manifestText(t testing.TB) string {
	t.Helper()
	text, err := fs.ReadFile(config.DemoCreditors(), "electricity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// manifest is the demo city's, read as in production and then changed.
func manifest(t testing.TB, url string, change ...string) *connectors.Manifest {
	t.Helper()
	text := strings.NewReplacer(change...).Replace(manifestText(t))
	m, err := connectors.NewCatalog(einvoice.Kind).Parse("electricity.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m.Rebase("http://127.0.0.1:8090", url)
	return m
}

// caller is the way out of the hub, with its turns counted.
type caller struct {
	turns atomic.Int64
	env   connectors.Env
}

func newCaller(t testing.TB, secrets map[string]string) *caller {
	t.Helper()
	c := &caller{}
	turn := func(context.Context) error { c.turns.Add(1); return nil }
	way := upstream.New(upstream.Conf{Turn: turn, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(way.Close)
	c.env = connectors.Env{
		Read: way.Read, Write: way.Write, Dial: way.Dial, Turn: turn,
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			value, ok := secrets[name]
			if !ok {
				return hub.Secret{}, hub.Errorf(hub.CodeAuth, "no secret of this name")
			}
			return hub.NewSecret(value), nil
		},
		Clock: hub.ClockFunc(func() time.Time { return noon }),
	}
	return c
}

func open(t testing.TB, env connectors.Env, m *connectors.Manifest) *hub.Connector {
	t.Helper()
	c, err := connectors.NewCatalog(einvoice.Kind).Open(context.Background(), env, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
