package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"sync"
	"time"

	"racord/adapters/guard"
	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

// openFleet opens a connector for every manifest of the operator's, each behind
// its own guard, and follows those that companies have registered.
func (h *runningHub) openFleet(ctx context.Context, setup hubSetup) error {
	manifests, err := readManifests(setup.Manifests, setup.Config.Sandbox.Bases)
	if err != nil {
		return err
	}
	leaser := guard.NewLeaser(h.store, hub.Holder(cmp.Or(setup.Config.Replica, hub.NewID())), guard.LeaseConf{}, h.log)
	ward := guard.NewWard(h.store, setup.Clock, h.log, h.meters.Quarantined)
	b := &berth{h: h, setup: setup, leaser: leaser, ward: ward}
	h.berth = b
	var own []*hub.Connector
	for _, m := range manifests {
		c, closing, err := b.open(ctx, m, b.ofOperator(m.Creditor.Name))
		if err != nil {
			return err
		}
		h.onClose(func(context.Context) error { closing(); return nil })
		own = append(own, c)
	}
	if err := errors.Join(leaser.Start(ctx), ward.Start(ctx)); err != nil {
		return err
	}
	h.onClose(leaser.Stop)
	h.onClose(ward.Stop)
	return b.follow(ctx, own)
}

// readManifests parses every YAML file of a folder, in order of name, and says
// all that is wrong with them at once.
func readManifests(files fs.FS, bases map[string]string) ([]*connectors.Manifest, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no manifest (*.yaml) in the folder that creditors: names")
	}
	slices.Sort(names)
	catalog, all, wrong := kinds.All(), make([]*connectors.Manifest, len(names)), make([]error, len(names))
	var reading sync.WaitGroup
	for i, name := range names {
		reading.Go(func() { all[i], wrong[i] = readManifest(files, name, catalog, bases) })
	}
	reading.Wait()
	return slices.DeleteFunc(all, func(m *connectors.Manifest) bool { return m == nil }), errors.Join(wrong...)
}

func readManifest(files fs.FS, name string, catalog connectors.Catalog, bases map[string]string) (*connectors.Manifest, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	beside := func(other string) ([]byte, error) { return fs.ReadFile(files, path.Join(path.Dir(name), other)) }
	m, err := catalog.Parse(path.Base(name), data, beside)
	if err != nil {
		return nil, err
	}
	for old, now := range bases {
		m.Rebase(old, now)
	}
	return m, nil
}

// postings gives the slots of a creditor's postings, nil for one that takes none.
// They are shared under a name that is no creditor's.
func postings(leaser *guard.Leaser, m *connectors.Manifest) *guard.Allowance {
	if m.Traits.Paying.Class == "" {
		return nil
	}
	return leaser.Allowance(postingsOf(m.Creditor.Name), guard.PostLimitsOf(m.Traits))
}

func postingsOf(name hub.Name) hub.Name { return name + ":post" }

func allowed(setup hubSetup, name hub.Name) []netip.Prefix {
	wall := setup.Config.Wall
	return append(prefixes(wall.AllowAll), prefixes(wall.Creditors[string(name)])...)
}

// denied are the hub's own addresses: those of this machine, and those by which
// the operator says others reach it. Where the machine does not tell, there is
// the operator's list.
func denied(wall config.Wall) []netip.Prefix {
	own, _ := upstream.Own()
	return append(own, prefixes(wall.Deny)...)
}

func prefixes(configured []config.Prefix) (all []netip.Prefix) {
	for _, p := range configured {
		all = append(all, p.Prefix)
	}
	return all
}

// AwaitFeeds waits until every feed of a live connector was published once, so that
// the first view is whole.
func (h *runningHub) AwaitFeeds(ctx context.Context) error {
	for _, c := range h.fleet.OnDuty() {
		for c.Feed != nil && c.FedBy == 0 {
			if _, _, err := h.store.Cursor(ctx, c.Creditor.Name); hub.CodeOf(err) != hub.CodeNotFound {
				if err != nil {
					return err
				}
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}
