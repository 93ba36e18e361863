package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"

	"racord/adapters/keyring"
	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
	"racord/hub/onboard"
	"racord/hub/vault"
)

func (h *runningHub) openVault(_ context.Context, setup hubSetup) (err error) {
	h.vault, err = vaultOf(setup.Config, h.master, h.store)
	return err
}

// vaultOf makes companies' secrets readable: their keys are wrapped under keys
// that lie beside the master key.
func vaultOf(conf config.Config, master []byte, store hub.Store) (*vault.Vault, error) {
	ring, err := keyring.Open(keysIn(conf), master)
	if err != nil {
		return nil, err
	}
	keys, err := hub.NewKeys(master, vault.Purpose)
	if err != nil {
		return nil, err
	}
	return vault.New(store, ring, keys), nil
}

// registered reads the manifest of a registered version, as it serves: with the
// class that was measured, and at the sandbox's addresses.
func registered(d hub.Deployment, bases map[string]string) (*connectors.Manifest, error) {
	m, err := kinds.All().Parse(fmt.Sprintf("%s@%d", d.Creditor, d.Version), d.Manifest, beside(d.Files))
	if err != nil {
		return nil, err
	}
	for old, now := range bases {
		m.Rebase(old, now)
	}
	if d.Class != "" && m.Traits.Paying.Class != "" {
		m.Traits.Paying.Class = d.Class
	}
	return m, nil
}

// openRegistry takes connectors that companies bring.
func (h *runningHub) openRegistry(_ context.Context, setup hubSetup) error {
	proving, err := h.berth.newProver()
	if err != nil {
		return err
	}
	h.registry = onboard.New(onboard.Parts{
		Prover: proving, Trier: proving, Store: h.store, Reader: manifestReader{kinds.All(), setup}, Secrets: h.vault, Keeper: h.vault, Clock: setup.Clock, Log: h.log,
	}, onboarding(setup.Config.Onboarding))
	h.registry.Start()
	h.onClose(func(context.Context) error { h.registry.Close(); return nil })
	return nil
}

// onboarding gives what is configured over the defaults.
func onboarding(c config.Onboarding) onboard.Conf {
	conf := onboard.Default()
	for _, set := range []struct {
		from *config.Duration
		into *time.Duration
	}{{c.Cooling, &conf.Cooling}, {c.ShadowFor, &conf.ShadowFor}, {c.CanaryFor, &conf.CanaryFor}} {
		if set.from != nil {
			*set.into = time.Duration(*set.from)
		}
	}
	for _, set := range []struct {
		from *int
		into *int64
	}{{c.ShadowCalls, &conf.ShadowCalls}, {c.CanaryCalls, &conf.CanaryCalls}} {
		if set.from != nil {
			*set.into = int64(*set.from)
		}
	}
	for _, set := range []struct{ from, into *float64 }{{c.ErrorBudget, &conf.ErrorBudget}, {c.DifferBudget, &conf.DifferBudget}} {
		if set.from != nil {
			*set.into = *set.from
		}
	}
	return conf
}

// manifestReader reads a company's manifest as a replica would that opens it.
type manifestReader struct {
	catalog connectors.Catalog
	setup   hubSetup
}

var _ onboard.Reader = manifestReader{}

// Read parses the text with the files beside it, and opens it where there is
// nothing to call: what only the operator's own manifests may do is a problem.
func (m manifestReader) Read(creditor hub.Name, text hub.ManifestText) (hub.ManifestFacts, []hub.Field) {
	file := string(creditor) + ".yaml"
	manifest, err := m.catalog.Parse(file, text.YAML, beside(text.Files))
	if err != nil {
		return hub.ManifestFacts{}, problemsOf(err)
	}
	if manifest.Creditor.Name != creditor {
		return hub.ManifestFacts{}, []hub.Field{{
			Pointer: "creditor", Code: hub.CodeInvalid, File: file, Line: 2, Detail: "must be " + string(creditor) + ": a company writes its own manifest only",
		}}
	}
	if _, err := m.catalog.Open(context.Background(), nowhere(m.setup.Clock), manifest); err != nil {
		return hub.ManifestFacts{}, []hub.Field{{Pointer: "settings", Code: hub.CodeInvalid, File: file, Line: 1, Detail: hub.MessageOf(err)}}
	}
	facts := manifest.Facts()
	if problems := m.addresses(file, creditor, facts.Addresses); len(problems) > 0 {
		return hub.ManifestFacts{}, problems
	}
	return facts, nil
}

// addresses says which addresses of a manifest no company may register. Those
// inside the city's network must have been opened for it by the operator.
func (m manifestReader) addresses(file string, creditor hub.Name, list []string) (problems []hub.Field) {
	rules := upstream.Rules{Inside: allowed(m.setup, creditor)}
	for _, address := range list {
		if err := checkAddress(address, rules); err != nil {
			problems = append(problems, hub.Field{Pointer: "settings", Code: hub.CodeInvalid, File: file, Line: 1, Detail: address + ": " + hub.MessageOf(err)})
		}
	}
	return problems
}

// checkAddress looks at a URL, or at host:port. What is neither, such as a key, is
// no address.
func checkAddress(address string, rules upstream.Rules) (err error) {
	if strings.Contains(address, "://") {
		_, err = upstream.CheckURL(address, rules)
	} else if host, _, split := net.SplitHostPort(address); split == nil && host != "" && !strings.HasPrefix(address, connectors.SecretAddress) {
		_, err = upstream.CheckEndpoint(address, rules)
	}
	return err
}

func beside(files []hub.ManifestFile) connectors.Beside {
	return func(name string) ([]byte, error) {
		for _, f := range files {
			if f.Name == name {
				return f.Data, nil
			}
		}
		return nil, fs.ErrNotExist
	}
}

func problemsOf(err error) (fields []hub.Field) {
	var problems connectors.Problems
	if !errors.As(err, &problems) {
		return []hub.Field{{Pointer: "", Code: hub.CodeInvalid, Detail: hub.MessageOf(err)}}
	}
	for _, p := range problems {
		fields = append(fields, hub.Field{Pointer: p.Field, Code: hub.CodeInvalid, Detail: p.What, File: p.File, Line: p.Line})
	}
	return fields
}

// errNowhere is what every call ends with while a manifest is only read.
var errNowhere = hub.Errorf(hub.CodeUnavailable, "Nothing is called while a manifest is read.")

type noDoer struct{}

func (noDoer) Do(*http.Request) (*http.Response, error) { return nil, errNowhere }

// nowhere is a world without a way out.
func nowhere(clock hub.Clock) connectors.Env {
	return connectors.Env{
		Read: noDoer{}, Write: noDoer{}, Clock: clock,
		Secure: func(*tls.Config) (read, write connectors.Doer) { return noDoer{}, noDoer{} },
		Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, errNowhere },
		Turn:   func(context.Context) error { return errNowhere },
		Secret: func(context.Context, string) (hub.Secret, error) { return hub.Secret{}, errNowhere },
	}
}
