package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"racord/adapters/httpapi"
	"racord/adapters/identity"
	"racord/adapters/memcache"
	"racord/adapters/opsapi"
	"racord/adapters/postgres"
	"racord/adapters/rediscache"
	"racord/adapters/sqlite"
	"racord/adapters/telemetry"
	"racord/adapters/upstream"
	"racord/config"
	"racord/hub"
	"racord/hub/feed"
	"racord/hub/link"
	"racord/hub/onboard"
	"racord/hub/pay"
	"racord/hub/push"
	"racord/hub/reconcile"
	"racord/hub/vault"
	"racord/hub/view"
)

// parts are the pieces of a hub, in the order in which they are made.
type parts struct {
	meters    *telemetry.Telemetry
	master    []byte
	store     hub.Store
	l1, l2    hub.PageCache
	keys      *hub.Keys
	berth     *berth
	fleet     hub.Roster
	views     *view.Views
	feeds     *feed.Runner
	payments  *pay.Service
	comparing *reconcile.Service
	vault     *vault.Vault
	registry  *onboard.Service
}

func (h *runningHub) openLog(_ context.Context, setup hubSetup) error {
	h.meters = telemetry.New()
	h.meters.Business(setup.Clock)
	var err error
	h.log, err = telemetry.NewLogger(setup.Log, setup.Config.Log)
	return err
}

// openStore opens the store with the master key of the data directory.
func (h *runningHub) openStore(ctx context.Context, setup hubSetup) (err error) {
	if h.store, h.master, err = openStore(ctx, setup.Config, h.migrationWaits); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	h.onClose(func(context.Context) error { return h.store.Close() })
	if has, knows := schemaOf(h.store); has > knows {
		h.log.Warn("a newer version has migrated the database: this one goes on, and is to be replaced", "schema", has, "known", knows)
	}
	h.keys, err = hub.NewKeys(h.master, "cache")
	return err
}

func (h *runningHub) migrationWaits(whom string) {
	h.log.Warn("the migration waits until others have done with its tables", "by", whom)
}

// schemaOf gives the version that a store's schema has, and the newest that this
// binary knows.
func schemaOf(store hub.Store) (has, knows int64) {
	return store.(interface{ Schema() (has, knows int64) }).Schema()
}

// openStore opens PostgreSQL when the configuration names a DSN file, else the
// SQLite file in the data directory. A master key is made for a new database only,
// and one that turns out not to be its own is taken away again. Whom a migration
// waits for is told.
func openStore(ctx context.Context, conf config.Config, waits func(whom string)) (store hub.Store, master []byte, err error) {
	d, err := databaseOf(conf, waits)
	if err != nil {
		return nil, nil, err
	}
	master, fresh, err := masterKey(conf.Data, func() (bool, error) { return d.made(ctx) })
	if err != nil {
		return nil, nil, err
	}
	store, err = d.open(ctx, master)
	if fresh && errors.Is(err, hub.ErrOtherMaster) {
		err = errors.Join(err, os.Remove(masterKeyIn(conf.Data))) // another replica was first
	}
	return store, master, otherMaster(conf.Data, err)
}

// database is where a hub keeps what it knows.
type database struct {
	made func(context.Context) (bool, error)              // whether a hub has used it
	open func(context.Context, []byte) (hub.Store, error) // with a master key; either waits while it recovers
	look func(context.Context, []byte) (hub.Store, error) // the same, and nothing can be changed
}

func databaseOf(conf config.Config, waits func(whom string)) (database, error) {
	if conf.Store.PostgresFile == "" {
		return database{
			made: func(context.Context) (bool, error) { return sqlite.Made(conf.Data) },
			open: func(ctx context.Context, key []byte) (hub.Store, error) { return sqlite.Open(ctx, conf.Data, key) },
			look: func(ctx context.Context, key []byte) (hub.Store, error) {
				return sqlite.OpenToRead(ctx, conf.Data, key)
			},
		}, nil
	}
	file, err := os.ReadFile(conf.Store.PostgresFile)
	dsn := strings.TrimSpace(string(file))
	return database{
		made: func(ctx context.Context) (bool, error) {
			if err := postgres.Await(ctx, dsn, databaseWithin); err != nil {
				return false, err
			}
			return postgres.Made(ctx, dsn)
		},
		open: func(ctx context.Context, key []byte) (hub.Store, error) {
			return postgres.OpenWithin(ctx, dsn, key, databaseWithin, waits)
		},
		look: func(ctx context.Context, key []byte) (hub.Store, error) { return postgres.OpenToRead(ctx, dsn, key) },
	}, err
}

// databaseWithin is how long a start waits for a database that recovers.
const databaseWithin = 30 * time.Second

func (h *runningHub) openCaches(_ context.Context, setup hubSetup) error {
	h.l1 = memcache.New(setup.Config.Cache.Megabytes << 20)
	conf := setup.Config.Redis
	if len(conf.Addresses) == 0 {
		return nil
	}
	servers, err := redisServers(conf)
	if err != nil {
		return err
	}
	rediscache.LogTo(h.log)
	client := rediscache.Dial(servers)
	h.onClose(func(context.Context) error { return client.Close() })
	h.l2 = rediscache.New(client, h.keys, h.redisEvent)
	h.tryRedis(client)
	return nil
}

// redisEvent counts what the shared cache does, and tells when it comes and goes.
func (h *runningHub) redisEvent(event rediscache.Event, n int) {
	h.meters.RedisEvent(string(event), n)
	switch event {
	case rediscache.Left:
		h.log.Warn("the shared cache does not answer: creditors are asked more often until it does")
	case rediscache.Back:
		h.log.Info("the shared cache answers again")
	}
}

// tryRedis tells soon of a shared cache that is not there. The hub works without,
// and does not wait for it.
func (h *runningHub) tryRedis(client redis.UniversalClient) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := client.Ping(ctx).Err(); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			h.log.Warn("the shared cache cannot be reached: the hub works without", "error", err)
		}
	}()
	h.onClose(func(context.Context) error { stop(); <-ended; return nil })
}

// openUseCases makes what the doors lead to.
func (h *runningHub) openUseCases(_ context.Context, setup hubSetup) error {
	h.views = view.New(view.Parts{
		Roster: h.fleet, Folders: h.store, L1: h.l1, L2: h.l2, Keys: h.keys, Clock: setup.Clock, Meter: h.meters.View(),
	}, view.Conf{
		Deadline: time.Duration(setup.Config.View.Deadline), FetchFor: time.Duration(setup.Config.View.FetchFor),
		Nearby: memcache.Holds(setup.Config.Cache.Megabytes << 20),
	})
	h.onClose(func(context.Context) error { h.views.Close(); return nil })
	h.feeds = feed.New(feed.Parts{Roster: h.fleet, Store: h.store, Log: h.log, Meter: h.meters.Feed()},
		feed.Conf{Every: time.Duration(setup.Config.Feeds.Every)})
	h.behind(h.feeds.Run)
	return nil
}

// openDoors opens the API and the operations listener.
func (h *runningHub) openDoors(ctx context.Context, setup hubSetup) error {
	door, err := h.openIdentity(setup)
	if err != nil {
		return err
	}
	if h.api, err = bind(ctx, setup.Config.Listen); err != nil {
		return err
	}
	if err := h.openPayments(ctx, setup, publicURL(setup.Config, h.api)); err != nil {
		return err
	}
	h.openReconciling(setup)
	if err := h.openChain(setup); err != nil {
		return err
	}
	limits := setup.Config.Limits
	api := httpapi.New(httpapi.Parts{
		Doorman: door, Views: h.views, Paying: h.doorsToPaying(), Roster: h.fleet, Meter: h.meters.HTTP(), Log: h.log,
		Links:      &link.Service{Store: h.store, Roster: h.fleet, Clock: setup.Clock},
		Sending:    &push.Service{Roster: h.fleet, Store: h.store, Intake: h.feeds, Clock: setup.Clock},
		Connectors: h.registry, Ready: h.meters.Ready(h.store.Ready),
	}, httpapi.Conf{
		CitizenPerMinute: limits.CitizenPerMinute, CallsPerMinute: limits.CallsPerMinute,
		PortalPerMinute: limits.PortalPerMinute, SendsPerMinute: limits.SendsPerMinute, InFlight: limits.InFlight, PublicURL: publicURL(setup.Config, h.api),
		StartsPerMinute: limits.StartsPerMinute, PaymentsPerMinute: limits.PaymentsPerMinute, ReferencesPerMinute: limits.ReferencesPerMinute,
	})
	h.meters.WatchStore(h.store)
	h.meters.WatchBooks(h.store)
	buttons := opsapi.Handler(h.store, h.compare, h.vault.Rewrap, h.log)
	guarded := opsapi.Guard(h.meters.OpsHandler(h.store.Ready, buttons), setup.Config.OpsListen)
	ops := &http.Server{Handler: guarded, ReadHeaderTimeout: 2 * time.Second}
	if h.ops, err = bind(ctx, setup.Config.OpsListen); err != nil {
		return err
	}
	h.serve(h.ops, ops)
	h.serve(h.api, httpapi.NewServer(api, h.log))
	return nil
}

// openIdentity trusts the configured issuers, reached through the same wall as
// creditors.
func (h *runningHub) openIdentity(setup hubSetup) (*identity.Doorman, error) {
	way := upstream.New(upstream.Conf{Allow: prefixes(setup.Config.Wall.AllowAll), Deny: denied(setup.Config.Wall)})
	h.onClose(func(context.Context) error { way.Close(); return nil })
	conf := identity.Conf{}
	for _, issuer := range setup.Config.Issuers {
		conf.Issuers = append(conf.Issuers, identity.Issuer{
			URL: issuer.URL, Audience: issuer.Audience, Portals: issuer.Portals, Services: issuer.Services, Algorithms: issuer.Algorithms,
		})
	}
	door, err := identity.New(conf, identity.Parts{Folders: h.store, HTTP: way.HTTP(), Clock: hub.ClockFunc(time.Now), Log: h.log})
	if err != nil {
		return nil, err
	}
	h.onClose(func(context.Context) error { door.Close(); return nil })
	door.Knock()
	return door, nil
}
