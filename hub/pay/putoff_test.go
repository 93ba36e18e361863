package pay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// sink is a creditor that is told.
type sink func(context.Context, []hub.Posting) ([]hub.Receipt, error)

func (s sink) Post(ctx context.Context, list []hub.Posting) ([]hub.Receipt, error) {
	return s(ctx, list)
}

// TestLostAnswersMakeNoLineWait loses what a creditor is told, several times, and
// then lets it say once that it cannot book yet: how long the line waits follows
// from what the creditor said, not from how often it was tried.
func TestLostAnswersMakeNoLineWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lost = 6
		s := newScene(1, 0, pay.Conf{})
		p, err := s.open(t.Context(), "k1", s.owe(1, "beta"), hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		var told []time.Time
		s.tells(72*time.Hour, func(ctx context.Context, books hub.Sink, list []hub.Posting) ([]hub.Receipt, error) {
			told = append(told, time.Now())
			switch n := len(told); {
			case n <= lost:
				return nil, hub.Errorf(hub.CodeTimeout, "no answer")
			case n == lost+1:
				return nil, hub.NotDone(hub.Errorf(hub.CodeInternal, "not now"))
			}
			return books.Post(ctx, list)
		})
		s.authorise(p)
		s.settle(t, time.Hour)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
		if waited := told[lost+1].Sub(told[lost]); waited > 5*time.Second {
			t.Errorf("waited %s after the first no, and the answers before it were lost", waited)
		}
	})
}

// TestALineWaitsNoLongerThanHalfItsAge puts a line off, and loses what its
// creditor is told of it, over and over in a short time: then all is well again.
func TestALineWaitsNoLongerThanHalfItsAge(t *testing.T) {
	for name, answer := range map[string]error{
		"put off": hub.NotDone(hub.Errorf(hub.CodeInternal, "not now")),
		"lost":    hub.Errorf(hub.CodeTimeout, "no answer"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const failing = 10
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k1", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				var told []time.Time
				s.tells(72*time.Hour, func(ctx context.Context, books hub.Sink, list []hub.Posting) ([]hub.Receipt, error) {
					if told = append(told, time.Now()); len(told) <= failing {
						return nil, answer
					}
					return books.Post(ctx, list)
				})
				s.authorise(p)
				s.settle(t, 2*time.Hour)
				s.mustEnd(t, p.ID, hub.PaymentSettled)
				for i := 1; i < len(told); i++ {
					if age, waited := told[i].Sub(told[0]), told[i].Sub(told[i-1]); waited > max(5*time.Second, age/2) {
						t.Errorf("waited %s before it was told again, %s after the first time", waited, age)
					}
				}
			})
		})
	}
}
