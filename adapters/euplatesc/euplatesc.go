// Package euplatesc pays through EuPlătesc.ro, as its documentation and its
// published client libraries show it: a signed address that leads the payer to
// a page of theirs, two steps (authorise, then capture all, a part, or nothing),
// a silent notification, and management calls.
//
// What is signed is signed with HMAC-MD5, the provider's choice; nothing else
// here, and nothing outside this package, rests on MD5. Money is what they say
// when asked over TLS; a notification only makes the hub ask.
//
// Their answer to "where does it stand" has flags and no amounts: how much was
// authorised or captured is what the hub asked for (hub.ChargeRef). Amounts are
// an Extra that an operator has agreed with the provider.
package euplatesc

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// Kind is the provider's kind in a configuration.
const Kind = "euplatesc"

// ExtraAmounts makes check_status tell amounts, which is not documented.
const ExtraAmounts = "amounts"

// Extras lists all extras.
func Extras() []string { return []string{ExtraAmounts} }

// The ways to capture, as agreed in the contract.
const (
	Manual    = "manual"    // authorised first, captured by the hub
	Automatic = "automatic" // what is authorised is captured
)

// Conf describes a contract with the provider. Key, Keys, UserKey and UserAPI
// are names of secrets; all keys are written in hexadecimal.
type Conf struct {
	Name       string            // default euplatesc
	Title      string            // default EuPlătesc.ro
	PageURL    string            // default https://secure.euplatesc.ro/tdsprocess/tranzactd.php
	ManagerURL string            // default https://manager.euplatesc.ro/v3/index.php
	Merchants  hub.Merchants     // to merchant ids (merch_id, MID)
	Key        string            // of every merchant that has none of its own
	Keys       map[string]string // by merchant id
	UserKey    string            // UKEY, of the user who manages all merchants
	UserAPI    string            // UAPI, the key that management calls are signed with
	Capture    string            // default manual
	PageLife   time.Duration     // default 15 min
	Extras     []string
}

func (c Conf) withDefaults() Conf {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&c.Name, Kind}, {&c.Title, "EuPlătesc.ro"}, {&c.Capture, Manual},
		{&c.PageURL, "https://secure.euplatesc.ro/tdsprocess/tranzactd.php"},
		{&c.ManagerURL, "https://manager.euplatesc.ro/v3/index.php"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if c.PageLife <= 0 {
		c.PageLife = 15 * time.Minute
	}
	return c
}

// largest is what fits in the field amount: 12 characters.
const largest = 999_999_999_99

// Provider is a contract with EuPlătesc.ro. It is safe for concurrent use.
type Provider struct {
	conf Conf
	env  pspwire.Env
}

// New opens a contract. It fails with CodeInvalid when the configuration cannot
// work; nothing is sent and no secret is read yet.
func New(conf Conf, env pspwire.Env) (hub.PSP, error) {
	conf = conf.withDefaults()
	for field, address := range map[string]string{"page_url": conf.PageURL, "manager_url": conf.ManagerURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: %s is not an absolute URL without a query", conf.Name, field)
		}
	}
	if conf.UserKey == "" || conf.UserAPI == "" {
		return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: needs a user_key and a user_api", conf.Name)
	}
	if conf.Capture != Manual && conf.Capture != Automatic {
		return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: capture: %q is neither manual nor automatic", conf.Name, conf.Capture)
	}
	p := &Provider{conf: conf, env: env}
	for at, merchant := range conf.Merchants {
		if !pspwire.Latin(merchant, 50) || p.keyName(merchant) == "" {
			return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: merchants.%s: %q is not a merchant id with a key", conf.Name, at, merchant)
		}
	}
	for _, extra := range conf.Extras {
		if !slices.Contains(Extras(), extra) {
			return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: extras: %q is not one of %v", conf.Name, extra, Extras())
		}
	}
	return p.psp(), nil
}

func (p *Provider) psp() hub.PSP {
	psp := hub.PSP{
		Name: p.conf.Name, Title: p.conf.Title, Merchants: p.conf.Merchants,
		Traits: hub.PSPTraits{
			SilentStart: true, AssumesAmounts: !p.amounts(), PageLife: p.conf.PageLife, LargestCharge: largest, Extras: p.conf.Extras,
		},
		Charger: p, Refunder: p, Recaller: p, Settler: p, Notifier: p, Probe: p,
	}
	if p.conf.Capture == Manual {
		psp.Capturer, psp.Traits.PartialCapture = p, true
	}
	return psp
}

func (p *Provider) amounts() bool { return slices.Contains(p.conf.Extras, ExtraAmounts) }

// keyName is the name of a merchant's secret.
func (p *Provider) keyName(merchant string) string {
	if own := p.conf.Keys[merchant]; own != "" {
		return own
	}
	return p.conf.Key
}

// key reads a key. It fails with CodeAuth, and then nothing was sent.
func (p *Provider) key(ctx context.Context, name string) (signer, error) {
	secret, err := p.env.Secret(ctx, name)
	if err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeAuth, err, "The payment provider's key is missing."))
	}
	key, ok := newSigner(strings.TrimSpace(secret.Reveal()))
	if !ok {
		return nil, hub.NotDone(hub.Errorf(hub.CodeAuth, "The payment provider's key %s is not written in hexadecimal.", name))
	}
	return key, nil
}

// merchantKey gives the key of a merchant that is configured.
func (p *Provider) merchantKey(ctx context.Context, merchant string) (signer, error) {
	for _, known := range p.conf.Merchants {
		if known == merchant {
			return p.key(ctx, p.keyName(merchant))
		}
	}
	return nil, pspwire.Unable("%q is not a merchant of %s", merchant, p.conf.Name)
}

var (
	_ hub.Charger  = (*Provider)(nil)
	_ hub.Capturer = (*Provider)(nil)
	_ hub.Refunder = (*Provider)(nil)
	_ hub.Recaller = (*Provider)(nil)
	_ hub.Settler  = (*Provider)(nil)
	_ hub.Notifier = (*Provider)(nil)
	_ hub.Probe    = (*Provider)(nil)
)
