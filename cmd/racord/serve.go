package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"racord/config"
	"racord/hub"
)

type serveCommand struct {
	Config    string `help:"Configuration file." default:"racord.yaml" type:"path"`
	Listen    string `help:"Address of the API, instead of the one configured."`
	OpsListen string `help:"Address of the operations listener, instead of the one configured."`
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, to streams) (err error) {
	collectLater()
	conf, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if conf, err = conf.At(c.Listen, c.OpsListen); err != nil {
		return err
	}
	clock, err := businessClock(ctx, conf)
	if err != nil {
		return err
	}
	h, err := startHub(ctx, hubSetup{Config: conf, Manifests: os.DirFS(conf.Creditors), Clock: clock, LocalFiles: true, Log: to.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	fmt.Fprintf(to.out, "ready\n  API         %s\n  operations  %s\n", h.URL(), h.OpsURL())
	return h.Wait(ctx)
}

func businessClock(ctx context.Context, conf config.Config) (hub.Clock, error) {
	if conf.Sandbox.Clock == "" {
		return hub.ClockFunc(time.Now), nil
	}
	return followClock(ctx, conf.Sandbox.Clock)
}

// hubSetup is all that a hub is made from.
type hubSetup struct {
	Config     config.Config
	Manifests  fs.FS // one YAML file a creditor
	Clock      hub.Clock
	LocalFiles bool      // manifests are the operator's own: local paths are allowed
	Log        io.Writer // JSON lines
	Demo       bool      // nobody keeps its log: checkpoints are in it at level info only
}

// runningHub is a hub that answers. What was started is stopped by Close in
// reverse order.
type runningHub struct {
	parts
	log      *slog.Logger
	api, ops *listener
	closers  []func(context.Context) error
	waiting  []func() // what goes on behind the doors, until they are open
	drain    time.Duration
	failed   chan error
	ballast  []byte
}

// startHub builds a hub from the inside out: store, caches, the fleet behind
// its guard, use cases, doors. It answers when it returns.
func startHub(ctx context.Context, setup hubSetup) (_ *runningHub, err error) {
	h := &runningHub{drain: time.Duration(setup.Config.Drain), failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	for _, step := range []func(context.Context, hubSetup) error{
		h.openLog, h.openStore, h.openVault, h.openCaches, h.openFleet, h.openUseCases, h.openRegistry, h.openDoors, h.openWebhooks,
	} {
		if err := step(ctx, setup); err != nil {
			return nil, err
		}
	}
	h.ballast = tuneMemory()
	for _, begin := range h.waiting {
		begin()
	}
	return h, nil
}

// behind lets work go on beside the answering. It begins when the doors are open,
// so that it takes nothing from a start, and ends before what was opened earlier.
func (h *runningHub) behind(work func(context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	h.waiting = append(h.waiting, func() { running.Go(func() { work(ctx) }) })
	h.onClose(func(context.Context) error { stop(); running.Wait(); return nil })
}

// collectLater keeps the collector still while a hub starts: that makes some 20 MB
// and is over soon. tuneMemory lets it go.
func collectLater() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(-1)
	}
}

// tuneMemory lets the heap grow further between collections than Go's default:
// a hub makes short-lived garbage beside a cache of known size. GOGC of the
// environment wins. It gives the ballast, to be kept as long as the hub runs.
func tuneMemory() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(400)
	return make([]byte, ballast)
}

// ballast in bytes is counted by the collector and never touched, so that it
// takes no memory: a hub with little in its cache, too, makes some 40 MB of
// garbage before it collects, and not ten times a second.
const ballast = 8 << 20

// onClose remembers what to stop.
func (h *runningHub) onClose(stop func(context.Context) error) { h.closers = append(h.closers, stop) }

// drainFor is how long requests under way may go on after a stop.
const drainFor = 20 * time.Second

// Close stops everything in reverse order.
func (h *runningHub) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	var all error
	for i := len(h.closers) - 1; i >= 0; i-- {
		all = errors.Join(all, h.closers[i](ctx))
	}
	h.closers = nil
	return all
}

// Wait ends with the failure of a listener, or when ctx does: then the hub says
// that it is not ready and answers a little longer, until balancers have seen it.
func (h *runningHub) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		h.meters.Drain()
		time.Sleep(h.drain)
		return nil
	case err := <-h.failed:
		return err
	}
}

// URL is the root of the API.
func (h *runningHub) URL() string { return h.api.url() }

// OpsURL is the root of the operations listener.
func (h *runningHub) OpsURL() string { return h.ops.url() }

// listener is an address that is taken: what names it can be made before it is
// served.
type listener struct{ net.Listener }

// server is an http.Server, or one like it.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

func bind(ctx context.Context, address string) (*listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &listener{l}, nil
}

// serve answers on a listener until the hub stops.
func (h *runningHub) serve(taken *listener, server server) {
	go func() {
		if err := server.Serve(taken.Listener); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- err
		}
	}()
	h.onClose(func(ctx context.Context) error { return errors.Join(server.Shutdown(ctx), quietly(taken.Close())) })
}

// quietly passes a listener over that its server closed already.
func quietly(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *listener) url() string { return "http://" + l.Addr().String() }
