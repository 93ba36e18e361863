package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"racord/adapters/upstream"
	"racord/adapters/webhook"
	"racord/config"
	"racord/hub"
)

// openWebhooks tells portals and creditors what happens to payments. Without an
// endpoint it only keeps the outbox tidy.
func (h *runningHub) openWebhooks(_ context.Context, setup hubSetup) error {
	parts := webhook.Parts{Outbox: h.store, Payments: h.store, Meter: h.meters.Webhooks(), Log: h.log}
	for i := range setup.Config.Webhooks {
		endpoint, err := h.openEndpoint(setup, &setup.Config.Webhooks[i])
		if err != nil {
			return err
		}
		parts.Endpoints = append(parts.Endpoints, endpoint)
	}
	teller, err := webhook.New(parts, webhook.Conf{})
	if err != nil {
		return err
	}
	h.behind(teller.Run)
	return h.openCourier(setup, teller)
}

// openEndpoint gives a receiver its secrets and a way out of its own.
func (h *runningHub) openEndpoint(setup hubSetup, w *config.Webhook) (webhook.Endpoint, error) {
	e := webhook.Endpoint{Receiver: hub.PortalReceiver(w.Portal), URL: w.URL, Events: w.Events}
	if w.Creditor != "" {
		e.Receiver = hub.CreditorReceiver(hub.Name(w.Creditor))
	}
	var err error
	if e.Secrets, err = webhookSecrets(w.SecretFile); err != nil {
		return e, fmt.Errorf("webhook of %s: %w", e.Receiver, err)
	}
	way := upstream.New(upstream.Conf{Allow: allowed(setup, hub.Name(w.Creditor)), Deny: denied(setup.Config.Wall)})
	h.onClose(func(context.Context) error { way.Close(); return nil })
	e.HTTP = way.Write
	return e, nil
}

// webhookSecrets reads what a receiver is to believe: one secret a line.
func webhookSecrets(file string) (all []hub.Secret, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Fields(string(text)) {
		secret, err := webhook.ParseSecret(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, secret)
	}
	return all, nil
}
