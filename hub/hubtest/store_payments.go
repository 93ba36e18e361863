package hubtest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
)

// Basket is a payment of the party with a line for each obligation, one charge,
// and nothing stored yet.
func Basket(party hub.PartyID, obligations ...hub.ObligationID) *hub.Payment {
	p := &hub.Payment{
		ID: hub.PaymentID(hub.NewID()), Party: party, Portal: "portal", Quote: hub.QuoteID(hub.NewID()), Policy: hub.BestEffort,
		ReturnURL: "https://portal.example/back", OpenedAt: Now(), ExpiresAt: Now().Add(time.Hour),
	}
	total := int64(0)
	for i, o := range obligations {
		amount := int64(100 * (i + 1))
		total += amount
		p.Lines = append(p.Lines, hub.Line{
			No: i + 1, Creditor: "water", Obligation: o, ExternalID: "FACT-" + string(o), Option: "full", Amount: hub.Bani(amount),
			Asked: hub.Whom{Party: party, Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: CNP}},
			Class: hub.ClassA, Verified: hub.VerifiedLive, State: hub.LineHeld,
		})
	}
	p.Charges = []hub.Charge{{No: 1, PSP: "netopia", Merchant: "m1", Amount: hub.Bani(total), State: hub.ChargeCreated}}
	for i := range p.Lines {
		p.Charges[0].Lines = append(p.Charges[0].Lines, i+1)
	}
	return p
}

// requestKey is a client's key for a basket.
func requestKey(party hub.PartyID, key string) hub.RequestKey {
	return hub.RequestKey{Portal: "portal", Party: party, Route: "payments", Key: key, Hash: sha256.Sum256([]byte(key))}
}

// errTaken is what a basket gets whose obligation another one has.
var errTaken = hub.Errorf(hub.CodeConflict, "taken")

// opens builds a payment as the hub does: claims, order numbers, work.
func opens(t testing.TB, p *hub.Payment) func(hub.PaymentTx) (*hub.Payment, error) {
	return func(tx hub.PaymentTx) (*hub.Payment, error) {
		fresh := clone(t, p)
		held, err := tx.HoldAll(t.Context(), fresh.ID, linesOf(fresh), tx.Now().Add(10*time.Minute))
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			if !h.Held {
				return nil, errTaken
			}
		}
		for i := range fresh.Charges {
			c := &fresh.Charges[i]
			if c.Order, err = tx.NextOrder(t.Context(), c.PSP, c.Merchant); err != nil {
				return nil, err
			}
			tx.Schedule(hub.Work{Payment: fresh.ID, Kind: hub.WorkCharge, No: c.No}, time.Minute)
		}
		tx.Emit(hub.Event{Type: "payment.opened"})
		return fresh, nil
	}
}

func linesOf(p *hub.Payment) []*hub.Line {
	lines := make([]*hub.Line, len(p.Lines))
	for i := range p.Lines {
		lines[i] = &p.Lines[i]
	}
	return lines
}

// clone copies a payment deeply, with what JSON leaves out.
func clone(t testing.TB, p *hub.Payment) *hub.Payment {
	t.Helper()
	copied := *p
	copied.Charges = append([]hub.Charge(nil), p.Charges...)
	copied.Lines = append([]hub.Line(nil), p.Lines...)
	copied.Refunds = append([]hub.Refund(nil), p.Refunds...)
	return &copied
}

// opened stores a basket.
func opened(t *testing.T, store hub.Payments, p *hub.Payment) *hub.Payment {
	t.Helper()
	got, fresh, err := store.OpenPayment(t.Context(), requestKey(p.Party, string(p.ID)), opens(t, p))
	wantCode(t, "OpenPayment", err, "")
	if !fresh {
		t.Fatal("got a payment from before, want a new one")
	}
	return got
}

// changed alters a payment and fails the test on an error.
func changed(t *testing.T, store hub.Payments, id hub.PaymentID, change func(hub.PaymentTx, *hub.Payment) error) *hub.Payment {
	t.Helper()
	p, err := store.ChangePayment(t.Context(), id, nil, change)
	wantCode(t, "ChangePayment", err, "")
	return p
}

// wantSame fails the test unless two payments are one.
func wantSame(t *testing.T, what string, got, want *hub.Payment) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		one, _ := json.Marshal(got)
		other, _ := json.Marshal(want)
		t.Fatalf("%s:\ngot  %s\nwant %s", what, one, other)
	}
}

func read(t *testing.T, store hub.Payments, id hub.PaymentID) *hub.Payment {
	t.Helper()
	p, err := store.Payment(t.Context(), id)
	wantCode(t, "Payment", err, "")
	return p
}

func paymentRoundTrip(t *testing.T, lab Lab) {
	_, err := lab.Store.Payment(t.Context(), "nobody")
	wantCode(t, "Payment", err, hub.CodeNotFound)
	want := opened(t, lab.Store, Basket("ana", "a", "b"))
	if want.Events != 1 || want.Charges[0].Order == "" || len(want.Charges[0].Order) > 20 {
		t.Fatalf("got %d events and order %q, want one of each, short", want.Events, want.Charges[0].Order)
	}
	got := read(t, lab.Store, want.ID)
	wantSame(t, "read", got, want)
	if got.Lines[0].Asked.Identifier.Value != CNP {
		t.Fatal("the identifier that a creditor is asked about did not come back")
	}
}

func paymentChanges(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a", "b"))
	after := changed(t, lab.Store, p.ID, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Emit(hub.Event{Type: "payment.captured"}, hub.Event{Type: "line.due", Line: 1, Creditor: "water"})
		return errors.Join(p.Charge(1).Move(hub.ChargeStarting), p.Charge(1).Move(hub.ChargeCaptured), p.Line(1).Move(hub.LineDue))
	})
	if after.Events != 3 || after.State() != hub.PaymentCaptured {
		t.Fatalf("got %d events and state %s, want 3 and captured", after.Events, after.State())
	}
	wantSame(t, "read", read(t, lab.Store, p.ID), after)
	same := changed(t, lab.Store, p.ID, func(hub.PaymentTx, *hub.Payment) error { return nil })
	wantSame(t, "unchanged", same, after)
	_, err := lab.Store.ChangePayment(t.Context(), "nobody", nil, func(hub.PaymentTx, *hub.Payment) error { return nil })
	wantCode(t, "ChangePayment of none", err, hub.CodeNotFound)
}

// failedChange changes everything there is to change, and fails.
func failedChange(t *testing.T, lab Lab) {
	ctx, store := t.Context(), lab.Store
	p := opened(t, store, Basket("", "a", "b"))
	before, err := store.Dossier(ctx, p.ID)
	wantCode(t, "Dossier", err, "")
	broken := errors.New("broken")
	_, err = store.ChangePayment(ctx, p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx.Release(p.Line(1))
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: 1, Creditor: "water"}, 0)
		tx.Book(hub.TransferBooking("t1", "captured", p.ID, "x", "y", hub.Bani(5)))
		tx.Anomaly("odd", "very")
		tx.Emit(hub.Event{Type: "payment.captured"})
		if _, err := tx.NextOrder(ctx, "netopia", "m1"); err != nil {
			return err
		}
		p.Cancelled = true
		return errors.Join(p.Charge(1).Move(hub.ChargeStarting), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v, want the change's own error", err)
	}
	wantSame(t, "read", read(t, store, p.ID), p)
	after, err := store.Dossier(ctx, p.ID)
	wantCode(t, "Dossier", err, "")
	anomalies, err := store.Anomalies(ctx, 10)
	wantCode(t, "Anomalies", err, "")
	if !slices.Equal(after.Work, before.Work) || len(after.Claims) != 2 || len(after.Bookings) != 0 || len(anomalies) != 0 {
		t.Fatalf("got work %v, %d claims, %d bookings, %d anomalies after a failed change; want %v, 2, 0, 0",
			after.Work, len(after.Claims), len(after.Bookings), len(anomalies), before.Work)
	}
}

func keyOpensOnce(t *testing.T, lab Lab) {
	ctx, basket := t.Context(), Basket("ana", "a")
	key := requestKey("ana", "k1")
	first, fresh, err := lab.Store.OpenPayment(ctx, key, opens(t, basket))
	wantCode(t, "OpenPayment", err, "")
	if !fresh {
		t.Fatal("the first opening is not fresh")
	}
	built := false
	again, fresh, err := lab.Store.OpenPayment(ctx, key, func(hub.PaymentTx) (*hub.Payment, error) { built = true; return nil, errTaken })
	wantCode(t, "OpenPayment again", err, "")
	if fresh || built {
		t.Fatalf("got fresh %v, built %v for a key that was used, want neither", fresh, built)
	}
	wantSame(t, "again", again, first)
	other := key
	other.Hash = sha256.Sum256([]byte("another request"))
	_, _, err = lab.Store.OpenPayment(ctx, other, opens(t, Basket("ana", "b")))
	if !errors.Is(err, hub.ErrKeyUsed) {
		t.Errorf("OpenPayment with another content: got %v, want ErrKeyUsed", err)
	}
	for what, stranger := range map[string]hub.RequestKey{
		"another party":  requestKey("dan", "k1"),
		"another portal": {Portal: "p2", Party: "ana", Route: key.Route, Key: "k1"},
		"another route":  {Portal: "portal", Party: "ana", Route: "r2", Key: "k1"},
	} {
		p, fresh, err := lab.Store.OpenPayment(ctx, stranger, opens(t, Basket(stranger.Party, hub.ObligationID(what))))
		wantCode(t, what, err, "")
		if !fresh || p.ID == first.ID {
			t.Errorf("%s with the same key got the payment of the first", what)
		}
	}
}

func quoteOpensOnce(t *testing.T, lab Lab) {
	p := opened(t, lab.Store, Basket("", "a"))
	other := Basket("", "b")
	other.Quote = p.Quote
	_, _, err := lab.Store.OpenPayment(t.Context(), requestKey("", "k2"), opens(t, other))
	if !errors.Is(err, hub.ErrQuoteUsed) {
		t.Errorf("OpenPayment with a used quote: got %v, want ErrQuoteUsed", err)
	}
	claims, err := lab.Store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 1 {
		t.Fatalf("got %d claims, want that of the first payment alone", len(claims))
	}
}

// keyRace opens with one key from many sides at once.
func keyRace(t *testing.T, lab Lab) {
	const callers = 16
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	var wait sync.WaitGroup
	var fresh atomic.Int64
	ids, errs := make([]hub.PaymentID, callers), make([]error, callers)
	for i := range callers {
		wait.Go(func() {
			p, opened, err := stores[i%2].OpenPayment(t.Context(), requestKey("ana", "k"), opens(t, Basket("ana", "a", "b")))
			if errs[i] = err; err != nil {
				return
			}
			if ids[i] = p.ID; opened {
				fresh.Add(1)
			}
		})
	}
	wait.Wait()
	for i := range callers {
		wantCode(t, "OpenPayment", errs[i], "")
		if ids[i] != ids[0] {
			t.Fatalf("got payments %s and %s, want one", ids[i], ids[0])
		}
	}
	if fresh.Load() != 1 {
		t.Fatalf("got %d fresh payments, want 1", fresh.Load())
	}
}

// claimRace lets many goroutines at two replicas claim the same obligations, in
// pairs and in either order.
func claimRace(t *testing.T, lab Lab) {
	const callers, obligations = 64, 100
	stores := []hub.Store{lab.Store, lab.Replica(t)}
	var wait sync.WaitGroup
	var mu sync.Mutex
	holders, problems := map[hub.ObligationID]int{}, []error{}
	for i := range callers {
		wait.Go(func() {
			for n := range obligations {
				n = (n*37 + i*11) % obligations
				one, other := hub.ObligationID(fmt.Sprintf("a%d", n)), hub.ObligationID(fmt.Sprintf("b%d", n))
				if i%3 == 0 {
					one, other = other, one
				}
				p := Basket("", one, other)
				_, _, err := stores[i%2].OpenPayment(t.Context(), requestKey("", string(p.ID)), opens(t, p))
				mu.Lock()
				switch {
				case err == nil:
					holders[one]++
					holders[other]++
				case !errors.Is(err, errTaken):
					problems = append(problems, err)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, err := range problems[:min(3, len(problems))] {
		t.Errorf("%d claims failed: %v", len(problems), err)
	}
	if len(holders) != 2*obligations {
		t.Errorf("got %d obligations held, want %d", len(holders), 2*obligations)
	}
	for o, n := range holders {
		if n != 1 {
			t.Errorf("%s is held %d times", o, n)
		}
	}
	claims, err := lab.Store.Claims(t.Context())
	wantCode(t, "Claims", err, "")
	if len(claims) != 2*obligations {
		t.Errorf("got %d live claims, want %d", len(claims), 2*obligations)
	}
}
