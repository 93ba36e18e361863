package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"racord/config"
	"racord/connectors/kinds"
	"racord/hub"
)

// hubConf is an operator's configuration. Limits of portals are raised, and
// payers have to hurry, so that what they leave is final soon; the city's providers
// show at once what they gave back.
const hubConf = `data: %[1]s
creditors: %[2]s
secrets: %[3]s
issuers:
  - url: %[4]s/oidc
    portals: [demo-portal, demo-portal-service]
providers:
%[5]s
payments:
  page_life: 1m
  call_for: 1s
  refund_again: 6s
  lease: 2s
limits:
  citizen_per_minute: 1000000
  calls_per_minute: 1000000
  portal_per_minute: 100000000
  in_flight: 1024
cache:
  megabytes: 32
feeds:
  every: 1m
wall:
  allow: [127.0.0.0/8]
sandbox:
  clock: %[4]s/__ctl/clock
  bases:
    "http://127.0.0.1:8090": "%[4]s"
    "127.0.0.1:8022": "%[6]s"
    "https://127.0.0.1:8443": "%[8]s"
drain: 0s
log: warn
%[7]s`

const providersConf = `  - kind: euplatesc
    title: EuPlătesc.ro
    merchants: {%[1]s}
    keys: {%[2]s}
    page_url: %[3]s/euplatesc/tdsprocess/tranzactd.php
    manager_url: %[3]s/euplatesc/manager/v3/index.php
    user_key: euplatesc-user-key
    user_api: euplatesc-user-api
    capture: manual
  - kind: netopia
    title: NETOPIA Payments
    base_url: %[3]s/netopia
    signature: %[4]s
    api_key: netopia-api-key
    public_key_file: %[5]s
    merchants: {%[6]s}
    extras: [refund]
    contact: {email: plati@napoca-test.invalid, phone: "0264000000", city: Napoca-Test, county: Cluj, postal_code: "400000"}
`

// configure writes what all replicas read: manifests, secrets, the master key,
// the configuration without addresses.
func (s *storm) configure(ctx context.Context) error {
	key := make([]byte, hub.MasterKeyBytes)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if err := s.write("data/master.key", string(key)); err != nil {
		return err
	}
	var credentials map[string]string
	if err := s.city.control(ctx, http.MethodGet, "credentials", nil, &credentials); err != nil {
		return err
	}
	for name, value := range credentials {
		creditor, _, _ := strings.Cut(name, "-")
		if err := s.write(filepath.Join("secrets", creditor, name), value); err != nil {
			return err
		}
	}
	accounts, err := s.creditors(ctx)
	if err != nil {
		return err
	}
	providers, err := s.providers(ctx, accounts, credentials["netopia-pos-signature"])
	if err != nil {
		return err
	}
	stores, err := s.stores()
	s.conf = fmt.Sprintf(hubConf, filepath.Join(s.dir, "data"), filepath.Join(s.dir, "creditors"), filepath.Join(s.dir, "secrets"),
		s.city.url, providers, s.city.sftp, stores, s.city.secure)
	return err
}

// stores is the part of the configuration that names other servers.
func (s *storm) stores() (string, error) {
	if s.postgres == nil {
		return "", nil
	}
	const file = "postgres.dsn"
	text := fmt.Sprintf("store:\n  postgres_file: %s\nredis:\n  addresses: [%q]\n", filepath.Join(s.dir, file), s.redis.address)
	return text, s.write(file, s.postgres.dsn())
}

// creditors writes the demo's manifests and gives whom they declare. The tax
// office is made the worst kind of creditor: it books whatever it is sent as
// often as it is sent, and cannot be asked about a payment, only for the day's
// statement.
func (s *storm) creditors(ctx context.Context) (all []hub.Creditor, err error) {
	files := config.DemoCreditors()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if filepath.Ext(name) == ".yaml" { // the others are named in one of these
			m, err := kinds.All().Parse(name, text, func(other string) ([]byte, error) { return fs.ReadFile(files, other) })
			if err != nil {
				return nil, err
			}
			all = append(all, m.Creditor)
		}
		if bend := bent[name]; bend != nil {
			asWritten := text
			if text = bend(text); bytes.Equal(text, asWritten) {
				return nil, fmt.Errorf("%s is not as the storm knows it", name)
			}
		}
		if err := s.write(filepath.Join("creditors", name), string(text)); err != nil {
			return nil, err
		}
	}
	manners := map[string]any{"doubles": true, "mute": true}
	return all, s.city.control(ctx, http.MethodPut, "manners/ditl", manners, nil)
}

var findCall = regexp.MustCompile(`(?ms)^  find:\n.*?^  reverse:\n`)

// unaskable makes the tax office's manifest say class C.
func unaskable(manifest []byte) []byte {
	text := strings.Replace(string(manifest), "class: A", "class: C", 1)
	return []byte(findCall.ReplaceAllString(text, "  reverse:\n"))
}

// bent are the manifests that are another's in a storm.
var bent = map[string]func(manifest []byte) []byte{"ditl.yaml": unaskable, "heating.yaml": hurried}

// hurried makes the heating company's manifest bear more questions: its files are
// of a day, and days are short here.
func hurried(manifest []byte) []byte {
	return bytes.Replace(manifest, []byte("\n  rps: 20\n"), []byte("\n  rps: 400\n"), 1)
}

// providers writes the contracts with the city's payment providers: for each
// creditor's account the merchant account that pays out to it.
func (s *storm) providers(ctx context.Context, creditors []hub.Creditor, signature string) (string, error) {
	var book struct {
		Accounts []struct {
			Key, Creditor, IBAN string
			PosID               int    `json:"pos_id"`
			EuPlatesc           string `json:"euplatesc_mid"`
		}
	}
	if err := s.city.control(ctx, http.MethodGet, "psp/accounts", nil, &book); err != nil {
		return "", err
	}
	mids, keys, points := map[string]string{}, map[string]string{}, map[string]string{}
	for _, d := range creditors {
		for _, account := range d.Accounts {
			for _, m := range book.Accounts {
				name := string(d.Name) + "/" + account.ID
				if m.IBAN == account.IBAN && m.Creditor == string(d.Name) && points[name] == "" {
					mids[name], points[name] = m.EuPlatesc, fmt.Sprint(m.PosID)
					keys[m.EuPlatesc] = "euplatesc-key-" + m.Key
				}
			}
		}
	}
	return fmt.Sprintf(providersConf, pairs(mids), pairs(keys), s.city.url, signature,
		filepath.Join(s.dir, "secrets", "netopia", "netopia-public-key"), pairs(points)), nil
}

// pairs writes a map as YAML has it in one line.
func pairs(m map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%q: %q", key, m[key]))
	}
	return strings.Join(list, ", ")
}
