// Package town is the simulated city of Napoca-Test: its creditors, two payment
// providers, a bank, an identity provider and a control channel on real
// connections, all telling the truth of their books until they are asked to
// misbehave.
//
// It is an independent witness: it shares no code with what it tests.
package town

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"racord/cmd/city/clock"
	"racord/cmd/city/heating"
	"racord/cmd/city/roadfines"
	"racord/cmd/city/waste"
)

// Town is a running city. It is safe for concurrent use.
type Town struct {
	conf    Config
	clock   *clock.Clock
	world   atomic.Pointer[world]
	server  *http.Server
	listen  net.Listener
	road    *http.Server // of road fines, over TLS
	roadOn  net.Listener
	heating *heating.Server
	waste   *waste.Operator
	scratch string // folder to remove at the end
	stop    context.CancelFunc
	served  chan struct{}

	roadKeys *roadfines.Keys
}

// Start builds the city and opens its doors. ctx bounds the start only; Close
// stops the city.
func Start(ctx context.Context, conf Config) (*Town, error) {
	conf, err := conf.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := roadfines.NewKeys()
	if err != nil {
		return nil, err
	}
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp", conf.Listen)
	if err != nil {
		return nil, err
	}
	roadOn, err := (&net.ListenConfig{}).Listen(ctx, "tcp", conf.TLSListen)
	if err != nil {
		_ = listen.Close()
		return nil, err
	}
	t := &Town{conf: conf, clock: clock.New(conf.Clock), listen: listen, roadOn: roadOn, roadKeys: keys, served: make(chan struct{}, 2)}
	t.serve()
	if err := t.open(ctx); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// open builds the first world and the creditors that live outside HTTP.
func (t *Town) open(ctx context.Context) error {
	w, err := t.build(t.conf.Seed, t.conf.Size)
	if err != nil {
		return err
	}
	w.files = heating.NewArchive(w.book, t.clock, w.gates["heating"])
	t.world.Store(w)
	t.heating, err = heating.Listen(ctx, t.conf.SFTPListen, heatingUser, heatingPassword, w.files, w.gates["heating"])
	if err != nil {
		return err
	}
	t.waste, err = t.openWaste(ctx, w)
	return err
}

func (t *Town) openWaste(ctx context.Context, w *world) (*waste.Operator, error) {
	door := w.gates["waste"]
	if t.conf.PostgresDSN != "" {
		return waste.OpenPostgres(ctx, t.conf.PostgresDSN, wastePassword, w.book, t.clock, door)
	}
	dir := t.conf.DataDir
	if dir == "" {
		var err error
		if t.scratch, err = os.MkdirTemp("", "napoca-test-"); err != nil {
			return nil, err
		}
		dir = t.scratch
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return waste.OpenSQLite(filepath.Join(dir, "waste.db"), w.book, t.clock, door)
}

func (t *Town) serve() {
	base, stop := context.WithCancel(context.Background())
	t.stop = stop
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC
	t.server = &http.Server{
		Protocols:         &protocols,
		Handler:           http.HandlerFunc(t.route),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	t.road = &http.Server{
		TLSConfig:         t.roadKeys.TLS(),
		Handler:           http.HandlerFunc(t.routeSecured),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(io.Discard, "", 0), // it tells of every certificate that was refused
	}
	go func() {
		_ = t.server.Serve(t.listen) // always ends with ErrServerClosed
		t.served <- struct{}{}
	}()
	go func() {
		_ = t.road.ServeTLS(t.roadOn, "", "") // likewise
		t.served <- struct{}{}
	}()
}

func (t *Town) routeSecured(w http.ResponseWriter, r *http.Request) {
	if now := t.world.Load(); now != nil {
		now.secured.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable) // still building
}

func (t *Town) route(w http.ResponseWriter, r *http.Request) {
	if now := t.world.Load(); now != nil {
		now.mux.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable) // still building
}

// Close ends all calls, hanging ones too, and stops the city.
func (t *Town) Close() error {
	t.stop()
	patience, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var failed []error
	for _, server := range []*http.Server{t.server, t.road} {
		err := server.Shutdown(patience)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		failed = append(failed, err)
		<-t.served
	}
	if w := t.world.Load(); w != nil {
		w.providers.close()
	}
	if t.heating != nil {
		failed = append(failed, t.heating.Close())
	}
	if t.waste != nil {
		failed = append(failed, t.waste.Close())
	}
	if t.scratch != "" {
		failed = append(failed, os.RemoveAll(t.scratch))
	}
	return errors.Join(failed...)
}

// URL is the root of all HTTP interfaces, without a final slash.
func (t *Town) URL() string { return "http://" + t.listen.Addr().String() }

// SecureURL is the root of the register of road fines, without a final slash.
func (t *Town) SecureURL() string { return "https://" + t.roadOn.Addr().String() }

// SFTPAddr is host:port of the heating company's files.
func (t *Town) SFTPAddr() string { return t.heating.Addr() }

// WasteDriver is "sqlite" or "postgres".
func (t *Town) WasteDriver() string { return t.waste.Driver() }

// WasteDSN is the path of the waste operator's SQLite file, or a connection
// string for its reading role on PostgreSQL.
func (t *Town) WasteDSN() string { return t.waste.DSN() }

// Now is the virtual time.
func (t *Town) Now() time.Time { return t.clock.Now() }

// SetClock sets the virtual time, forward or back. It fails when a creditor
// cannot bring its tables up to that day.
func (t *Town) SetClock(at time.Time) error {
	t.clock.Set(at)
	t.world.Load().providers.clockSet()
	return t.settle()
}

// Advance moves the virtual time; it fails as SetClock does.
func (t *Town) Advance(by time.Duration) error { return t.SetClock(t.Now().Add(by)) }

// Reseed replaces the city by another, empty size meaning the same size.
// Faults, counters, books, manners and tokens of the old one are gone; passwords
// and the clock stay.
func (t *Town) Reseed(seed int64, size string) error {
	old := t.world.Load()
	if size == "" {
		size = old.size
	}
	if _, ok := sizes[size]; !ok {
		return fmt.Errorf("town: unknown size %q (XS, S, M, L)", size)
	}
	w, err := t.build(seed, size)
	if err != nil {
		return err
	}
	w.files = heating.NewArchive(w.book, t.clock, w.gates["heating"])
	t.world.Swap(w).providers.close()
	t.heating.Show(w.files, w.gates["heating"])
	return t.waste.Show(w.book, w.gates["waste"])
}
