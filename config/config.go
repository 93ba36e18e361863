// Package config reads racord.yaml into a typed Config and refuses what it does
// not understand, with file and line. It knows no connector: manifests are
// files it points at. The manifests and the configuration of the demo city are
// embedded here as examples.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Config is a whole hub's configuration. Relative paths are relative to the
// file they stand in.
type Config struct {
	Listen     string     `yaml:"listen"`     // address of the API
	OpsListen  string     `yaml:"ops_listen"` // address of metrics, health and the operators' buttons
	Replica    string     `yaml:"replica"`    // name of this process among the replicas, the same after a restart; default a new one
	Data       string     `yaml:"data"`       // directory of the master key and, without postgres, of the SQLite file
	Store      Store      `yaml:"store"`
	Redis      Redis      `yaml:"redis"`
	Creditors  string     `yaml:"creditors"` // directory of manifests, one a creditor
	Secrets    string     `yaml:"secrets"`   // directory: <creditor or provider>/<name>, one file a secret
	Issuers    []Issuer   `yaml:"issuers"`
	Providers  []Provider `yaml:"providers"` // payment providers, the preferred one first
	Payments   Payments   `yaml:"payments"`
	Bank       Bank       `yaml:"bank"`
	Webhooks   []Webhook  `yaml:"webhooks"` // who is told what happens to payments
	Mail       Mail       `yaml:"mail"`     // how companies' contacts are told what happens to connectors
	View       View       `yaml:"view"`
	Cache      Cache      `yaml:"cache"`
	Limits     Limits     `yaml:"limits"`
	Feeds      Feeds      `yaml:"feeds"`
	Wall       Wall       `yaml:"wall"`
	Sandbox    Sandbox    `yaml:"sandbox"`
	Onboarding Onboarding `yaml:"onboarding"` // of connectors that companies register
	Drain      Duration   `yaml:"drain"`      // how long a replica still answers after SIGTERM while it says it is not ready
	Log        string     `yaml:"log"`        // debug, info, warn or error
}

// Store says where the hub keeps what matters. Without a DSN file it is SQLite
// in the data directory.
type Store struct {
	PostgresFile string `yaml:"postgres_file"` // a file that holds the DSN, because it holds a password
}

// Redis is the shared page cache. Without addresses there is none.
type Redis struct {
	Addresses    []string `yaml:"addresses"` // one = single, several = Cluster, with master = Sentinels
	Master       string   `yaml:"master"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
	TLS          bool     `yaml:"tls"`
}

// Issuer is an OpenID Connect provider whose tokens are accepted: those of
// citizens, portals, the city's staff and approvers, and companies.
type Issuer struct {
	URL        string   `yaml:"url"`
	Audience   string   `yaml:"audience"`   // default racord
	Portals    []string `yaml:"portals"`    // client ids (azp) of all who bring tokens: portals, the staff's and approvers' desk, companies
	Services   []string `yaml:"services"`   // portals that bring tokens of their own (client credentials); default all
	Algorithms []string `yaml:"algorithms"` // default EdDSA ES256 PS256
}

// View sets the limits of a view.
type View struct {
	Deadline Duration `yaml:"deadline"`
	FetchFor Duration `yaml:"fetch_for"`
}

// Cache sets the size of the in-process cache.
type Cache struct {
	Megabytes int `yaml:"megabytes"`
}

// Limits protect the hub and the citizens' data.
type Limits struct {
	CitizenPerMinute int `yaml:"citizen_per_minute"` // views of one citizen
	CallsPerMinute   int `yaml:"calls_per_minute"`   // other requests of one citizen
	PortalPerMinute  int `yaml:"portal_per_minute"`  // requests of one portal
	SendsPerMinute   int `yaml:"sends_per_minute"`   // obligations or deliveries that one creditor sends
	InFlight         int `yaml:"in_flight"`          // requests at once, of one replica

	StartsPerMinute     int `yaml:"starts_per_minute"`     // quotes and payments that one citizen asks for
	PaymentsPerMinute   int `yaml:"payments_per_minute"`   // other requests of one citizen about payments
	ReferencesPerMinute int `yaml:"references_per_minute"` // requests of one portal for payers who did not sign in
}

// Feeds says how often nightly files and lists are looked for.
type Feeds struct {
	Every Duration `yaml:"every"`
}

// Wall lists the addresses inside the city's own network that connectors may
// dial. All others must be public.
type Wall struct {
	AllowAll  []Prefix            `yaml:"allow"`     // for every creditor and issuer
	Creditors map[string][]Prefix `yaml:"creditors"` // for one creditor
	Deny      []Prefix            `yaml:"deny"`      // never dialled, even if public: by which others reach the hub
}

// Sandbox ties the hub to a simulated city. It has no place in production.
type Sandbox struct {
	Clock string            `yaml:"clock"` // URL of the city's clock, which business time follows
	Bases map[string]string `yaml:"bases"` // addresses in manifests, and what stands in their place
}

// Default gives the configuration of a town on one machine.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", OpsListen: "127.0.0.1:9090", Data: "data",
		Creditors: "creditors", Secrets: "secrets", Log: "info",
		Drain:    Duration(5 * time.Second),
		Payments: defaultPayments(),
		View:     View{Deadline: Duration(1500 * time.Millisecond), FetchFor: Duration(8 * time.Second)},
		Cache:    Cache{Megabytes: 256},
		Limits: Limits{
			CitizenPerMinute: 30, CallsPerMinute: 60, PortalPerMinute: 60_000, SendsPerMinute: 3000, InFlight: 256,
			StartsPerMinute: 20, PaymentsPerMinute: 120, ReferencesPerMinute: 1200,
		},
		Feeds: Feeds{Every: Duration(5 * time.Minute)},
	}
}

// Load reads a file over the defaults. Its errors name file, line and key.
func Load(file string) (Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(file, data)
	if err != nil {
		return Config{}, err
	}
	c.resolve(filepath.Dir(file))
	return c, nil
}

// Parse reads the text of a file over the defaults, without resolving paths.
func Parse(file string, data []byte) (Config, error) {
	c := Default()
	if len(bytes.TrimSpace(data)) == 0 {
		return c, nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, located(file, err)
	}
	wrong := mistakes{file: file, lines: sync.OnceValue(func() *ast.File { return linesOf(data) })}
	if c.check(wrong.add); wrong.found != nil {
		return Config{}, wrong.joined()
	}
	return c, nil
}

// resolve makes paths relative to the file's directory.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.Data, &c.Creditors, &c.Secrets, &c.Store.PostgresFile, &c.Redis.PasswordFile, &c.Mail.PasswordFile, &c.Mail.CAFile}
	for _, p := range c.Providers {
		if p.Netopia != nil {
			paths = append(paths, &p.Netopia.PublicKeyFile)
		}
	}
	for i := range c.Webhooks {
		paths = append(paths, &c.Webhooks[i].SecretFile)
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}
