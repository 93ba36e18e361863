package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"racord/adapters/sqlite"
	"racord/cmd/city/town"
	"racord/config"
)

type demoCommand struct {
	Listen     string `help:"Address of the API." default:"127.0.0.1:8080"`
	OpsListen  string `help:"Address of metrics, health and the operators' buttons." default:"127.0.0.1:9090"`
	CityListen string `help:"Address of the simulated city." default:"127.0.0.1:8090"`
	Data       string `help:"Directory for the database, the keys and the city's files." default:"data/demo" type:"path"`
	Size       string `help:"Size of the city: S = 2,000 people, M = 40,000, L = 400,000." enum:"S,M,L" default:"S"`
	Seed       int64  `help:"The same seed gives the same city." default:"1"`
	Latency    string `help:"How long the city's creditors take: none, calm or real." enum:"none,calm,real" default:"calm"`
	Webhook    string `help:"An address of yours that is told what happens to payments, as the portal's would be." placeholder:"http://127.0.0.1:3000/events"`
	Log        string `help:"What to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"warn"`
}

// demoCitizens are the inhabitants that have something to see at every creditor.
var demoCitizens = []string{"ana", "ion", "maria", "istvan"}

// Run starts the city and a hub that knows it, links the demo citizens'
// accounts as a portal would, and says where everything is.
func (c *demoCommand) Run(ctx context.Context, to streams) (err error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	lock, err := sqlite.TakeLock(filepath.Join(c.Data, "demo.lock"))
	if err != nil { // its secrets would be overwritten under it
		return fmt.Errorf("a demo runs in %s already; stop it, or name another directory with --data: %w", c.Data, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	city, err := town.Start(ctx, town.Config{
		Seed: c.Seed, Size: c.Size, Listen: c.CityListen, DataDir: c.Data, Latency: c.Latency, PSPExtras: true,
	})
	if err != nil {
		return fmt.Errorf("simulated city: %w", err)
	}
	defer func() { err = errors.Join(err, city.Close()) }()
	conf, err := c.config(city)
	if err != nil {
		return err
	}
	hub, err := startHub(ctx, hubSetup{Config: conf, Manifests: config.DemoCreditors(), Clock: city, LocalFiles: true, Log: to.log, Demo: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.Close()) }()
	facts := demoFacts{
		Issuer: city.URL() + "/oidc", Client: "demo-portal", Redirect: "http://127.0.0.1/callback",
		API: hub.URL(), Ops: hub.OpsURL(), City: city.URL(), Bases: demoBases(city), Providers: conf.Providers, Bank: conf.Bank,
	}
	if err := c.prepare(ctx, hub, city, facts); err != nil {
		return err
	}
	c.announce(to.out, facts)
	return hub.Wait(ctx)
}

// config is what an operator would write for this city.
func (c *demoCommand) config(city *town.Town) (config.Config, error) {
	conf := config.Default()
	conf.Listen, conf.OpsListen, conf.Data, conf.Log = c.Listen, c.OpsListen, c.Data, c.Log
	conf.Drain = 0
	conf.Secrets = filepath.Join(c.Data, "secrets")
	conf.Issuers = []config.Issuer{{URL: city.URL() + "/oidc", Portals: []string{"demo-portal", "demo-portal-service", "demo-desk", "demo-company-desk"}}}
	conf.Wall.AllowAll = []config.Prefix{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}
	conf.Sandbox.Bases = demoBases(city)
	if err := writeSecrets(conf.Secrets, city.Credentials()); err != nil {
		return conf, err
	}
	conf.Bank = config.Bank{
		URL: city.URL() + "/bank/statements", APIKey: "bank-api-key",
		Payers: []string{"RO83SBXB0000999900000082"}, // EuPlătesc's: the other provider documents no settlements
	}
	var err error
	if conf.Webhooks, err = c.webhooks(conf.Secrets); err != nil {
		return conf, err
	}
	conf.Providers, err = demoProviders(city, conf.Secrets, conf.Sandbox.Bases)
	return conf, err
}

// webhooks tells the demo's portal at the address that was named, with a secret
// that stays the same in this directory.
func (c *demoCommand) webhooks(secrets string) ([]config.Webhook, error) {
	if c.Webhook == "" {
		return nil, nil
	}
	file := filepath.Join(secrets, "webhooks", "demo-portal")
	hook := []config.Webhook{{Portal: "demo-portal", URL: c.Webhook, SecretFile: file}}
	if _, err := os.Stat(file); err == nil {
		return hook, nil
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	return hook, os.WriteFile(file, []byte("whsec_"+base64.StdEncoding.EncodeToString(secret)+"\n"), 0o600)
}

// demoBases puts the running city's addresses in the place of those that stand
// in the demo's manifests.
func demoBases(city *town.Town) map[string]string {
	return map[string]string{
		"http://127.0.0.1:8090":  city.URL(),
		"127.0.0.1:8022":         city.SFTPAddr(),
		"https://127.0.0.1:8443": city.SecureURL(),
	}
}

// writeSecrets keeps each creditor's credentials apart: <dir>/<creditor>/<name>,
// where the creditor is the first word of the name.
func writeSecrets(dir string, credentials map[string]string) error {
	for name, value := range credentials {
		creditor, _, _ := strings.Cut(name, "-")
		home := filepath.Join(dir, creditor)
		if err := os.MkdirAll(home, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(value), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// prepare waits for the first feeds, links the demo citizens' accounts, and
// leaves the addresses for racord token.
func (c *demoCommand) prepare(ctx context.Context, hub *runningHub, city *town.Town, facts demoFacts) error {
	if err := hub.AwaitFeeds(ctx); err != nil {
		return err
	}
	for _, name := range demoCitizens {
		if err := linkAll(ctx, city, facts, name); err != nil {
			return fmt.Errorf("link the accounts of %s: %w", name, err)
		}
	}
	said, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Data, demoFile), said, 0o600)
}

func (c *demoCommand) announce(out io.Writer, facts demoFacts) {
	fmt.Fprintf(out, `ready

  API         %[1]s/v1/view   documentation %[1]s/docs
  operations  %[2]s/metrics
  city        %[3]s/__ctl/state   its faults, clock and truth books
  citizens    %[4]s
%[6]s
Try:
  TOKEN=$(go run ./cmd/racord token --data %[5]s --citizen ana)
  curl -H "Authorization: Bearer $TOKEN" %[1]s/v1/view
  curl -H "Authorization: Bearer $TOKEN" -H "Accept: text/event-stream" %[1]s/v1/view
  curl -X POST %[3]s/__ctl/faults -d '{"creditor":"water","kind":"hang"}'
  curl -H "Authorization: Bearer $TOKEN" "%[1]s/v1/view?max_staleness=0"    # not from the cache: the page of water says what is wrong
  curl -X DELETE %[3]s/__ctl/faults

Press Ctrl-C to stop.
`, facts.API, facts.Ops, facts.City, strings.Join(demoCitizens, ", "), c.Data, c.told())
}

// told says who is told of payments, and with which secret.
func (c *demoCommand) told() string {
	if c.Webhook == "" {
		return ""
	}
	return fmt.Sprintf("  webhook     %s   signed with the secret in %s\n", c.Webhook, filepath.Join(c.Data, "secrets", "webhooks", "demo-portal"))
}
