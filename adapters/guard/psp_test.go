package guard_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// till is a payment provider whose behaviour a test sets.
type till struct {
	calls atomic.Int64
	mu    sync.Mutex
	act   func(ctx context.Context) error
}

func (c *till) does(act func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.act = act
}

func (c *till) do(ctx context.Context) error {
	c.calls.Add(1)
	c.mu.Lock()
	act := c.act
	c.mu.Unlock()
	if act == nil {
		return nil
	}
	return act(ctx)
}

func (c *till) Start(ctx context.Context, _ hub.ChargeOrder) (hub.Session, error) {
	return hub.Session{Ref: "1", URL: "https://psp.invalid"}, c.do(ctx)
}

func (c *till) Lookup(ctx context.Context, _ hub.ChargeRef) (hub.ChargeFacts, error) {
	return hub.ChargeFacts{Captured: 1}, c.do(ctx)
}

func (c *till) Capture(ctx context.Context, _ hub.ChargeRef, _ hub.Money, _ string) error {
	return c.do(ctx)
}

func (c *till) Void(ctx context.Context, _ hub.ChargeRef, _ string) error { return c.do(ctx) }

func (c *till) Ping(ctx context.Context) error { return c.do(ctx) }

func behind(c *till) (hub.PSP, *guard.Provider) {
	g := guard.GuardPSP(hub.PSP{Name: "till", Charger: c, Capturer: c}, nil, nil, guard.PSPConf{})
	return g.PSP(), g
}

func TestWhatAProviderCannotDoStaysNil(t *testing.T) {
	p, _ := behind(&till{})
	if p.Charger == nil || p.Capturer == nil || p.Refunder != nil || p.Lister != nil || p.Recaller != nil || p.Settler != nil || p.Notifier != nil || p.Probe != nil {
		t.Errorf("got %+v", p)
	}
}

func TestAProviderThatFailsIsNotAskedAndNothingWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &till{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}
		p, _ := behind(c)
		ctx := context.Background()
		if !p.Healthy() {
			t.Error("got unhealthy before the first call")
		}
		for range 5 {
			if err := p.Capturer.Capture(ctx, hub.ChargeRef{}, hub.Bani(1), "k"); hub.Certainly(err) {
				t.Errorf("got %v, want that nobody knows what was done", err)
			}
		}
		session, err := p.Charger.Start(ctx, hub.ChargeOrder{})
		if hub.CodeOf(err) != hub.CodeUnavailable || !hub.Certainly(err) || hub.RetryAfterOf(err) <= 0 || session != (hub.Session{}) || c.calls.Load() != 5 {
			t.Errorf("got %+v, %v after %d calls; want a certain refusal after 5", session, err, c.calls.Load())
		}
		if p.Healthy() {
			t.Error("got healthy, want new charges to go elsewhere")
		}
		c.does(nil)
		time.Sleep(13 * time.Second)
		if !p.Healthy() {
			t.Error("got unhealthy, want one charge to try it")
		}
		for range 3 {
			if _, err := p.Charger.Start(ctx, hub.ChargeOrder{}); err != nil {
				t.Errorf("got %v", err)
			}
		}
		if !p.Healthy() {
			t.Error("got unhealthy after three good calls")
		}
	})
}

func TestProbesFindOutBeforeAPayerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &till{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}
		g := guard.GuardPSP(hub.PSP{Name: "till", Charger: c, Probe: c}, nil, nil, guard.PSPConf{})
		p := g.PSP()
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if p.Healthy() {
			t.Error("got healthy, want the probes to have opened the breaker")
		}
		c.does(nil)
		time.Sleep(10 * time.Minute) // the longest pause, and three probes
		if !p.Healthy() {
			t.Error("got unhealthy, want the probes to have closed it")
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAProviderIsJudgedByItsOwnFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		act  func(context.Context) error
		give time.Duration // of the caller; 0 = all it wants
		want int64         // calls out of twelve
	}{
		"a refused card is an answer": {fails(hub.NotDone(hub.Errorf(hub.CodeConflict, "no"))), 0, 12},
		"an order nobody knows":       {fails(hub.Errorf(hub.CodeNotFound, "no")), 0, 12},
		"our own mistake":             {fails(hub.NotDone(hub.Errorf(hub.CodeInvalid, "no"))), 0, 12},
		"a payer who left":            {fails(context.Canceled), 0, 12},
		"a caller without patience":   {hang, 10 * time.Millisecond, 12},
		"silence opens it":            {hang, 0, 5},
		"nonsense opens it":           {fails(hub.Errorf(hub.CodeBadData, "a page")), 0, 5},
		"a defect of ours opens it":   {func(context.Context) error { panic("4111111111111111") }, 0, 5},
		"refused credentials open it": {fails(hub.Errorf(hub.CodeAuth, "401")), 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &till{act: tc.act}
				p, _ := behind(c)
				for range 12 {
					ctx, cancel := context.WithCancel(context.Background())
					if tc.give > 0 {
						ctx, cancel = context.WithTimeout(context.Background(), tc.give)
					}
					if _, err := p.Charger.Lookup(ctx, hub.ChargeRef{}); err == nil {
						t.Error("got no error")
					}
					cancel()
				}
				if got := c.calls.Load(); got != tc.want {
					t.Errorf("got %d calls, want %d", got, tc.want)
				}
			})
		})
	}
}

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestEveryCallToAProviderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := behind(&till{act: hang})
		for op, tc := range map[string]struct {
			call func() error
			want time.Duration
		}{
			"start":   {func() error { _, err := p.Charger.Start(t.Context(), hub.ChargeOrder{}); return err }, 4 * time.Second},
			"lookup":  {func() error { _, err := p.Charger.Lookup(t.Context(), hub.ChargeRef{}); return err }, 5 * time.Second},
			"capture": {func() error { return p.Capturer.Capture(t.Context(), hub.ChargeRef{}, hub.Bani(1), "k") }, 20 * time.Second},
			"void":    {func() error { return p.Capturer.Void(t.Context(), hub.ChargeRef{}, "k") }, 20 * time.Second},
		} {
			began := time.Now()
			err := tc.call()
			if took := time.Since(began); took != tc.want || hub.CodeOf(err) != hub.CodeTimeout || hub.Certainly(err) {
				t.Errorf("%s: got %v after %v, want an uncertain timeout after %v", op, err, took, tc.want)
			}
		}
	})
}

func TestACallThatWasNeverMadeIsCertain(t *testing.T) {
	c := &till{}
	p, _ := behind(c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Capturer.Capture(ctx, hub.ChargeRef{}, hub.Bani(1), "k"); !hub.Certainly(err) || c.calls.Load() != 0 {
		t.Errorf("got %v after %d calls, want a certain refusal after none", err, c.calls.Load())
	}
}
