package kinds_test

import (
	"context"
	"crypto/tls"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

// Every creditor of the demo city is led to a place inside: through the wall
// nothing of any kind arrives there, whatever is asked. Where the operator opened
// it, everything does.
func TestEveryKindStandsBehindTheWall(t *testing.T) {
	secrets := payingTown(t).Credentials()
	for name, inside := range map[string]struct {
		allow   []netip.Prefix
		arrives bool
	}{
		"walled": {nil, false},
		"opened": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, true},
	} {
		seen := map[string]bool{}
		manifests := []*connectors.Manifest{written(t, company)}
		for _, creditor := range demoManifests(t) {
			manifests = append(manifests, parse(t, creditor))
		}
		for _, m := range manifests {
			var came atomic.Int64
			address := doorbell(t, &came)
			m.Rebase("http://127.0.0.1:8090", "http://"+address)
			m.Rebase("https://127.0.0.1:8443", "https://"+address)
			m.Rebase("127.0.0.1:8022", address)
			m.Rebase("https://racord.cablu.example", "http://"+address)
			knock(t, m, address, secrets, inside.allow)
			if got := came.Load() > 0; got != inside.arrives {
				t.Errorf("%s, %s (%s): got %d connections", name, m.Creditor.Name, m.Kind, came.Load())
			}
			seen[m.Kind] = true
		}
		for _, kind := range kinds.All().Names() {
			if !seen[kind] && kind != "push" { // it calls nobody: creditors send to it
				t.Errorf("%s: kind %s was not tried", name, kind)
			}
		}
	}
}

// company is of a kind that no creditor of the demo city is of.
const company = `kind: native
creditor: cablu
name: Cablu TV
category: other
traits: {fetch: [by_account]}
settings: {url: "https://racord.cablu.example", secret: cablu-token}
`

func written(t *testing.T, text string) *connectors.Manifest {
	t.Helper()
	m, err := kinds.All().Parse("company.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func demoManifests(t *testing.T) []string {
	t.Helper()
	all, err := fs.Glob(config.DemoCreditors(), "*.yaml")
	if err != nil || len(all) < 6 {
		t.Fatalf("got %v, %v, want the demo's manifests", all, err)
	}
	return all
}

func parse(t *testing.T, file string) *connectors.Manifest {
	t.Helper()
	data, err := fs.ReadFile(config.DemoCreditors(), file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := kinds.All().Parse(file, data, beside)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// doorbell listens, counts who comes and closes at once.
func doorbell(t *testing.T, came *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			came.Add(1)
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// knock opens the connector and makes every call it has.
func knock(t *testing.T, m *connectors.Manifest, address string, secrets map[string]string, allow []netip.Prefix) {
	t.Helper()
	way := upstream.New(upstream.Conf{Allow: allow})
	defer way.Close()
	env := connectors.Env{
		Read: way.Read, Write: way.Write, Dial: way.Dial,
		Secure: func(conf *tls.Config) (read, write connectors.Doer) { return way.Secure(conf) },
		Turn:   func(context.Context) error { return nil },
		Clock:  hub.ClockFunc(time.Now), Log: slog.New(slog.DiscardHandler),
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			if strings.HasSuffix(name, "dsn") {
				return hub.NewSecret("postgres://u:p@" + address + "/db"), nil
			}
			value := secrets[name]
			if value == "" {
				value = "secret"
			}
			return hub.NewSecret(value), nil
		},
	}
	c, err := kinds.All().Open(t.Context(), env, m)
	if err != nil {
		t.Fatalf("%s: %v", m.File, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	asked := hub.Asked{Account: hub.AccountRef{Creditor: m.Creditor.Name, Code: "1234567"}}
	if len(m.Traits.Identifiers) > 0 {
		asked = hub.Asked{Identifier: hub.Identifier{Scheme: m.Traits.Identifiers[0], Value: "2920229120001"}}
	}
	if c.Source != nil {
		_, _ = c.Source.Obligations(ctx, asked)
	}
	if c.Feed != nil {
		_, _ = c.Feed.Pull(ctx, "")
	}
	if c.Probe != nil {
		_ = c.Probe.Ping(ctx)
	}
	if c.Sink != nil {
		_, _ = c.Sink.Post(ctx, []hub.Posting{{ID: "p1", Creditor: m.Creditor.Name, ExternalID: "x", Account: "1234567", Amount: hub.Money{Minor: 1, Currency: "RON"}}})
	}
}
