package pay_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/pay"
)

// vault is what rebuilding needs of a ledger.
type vault struct {
	hub.Archive
	*hubtest.Ledger
}

func (v vault) Order(psp, merchant string, n int64) string { return v.Ledger.Order(psp, merchant, n) }
func (v vault) LastOrder(ctx context.Context, psp, merchant string) (int64, error) {
	return v.Ledger.LastOrder(ctx, psp, merchant)
}

func (v vault) LastOrders(ctx context.Context, psp string) (map[string]int64, error) {
	return v.Ledger.LastOrders(ctx, psp)
}
func (v vault) SkipOrders(ctx context.Context, psp, merchant string, n int64) error {
	return v.Ledger.SkipOrders(ctx, psp, merchant, n)
}
func (v vault) PaymentOfOrder(ctx context.Context, psp, order string) (hub.PaymentID, int, error) {
	return v.Ledger.PaymentOfOrder(ctx, psp, order)
}

// fenced is a town that loses its books and gets old ones back. Beta shows what
// it booked only after a while, as it declares.
type fenced struct {
	*town
	fence atomic.Bool
}

func newFenced(t *testing.T, seed uint64, share float64) *fenced {
	f := &fenced{}
	f.town = newTown(t, seed, share, 0, func(_ *town, parts *pay.Parts) {
		parts.Stopped = func(b hub.Barrier) bool { return b == hub.BarrierOpen && f.fence.Load() }
	})
	f.offices["beta"].visible = 2 * time.Second
	for _, c := range f.fleet {
		if c.Creditor.Name == "beta" {
			c.Traits.Paying.Visible = 2 * time.Second
		}
	}
	return f
}

// halt stops every replica, as a power cut does: what is under way elsewhere goes
// on there.
func (f *fenced) halt() {
	f.mu.Lock()
	last := f.replicas
	f.replicas, f.ended = nil, true
	f.mu.Unlock()
	for _, r := range last {
		r.die()
		<-r.ran
	}
	synctest.Wait() // nobody is born in their place
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = false
}

// restore puts old books in the place of the present ones, lets a hub run on them
// behind the fence for a while, rebuilds them and goes on.
func (f *fenced) restore(old *hubtest.Ledger, behind time.Duration) *pay.Rebuilt {
	f.fence.Store(true)
	f.mu.Lock()
	f.ledger = old
	f.mu.Unlock()
	f.birth()
	time.Sleep(behind)
	f.halt()
	found, err := pay.New(f.parts(), f.conf).Rebuild(context.Background(), vault{Ledger: old})
	if err != nil {
		f.t.Fatalf("rebuild: %v", err)
	}
	f.fence.Store(false)
	f.birth()
	time.Sleep(20 * time.Minute)
	f.halt()
	return found
}

// decide is a person who looks at the creditors' books.
func (f *fenced) decide() {
	hands := pay.New(f.parts(), f.conf)
	var stuck []*hub.Payment
	_ = f.ledger.EachPayment(context.Background(), func(p *hub.Payment) error {
		stuck = append(stuck, p)
		return nil
	})
	for _, p := range stuck {
		for _, l := range p.Lines {
			var err error
			switch {
			case l.State != hub.LineStuck:
			case f.offices[l.Creditor].ids[p.PostingID(l.No)] > 0:
				err = hands.Booked(context.Background(), p.ID, l.No, hub.Receipt{Number: "N"})
			default:
				_, err = hands.GiveBack(context.Background(), clerk, p.ID, l.No, l.Amount)
			}
			if err != nil {
				f.t.Errorf("%s line %d: %v", p.ID, l.No, err)
			}
		}
	}
}

// TestOldBooksAreMadeWhole plays with the books lost at some moment, and those of
// an earlier moment restored: nothing is taken or booked twice, and nothing that
// was taken is lost, whatever happened between. What was given back of payments
// that had ended is for a person: see TestWhatWasGivenBackElsewhereIsFound.
func TestOldBooksAreMadeWhole(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(plays)) {
		if name == "a booked line is given back" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(restores()) {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { loseBooks(t, plays[name], seed) })
				})
			}
		})
	}
}

func restores() int {
	if os.Getenv("RACORD_LONG") != "" {
		return 400
	}
	return 12
}

// loseBooks plays, and restores a backup at a moment of the seed's.
// A person decides about what is not clear.
func loseBooks(t *testing.T, play play, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 2))
	f := newFenced(t, seed, 0.1)
	f.prefer = []string{play.psp}
	f.birth()
	f.birth()
	f.errands.Go(func() { play.do(f.town) })
	time.Sleep(meanwhile(dice))
	old := f.ledger.Backup()
	time.Sleep(meanwhile(dice))
	f.halt()
	f.chance.calm()
	found := f.restore(old, meanwhile(dice))
	f.sleepOver()
	f.settled(time.Minute)
	f.decide()
	f.settled(time.Minute)
	f.end()
	if stuck := f.audit(t); stuck > 0 {
		t.Errorf("got %d lines stuck, want none after a person has looked", stuck)
	}
	t.Logf("%+v", *found)
}

// meanwhile is a while: mostly short, sometimes long.
func meanwhile(dice *rand.Rand) time.Duration {
	return time.Duration(dice.ExpFloat64() * float64([]time.Duration{
		20 * time.Millisecond, time.Second, 10 * time.Second, 10 * time.Minute}[dice.IntN(4)]))
}

// afterBackup is a town in which a basket was opened, and paid and told to
// everybody after the backup that it gives was made: before it was opened, or
// after.
func afterBackup(t *testing.T, before bool, refuses hub.Name, names ...hub.Name) (*fenced, *hubtest.Ledger) {
	f := newFenced(t, 1, 0)
	f.birth()
	old, items := f.ledger.Backup(), f.owe(1, names...)
	if refuses != "" {
		f.offices[refuses].refuses[external(1)] = true
	}
	f.pay(basket{key: "k", items: items, policy: hub.BestEffort, meanwhile: func(*hub.Payment) {
		if !before {
			old = f.ledger.Backup()
		}
	}})
	time.Sleep(100 * time.Millisecond)
	f.halt()
	return f, old
}

// TestWhatWasToldLastIsWaitedFor loses the books right after a creditor was told
// that shows what it booked only later.
func TestWhatWasToldLastIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, old := afterBackup(t, true, "", "beta")
		if found := f.restore(old, 0); found.Payments != 1 || found.Posted != 1 || found.Waiting != 0 {
			t.Errorf("got %+v, want one payment that is booked, and nothing for a person", *found)
		}
		f.end()
		f.audit(t)
	})
}

// TestWhatWasGivenBackIsNotGivenBackAgain restores books that know nothing of a
// refund. Which of two equal lines it was for is a person's to find out where the
// creditors cannot be asked.
func TestWhatWasGivenBackIsNotGivenBackAgain(t *testing.T) {
	for _, refuses := range []hub.Name{"alpha", "beta", "gamma"} {
		synctest.Test(t, func(t *testing.T) {
			f, old := afterBackup(t, false, refuses, "alpha", "beta", "gamma")
			f.restore(old, time.Minute)
			f.decide()
			f.birth()
			time.Sleep(time.Minute)
			f.end()
			f.audit(t)
			for number, o := range f.manual.orders {
				if o.facts.Refunded != 1037 {
					t.Errorf("%s refuses, %s: got %d given back, want its 1037", refuses, number, o.facts.Refunded)
				}
			}
		})
	}
}

// TestWhatWasGivenBackElsewhereIsFound has staff give money back in the provider's
// console, of a payment that had ended when the backup was made.
func TestWhatWasGivenBackElsewhereIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		give func(o *order)
		want string
	}{
		"a part":               {func(o *order) { o.facts.Refunded = 400 }, ": 4.00 RON"},
		"nobody says how much": {func(o *order) { o.facts.RefundedSome = true }, ""},
		"nothing":              {func(*order) {}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { giveBackElsewhere(t, tc.give, tc.want) })
		})
	}
}

func giveBackElsewhere(t *testing.T, give func(*order), noted string) {
	f := newFenced(t, 1, 0)
	f.birth()
	for n := range 20 {
		f.pay(basket{key: fmt.Sprint("k", n), items: f.owe(n, "alpha", "beta"), policy: hub.BestEffort})
	}
	f.settled(10 * time.Minute)
	old := f.ledger.Backup()
	f.halt()
	number := slices.Sorted(maps.Keys(f.manual.orders))[3]
	give(f.manual.orders[number])
	f.manual.orders[number].now()
	found := f.restore(old, time.Second)
	want := []string{"manual/" + number + noted}
	if noted == "none" {
		want = nil
	}
	if !slices.Equal(found.Returned, want) || found.NotAsked != 0 {
		t.Errorf("got %q, and %d not asked about, want %q", found.Returned, found.NotAsked, want)
	}
	list, _ := f.ledger.Anomalies(t.Context(), 100)
	list = slices.DeleteFunc(list, func(a hub.Anomaly) bool { return a.Kind != "refund_not_ours" })
	if len(list) != len(want) {
		t.Errorf("got %v noted for a person, want %d", list, len(want))
	}
	if again := f.restore(f.ledger, time.Second); len(again.Returned) != 0 {
		t.Errorf("got %q the second time, want nothing new", again.Returned)
	}
	f.end()
}

// TestWhatWasGivenBackElsewhereIsNotGivenBackAgain has a person give the line back
// that staff gave back in the provider's console.
func TestWhatWasGivenBackElsewhereIsNotGivenBackAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFenced(t, 1, 0)
		f.birth()
		p := f.pay(basket{key: "k", items: f.owe(1, "alpha", "beta"), policy: hub.BestEffort})
		f.settled(time.Minute)
		f.halt()
		order, amount := p.Charges[0].Order, p.Lines[0].Amount
		if err := f.manual.Refund(t.Context(), hub.ChargeRef{Order: order}, amount, nil, "console"); err != nil {
			t.Fatal(err)
		}
		f.restore(f.ledger.Backup(), time.Second)
		f.birth()
		if _, err := pay.New(f.parts(), f.conf).GiveBack(t.Context(), clerk, p.ID, 1, amount); err != nil {
			t.Fatal(err)
		}
		f.settled(time.Minute)
		f.end()
		f.audit(t)
		if got := f.manual.orders[order].facts.Refunded; got != amount.Minor {
			t.Errorf("got %d given back, want the %d of the console", got, amount.Minor)
		}
		if now, err := f.ledger.Payment(t.Context(), p.ID); err != nil || now.Line(1).State != hub.LineRefunded {
			t.Errorf("got line %+v (%v), want it refunded", now.Line(1), err)
		}
	})
}

// TestAnOrderWhoseManifestWasCutIsNamed rebuilds empty books from a provider that
// did not keep all that an order is for: a person is told which.
func TestAnOrderWhoseManifestWasCutIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha", "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		order := p.Charges[0].Order
		whole := s.manual.orders[order].manifest
		s.manual.orders[order].manifest = whole[:strings.LastIndex(whole, ":")+2]
		s.ledger = hubtest.NewLedger()
		found, err := pay.New(s.parts(), pay.Conf{}).Rebuild(t.Context(), vault{Ledger: s.ledger})
		if err != nil || !slices.Contains(found.Unknown, "manual/"+order) || found.Payments != 0 {
			t.Errorf("got %+v (%v), want %s among what nobody knows, and no payment", found, err, order)
		}
	})
}

// breaking is a store that cannot be reached once: at so many changes from now.
type breaking struct {
	pay.Store
	at int
}

func (b *breaking) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	if b.at--; b.at == 0 {
		return nil, hub.Errorf(hub.CodeUnavailable, "the database is away")
	}
	return b.Store.ChangePayment(ctx, id, under, change)
}

// TestRebuildingThatBrokeOffIsDoneAgain loses the database between any two changes
// of rebuilding a payment whose creditors have booked it.
func TestRebuildingThatBrokeOffIsDoneAgain(t *testing.T) {
	for at := range 4 {
		t.Run(fmt.Sprint(at+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, old := afterBackup(t, true, "", "alpha", "beta")
				f.ledger = old
				parts := f.parts()
				parts.Store = &breaking{parts.Store, at + 1}
				if _, err := pay.New(parts, f.conf).Rebuild(t.Context(), vault{Ledger: old}); err == nil && at < 3 {
					t.Error("the database was away, and rebuilding says nothing of it")
				}
				f.restore(old, 0)
				f.end()
				f.audit(t)
				for number, o := range f.manual.orders {
					if o.facts.Refunded != 0 {
						t.Errorf("%s: got %d given back of what creditors have booked", number, o.facts.Refunded)
					}
				}
			})
		})
	}
}
