package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"racord/hub"
)

// The operations of payment providers.
const (
	OpStart   Operation = "start"
	OpLookup  Operation = "lookup"
	OpCapture Operation = "capture"
	OpVoid    Operation = "void"
	OpRefund  Operation = "refund"
	OpList    Operation = "list"
	OpRecall  Operation = "recall"
	OpSettle  Operation = "settle"
)

// PSPOperations lists all operations of payment providers.
func PSPOperations() []Operation {
	return []Operation{OpStart, OpLookup, OpCapture, OpVoid, OpRefund, OpList, OpRecall, OpSettle, OpPing}
}

// PSPConf sets the limits of a provider's guard. The zero value of a field takes
// its default.
type PSPConf struct {
	Start   time.Duration // of asking for a page, with a payer waiting; default 4 s
	Ask     time.Duration // of a question; default 5 s
	Move    time.Duration // of what moves money: a bank answers behind it; default 20 s
	Listing time.Duration // of a list or a settlement; default 60 s
	Probing time.Duration // how often a provider is asked whether it answers; default 5 s
}

func (c PSPConf) withDefaults() PSPConf {
	c.Start = cmp.Or(c.Start, 4*time.Second)
	c.Ask = cmp.Or(c.Ask, 5*time.Second)
	c.Move = cmp.Or(c.Move, 20*time.Second)
	c.Listing = cmp.Or(c.Listing, time.Minute)
	c.Probing = cmp.Or(c.Probing, 5*time.Second)
	return c
}

// limit is how long an operation may take.
func (c PSPConf) limit(op Operation) time.Duration {
	switch op {
	case OpStart:
		return c.Start
	case OpCapture, OpVoid, OpRefund:
		return c.Move
	case OpList, OpSettle:
		return c.Listing
	default:
		return c.Ask
	}
}

// Provider stands between the hub and a payment provider: every call is inside
// its time and passes one breaker, and a panic of the adapter ends the call and
// not the hub. A call that was not made fails with Certain set. Nothing that
// moves money is ever repeated here.
type Provider struct {
	psp     hub.PSP // as it came
	conf    PSPConf
	breaker *breaker
	budget  *budget
	meter   Meter
	log     *slog.Logger
	stop    context.CancelFunc
	stopped chan struct{}
}

// tripPSP is for a provider: asked seldom, and given up to 20 s for an answer, so
// that failures in a row lie far apart. Five of them are enough: there is
// another provider, and a payer who is sent to a dead page is lost.
var tripPSP = trip{inRow: 5, window: 3 * time.Minute}

// GuardPSP makes the guard of a provider. meter and log may be nil.
func GuardPSP(p hub.PSP, meter Meter, log *slog.Logger, conf PSPConf) *Provider {
	if meter == nil {
		meter = silent{}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &Provider{psp: p, conf: conf.withDefaults(), budget: newBudget(), meter: meter, log: log}
	g.breaker = newBreakerThat(tripPSP, "psp:"+p.Name, g.moved)
	return g
}

// PSP gives the provider with its parts behind the guard. The parts that are nil
// stay nil; reading a notification asks nobody and is not guarded.
func (g *Provider) PSP() hub.PSP {
	p := g.psp
	p.Health = g.healthy
	if p.Charger != nil {
		p.Charger = charger{g, p.Charger}
	}
	if p.Capturer != nil {
		p.Capturer = capturer{g, p.Capturer}
	}
	if p.Refunder != nil {
		p.Refunder = refunder{g, p.Refunder}
	}
	if p.Lister != nil {
		p.Lister = lister{g, p.Lister}
	}
	if p.Recaller != nil {
		p.Recaller = recaller{g, p.Recaller}
	}
	if p.Settler != nil {
		p.Settler = settler{g, p.Settler}
	}
	if p.Notifier != nil {
		p.Notifier = notifier{g, p.Notifier}
	}
	if p.Probe != nil {
		p.Probe = pinger{g, p.Probe}
	}
	return p
}

// healthy is whether new charges may go to the provider. One that was away must
// answer its probes first; without probes, it gets a charge to try when its time
// out is over.
func (g *Provider) healthy() bool {
	state := g.breaker.State()
	return state == Closed || g.psp.Probe == nil && (state == HalfOpen || g.breaker.wait() <= 0)
}

// Start asks the provider from time to time whether it answers, so that one
// which is away is known before a payer is sent to it.
func (g *Provider) Start(ctx context.Context) error {
	if g.psp.Probe == nil {
		return nil
	}
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	g.stopped = make(chan struct{})
	go g.watch(ctx)
	return nil
}

// Stop ends the asking.
func (g *Provider) Stop(context.Context) error {
	if g.stop != nil {
		g.stop()
		<-g.stopped
	}
	return nil
}

func (g *Provider) watch(ctx context.Context) {
	defer close(g.stopped)
	for again := true; again; again = hub.Sleep(ctx, g.conf.Probing) {
		_ = pinger{g, g.psp.Probe}.Ping(ctx) // what it learns is in the breaker
	}
}

// moved tells the world that the breaker changed.
func (g *Provider) moved(from, to State) {
	g.meter.Breaker(ClassCharge, to)
	level := slog.LevelInfo
	if to == Open {
		level = slog.LevelWarn
	}
	g.log.Log(context.Background(), level, "breaker moved", "psp", g.psp.Name, "from", from, "to", to)
}

// pass lets one call through, inside its time.
func (g *Provider) pass(ctx context.Context, op Operation, call func(context.Context) error) error {
	if wait := g.breaker.wait(); wait > 0 {
		return g.notAsked(wait)
	}
	if err := ctx.Err(); err != nil {
		g.meter.Shed(ShedLate)
		return hub.NotDone(hub.Wrap(hub.CodeOf(err), err, "There was no time left to ask the payment provider."))
	}
	ctx, cancel := context.WithTimeout(hub.WithRetries(ctx, g.mayRetry), g.conf.limit(op))
	defer cancel()
	err := g.breaker.do(func() error { return g.attempt(ctx, op, call) })
	if errors.Is(err, errOpen) {
		return g.notAsked(g.breaker.wait())
	}
	if own, ok := err.(notTheirs); ok {
		return own.error
	}
	return err
}

// notAsked is the failure of a call that was not made.
func (g *Provider) notAsked(wait time.Duration) error {
	g.meter.Shed(ShedBreaker)
	failure := hub.NotDone(hub.Wrap(hub.CodeUnavailable, errOpen, "The payment provider cannot be reached now."))
	failure.RetryAfter = max(wait, time.Second)
	return failure
}

// attempt is the call itself. A caller who left, or gave it no fair time, says
// nothing about the provider.
func (g *Provider) attempt(ctx context.Context, op Operation, call func(context.Context) error) error {
	began := time.Now()
	end, _ := ctx.Deadline()
	g.budget.called()
	err := g.safely(ctx, op, call)
	code := hub.CodeOf(err)
	g.meter.Called(op, code, time.Since(began))
	switch code {
	case "":
		g.budget.answered()
	case hub.CodeCancelled, hub.CodeInvalid:
		return notTheirs{err}
	case hub.CodeTimeout:
		if end.Sub(began) < min(g.conf.limit(op)/2, time.Second) {
			return notTheirs{err}
		}
	}
	return err
}

// safely keeps a defect of an adapter from taking the hub down. After it nobody
// knows what was done.
func (g *Provider) safely(ctx context.Context, op Operation, call func(context.Context) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			g.log.Error("payment provider's adapter panicked", "psp", g.psp.Name, "operation", op,
				"type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
			err = hub.Errorf(hub.CodeInternal, "Something went wrong on our side.")
		}
	}()
	return call(ctx)
}

// mayRetry decides about one more try of a question.
func (g *Provider) mayRetry() bool {
	if g.breaker.State() != Closed || !g.budget.take() {
		return false
	}
	g.meter.Retried()
	return true
}

// ask passes a call that gives a value.
func ask[T any](ctx context.Context, g *Provider, op Operation, call func(context.Context) (T, error)) (got T, err error) {
	err = g.pass(ctx, op, func(ctx context.Context) (err error) {
		got, err = call(ctx)
		return err
	})
	if err != nil {
		var nothing T
		return nothing, err
	}
	return got, nil
}

type charger struct {
	guard *Provider
	next  hub.Charger
}

func (c charger) Start(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	return ask(ctx, c.guard, OpStart, func(ctx context.Context) (hub.Session, error) { return c.next.Start(ctx, o) })
}

func (c charger) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	return ask(ctx, c.guard, OpLookup, func(ctx context.Context) (hub.ChargeFacts, error) { return c.next.Lookup(ctx, r) })
}

type capturer struct {
	guard *Provider
	next  hub.Capturer
}

func (c capturer) Capture(ctx context.Context, r hub.ChargeRef, amount hub.Money, key string) error {
	return c.guard.pass(ctx, OpCapture, func(ctx context.Context) error { return c.next.Capture(ctx, r, amount, key) })
}

func (c capturer) Void(ctx context.Context, r hub.ChargeRef, key string) error {
	return c.guard.pass(ctx, OpVoid, func(ctx context.Context) error { return c.next.Void(ctx, r, key) })
}

type refunder struct {
	guard *Provider
	next  hub.Refunder
}

func (c refunder) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	return c.guard.pass(ctx, OpRefund, func(ctx context.Context) error { return c.next.Refund(ctx, r, amount, from, key) })
}

type lister struct {
	guard *Provider
	next  hub.Lister
}

func (l lister) List(ctx context.Context, merchant string, from, to time.Time) ([]hub.ListedCharge, error) {
	return ask(ctx, l.guard, OpList, func(ctx context.Context) ([]hub.ListedCharge, error) { return l.next.List(ctx, merchant, from, to) })
}

type recaller struct {
	guard *Provider
	next  hub.Recaller
}

func (l recaller) Recall(ctx context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	return ask(ctx, l.guard, OpRecall, func(ctx context.Context) (hub.ListedCharge, error) { return l.next.Recall(ctx, r) })
}

type settler struct {
	guard *Provider
	next  hub.Settler
}

func (s settler) Settlement(ctx context.Context, merchant string, from, to hub.Date) ([]hub.SettledCharge, error) {
	return ask(ctx, s.guard, OpSettle, func(ctx context.Context) ([]hub.SettledCharge, error) {
		return s.next.Settlement(ctx, merchant, from, to)
	})
}

type pinger struct {
	guard *Provider
	next  hub.Probe
}

func (p pinger) Ping(ctx context.Context) error { return p.guard.pass(ctx, OpPing, p.next.Ping) }

// notifier reads outside data, so it is watched for panics only.
type notifier struct {
	guard *Provider
	hub.Notifier
}

func (n notifier) Read(ctx context.Context, h http.Header, body []byte) (fact hub.Fact, err error) {
	err = n.guard.safely(ctx, "notify", func(ctx context.Context) (err error) {
		fact, err = n.Notifier.Read(ctx, h, body)
		return err
	})
	return fact, err
}

var (
	_ hub.Charger  = charger{}
	_ hub.Capturer = capturer{}
	_ hub.Refunder = refunder{}
	_ hub.Lister   = lister{}
	_ hub.Recaller = recaller{}
	_ hub.Settler  = settler{}
	_ hub.Notifier = notifier{}
	_ hub.Probe    = pinger{}
)
