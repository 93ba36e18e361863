package postgres_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/hub"
	"racord/hub/hubtest"
)

// relay stands between a store and its server.
type relay struct {
	server string
	mu     sync.Mutex
	conns  map[net.Conn]bool
	trips  atomic.Int64 // how often the store spoke after the server spoke
	cut    atomic.Int64 // after so many more trips an answer is lost, with its connection; 0 = never
	dead   atomic.Bool  // nobody is let in
	mute   atomic.Bool  // who is let in hears nothing
	turned atomic.Int64 // how many were not let in, or heard nothing
}

// tap puts a relay before the server of a DSN.
func tap(t testing.TB, dsn string) (tapped string, r *relay) {
	t.Helper()
	place, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	r = &relay{server: place.Host, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if r.dead.Load() {
				r.turned.Add(1)
				_ = conn.Close()
				continue
			}
			if r.mute.Load() {
				r.turned.Add(1)
				t.Cleanup(func() { _ = conn.Close() })
				continue
			}
			go r.carry(conn)
		}
	}()
	place.Host = listener.Addr().String()
	return place.String(), r
}

// kill closes all connections, as a server that is killed does.
func (r *relay) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.conns {
		_ = conn.Close()
	}
	clear(r.conns)
}

func (r *relay) carry(store net.Conn) {
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		_ = store.Close()
		return
	}
	r.mu.Lock()
	r.conns[store] = true
	r.mu.Unlock()
	defer store.Close()
	defer server.Close()
	answered, lost := &atomic.Bool{}, &atomic.Bool{}
	answered.Store(true)
	go func() {
		copyTo(store, server, func() bool { answered.Store(true); return !lost.Load() })
		_ = store.Close()
	}()
	copyTo(server, store, func() bool {
		if answered.Swap(false) {
			r.trips.Add(1)
			if r.cut.Load() > 0 && r.cut.Add(-1) == 0 {
				lost.Store(true)
			}
		}
		return true
	})
}

// copyTo copies until one side ends or spoke says that it is enough.
func copyTo(to, from net.Conn, spoke func() bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !spoke() {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// TestAFolderIsOneRoundTrip listens between the store and the server.
func TestAFolderIsOneRoundTrip(t *testing.T) {
	dsn, who := testserver.Postgres(t), hub.Login{Issuer: "i", Subject: "s"}
	tapped, between := tap(t, dsn)
	store := open(t, tapped)
	folder, err := store.Enrol(t.Context(), who, "Ana", nil)
	if err != nil {
		t.Fatal(err)
	}
	account := hub.AccountRef{Creditor: "water", Code: "1"}
	if err := store.Link(t.Context(), hub.Link{ID: "l", Party: folder.Party.ID, Account: account}); err != nil {
		t.Fatal(err)
	}
	const reads = 20
	before := between.trips.Load()
	for range reads {
		if f, err := store.Folder(t.Context(), who); err != nil || len(f.Links) != 1 {
			t.Fatalf("got %d links (%v), want 1", len(f.Links), err)
		}
	}
	if got := between.trips.Load() - before; got != reads {
		t.Fatalf("got %d round trips for %d folders, want one each", got, reads)
	}
}

// TestAPaymentIsFewRoundTrips counts what each step costs once its statements
// are known to the server.
func TestAPaymentIsFewRoundTrips(t *testing.T) {
	tapped, between := tap(t, testserver.Postgres(t))
	store := open(t, tapped)
	var p *hub.Payment
	steps := []struct {
		name string
		do   func() error
		want int64
	}{
		{"open", func() (err error) { // begin, claims, order number, commit
			p, _, err = store.OpenPayment(t.Context(), hub.RequestKey{Key: hub.NewID()}, basket)
			return err
		}, 4},
		{"change", func() error { // begin, commit
			_, err := store.ChangePayment(t.Context(), p.ID, nil, start)
			return err
		}, 2},
		{"read", func() error { _, err := store.Payment(t.Context(), p.ID); return err }, 1},
		{"lease", func() error {
			_, err := store.LeaseWork(t.Context(), hub.WorkQuery{Kind: hub.WorkCharge, Most: 1, TTL: time.Second})
			return err
		}, 1},
		{"fact", func() error { // begin, fact, commit
			_, err := store.ReceiveFact(t.Context(), hub.Fact{PSP: "netopia", Event: hub.NewID(), Order: p.Charges[0].Order})
			return err
		}, 3},
	}
	for round := range 2 {
		for _, step := range steps {
			before := between.trips.Load()
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := between.trips.Load() - before; round > 0 && got != step.want {
				t.Errorf("%s: got %d round trips, want %d", step.name, got, step.want)
			}
		}
	}
}

// basket builds a payment of three claimed lines and a charge.
func basket(tx hub.PaymentTx) (*hub.Payment, error) {
	id := hub.NewID()
	p := hubtest.Basket("", hub.ObligationID(id+"a"), hub.ObligationID(id+"b"), hub.ObligationID(id+"c"))
	lines := []*hub.Line{&p.Lines[0], &p.Lines[1], &p.Lines[2]}
	if _, err := tx.HoldAll(context.Background(), p.ID, lines, tx.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	order, err := tx.NextOrder(context.Background(), "netopia", "m1")
	p.Charges[0].Order = order
	tx.Emit(hub.Event{Type: "payment.opened"})
	return p, err
}

// start starts a payment's charge.
func start(tx hub.PaymentTx, p *hub.Payment) error {
	tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkCharge, No: 1}, 0)
	tx.Emit(hub.Event{Type: "charge.started"})
	return p.Charges[0].Move(hub.ChargeStarting)
}

// TestAServerThatIsBackCostsNoError kills every connection of a warm pool.
func TestAServerThatIsBackCostsNoError(t *testing.T) {
	const callers = 12
	tapped, between := tap(t, testserver.Postgres(t))
	store := open(t, tapped)
	all := func() (failed []error) {
		var wait sync.WaitGroup
		var mu sync.Mutex
		for range callers {
			wait.Go(func() {
				p, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: hub.NewID()}, basket)
				if err == nil {
					_, err = store.Payment(t.Context(), p.ID)
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		return failed
	}
	if failed := all(); len(failed) > 0 {
		t.Fatal(failed)
	}
	between.dead.Store(true)
	between.kill()
	began, refused := time.Now(), all()
	for _, err := range refused {
		if hub.CodeOf(err) != hub.CodeUnavailable {
			t.Errorf("got %v while the server is dead, want it unavailable", err)
		}
	}
	t.Logf("%d callers were refused in %s", callers, time.Since(began))
	between.dead.Store(false)
	// The pool dials ahead for callers who wait, so one who comes now may be told
	// of a connection that was turned away before; but nobody of any other.
	if late := all(); int64(len(refused)+len(late)) > between.turned.Load() {
		t.Errorf("the server is back, and %d callers were refused: %v", len(late), late)
	}
	between.kill() // killed and back before anybody noticed
	for _, err := range all() {
		t.Errorf("the server was away for a moment: %v", err)
	}
}

// TestALostAnswerIsRepeatedWithoutHarm loses the answer to every round trip of
// opening and changing a payment, one after the other, and repeats.
func TestALostAnswerIsRepeatedWithoutHarm(t *testing.T) {
	dsn := testserver.Postgres(t)
	tapped, between := tap(t, dsn)
	store := open(t, tapped)
	if _, _, err := store.OpenPayment(t.Context(), hub.RequestKey{Key: "warm"}, basket); err != nil {
		t.Fatal(err)
	}
	for cut := int64(1); ; cut++ {
		key := hub.RequestKey{Key: fmt.Sprint("cut", cut)}
		between.cut.Store(cut)
		p, _, err := store.OpenPayment(t.Context(), key, basket)
		through := between.cut.Swap(0) > 0
		if err != nil {
			if hub.CodeOf(err) != hub.CodeUnavailable {
				t.Fatalf("cut %d: got %v, want it unavailable", cut, err)
			}
			if p, _, err = store.OpenPayment(t.Context(), key, basket); err != nil {
				t.Fatalf("cut %d, repeated: %v", cut, err)
			}
		}
		again, fresh, err := store.OpenPayment(t.Context(), key, basket)
		if err != nil || fresh || again.ID != p.ID {
			t.Fatalf("cut %d: got payment %s, fresh %v (%v), want %s again", cut, again.ID, fresh, err, p.ID)
		}
		lostChange(t, store, between, p.ID, cut)
		if through {
			break
		}
	}
	loose := 0
	query := `SELECT (SELECT count(*) FROM payments) - (SELECT count(*) FROM payment_keys) + (SELECT count(*) FROM claims) - 3 * (SELECT count(*) FROM payments)`
	if err := raw(t, dsn).QueryRowContext(t.Context(), query).Scan(&loose); err != nil || loose != 0 {
		t.Fatalf("got %d payments, keys or claims that do not belong together (%v)", loose, err)
	}
}

// lostChange loses an answer while a payment is changed, and repeats the change.
func lostChange(t *testing.T, store hub.Payments, between *relay, id hub.PaymentID, cut int64) {
	t.Helper()
	between.cut.Store(cut)
	_, err := store.ChangePayment(t.Context(), id, nil, start)
	between.cut.Store(0)
	if err != nil && hub.CodeOf(err) != hub.CodeUnavailable {
		t.Fatalf("cut %d: got %v, want it unavailable", cut, err)
	}
	p, err := store.ChangePayment(t.Context(), id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		if p.Charges[0].State == hub.ChargeStarting {
			return nil
		}
		return start(tx, p)
	})
	if err != nil || p.Events != 2 {
		t.Fatalf("cut %d: got %d events (%v), want one of opening and one of starting", cut, p.Events, err)
	}
}
