package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"racord/adapters/guard"
	"racord/adapters/upstream"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
	"racord/hub/feed"
	"racord/hub/roster"
)

// berth is where connectors are opened: with a way out, an allowance, a guard
// and, when they deliver in bulk, their snapshots.
type berth struct {
	h      *runningHub
	setup  hubSetup
	leaser *guard.Leaser
	ward   *guard.Ward
}

// terms are what a connector may, by whose it is.
type terms struct {
	secret     func(context.Context, string) (hub.Secret, error)
	allow      []netip.Prefix
	localFiles bool
	ward       *guard.Ward
	dress      func(*hub.Connector) *hub.Connector // what is laid around it inside the guard
}

func (b *berth) ofOperator(name hub.Name) terms {
	return terms{
		secret: secretsOf(b.setup.Config.Secrets, name), allow: allowed(b.setup, name), localFiles: b.setup.LocalFiles, ward: b.ward,
		dress: func(c *hub.Connector) *hub.Connector { return c },
	}
}

// ofCompany is what a registered connector may: no local files, and no secrets
// but its company's. Only the version that everybody is shown is quarantined by
// its creditor's name; one on its way leaves alone.
func (b *berth) ofCompany(d hub.Deployment) terms {
	t := terms{secret: roster.Secrets(b.h.vault, d.Creditor), allow: allowed(b.setup, d.Creditor), dress: roster.TwoSlots}
	if d.Stage == hub.StageLive {
		t.ward = b.ward
	}
	return t
}

// open makes a guarded connector of a manifest. closing ends its way out.
func (b *berth) open(ctx context.Context, m *connectors.Manifest, t terms) (c *hub.Connector, closing func(), err error) {
	name := m.Creditor.Name
	allowance := b.leaser.Allowance(name, guard.LimitsOf(m.Traits))
	way := upstream.New(upstream.Conf{MaxInflight: m.Traits.MaxInflight, Turn: allowance.Turn, Allow: t.allow, Deny: denied(b.setup.Config.Wall)})
	env := through(way, allowance)
	env.Expires, env.Secret, env.Clock, env.LocalFiles = b.h.meters.Expires(name), t.secret, b.setup.Clock, t.localFiles
	env.Log = b.h.log.With("connector", string(name))
	bare, err := kinds.All().Open(ctx, env, m)
	if err != nil {
		way.Close()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	guarded := guard.Connector(t.dress(bare), guard.Parts{
		Allowance: allowance, Posting: postings(b.leaser, m), Clock: b.setup.Clock, Ward: t.ward, Meter: b.h.meters.Guard(name, allowance), Log: b.h.log,
	}, guard.Conf{Linger: 3 * time.Second})
	return feed.Serve(guarded, b.h.store, b.setup.Clock), sync.OnceFunc(way.Close), nil
}

// through is a world that is reached through one way out, at one creditor's rate.
// Whose secrets, clock and log it has is the caller's to say.
func through(way *upstream.Client, allowance *guard.Allowance) connectors.Env {
	return connectors.Env{
		Read: way.Read, Write: way.Write, Dial: way.Dial, Turn: allowance.Turn, Log: slog.New(slog.DiscardHandler),
		Secure: func(conf *tls.Config) (read, write connectors.Doer) { return way.Secure(conf) },
	}
}

// register opens a registered version.
func (b *berth) register(ctx context.Context, d hub.Deployment) (roster.Opened, error) {
	m, err := registered(d, b.setup.Config.Sandbox.Bases)
	if err != nil {
		return roster.Opened{}, err
	}
	c, closing, err := b.open(ctx, m, b.ofCompany(d))
	return roster.Opened{Connector: c, Close: closing, Tests: []hub.Asked{m.Test.Known, m.Test.Other, m.Test.Unknown}}, err
}

// changed lets every creditor have the limits that what is shown of it declares.
// A version on its way keeps to those of the one that is live.
func (b *berth) changed(fleet []*hub.Connector) {
	b.h.meters.Declared(fleet)
	for _, c := range fleet {
		if c.Hidden {
			c = cmp.Or(c.Canary, c.Shadow, c)
		}
		b.leaser.Limit(c.Creditor.Name, guard.LimitsOf(c.Traits))
		b.leaser.Limit(postingsOf(c.Creditor.Name), guard.PostLimitsOf(c.Traits))
	}
}

// follow makes the roster of what is the operator's own and what is registered.
func (b *berth) follow(ctx context.Context, own []*hub.Connector) error {
	h := b.h
	r := roster.New(roster.Parts{
		Own: own, Store: h.store, Open: b.register, Keys: h.keys, Log: h.log,
		Held: b.ward.Holds, Lifts: b.ward.Lifts, Changed: b.changed, Unopened: h.meters.Unopened,
	}, roster.Conf{})
	h.fleet = r
	if err := r.Start(ctx); err != nil {
		return err
	}
	h.onClose(r.Stop)
	return nil
}
