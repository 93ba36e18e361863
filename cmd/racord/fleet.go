package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"time"

	"racord/adapters/guard"
	"racord/adapters/upstream"
	"racord/config"
	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
	"racord/hub/feed"
)

// openFleet opens a connector for every manifest, each behind its own guard.
func (h *runningHub) openFleet(ctx context.Context, setup hubSetup) error {
	manifests, err := readManifests(setup.Manifests, setup.Config.Sandbox.Bases)
	if err != nil {
		return err
	}
	leaser := guard.NewLeaser(h.store, hub.Holder(cmp.Or(setup.Config.Replica, hub.NewID())), guard.LeaseConf{}, h.log)
	ward := guard.NewWard(h.store, setup.Clock, h.log, h.meters.Quarantined)
	for _, m := range manifests {
		c, err := h.openConnector(ctx, setup, m, leaser, ward)
		if err != nil {
			return err
		}
		h.fleet = append(h.fleet, c)
	}
	h.meters.Declared(h.fleet)
	if err := errors.Join(leaser.Start(ctx), ward.Start(ctx)); err != nil {
		return err
	}
	h.onClose(leaser.Stop)
	h.onClose(ward.Stop)
	return nil
}

// readManifests parses every YAML file of a folder, in order of name, and says
// all that is wrong with them at once.
func readManifests(files fs.FS, bases map[string]string) (all []*connectors.Manifest, err error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no manifest (*.yaml) in the creditors' folder")
	}
	slices.Sort(names)
	catalog := kinds.All()
	var wrong []error
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		beside := func(other string) ([]byte, error) { return fs.ReadFile(files, path.Join(path.Dir(name), other)) }
		m, err := catalog.Parse(path.Base(name), data, beside)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for old, now := range bases {
			m.Rebase(old, now)
		}
		all = append(all, m)
	}
	return all, errors.Join(wrong...)
}

// openConnector gives one creditor its way out, its allowance, its guard and,
// when it delivers in bulk, its snapshots.
func (h *runningHub) openConnector(ctx context.Context, setup hubSetup, m *connectors.Manifest, leaser *guard.Leaser, ward *guard.Ward) (*hub.Connector, error) {
	name := m.Creditor.Name
	allowance := leaser.Allowance(name, guard.LimitsOf(m.Traits))
	way := upstream.New(upstream.Conf{
		MaxInflight: m.Traits.MaxInflight, Turn: allowance.Turn, Allow: allowed(setup, name),
	})
	h.onClose(func(context.Context) error { way.Close(); return nil })
	env := connectors.Env{
		Read: way.Read, Write: way.Write, Dial: way.Dial, Turn: allowance.Turn,
		Secret: secretsOf(setup.Config.Secrets, name), Clock: setup.Clock,
		LocalFiles: setup.LocalFiles, Log: h.log,
	}
	c, err := kinds.All().Open(ctx, env, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	guarded := guard.Connector(c, guard.Parts{
		Allowance: allowance, Posting: postings(leaser, m), Clock: setup.Clock, Ward: ward, Meter: h.meters.Guard(name, allowance), Log: h.log,
	}, guard.Conf{Linger: 3 * time.Second})
	return feed.Serve(guarded, h.store, setup.Clock), nil
}

// postings gives the slots of a creditor's postings, nil for one that takes none.
// They are shared under a name that is no creditor's.
func postings(leaser *guard.Leaser, m *connectors.Manifest) *guard.Allowance {
	if m.Traits.Paying.Class == "" {
		return nil
	}
	return leaser.Allowance(m.Creditor.Name+":post", guard.PostLimitsOf(m.Traits))
}

func allowed(setup hubSetup, name hub.Name) []netip.Prefix {
	wall := setup.Config.Wall
	return append(prefixes(wall.AllowAll), prefixes(wall.Creditors[string(name)])...)
}

func prefixes(configured []config.Prefix) (all []netip.Prefix) {
	for _, p := range configured {
		all = append(all, p.Prefix)
	}
	return all
}

// AwaitFeeds waits until every feed was published once, so that the first view
// is whole.
func (h *runningHub) AwaitFeeds(ctx context.Context) error {
	for _, c := range h.fleet {
		for c.Feed != nil {
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
