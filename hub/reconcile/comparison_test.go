package reconcile_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/reconcile"
)

// weary is a provider without a list. Whoever asks it is gone after some questions.
type weary struct {
	*world
	mu    sync.Mutex
	asked map[string]int // how often about each order
	left  int            // questions that are answered
	stop  context.CancelFunc
}

func (p *weary) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left < 0 {
		p.stop()
		return hub.ChargeFacts{}, ctx.Err()
	}
	p.asked[r.Order]++
	return p.world.Lookup(ctx, r)
}

// turn does one turn in which so many questions are answered.
func (p *weary) turn(service *reconcile.Service, answers int) error {
	ctx, stop := context.WithCancel(p.t.Context())
	defer stop()
	p.left, p.stop = answers, stop
	return service.Do(ctx, hub.JobProvider, "", true)
}

func newWeary(t *testing.T) (*weary, *reconcile.Service) {
	w := newWorld(t, false)
	p := &weary{world: w, asked: map[string]int{}}
	parts := w.Parts
	parts.PSPs = []*hub.PSP{{Name: "netopia", Merchants: hub.Merchants{"water/main": "m1"}, Charger: p}}
	return p, reconcile.New(parts)
}

// TestABusyHourIsComparedHoweverOftenATurnIsCutShort has more orders than a turn can
// ask about. What the first turn finds stays open while others look at other orders.
func TestABusyHourIsComparedHoweverOftenATurnIsCutShort(t *testing.T) {
	p, service := newWeary(t)
	const orders, atATime = 280, 150
	var all []*paid
	for n := range orders {
		all = append(all, p.take(n, hub.LinePosted))
	}
	early, gone, late := all[0], all[orders/2], all[orders-1]
	p.fact(early, func(f *hub.ChargeFacts) { f.Captured++ })
	p.fact(late, func(f *hub.ChargeFacts) { f.Captured++ })
	p.forget(gone)
	p.later(time.Hour)
	since := time.Time{}
	for turn := 1; ; turn++ {
		err := p.turn(service, atATime)
		open := p.open()
		first, found := open["provider other_capture m1/"+early.order()]
		if since.IsZero() {
			since = first.Since
		}
		if _, missing := open["provider missing_here m1/"+gone.order()]; !found || !first.Since.Equal(since) || !missing {
			t.Fatalf("turn %d: got %v (%v), want what the first turn found, since %s", turn, open, err, since)
		}
		if err == nil {
			break
		}
		if hub.CodeOf(err) != hub.CodeCancelled || turn == 4 {
			t.Fatalf("turn %d: got %v, want a turn that was cut short, and not more than three", turn, err)
		}
	}
	for n, one := range all {
		if one != gone && p.asked[one.order()] == 0 {
			t.Errorf("nobody asked about order %d", n)
		}
	}
	if open := p.open(); len(open) != 3 || open["provider other_capture m1/"+late.order()].Amount != 1 {
		t.Errorf("got %v, want three, the last order among them", open)
	}
	p.suspense(-gone.amount())
}

// TestWhoeverHasCaughtUpGoesBackAgain looks twice at what changed in the last two hours,
// unless a turn was cut short.
func TestWhoeverHasCaughtUpGoesBackAgain(t *testing.T) {
	p, service := newWeary(t)
	var first *paid
	for n := range 150 {
		if one := p.take(n, hub.LinePosted); n == 0 {
			first = one
		}
	}
	p.later(time.Hour)
	for i, tc := range []struct{ answers, want int }{{145, 1}, {145, 1}, {1000, 2}} {
		if err := p.turn(service, tc.answers); (err != nil) != (i == 0) {
			t.Fatalf("turn %d: %v", i+1, err)
		}
		if got := p.asked[first.order()]; got != tc.want {
			t.Errorf("after %d turns the first order was asked about %d times, want %d", i+1, got, tc.want)
		}
	}
}

// crowd is a provider that answers about our orders once as many are asked about as may
// be at once.
type crowd struct {
	*world
	full chan struct{}

	mu         sync.Mutex
	here, most int
}

const atOnce = 16

func (p *crowd) come(by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here += by
	p.most = max(p.most, p.here)
	if p.here == atOnce {
		p.answer()
	}
}

// answer lets all be answered from now on.
func (p *crowd) answer() {
	select {
	case <-p.full:
	default:
		close(p.full)
	}
}

func (p *crowd) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	p.come(1)
	defer p.come(-1)
	if r.Amount.Minor > 0 {
		select {
		case <-p.full:
		case <-time.After(5 * time.Second):
			p.t.Error("nobody else asks")
			p.mu.Lock()
			p.answer()
			p.mu.Unlock()
		}
		time.Sleep(time.Millisecond) // one too many would come meanwhile
	}
	return p.world.Lookup(ctx, r)
}

func TestManyOrdersAreAskedAboutAtOnceAndNotTooMany(t *testing.T) {
	w := newWorld(t, false)
	p := &crowd{world: w, full: make(chan struct{})}
	parts := w.Parts
	parts.PSPs = []*hub.PSP{{Name: "netopia", Merchants: hub.Merchants{"water/main": "m1"}, Charger: p}}
	for n := range 60 {
		w.take(n, hub.LinePosted)
	}
	if err := reconcile.New(parts).Do(t.Context(), hub.JobProvider, "", true); err != nil {
		t.Fatal(err)
	}
	if p.most != atOnce {
		t.Errorf("got %d questions at once, want %d", p.most, atOnce)
	}
}

// TestMoneyThatWasFoundBeforeAnAccountFellSilentIsBooked has a payment gone, and no
// answer about any other order.
func TestMoneyThatWasFoundBeforeAnAccountFellSilentIsBooked(t *testing.T) {
	p, service := deafWorld(t, false)
	gone := p.take(0, hub.LinePosted)
	for n := range 29 {
		p.deaf[p.take(n+1, hub.LinePosted).order()] = hub.CodeUnavailable
	}
	p.forget(gone)
	for range 2 {
		if err := service.Do(t.Context(), hub.JobProvider, "", true); hub.CodeOf(err) != hub.CodeUnavailable {
			t.Fatalf("got %v, want no answer", err)
		}
		if _, found := p.open()["provider missing_here m1/"+gone.order()]; !found {
			t.Errorf("got %v, want the money whose payment is gone", p.open())
		}
	}
	p.suspense(-gone.amount())
}
