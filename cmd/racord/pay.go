package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"racord/adapters/euplatesc"
	"racord/adapters/guard"
	"racord/adapters/httpapi"
	"racord/adapters/netopia"
	"racord/adapters/pspwire"
	"racord/adapters/receipt"
	"racord/adapters/upstream"
	"racord/config"
	"racord/hub"
	"racord/hub/pay"
	"racord/hub/reconcile"
)

// openPayments makes paying of the configured providers and starts its workers.
// notify is the address at which providers reach this hub.
func (h *runningHub) openPayments(ctx context.Context, setup hubSetup, notify string) error {
	keys, err := hub.NewKeys(h.master, "quote")
	if err != nil {
		return err
	}
	psps, err := h.openProviders(ctx, setup)
	if err != nil {
		return err
	}
	barriers, err := h.watchBarriers(ctx)
	if err != nil {
		return err
	}
	conf := setup.Config.Payments
	h.payments = pay.New(pay.Parts{
		Roster: h.fleet, Folders: h.store, Store: h.store, PSPs: psps, Keys: keys, Clock: setup.Clock,
		Pages: h.views, Meter: h.meters.Pay(), Log: h.log, Stopped: barriers.stopped,
		Settlements: reconcile.Settlements{Store: h.store},
	}, pay.Conf{
		NotifyURL: notify + "/v1/notify", PageLife: time.Duration(conf.PageLife), Lease: time.Duration(conf.Lease),
		CallFor: time.Duration(conf.CallFor), LookUpEvery: time.Duration(conf.LookUpEvery), Workers: conf.Workers,
		Alone: hub.Bani(conf.RefundAlone), RefundAgain: time.Duration(conf.RefundAgain),
	})
	h.behind(h.payments.Run)
	return nil
}

// openProviders opens the contracts with payment providers, each behind its own
// guard, in the city's order of preference.
func (h *runningHub) openProviders(ctx context.Context, setup hubSetup) (psps []*hub.PSP, err error) {
	for _, contract := range setup.Config.Providers {
		name := contract.Terms().Name
		way := upstream.New(upstream.Conf{MaxInflight: providerCalls, Allow: allowed(setup, hub.Name(name)), Deny: denied(setup.Config.Wall)})
		h.onClose(func(context.Context) error { way.Close(); return nil })
		psp, err := openProvider(contract, pspwire.Env{
			Read: way.Read, Write: way.Write, Secret: secretsOf(setup.Config.Secrets, hub.Name(name)), Now: time.Now,
		})
		if err != nil {
			return nil, fmt.Errorf("provider %s: %w", name, err)
		}
		watched := guard.GuardPSP(psp, h.meters.Provider(name), h.log, guard.PSPConf{})
		if err := watched.Start(ctx); err != nil {
			return nil, err
		}
		h.onClose(watched.Stop)
		guarded := watched.PSP()
		psps = append(psps, &guarded)
	}
	return psps, nil
}

// providerCalls is how many calls to one provider are under way at once.
const providerCalls = 64

func openProvider(c config.Provider, env pspwire.Env) (hub.PSP, error) {
	switch {
	case c.Netopia != nil:
		return openNetopia(c.Netopia, env)
	case c.EuPlatesc != nil:
		return openEuPlatesc(c.EuPlatesc, env)
	}
	return hub.PSP{}, hub.Errorf(hub.CodeInvalid, "there is no provider of kind %q", c.Kind)
}

func openNetopia(c *config.Netopia, env pspwire.Env) (hub.PSP, error) {
	key, err := os.ReadFile(c.PublicKeyFile)
	if err != nil {
		return hub.PSP{}, err
	}
	return netopia.New(netopia.Conf{
		Name: c.Name, Title: c.Title, BaseURL: c.BaseURL, Signature: c.Signature, APIKey: c.APIKey, PublicKey: key,
		Merchants: c.Merchants, Contact: netopia.Contact(c.Contact), PageLife: time.Duration(c.PageLife),
		LargestCharge: c.LargestCharge, Extras: c.Extras,
	}, env)
}

func openEuPlatesc(c *config.EuPlatesc, env pspwire.Env) (hub.PSP, error) {
	return euplatesc.New(euplatesc.Conf{
		Name: c.Name, Title: c.Title, PageURL: c.PageURL, ManagerURL: c.ManagerURL, Merchants: c.Merchants,
		Key: c.Key, Keys: c.Keys, UserKey: c.UserKey, UserAPI: c.UserAPI, Capture: c.Capture,
		PageLife: time.Duration(c.PageLife), Extras: c.Extras,
	}, env)
}

// doorsToPaying is what the API offers of paying: nothing without a provider.
func (h *runningHub) doorsToPaying() httpapi.Paying {
	if len(h.payments.PSPs) == 0 {
		return httpapi.Paying{}
	}
	return httpapi.Paying{
		Payments: h.payments, References: h.payments, Notices: h.payments, Refunds: h.payments,
		Receipts: h.payments, Printer: receipt.Printer{},
	}
}

// publicURL is where providers reach this hub: as configured, else where it
// listens.
func publicURL(conf config.Config, api *listener) string {
	if conf.Payments.PublicURL != "" {
		return conf.Payments.PublicURL
	}
	return api.url()
}
