package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"racord/adapters/guard"
	"racord/adapters/pspwire"
	"racord/adapters/sqlite"
	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
	"racord/hub/roster"
)

// desk is what an operator's command works with: the store, and ways to ask
// creditors and providers, beside a hub that may be running. Nothing works by
// itself.
type desk struct {
	conf    config.Config
	store   hub.Store
	fleet   hub.Fleet
	psps    []*hub.PSP
	master  []byte
	clock   hub.Clock
	absent  error // which registered versions cannot be opened, and are not asked
	closers []func() error
}

// where says whose desk it is: a hub's, by its configuration.
type where struct {
	Config string `help:"Configuration file." default:"racord.yaml" type:"path"`
}

// open opens the desk to work at. Of a hub with SQLite that is only possible while
// the hub is stopped.
func (w where) open(ctx context.Context) (*desk, error) { return openDesk(ctx, w.read, false) }

// read reads the configuration and sets the clock.
func (w where) read(ctx context.Context, d *desk) (manifests fs.FS, err error) {
	if d.conf, err = config.Load(w.Config); err != nil {
		return nil, err
	}
	d.clock, err = businessClock(ctx, d.conf)
	return os.DirFS(d.conf.Creditors), err
}

// whereToLook says whose desk is looked at: a hub's, or a running demo's. The demo
// has its database to itself and keeps the clock, so more cannot be done beside it.
type whereToLook struct {
	where
	Demo string `help:"Data directory of a running demo, in the configuration's place." type:"path"`
}

// open opens the desk to look at. A running hub of one process is not in the way.
func (w whereToLook) open(ctx context.Context) (*desk, error) { return openDesk(ctx, w.read, true) }

func (w whereToLook) read(ctx context.Context, d *desk) (manifests fs.FS, err error) {
	if w.Demo == "" {
		return w.where.read(ctx, d)
	}
	facts, err := readDemoFacts(w.Demo)
	if err != nil {
		return nil, err
	}
	d.conf = config.Default()
	d.conf.Data, d.conf.Secrets, d.conf.Providers = w.Demo, filepath.Join(w.Demo, "secrets"), facts.Providers
	d.conf.Wall.AllowAll = []config.Prefix{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}}
	d.conf.Sandbox.Bases, d.conf.Bank = facts.Bases, facts.Bank
	d.clock, err = followClock(ctx, facts.City+"/__ctl/clock")
	return config.DemoCreditors(), err
}

// openDesk opens a desk of which read gives the configuration, the clock and the
// manifests. With look set the store can only be read, and is not migrated.
func openDesk(ctx context.Context, read func(context.Context, *desk) (fs.FS, error), look bool) (_ *desk, err error) {
	d := &desk{clock: hub.ClockFunc(time.Now)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	manifests, err := read(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := d.openStore(ctx, look); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := d.openConnectors(ctx, manifests); err != nil {
		return nil, err
	}
	if err := d.openRegistered(ctx); err != nil {
		return nil, err
	}
	return d, d.openProviders()
}

func (d *desk) openStore(ctx context.Context, look bool) (err error) {
	if d.master, err = readMasterKey(d.conf.Data); err != nil {
		return err
	}
	d.store, err = d.storeOf(ctx, d.master, look)
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("%w: stop that hub, or press its own buttons at http://%s", err, reachable(d.conf.OpsListen))
	}
	if err != nil {
		return err
	}
	d.closers = append(d.closers, d.store.Close)
	return nil
}

func (d *desk) storeOf(ctx context.Context, key []byte, look bool) (hub.Store, error) {
	database, err := databaseOf(d.conf, nil)
	if err != nil {
		return nil, err
	}
	open := database.open
	if look {
		open = database.look
	}
	store, err := open(ctx, key)
	return store, otherMaster(d.conf.Data, err)
}

// openConnectors opens the operator's own connectors.
func (d *desk) openConnectors(ctx context.Context, files fs.FS) error {
	manifests, err := readManifests(files, d.conf.Sandbox.Bases)
	if err != nil {
		return err
	}
	for _, m := range manifests {
		c, err := d.opened(ctx, m, secretsOf(d.conf.Secrets, m.Creditor.Name), true)
		if err != nil {
			return err
		}
		d.fleet = append(d.fleet, c)
	}
	return nil
}

// opened opens a connector at the rate its creditor declares.
func (d *desk) opened(ctx context.Context, m *connectors.Manifest, secret func(context.Context, string) (hub.Secret, error), localFiles bool) (*hub.Connector, error) {
	name := m.Creditor.Name
	allowance := guard.Fixed(name, guard.LimitsOf(m.Traits))
	way := upstream.New(upstream.Conf{MaxInflight: m.Traits.MaxInflight, Turn: allowance.Turn, Allow: d.allowed(name), Deny: denied(d.conf.Wall)})
	d.closers = append(d.closers, func() error { way.Close(); return nil })
	env := through(way, allowance)
	env.Secret, env.Clock, env.LocalFiles = secret, d.clock, localFiles
	c, err := kinds.All().Open(ctx, env, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// openRegistered opens what companies registered: what is live, or was until it
// was halted, in the place of the operator's own, and what is in canary where there
// is nothing else. One that cannot be opened says nothing, and is not in the way of
// the others.
func (d *desk) openRegistered(ctx context.Context) error {
	list, _, err := d.store.Deployed(ctx, -1)
	if err != nil || len(list) == 0 {
		return err
	}
	vault, err := vaultOf(d.conf, d.master, d.store)
	if err != nil {
		return err
	}
	for _, version := range list {
		at := slices.IndexFunc(d.fleet, func(c *hub.Connector) bool { return c.Creditor.Name == version.Creditor })
		if stands := version.Stage == hub.StageLive || version.Stage.Halts(); !stands && (version.Stage != hub.StageCanary || at >= 0) {
			continue
		}
		c, err := d.openVersion(ctx, vault, version)
		if err != nil {
			c = d.silent(version, err)
		}
		if at >= 0 {
			d.fleet[at] = c
		} else {
			d.fleet = append(d.fleet, c)
		}
	}
	return nil
}

// openVersion opens a registered version with its company's secrets. One that may
// not take payments is not asked about any.
func (d *desk) openVersion(ctx context.Context, secrets hub.SecretStore, version hub.Deployment) (*hub.Connector, error) {
	m, err := registered(version, d.conf.Sandbox.Bases)
	if err != nil {
		return nil, err
	}
	c, err := d.opened(ctx, m, roster.Secrets(secrets, version.Creditor), false)
	if err != nil {
		return nil, err
	}
	c = roster.TwoSlots(c)
	if c.Version = version.Version; !version.Pays {
		c.StopPaying()
	}
	return c, nil
}

// silent stands in the place of a version that cannot be opened: the operator's own
// manifest may name another's books, and that nobody was asked must be seen.
func (d *desk) silent(version hub.Deployment, err error) *hub.Connector {
	d.absent = errors.Join(d.absent, fmt.Errorf("version %d of %s cannot be opened, and is not asked: %w", version.Version, version.Creditor, err))
	c := &hub.Connector{Creditor: hub.Creditor{Name: version.Creditor, Title: string(version.Creditor)}, Version: version.Version}
	if version.Pays {
		c.Finder = notAsked{}
	}
	return c
}

// warn tells who is not asked.
func (d *desk) warn(log io.Writer) {
	if d.absent != nil {
		fmt.Fprintln(log, d.absent)
	}
}

// notAsked is a creditor that cannot be asked what it booked.
type notAsked struct{}

func (notAsked) Find(context.Context, hub.Posting) (hub.Found, hub.Receipt, error) {
	return "", hub.Receipt{}, hub.Errorf(hub.CodeUnavailable, "The creditor's connector cannot be opened.")
}

func (d *desk) openProviders() error {
	for _, contract := range d.conf.Providers {
		name := hub.Name(contract.Terms().Name)
		way := upstream.New(upstream.Conf{MaxInflight: providerCalls, Allow: d.allowed(name), Deny: denied(d.conf.Wall)})
		d.closers = append(d.closers, func() error { way.Close(); return nil })
		psp, err := openProvider(contract, pspwire.Env{Read: way.Read, Write: way.Write, Secret: secretsOf(d.conf.Secrets, name), Now: time.Now})
		if err != nil {
			return fmt.Errorf("provider %s: %w", name, err)
		}
		d.psps = append(d.psps, &psp)
	}
	return nil
}

func (d *desk) allowed(name hub.Name) []netip.Prefix { return allowed(hubSetup{Config: d.conf}, name) }

func (d *desk) psp(name string) *hub.PSP {
	for _, p := range d.psps {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Close closes everything in reverse order.
func (d *desk) Close() (err error) {
	for i := len(d.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, d.closers[i]())
	}
	return err
}
