package pay_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// tells makes a service whose creditors are told by way of a function.
func (s *scene) tells(limit time.Duration, by func(ctx context.Context, books hub.Sink, list []hub.Posting) ([]hub.Receipt, error)) {
	parts := s.parts()
	withConnectors(&parts, func(c *hub.Connector) {
		books := c.Sink
		c.Traits.Paying.TransientWindow = limit
		c.Sink = sink(func(ctx context.Context, list []hub.Posting) ([]hub.Receipt, error) { return by(ctx, books, list) })
	})
	s.Service = pay.New(parts, pay.Conf{})
}

// TestALineThatGetsNoAnswerIsGivenToAPerson has a creditor fail whenever it is told
// one line: it is told it ever more seldom, so that others get through, and not for
// ever.
func TestALineThatGetsNoAnswerIsGivenToAPerson(t *testing.T) {
	for _, name := range []hub.Name{"alpha", "beta"} { // of class A and B
		t.Run(string(name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k", s.owe(1, name), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				var told atomic.Int64
				s.tells(2*time.Hour, func(context.Context, hub.Sink, []hub.Posting) ([]hub.Receipt, error) {
					told.Add(1)
					return nil, hub.Errorf(hub.CodeTimeout, "no answer")
				})
				s.authorise(p)
				s.settle(t, 5*time.Hour)
				if n := told.Load(); n < 5 || n > 30 {
					t.Errorf("it was told %d times", n)
				}
				if p, err = s.ledger.Payment(t.Context(), p.ID); err != nil || p.Lines[0].State != hub.LineStuck || s.called(t, "line_stuck") != 1 {
					t.Errorf("got %+v (%v), want a person who looks", p.Lines[0], err)
				}
			})
		})
	}
}

// TestWhatMayHaveArrivedStaysInDoubt loses a creditor's answer and then lets it say
// for certain that it cannot be told now: that says nothing of the first time.
func TestWhatMayHaveArrivedStaysInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k", s.owe(1, "alpha"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		times, shut := 0, true
		s.tells(0, func(ctx context.Context, books hub.Sink, list []hub.Posting) ([]hub.Receipt, error) {
			times++
			switch {
			case times == 1:
				_, _ = books.Post(ctx, list)
				return nil, hub.Errorf(hub.CodeTimeout, "the answer was lost")
			case shut:
				return nil, hub.NotDone(hub.Errorf(hub.CodeMaintenance, "closed"))
			}
			return books.Post(ctx, list)
		})
		s.authorise(p)
		s.settle(t, time.Minute)
		if p, err = s.ledger.Payment(t.Context(), p.ID); err != nil || times < 3 || p.Lines[0].State != hub.LinePostUnknown {
			t.Errorf("got %s after %d times (%v), want that nobody knows", p.Lines[0].State, times, err)
		}
		shut = false
		s.settle(t, time.Hour)
		if p = s.mustEnd(t, p.ID, hub.PaymentSettled); len(s.offices["alpha"].entries) != 1 || p.Lines[0].Doubt {
			t.Errorf("got %d bookings of %+v, want one", len(s.offices["alpha"].entries), p.Lines[0])
		}
	})
}

// stalling is a store whose answer to a line's intent comes late, once.
type stalling struct {
	pay.Store
	stalled *atomic.Bool
	long    time.Duration
}

func (s stalling) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	p, err := s.Store.ChangePayment(ctx, id, under, change)
	if err == nil && p.Lines[0].State == hub.LinePosting && s.stalled.CompareAndSwap(false, true) {
		time.Sleep(s.long)
	}
	return p, err
}

// TestWhoStoodStillTellsNobody lets a replica stand still, between storing that it
// tells a creditor and telling it, until just after another took the line over.
func TestWhoStoodStillTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		s.offices["beta"].takes = true // whatever it is told
		p, err := s.open(t.Context(), "k", s.owe(1, "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		parts := s.parts()
		withConnectors(&parts, func(c *hub.Connector) {
			books := c.Sink
			c.Sink = sink(func(ctx context.Context, list []hub.Posting) ([]hub.Receipt, error) {
				if ctx.Err() != nil { // as the guard does
					return nil, hub.Undone(ctx.Err())
				}
				return books.Post(ctx, list)
			})
		})
		slow, stalled := parts, &atomic.Bool{}
		slow.Store = stalling{parts.Store, stalled, 12*time.Second + 500*time.Millisecond}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		run := func(service *pay.Service) { service.Run(ctx); ended <- struct{}{} }
		s.authorise(p)
		go run(pay.New(slow, pay.Conf{}))
		for !stalled.Load() {
			time.Sleep(100 * time.Millisecond)
		}
		go run(pay.New(parts, pay.Conf{}))
		time.Sleep(10 * time.Minute)
		stop()
		<-ended
		<-ended
		p = s.mustEnd(t, p.ID, hub.PaymentSettled)
		if n := s.offices["beta"].ids[p.PostingID(1)]; n != 1 {
			t.Errorf("it was booked %d times", n)
		}
	})
}
