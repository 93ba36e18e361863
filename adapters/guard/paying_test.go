package guard_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// payee is a creditor that takes payments.
type payee struct{ creditor }

func (p *payee) Post(ctx context.Context, ps []hub.Posting) ([]hub.Receipt, error) {
	_, err := p.Obligations(ctx, hub.Asked{})
	return []hub.Receipt{{Number: "R"}}, err
}

func (p *payee) Reverse(ctx context.Context, _ hub.Posting, _ string) error {
	_, err := p.Obligations(ctx, hub.Asked{})
	return err
}

func (p *payee) Find(ctx context.Context, _ hub.Posting) (hub.Found, hub.Receipt, error) {
	_, err := p.Obligations(ctx, hub.Asked{})
	return hub.FoundBooked, hub.Receipt{Number: "R"}, err
}

func (p *payee) FindLot(ctx context.Context, ps []hub.Posting) ([]hub.Finding, error) {
	_, err := p.Obligations(ctx, hub.Asked{})
	return make([]hub.Finding, len(ps)), err
}

func (p *payee) Statement(ctx context.Context, _ hub.Date) ([]hub.BookedPosting, error) {
	_, err := p.Obligations(ctx, hub.Asked{})
	return []hub.BookedPosting{{Number: "R"}}, err
}

func (p *payee) Quote(ctx context.Context, _ hub.Asked, _ []hub.Wanted) ([]hub.Quoted, error) {
	_, err := p.Obligations(ctx, hub.Asked{})
	return []hub.Quoted{{}}, err
}

var payingTraits = hub.Traits{MaxInflight: 3, Timeout: time.Second, Paying: hub.Paying{Class: hub.ClassA, MaxInflight: 2, Timeout: 4 * time.Second}}

func guardedPayee(p *payee, t hub.Traits, parts guard.Parts) (*hub.Connector, *guard.Allowance) {
	parts.Allowance = guard.Fixed("water", guard.LimitsOf(t))
	if parts.Clock == nil {
		parts.Clock = hub.ClockFunc(time.Now)
	}
	c := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: t, Source: p, Sink: p, Reverser: p, Finder: p, LotFinder: p, Statement: p, Quoter: p}
	return guard.Connector(c, parts, guard.Conf{}), parts.Allowance
}

func post(ctx context.Context, c *hub.Connector) error {
	_, err := c.Sink.Post(ctx, []hub.Posting{{}})
	return err
}

func TestOnlyAnAttemptMayHaveBookedSomething(t *testing.T) {
	night := payingTraits
	night.Windows = []hub.Window{{From: 0, To: 23 * 60}}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	certain := hub.NotDone(hub.Errorf(hub.CodeUnavailable, "no connection"))
	for name, tc := range map[string]struct {
		act     func(context.Context) error
		ctx     context.Context
		traits  hub.Traits
		code    hub.Code
		certain bool
		calls   int64
	}{
		"booked":                          {nil, context.Background(), payingTraits, "", false, 1},
		"a closed window":                 {nil, context.Background(), night, hub.CodeMaintenance, true, 0},
		"a caller who is gone":            {nil, done, payingTraits, hub.CodeCancelled, true, 0},
		"a panic":                         {func(context.Context) error { panic("1850101000005") }, context.Background(), payingTraits, hub.CodeInternal, false, 1},
		"silence":                         {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, context.Background(), payingTraits, hub.CodeTimeout, false, 1},
		"a failure":                       {fails(hub.Errorf(hub.CodeUnavailable, "cut")), context.Background(), payingTraits, hub.CodeUnavailable, false, 1},
		"a certain failure":               {fails(certain), context.Background(), payingTraits, hub.CodeUnavailable, true, 1},
		"a connection that took too long": {func(ctx context.Context) error { <-ctx.Done(); return certain }, context.Background(), payingTraits, hub.CodeTimeout, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &payee{creditor{act: tc.act}}
				c, allowance := guardedPayee(p, tc.traits, guard.Parts{})
				for what, call := range map[string]func() error{
					"post": func() error { return post(tc.ctx, c) }, "reverse": func() error { return c.Reverser.Reverse(tc.ctx, hub.Posting{}, "R") },
				} {
					p.calls.Store(0)
					err := call()
					if hub.CodeOf(err) != tc.code || hub.Certainly(err) != tc.certain || p.calls.Load() != tc.calls {
						t.Errorf("%s: got %v (certain %t) after %d calls, want %q (%t) after %d", what, err, hub.Certainly(err), p.calls.Load(), tc.code, tc.certain, tc.calls)
					}
				}
				time.Sleep(time.Second)
				if n := allowance.Load().Inflight; n != 0 {
					t.Errorf("got %d slots taken, want none", n)
				}
			})
		})
	}
}

func TestAPostingHasItsWholeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: func(ctx context.Context) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := post(ctx, c); err != nil {
			t.Errorf("got %v, want a receipt after 3 s of 4", err)
		}
	})
}

func TestPostingsHaveABreakerOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{})
		for range 8 {
			_ = post(t.Context(), c)
		}
		p.act = nil
		err := post(t.Context(), c)
		if hub.CodeOf(err) != hub.CodeUnavailable || !hub.Certainly(err) || hub.RetryAfterOf(err) < 5*time.Second || p.calls.Load() != 8 {
			t.Errorf("got %v (certain %t) after %d calls, want an open breaker for certain", err, hub.Certainly(err), p.calls.Load())
		}
		if err := ask(c.Source); err != nil {
			t.Errorf("a question: got %v, want an answer", err)
		}
		if found, _, err := c.Finder.Find(t.Context(), hub.Posting{}); found != hub.FoundBooked || err != nil {
			t.Errorf("a look-up: got %q, %v, want booked", found, err)
		}
	})
}

func TestPostingsAreNeverRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: func(ctx context.Context) error {
			if hub.MayRetry(ctx) {
				t.Error("a posting may be repeated, want it sent once")
			}
			return nil
		}}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{})
		_ = post(hub.WithRetries(t.Context(), func() bool { return true }), c)
	})
}

func TestPostingsKeepToTheirSlotsAndToTheCreditors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: func(context.Context) error { time.Sleep(800 * time.Millisecond); return nil }}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{})
		if room := c.Room(); room != 2 {
			t.Errorf("got room for %d postings, want 2", room)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		for range 5 {
			all.Go(func() {
				if err := post(t.Context(), c); err != nil {
					if hub.CodeOf(err) != hub.CodeBusy || !hub.Certainly(err) || hub.RetryAfterOf(err) == 0 {
						t.Errorf("got %v (certain %t), want busy for certain", err, hub.Certainly(err))
					}
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		if most := p.inflight.Load(); most != 2 {
			t.Errorf("got %d postings at once, want 2", most)
		}
		if room := c.Room(); room != 0 {
			t.Errorf("got room for %d postings more, want none", room)
		}
		for range 5 {
			all.Go(func() { _ = ask(c.Source) })
		}
		all.Wait()
		if refused != 3 || p.most.Load() != 3 {
			t.Errorf("got %d refused, %d calls at once, want 3 and 3", refused, p.most.Load())
		}
	})
}

func TestAQuarantinedCreditorIsToldNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: fails(hub.Errorf(hub.CodeForeignData, "somebody else"))}}
		ward := guard.NewWard(nil, hub.ClockFunc(time.Now), nil, nil)
		c, _ := guardedPayee(p, payingTraits, guard.Parts{Ward: ward})
		_ = ask(c.Source)
		before := p.calls.Load()
		if err := post(t.Context(), c); hub.CodeOf(err) != hub.CodeForeignData || !hub.Certainly(err) || p.calls.Load() != before {
			t.Errorf("got %v (certain %t), want a refusal for certain", err, hub.Certainly(err))
		}
	})
}

// The creditor booked the payment, and says so: that another answer of it was about
// somebody else changes nothing about that.
func TestAReceiptCountsThoughTheCreditorWasQuarantinedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ward := guard.NewWard(nil, hub.ClockFunc(time.Now), nil, nil)
		p := &payee{creditor{act: func(context.Context) error { ward.Quarantine("water", "a test"); return nil }}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{Ward: ward})
		if err := post(t.Context(), c); err != nil || !ward.Holds("water") {
			t.Errorf("got %v (in quarantine %t), want the receipt", err, ward.Holds("water"))
		}
	})
}

func TestWhatAsksAboutPaymentsPassesTheGateOfQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &payee{creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}}
		c, _ := guardedPayee(p, payingTraits, guard.Parts{})
		for range 8 {
			_ = ask(c.Source)
		}
		p.calls.Store(0)
		for what, call := range map[string]func() error{
			"quote":     func() error { _, err := c.Quoter.Quote(t.Context(), hub.Asked{}, nil); return err },
			"find":      func() error { _, _, err := c.Finder.Find(t.Context(), hub.Posting{}); return err },
			"find lot":  func() error { _, err := c.LotFinder.FindLot(t.Context(), nil); return err },
			"statement": func() error { _, err := c.Statement.Statement(t.Context(), "2026-03-15"); return err },
		} {
			if err := call(); hub.CodeOf(err) != hub.CodeUnavailable || p.calls.Load() != 0 {
				t.Errorf("%s: got %v, want the open breaker of questions", what, err)
			}
		}
	})
}
