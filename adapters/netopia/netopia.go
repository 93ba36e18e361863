// Package netopia pays through NETOPIA Payments, API v2 (its documentation and
// the official SDKs): a page of theirs for the payer, one order split over
// points of sale, automatic capture, and notifications signed with their RSA
// key. Money is what they say when asked; a notification only makes the hub ask.
//
// Amounts are JSON numbers in lei. They are written exactly and read back
// rounded to bani, because the other side counts in floats.
//
// Refunds, listing and settlements are not in the documentation. They are off,
// and come back as Extras that an operator has agreed with the provider.
package netopia

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/adapters/pspwire"
	"racord/hub"
)

// Kind is the provider's kind in a configuration.
const Kind = "netopia"

// The extras: what can be switched on although it is not documented.
const (
	ExtraRefund     = "refund"     // POST /operation/credit, announced for "a future date", and payment.refunded
	ExtraList       = "list"       // GET /extras/orders
	ExtraSettlement = "settlement" // GET /extras/settlements
)

// Extras lists all extras.
func Extras() []string { return []string{ExtraRefund, ExtraList, ExtraSettlement} }

// Conf describes a contract with the provider.
type Conf struct {
	Name          string        // default netopia
	Title         string        // default NETOPIA Payments
	BaseURL       string        // https://secure.mobilpay.ro/pay, without a slash at the end
	Signature     string        // posSignature of the account that takes orders and splits them
	APIKey        string        // name of the secret
	PublicKey     []byte        // PEM: the keys or certificates that notifications are signed with
	Merchants     hub.Merchants // to posIDs, numbers
	Contact       Contact       // stands for the payer, whom the provider is not told
	PageLife      time.Duration // default 15 min
	LargestCharge int64         // bani; 0 = no limit
	Extras        []string
}

// Contact is the city hall's own address: the provider asks for one with every
// order, and gets no citizen's.
type Contact struct {
	Email, Phone, City, County, PostalCode string
}

func (c Conf) withDefaults() Conf {
	if c.Name == "" {
		c.Name = Kind
	}
	if c.Title == "" {
		c.Title = "NETOPIA Payments"
	}
	if c.PageLife <= 0 {
		c.PageLife = 15 * time.Minute
	}
	return c
}

// Provider is a contract with NETOPIA Payments. It is safe for concurrent use.
type Provider struct {
	conf   Conf
	env    pspwire.Env
	secure bool // the provider is spoken to over TLS, so its pages must be as well
	keys   []*rsa.PublicKey
}

// New opens a contract. It fails with CodeInvalid when the configuration cannot
// work; nothing is sent and no secret is read yet.
func New(conf Conf, env pspwire.Env) (hub.PSP, error) {
	p := &Provider{conf: conf.withDefaults(), env: env}
	base, err := url.Parse(conf.BaseURL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || strings.HasSuffix(conf.BaseURL, "/") {
		return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: base_url is not an absolute URL without a query and a slash at the end", p.conf.Name)
	}
	p.secure = base.Scheme == "https"
	if conf.Signature == "" || conf.APIKey == "" {
		return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: needs a signature and an api_key", p.conf.Name)
	}
	if p.keys, err = readKeys(conf.PublicKey); err != nil {
		return hub.PSP{}, hub.Wrap(hub.CodeInvalid, err, p.conf.Name+": the public key cannot be read")
	}
	for at, merchant := range conf.Merchants {
		if _, err := posID(merchant); err != nil {
			return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: merchants.%s: %q is not the number of a point of sale", p.conf.Name, at, merchant)
		}
	}
	for _, extra := range conf.Extras {
		if !slices.Contains(Extras(), extra) {
			return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "%s: extras: %q is not one of %v", p.conf.Name, extra, Extras())
		}
	}
	return p.psp(), nil
}

func (p *Provider) psp() hub.PSP {
	psp := hub.PSP{
		Name: p.conf.Name, Title: p.conf.Title, Merchants: p.conf.Merchants,
		Traits: hub.PSPTraits{
			Split: true, TellsDisputes: true, PageLife: p.conf.PageLife,
			LargestCharge: p.conf.LargestCharge, Extras: p.conf.Extras,
		},
		Charger: p, Recaller: p, Notifier: p, Probe: p,
	}
	if p.has(ExtraRefund) {
		psp.Refunder = p
	}
	if p.has(ExtraList) {
		psp.Lister = p
	}
	if p.has(ExtraSettlement) {
		psp.Settler = p
	}
	return psp
}

func (p *Provider) has(extra string) bool { return slices.Contains(p.conf.Extras, extra) }

// posID reads the number of a point of sale.
func posID(merchant string) (int, error) {
	id, err := strconv.ParseUint(merchant, 10, 31)
	if err != nil || id == 0 || merchant[0] == '0' {
		return 0, fmt.Errorf("not a posID")
	}
	return int(id), nil
}

// call sends a request to the provider and gives its answer. It fails like
// pspwire.Exchange, with CodeAuth when the API key is missing, and as refusal
// says for an answer that is not 2xx.
func (p *Provider) call(ctx context.Context, by pspwire.Doer, method, path string, body any) ([]byte, error) {
	key, err := p.env.Secret(ctx, p.conf.APIKey)
	if err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeAuth, err, "The payment provider's key is missing."))
	}
	req, err := newRequest(ctx, method, p.conf.BaseURL+path, body)
	if err != nil {
		return nil, hub.NotDone(hub.Wrap(hub.CodeInternal, err, "Something went wrong on our side."))
	}
	req.Header.Set("Authorization", key.Reveal()) // the key alone, without a scheme
	reply, err := pspwire.Exchange(by, req)
	if err != nil {
		return nil, err
	}
	if reply.Status >= http.StatusMultipleChoices {
		return nil, refusal(reply)
	}
	return reply.Body, nil
}

// Ping asks about an order that nobody has.
func (p *Provider) Ping(ctx context.Context) error {
	_, err := p.status(ctx, hub.ChargeRef{Order: "racord-ping"})
	if hub.CodeOf(err) == hub.CodeNotFound {
		return nil
	}
	return err
}

var (
	_ hub.Charger  = (*Provider)(nil)
	_ hub.Recaller = (*Provider)(nil)
	_ hub.Refunder = (*Provider)(nil)
	_ hub.Lister   = (*Provider)(nil)
	_ hub.Settler  = (*Provider)(nil)
	_ hub.Notifier = (*Provider)(nil)
	_ hub.Probe    = (*Provider)(nil)
)
