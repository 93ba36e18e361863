package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// openedHub is a hub that takes payments, with everybody it talks to.
type openedHub struct {
	*pay.Service
	store  *watched
	bank   *provider
	payers []payer
	stop   func()
}

// payer is a citizen with an account at every creditor.
type payer struct {
	login hub.Login
	codes []string // as in creditors
}

// openHub starts a hub over a store, with so many citizens.
func openHub(ctx context.Context, store hub.Store, payers int) (*openedHub, error) {
	keys, err := hub.NewKeys(master, "quote")
	if err != nil {
		return nil, err
	}
	h := &openedHub{store: &watched{Store: store}, bank: &provider{orders: map[string]hub.ChargeFacts{}}}
	for n := range payers {
		if err := h.enrol(ctx, n); err != nil {
			return nil, err
		}
	}
	fleet := hub.Fleet{}
	for _, name := range creditors {
		fleet = append(fleet, connect(name))
	}
	h.Service = pay.New(pay.Parts{
		Roster: fleet, Folders: store, Store: h.store, PSPs: []*hub.PSP{h.bank.contract()}, Keys: keys, Clock: hub.ClockFunc(time.Now),
	}, pay.Conf{NotifyURL: "https://hub.invalid/v1/notify"})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(running) }()
	h.stop = func() { stop(); <-ended }
	return h, nil
}

// master is the key of stores that live for one measurement.
var master = bytes.Repeat([]byte{7}, hub.MasterKeyBytes)

func (h *openedHub) close() { h.stop() }

func (h *openedHub) enrol(ctx context.Context, n int) error {
	p := payer{login: hub.Login{Issuer: "https://id.invalid", Subject: fmt.Sprint("payer-", n)}}
	folder, err := h.store.Enrol(ctx, p.login, "Payer", nil)
	if err != nil {
		return err
	}
	for _, name := range creditors {
		code := fmt.Sprint("A", n)
		err := h.store.Link(ctx, hub.Link{
			ID: hub.LinkID(hub.NewID()), Party: folder.Party.ID, LinkedAt: time.Now(), Account: hub.AccountRef{Creditor: name, Code: code},
		})
		if err != nil {
			return err
		}
		p.codes = append(p.codes, code)
	}
	h.payers = append(h.payers, p)
	return nil
}

// longest is how long a payment may take. Nothing goes wrong here, so one that
// takes longer was forgotten.
const longest = 30 * time.Second

// payOnce is one payer from the quote until every line is posted.
func (h *openedHub) payOnce(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	who := h.payers[n]
	quote, err := h.Quote(ctx, who.login, "portal", h.basket(who))
	if err != nil {
		return err
	}
	p, err := h.Open(ctx, who.login, "portal", pay.Order{Key: rand.Text(), Token: quote.Token, Policy: hub.BestEffort, ReturnURL: "https://portal.invalid/"})
	if err != nil {
		return err
	}
	if len(p.Lines) != len(creditors) || len(p.Charges) != 1 {
		return fmt.Errorf("a payment of %d lines and %d charges", len(p.Lines), len(p.Charges))
	}
	posted := h.store.posted(p.ID)
	order := p.Charges[0].Order
	h.bank.authorise(order, p.Charges[0].Amount)
	if err := h.Notify(ctx, providerName, http.Header{"Event": {"paid-" + order}, "Order": {order}}, note); err != nil {
		return err
	}
	select {
	case <-posted:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("a payment was not posted within %s", longest)
	}
}

// note is as long as a provider's notification.
var note = bytes.Repeat([]byte("n"), 500)

func (h *openedHub) basket(who payer) []pay.Item {
	items := make([]pay.Item, len(creditors))
	for i, c := range h.Roster.OnDuty() {
		external := c.Source.(*office).externalID(who.codes[i])
		items[i] = pay.Item{Creditor: c.Creditor.Name, Wanted: hub.Wanted{Obligation: hub.NewObligationID(c.Creditor.Name, external)}}
	}
	return items
}
