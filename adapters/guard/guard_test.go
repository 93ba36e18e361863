package guard_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"racord/adapters/guard"
	"racord/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// creditor is an upstream whose behaviour a test sets.
type creditor struct {
	calls    atomic.Int64
	inflight atomic.Int64
	most     atomic.Int64
	act      func(ctx context.Context) error
}

func (c *creditor) Obligations(ctx context.Context, _ hub.Asked) (hub.Answer, error) {
	c.calls.Add(1)
	now := c.inflight.Add(1)
	defer c.inflight.Add(-1)
	for {
		most := c.most.Load()
		if now <= most || c.most.CompareAndSwap(most, now) {
			break
		}
	}
	if c.act == nil {
		return hub.Answer{}, nil
	}
	return hub.Answer{}, c.act(ctx)
}

func fails(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// traits is what most tests' creditor declares.
var traits = hub.Traits{MaxInflight: 8, Timeout: time.Second}

// guarded puts a guard with its whole allowance before the creditor.
func guarded(c hub.Source, t hub.Traits, conf guard.Conf) (hub.Source, *guard.Allowance) {
	allowance := guard.Fixed("water", guard.LimitsOf(t))
	connector := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: t, Source: c}
	parts := guard.Parts{Allowance: allowance, Clock: hub.ClockFunc(time.Now)}
	return guard.Connector(connector, parts, conf).Source, allowance
}

func ask(s hub.Source) error {
	_, err := s.Obligations(context.Background(), hub.Asked{})
	return err
}

func TestBreakerOpensForFailuresAndNotForAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want int64 // calls that reach the upstream out of twelve
	}{
		"silence opens it":                  {hub.Errorf(hub.CodeUnavailable, "down"), 8},
		"a timeout opens it":                {hub.Errorf(hub.CodeTimeout, "slow"), 8},
		"nonsense opens it":                 {hub.Errorf(hub.CodeBadData, "a login page"), 8},
		"refused credentials open it":       {hub.Errorf(hub.CodeAuth, "401"), 8},
		"what nobody classified opens it":   {errors.New("a surprise"), 8},
		"an unknown citizen is an answer":   {hub.Errorf(hub.CodeNotFound, "not here"), 12},
		"too many requests is an answer":    {hub.Errorf(hub.CodeBusy, "429"), 12},
		"a changed amount is an answer":     {hub.Errorf(hub.CodeAmountChanged, "changed"), 12},
		"a refused payment is an answer":    {hub.Errorf(hub.CodeNotPayable, "no"), 12},
		"an impatient citizen changes none": {context.Canceled, 12},
		"success keeps it closed":           {nil, 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &creditor{act: fails(tc.err)}
				s, _ := guarded(c, traits, guard.Conf{})
				for range 12 {
					_ = ask(s)
					time.Sleep(300 * time.Millisecond) // slots of calls that were cut off linger
				}
				if got := c.calls.Load(); got != tc.want {
					t.Errorf("got %d calls, want %d", got, tc.want)
				}
			})
		})
	}
}

func TestHalfOfTwentyCallsFailingOpensIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{}
		c.act = func(context.Context) error {
			if c.calls.Load()%2 == 0 {
				return hub.Errorf(hub.CodeUnavailable, "every other")
			}
			return nil
		}
		s, _ := guarded(c, traits, guard.Conf{})
		for range 60 {
			_ = ask(s)
			time.Sleep(100 * time.Millisecond)
		}
		if got := c.calls.Load(); got != 20 {
			t.Errorf("got %d calls, want 20", got)
		}
	})
}

func TestOpenBreakerSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := guarded(&creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}, traits, guard.Conf{})
		for range 8 {
			_ = ask(s)
		}
		err := ask(s)
		if got := hub.CodeOf(err); got != hub.CodeUnavailable {
			t.Errorf("got code %q, want unavailable", got)
		}
		if got := hub.RetryAfterOf(err); got < 9*time.Second || got > 12*time.Second {
			t.Errorf("got retry after %v, want about 10s", got)
		}
	})
}

func TestFiveHundredImpatientCitizensDoNotOpenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		s, _ := guarded(c, traits, guard.Conf{})
		for range 500 {
			ctx, cancel := context.WithCancel(context.Background())
			go func() { time.Sleep(time.Millisecond); cancel() }()
			if _, err := s.Obligations(ctx, hub.Asked{}); hub.CodeOf(err) != hub.CodeCancelled {
				t.Fatalf("got %v, want cancelled", err)
			}
			time.Sleep(time.Second)
		}
		c.act = nil
		if err := ask(s); err != nil {
			t.Errorf("got %v, want an answer", err)
		}
	})
}

func TestHalfOpenLetsExactlyThreeProbesPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}
		s, _ := guarded(c, hub.Traits{MaxInflight: 64, Timeout: time.Second}, guard.Conf{Queue: 128})
		for range 8 {
			_ = ask(s)
		}
		time.Sleep(13 * time.Second)
		c.calls.Store(0)
		c.act = func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { _ = ask(s) })
		}
		all.Wait()
		if got := c.calls.Load(); got != 3 {
			t.Errorf("got %d probes, want 3", got)
		}
		if err := ask(s); err != nil {
			t.Errorf("after three good probes: got %v, want an answer", err)
		}
	})
}

func TestLackOfOurOwnSlotsSaysNothingAboutTheCreditor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: func(context.Context) error { time.Sleep(900 * time.Millisecond); return nil }}
		s, _ := guarded(c, hub.Traits{MaxInflight: 1, Timeout: time.Second}, guard.Conf{})
		var all sync.WaitGroup
		var busy atomic.Int64
		for range 100 {
			all.Go(func() {
				if hub.CodeOf(ask(s)) == hub.CodeBusy {
					busy.Add(1)
				}
			})
		}
		all.Wait()
		if got := busy.Load(); got != 99 {
			t.Errorf("got %d told that it is busy, want 99", got)
		}
		if err := ask(s); err != nil {
			t.Errorf("got %v, want the breaker closed", err)
		}
	})
}

func TestFlappingCreditorMovesTheBreakerSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(7, 7))
		c := &creditor{act: func(context.Context) error {
			if dice.IntN(2) == 0 {
				return hub.Errorf(hub.CodeUnavailable, "flapping")
			}
			return nil
		}}
		meter := &counts{}
		connector := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: traits, Source: c}
		parts := guard.Parts{Allowance: guard.Fixed("water", guard.LimitsOf(traits)), Clock: hub.ClockFunc(time.Now), Meter: meter}
		s := guard.Connector(connector, parts, guard.Conf{}).Source
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			_ = ask(s)
		}
		if got := meter.moves.Load(); got == 0 || got > 20 {
			t.Errorf("got %d transitions in ten minutes, want 1 to 20", got)
		}
	})
}

func TestTheBreakerIsQuickAgainAfterAHealthyMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{}
		s, _ := guarded(c, traits, guard.Conf{})
		open := func() time.Duration {
			c.act = fails(hub.Errorf(hub.CodeUnavailable, "down"))
			var err error
			for range 9 {
				err = ask(s)
			}
			return hub.RetryAfterOf(err)
		}
		heal := func(wait time.Duration) {
			time.Sleep(wait + time.Millisecond)
			c.act = nil
			for range 3 {
				_ = ask(s)
			}
		}
		first := open()
		heal(first)
		second := open()
		heal(second)
		time.Sleep(time.Minute)
		third := open()
		if first > 12*time.Second || second < 16*time.Second || third > 12*time.Second {
			t.Errorf("got openings of %v, %v and %v, want 10s, 20s and 10s (±20 %%)", first, second, third)
		}
	})
}

func TestTotalOutageIsNotMultipliedByRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, asked, opened atomic.Int64
		down := false
		c := &creditor{act: func(ctx context.Context) error {
			sent.Add(1)
			time.Sleep(20 * time.Millisecond)
			if !down {
				return nil
			}
			if hub.MayRetry(ctx) {
				sent.Add(1)
				time.Sleep(20 * time.Millisecond)
			}
			return hub.Errorf(hub.CodeUnavailable, "down")
		}}
		s, _ := guarded(c, hub.Traits{MaxInflight: 16, Timeout: time.Second}, guard.Conf{})
		var all sync.WaitGroup
		load := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				all.Go(func() {
					if opened.Load() == 0 {
						asked.Add(1)
					}
					if hub.RetryAfterOf(ask(s)) > time.Second {
						opened.CompareAndSwap(0, sent.Load())
					}
				})
			}
		}
		load(10 * time.Second)
		all.Wait()
		down = true
		sent.Store(0)
		asked.Store(0)
		load(time.Minute)
		all.Wait()
		untilOpen, whole := opened.Load(), sent.Load()
		if float64(untilOpen) > 1.1*float64(asked.Load()) {
			t.Errorf("got %d upstream calls for %d requests until it opened, want at most 1.1 times", untilOpen, asked.Load())
		}
		if probes := whole - untilOpen; probes > 3*3 {
			t.Errorf("got %d calls after it opened, want a few probes", probes)
		}
	})
}

func TestRetriesFollowTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		granted := 0
		c := &creditor{act: func(ctx context.Context) error {
			if hub.MayRetry(ctx) {
				granted++
			}
			return nil
		}}
		s, _ := guarded(c, traits, guard.Conf{})
		for range 200 {
			_ = ask(s)
		}
		if granted < 10 || granted > 30 {
			t.Errorf("got %d retries for 200 calls, want the 10 saved up and 10 %%", granted)
		}
	})
}

func TestNoRetryWhileTheBreakerProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}
		s, _ := guarded(c, traits, guard.Conf{})
		for range 8 {
			_ = ask(s)
		}
		time.Sleep(13 * time.Second)
		c.act = func(ctx context.Context) error {
			if hub.MayRetry(ctx) {
				t.Error("got a retry in half-open, want none")
			}
			return nil
		}
		_ = ask(s)
	})
}

func TestTooManyRequestsIsObeyed(t *testing.T) {
	for name, tc := range map[string]struct {
		said        time.Duration
		quiet, open time.Duration // not asked after quiet, asked after open
	}{
		"a moment is at least a second":      {time.Millisecond, 900 * time.Millisecond, 1100 * time.Millisecond},
		"two seconds":                        {2 * time.Second, 1900 * time.Millisecond, 2100 * time.Millisecond},
		"thirty years are at most an hour":   {1e9 * time.Second, time.Hour - time.Second, time.Hour + time.Second},
		"without a number it may be at once": {0, 0, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &creditor{act: fails(&hub.Error{Code: hub.CodeBusy, Message: "later", RetryAfter: tc.said})}
				s, _ := guarded(c, traits, guard.Conf{})
				_ = ask(s)
				c.act = nil
				if tc.quiet > 0 {
					time.Sleep(tc.quiet)
					err := ask(s)
					if hub.CodeOf(err) != hub.CodeBusy || hub.RetryAfterOf(err) <= 0 {
						t.Errorf("after %v: got %v, want busy with a time to wait", tc.quiet, err)
					}
				}
				time.Sleep(tc.open - tc.quiet)
				if err := ask(s); err != nil {
					t.Errorf("after %v: got %v, want an answer", tc.open, err)
				}
			})
		})
	}
}

func TestTooManyRequestsHalvesTheSlotsAndSuccessBringsThemBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: func(context.Context) error {
			time.Sleep(10 * time.Millisecond)
			return hub.Errorf(hub.CodeBusy, "429")
		}}
		s, allowance := guarded(c, traits, guard.Conf{})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { _ = ask(s) })
		}
		all.Wait()
		if got := allowance.Load().Usable; got != 4 {
			t.Errorf("after one burst of refusals: got %d slots, want 4", got)
		}
		c.act = nil
		for range 4 + 5 + 6 + 7 + 8 {
			_ = ask(s)
		}
		if got := allowance.Load().Usable; got != 8 {
			t.Errorf("after successes: got %d slots, want 8", got)
		}
	})
}

func TestSlotIsHeldUntilTheCallHasReallyEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: func(context.Context) error { time.Sleep(10 * time.Second); return nil }} // deaf to its deadline
		s, allowance := guarded(c, hub.Traits{MaxInflight: 2, Timeout: time.Second}, guard.Conf{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { _ = ask(s) })
			time.Sleep(500 * time.Millisecond)
		}
		all.Wait()
		if got := c.most.Load(); got != 2 {
			t.Errorf("got %d calls at once, want 2", got)
		}
		time.Sleep(time.Second)
		if got := allowance.Load().Inflight; got != 0 {
			t.Errorf("got %d slots taken at the end, want 0", got)
		}
	})
}

func TestSlotOfACallThatWasCutOffLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		s, allowance := guarded(c, traits, guard.Conf{})
		if got := hub.CodeOf(ask(s)); got != hub.CodeTimeout {
			t.Errorf("got %q, want timeout", got)
		}
		if got := allowance.Load().Inflight; got != 1 {
			t.Errorf("right after: got %d slots taken, want 1", got)
		}
		time.Sleep(250 * time.Millisecond)
		if got := allowance.Load().Inflight; got != 0 {
			t.Errorf("a little later: got %d slots taken, want 0", got)
		}
	})
}

func TestDeadlineIsTheShorterOfBoth(t *testing.T) {
	for name, tc := range map[string]struct {
		caller, timeout, want time.Duration
	}{
		"the creditor's own":             {5 * time.Second, time.Second, time.Second},
		"what the caller has left":       {500 * time.Millisecond, time.Second, 450 * time.Millisecond},
		"a default where none is stated": {5 * time.Second, 0, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got time.Duration
				c := &creditor{act: func(ctx context.Context) error {
					end, _ := ctx.Deadline()
					got = time.Until(end)
					return nil
				}}
				s, _ := guarded(c, hub.Traits{MaxInflight: 1, Timeout: tc.timeout}, guard.Conf{})
				ctx, cancel := context.WithTimeout(context.Background(), tc.caller)
				defer cancel()
				_, _ = s.Obligations(ctx, hub.Asked{})
				if got != tc.want {
					t.Errorf("got %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func TestClosedWindowIsNotAsked(t *testing.T) {
	now := time.Date(2026, 3, 15, 23, 45, 0, 0, hub.Bucharest)
	night := hub.Traits{MaxInflight: 1, Windows: []hub.Window{{From: 23*60 + 30, To: 4*60 + 30}}}
	c := &creditor{}
	connector := &hub.Connector{Creditor: hub.Creditor{Name: "ditl"}, Traits: night, Source: c}
	parts := guard.Parts{Allowance: guard.Fixed("ditl", guard.LimitsOf(night)), Clock: hub.ClockFunc(func() time.Time { return now })}
	s := guard.Connector(connector, parts, guard.Conf{}).Source
	err := ask(s)
	if hub.CodeOf(err) != hub.CodeMaintenance || hub.RetryAfterOf(err) != 4*time.Hour+45*time.Minute {
		t.Errorf("got %v after %v, want maintenance for 4h45m", err, hub.RetryAfterOf(err))
	}
	if got := c.calls.Load(); got != 0 {
		t.Errorf("got %d calls, want 0", got)
	}
	now = now.Add(5 * time.Hour)
	if err := ask(s); err != nil {
		t.Errorf("in the morning: got %v, want an answer", err)
	}
}

func TestAnnouncedMaintenanceIsLookedAtNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &creditor{act: fails(&hub.Error{Code: hub.CodeMaintenance, Message: "closed", RetryAfter: 15 * time.Minute})}
		s, _ := guarded(c, traits, guard.Conf{})
		for range 600 {
			if got := hub.CodeOf(ask(s)); got != hub.CodeMaintenance {
				t.Fatalf("got %q, want maintenance", got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := c.calls.Load(); got != 2 {
			t.Errorf("got %d calls in a minute, want 2", got)
		}
	})
}

func TestPanicOfAConnectorIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, allowance := guarded(&creditor{act: func(context.Context) error { panic("1850101000005") }}, traits, guard.Conf{})
		if got := hub.CodeOf(ask(s)); got != hub.CodeInternal {
			t.Errorf("got %q, want internal", got)
		}
		time.Sleep(time.Second)
		if got := allowance.Load().Inflight; got != 0 {
			t.Errorf("got %d slots taken, want 0", got)
		}
	})
}

func TestPartsThatAreNilStayNil(t *testing.T) {
	c := guard.Connector(&hub.Connector{Traits: traits}, guard.Parts{Allowance: guard.Fixed("water", guard.Limits{})}, guard.Conf{})
	if c.Source != nil || c.Feed != nil || c.Linker != nil || c.Probe != nil {
		t.Errorf("got %+v, want nil parts", c)
	}
}

// counts is a meter that counts.
type counts struct {
	moves, called, retried atomic.Int64
	mu                     sync.Mutex
	shed                   map[guard.Shed]int
}

func (c *counts) Called(guard.Operation, hub.Code, time.Duration) { c.called.Add(1) }
func (c *counts) Retried()                                        { c.retried.Add(1) }
func (c *counts) Breaker(guard.Class, guard.State)                { c.moves.Add(1) }
func (c *counts) Shed(why guard.Shed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shed == nil {
		c.shed = map[guard.Shed]int{}
	}
	c.shed[why]++
}
