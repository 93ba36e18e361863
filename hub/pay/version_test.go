package pay_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// changing is a roster that others change.
type changing struct{ atomic.Pointer[hub.Fleet] }

func (c *changing) OnDuty() []*hub.Connector { return *c.Load() }

// oneByOne is a sink of a class other than F.
type oneByOne struct{ hub.Sink }

func (o oneByOne) Post(ctx context.Context, ps []hub.Posting) ([]hub.Receipt, error) {
	if len(ps) != 1 {
		return nil, hub.NotDone(hub.Errorf(hub.CodeInvalid, "one at a time"))
	}
	return o.Sink.Post(ctx, ps)
}

// newVersion puts a creditor that was told in files on duty as one that is told
// by calls, of a class, and cannot be asked.
func (s *scene) newVersion(on *changing, name hub.Name, class hub.Class) {
	o := s.offices[name]
	o.mu.Lock()
	o.class = class
	o.mu.Unlock()
	fleet := hub.Fleet{}
	for _, c := range s.fleet {
		if c.Creditor.Name == name {
			next := *c
			next.Sink, next.Finder, next.LotFinder, next.Traits.Paying.Class = oneByOne{o}, nil, nil, class
			c = &next
		}
		fleet = append(fleet, c)
	}
	on.Store(&fleet)
}

// onDuty opens the hub of a scene with a roster that changes while it runs.
func (s *scene) onDuty() *changing {
	on, parts := &changing{}, s.parts()
	on.Store(&s.fleet)
	parts.Roster = on
	s.Service = pay.New(parts, pay.Conf{})
	return on
}

// crowd opens a payment of each of so many payers to one creditor, who all
// authorise at once.
func (s *scene) crowd(t *testing.T, payers int, name hub.Name) (opened []*hub.Payment) {
	t.Helper()
	for n := range payers {
		p, err := s.open(t.Context(), fmt.Sprint("k", n), s.owe(n, name), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, p)
	}
	for _, p := range opened {
		s.authorise(p)
	}
	return opened
}

// TestANewVersionIsToldInItsOwnWay lets a company go from files to calls while the
// hub runs: what falls due afterwards is told one by one.
func TestANewVersionIsToldInItsOwnWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		on := s.onDuty()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		defer func() { stop(); <-ended }()
		time.Sleep(5 * time.Second)
		s.newVersion(on, "delta", hub.ClassA)
		opened := s.crowd(t, 3, "delta")
		time.Sleep(time.Minute)
		for _, p := range opened {
			s.mustEnd(t, p.ID, hub.PaymentSettled)
		}
		if n := len(s.offices["delta"].files); n != 0 {
			t.Errorf("got %d files for a creditor that takes calls", n)
		}
	})
}

// TestALotOfAnEarlierVersionIsToldOneByOne has lines in a lot already when the
// new version comes.
func TestALotOfAnEarlierVersionIsToldOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		on := s.onDuty()
		o := s.offices["delta"]
		o.away = hub.NotDone(hub.Errorf(hub.CodeUnavailable, "away"))
		opened := s.crowd(t, 3, "delta")
		s.settle(t, 30*time.Second)
		s.newVersion(on, "delta", hub.ClassA)
		o.away = nil
		s.settle(t, 5*time.Minute)
		for _, p := range opened {
			s.mustEnd(t, p.ID, hub.PaymentSettled)
		}
	})
}

// TestWhatWentByFileIsNotSentByCall has a file on its way, of which nobody knows
// what became, when its creditor goes over to calls.
func TestWhatWentByFileIsNotSentByCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		on := s.onDuty()
		opened := s.crowd(t, 2, "delta")
		s.settle(t, 14*time.Second) // the file is put, and not looked for yet
		for _, p := range opened {
			if p, err := s.ledger.Payment(t.Context(), p.ID); err != nil || p.Lines[0].State != hub.LinePostUnknown {
				t.Fatalf("got %+v (%v), want a line that was put", p.Lines, err)
			}
		}
		s.newVersion(on, "delta", hub.ClassC)
		s.settle(t, 10*time.Minute)
		if stuck := s.audit(t); stuck != 2 {
			t.Errorf("got %d lines left to a person, want both", stuck)
		}
	})
}
