package guard_test

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// nightly is a feed whose delivery takes a while to read.
type nightly struct {
	err    error
	record time.Duration
	ctx    context.Context
	asked  int
	closed int
	act    func() // while it is asked; nil = nothing
}

func (n *nightly) Pull(ctx context.Context, _ hub.Cursor) (hub.Batch, error) {
	n.ctx = ctx
	n.asked++
	if n.err != nil {
		return nil, n.err
	}
	if n.act != nil {
		n.act()
	}
	return &delivery{n}, nil
}

type delivery struct{ from *nightly }

func (d *delivery) Extent() hub.Extent   { return hub.ExtentAll }
func (d *delivery) AsOf() time.Time      { return time.Time{} }
func (d *delivery) Control() hub.Control { return hub.Control{Rows: -1} }
func (d *delivery) Next() hub.Cursor     { return "next" }
func (d *delivery) Close() error         { d.from.closed++; return nil }

func (d *delivery) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for range 100 {
			timer := time.NewTimer(d.from.record)
			select {
			case <-timer.C:
			case <-d.from.ctx.Done():
				timer.Stop()
				yield(hub.Record{}, d.from.ctx.Err())
				return
			}
			if !yield(hub.Record{}, nil) {
				return
			}
		}
	}
}

func fed(f hub.Feed, a *guard.Allowance) hub.Feed { return fedBy(f, guard.Parts{Allowance: a}) }

func fedBy(f hub.Feed, parts guard.Parts) hub.Feed {
	c := &hub.Connector{Creditor: hub.Creditor{Name: "heating"}, Traits: traits, Feed: f}
	parts.Clock = hub.ClockFunc(time.Now)
	return guard.Connector(c, parts, guard.Conf{}).Feed
}

func TestADeliveryThatNobodyGetsIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ward := guard.NewWard(nil, hub.ClockFunc(time.Now), nil, nil)
		n := &nightly{act: func() { ward.Quarantine("heating", "a test") }}
		f := fedBy(n, guard.Parts{Allowance: guard.Fixed("heating", guard.LimitsOf(traits)), Ward: ward})
		if _, err := f.Pull(t.Context(), ""); hub.CodeOf(err) != hub.CodeForeignData || n.closed != 1 {
			t.Errorf("got %v and %d closed, want the quarantine and the delivery closed", err, n.closed)
		}
	})
}

func TestDeliveryHoldsItsSlotUntilItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowance := guard.Fixed("heating", guard.Limits{Inflight: 1})
		batch, err := fed(&nightly{record: time.Second}, allowance).Pull(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, err := range batch.Records() {
			if err != nil {
				t.Fatal(err)
			}
			read++
			if got := allowance.Load().Inflight; got != 1 {
				t.Fatalf("after %d records: got %d slots taken, want 1", read, got)
			}
		}
		if read != 100 {
			t.Errorf("got %d records, want 100: a delivery has no timeout", read)
		}
		for range 2 {
			_ = batch.Close()
		}
		time.Sleep(time.Second)
		if got := allowance.Load().Inflight; got != 0 {
			t.Errorf("after Close: got %d slots taken, want 0", got)
		}
	})
}

func TestDeliveryEndsWithTheLeaseOfItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &wireTo{ledger: newLedger()}
		leaser := guard.NewLeaser(store, "a", guard.LeaseConf{}, nil)
		allowance := leaser.Allowance("heating", guard.Limits{Inflight: 1})
		if err := leaser.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		batch, err := fed(&nightly{record: time.Second}, allowance).Pull(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		read, failed := 0, error(nil)
		for _, err := range batch.Records() {
			if failed = err; err == nil {
				read++
			}
			if read == 30 {
				store.cut.Store(true)
			}
		}
		if failed == nil || read < 31 || read > 42 {
			t.Errorf("got %d records and %v, want it cut off when the lease had run out", read, failed)
		}
		_ = batch.Close()
		_ = leaser.Stop(context.Background())
	})
}

func TestFeedWithNothingNewIsNoFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want int // pulls that reach the creditor out of twelve
	}{
		"nothing newer":        {hub.Errorf(hub.CodeNotFound, "nothing"), 12},
		"a server that is off": {hub.Errorf(hub.CodeUnavailable, "down"), 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &nightly{err: tc.err}
				allowance := guard.Fixed("heating", guard.Limits{Inflight: 1})
				feed := fed(n, allowance)
				for range 12 {
					if _, err := feed.Pull(context.Background(), ""); err == nil {
						t.Fatal("got a delivery, want none")
					}
				}
				if n.asked != tc.want {
					t.Errorf("got %d pulls, want %d", n.asked, tc.want)
				}
				if got := allowance.Load().Inflight; got != 0 {
					t.Errorf("got %d slots taken, want 0", got)
				}
			})
		})
	}
}

func TestADeliveryMayUseSlotsThatNobodyNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nightly{}
		allowance := guard.Fixed("electricity", guard.Limits{Inflight: 3})
		batch, err := fed(n, allowance).Pull(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		var release []func()
		for range 5 {
			if free, ok := hub.TakeSlot(n.ctx); ok {
				release = append(release, free)
			}
		}
		if len(release) != 2 || allowance.Load().Inflight != 3 {
			t.Fatalf("got %d more slots and %d in all, want 2 and 3", len(release), allowance.Load().Inflight)
		}
		for range 2 {
			for _, free := range release {
				free()
			}
		}
		_ = batch.Close()
		time.Sleep(time.Second)
		if got := allowance.Load().Inflight; got != 0 {
			t.Errorf("at the end: got %d slots taken, want 0: a slot is given back once", got)
		}
	})
}
