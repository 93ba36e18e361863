// Package town is the simulated city of Napoca-Test: six creditors, an identity
// provider and a control channel on real connections, all telling the truth of
// one book until they are asked to misbehave.
//
// It is an independent witness: it shares no code with what it tests.
package town

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"racord/cmd/city/clock"
)

// Town is a running city. It is safe for concurrent use.
type Town struct {
	conf   Config
	clock  *clock.Clock
	world  atomic.Pointer[world]
	server *http.Server
	listen net.Listener
	stop   context.CancelFunc
	served chan struct{}
}

// Start builds the city and opens its doors. ctx bounds the start only; Close
// stops the city.
func Start(ctx context.Context, conf Config) (*Town, error) {
	conf, err := conf.withDefaults()
	if err != nil {
		return nil, err
	}
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp", conf.Listen)
	if err != nil {
		return nil, err
	}
	t := &Town{conf: conf, clock: clock.New(conf.Clock), listen: listen, served: make(chan struct{})}
	w, err := t.build(conf.Seed, conf.Size)
	if err != nil {
		_ = listen.Close()
		return nil, err
	}
	t.world.Store(w)
	t.serve()
	return t, nil
}

func (t *Town) serve() {
	base, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.server = &http.Server{
		Handler:           http.HandlerFunc(t.route),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	go func() {
		defer close(t.served)
		_ = t.server.Serve(t.listen) // always ends with ErrServerClosed
	}()
}

func (t *Town) route(w http.ResponseWriter, r *http.Request) {
	t.world.Load().mux.ServeHTTP(w, r)
}

// Close ends all calls, hanging ones too, and stops the city.
func (t *Town) Close() error {
	t.stop()
	patience, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := t.server.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		err = t.server.Close()
	}
	<-t.served
	return err
}

// URL is the root of all HTTP interfaces, without a final slash.
func (t *Town) URL() string { return "http://" + t.listen.Addr().String() }

// Now is the virtual time.
func (t *Town) Now() time.Time { return t.clock.Now() }

// SetClock sets the virtual time, forward or back. It fails when a creditor
// cannot bring its tables up to that day.
func (t *Town) SetClock(at time.Time) error {
	t.clock.Set(at)
	return nil
}

// Advance moves the virtual time; it fails as SetClock does.
func (t *Town) Advance(by time.Duration) error { return t.SetClock(t.Now().Add(by)) }

// Reseed replaces the city by another, empty size meaning the same size.
// Faults, counters, payments and tokens of the old one are gone; passwords and
// the clock stay.
func (t *Town) Reseed(seed int64, size string) error {
	old := t.world.Load()
	if size == "" {
		size = old.size
	}
	if _, ok := sizes[size]; !ok {
		return fmt.Errorf("town: unknown size %q (S, M, L)", size)
	}
	w, err := t.build(seed, size)
	if err != nil {
		return err
	}
	t.world.Store(w)
	return nil
}
