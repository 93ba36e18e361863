package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"racord/hub"
)

// gate is the way to one creditor. Its calls share a breaker, a retry budget
// and the connector's share of the creditor's slots.
type gate struct {
	conf    Conf
	name    hub.Name
	class   Class
	traits  hub.Traits
	share   *share
	breaker *breaker
	budget  *budget
	spells  hub.Spells
	clock   hub.Clock
	ward    *Ward
	meter   Meter
	log     *slog.Logger
}

func newGate(c *hub.Connector, mine *share, parts Parts, conf Conf, class Class) *gate {
	g := &gate{
		conf: conf, name: c.Creditor.Name, class: class, traits: c.Traits, share: mine,
		clock: parts.Clock, ward: parts.Ward, meter: parts.Meter, log: parts.Log,
	}
	if g.meter == nil {
		g.meter = silent{}
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.traits.Timeout == 0 {
		g.traits.Timeout = conf.Timeout
	}
	g.breaker = newBreaker(string(g.name)+":"+string(class), g.moved)
	g.budget = newBudget()
	g.spells.With = g.retrying
	return g
}

// moved tells the world that the breaker changed.
func (g *gate) moved(from, to State) {
	g.meter.Breaker(g.class, to)
	level := slog.LevelInfo
	if to == Open {
		level = slog.LevelWarn
	}
	g.log.Log(context.Background(), level, "breaker moved", "connector", g.name, "class", g.class, "from", from, "to", to)
}

// retry decides about one more try of a read: only while the breaker is closed
// and within the budget.
func (g *gate) retry() bool {
	if g.breaker.State() != Closed || !g.budget.take() {
		return false
	}
	g.meter.Retried()
	return true
}

// pass lets one call through, inside the creditor's timeout.
func (g *gate) pass(ctx context.Context, op Operation, call func(context.Context) error) error {
	if err := g.standing(); err != nil {
		return err
	}
	given, err := g.given(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := g.timed(ctx, given)
	defer cancel()
	err = g.breaker.do(func() error {
		end, _ := ctx.Deadline()
		if err := g.share.enter(ctx, end.Add(g.conf.Linger), g.conf.Queue, g.patience(given)); err != nil {
			return notTheirs{err}
		}
		code, err := g.attempt(ctx, op, given, call)
		g.leave(code)
		return err
	})
	return g.explain(err)
}

// standing refuses what is decided before anybody asks.
func (g *gate) standing() error {
	if g.ward.Holds(g.name) {
		g.meter.Shed(ShedQuarantine)
		return quarantined()
	}
	if len(g.traits.Windows) > 0 {
		now := g.clock.Now()
		if until, closed := g.traits.Closed(now); closed {
			g.meter.Shed(ShedWindow)
			return refusal(hub.CodeMaintenance, "The creditor's system is closed at this hour.", until.Sub(now))
		}
	}
	if err := g.share.paused(); err != nil {
		g.meter.Shed(ShedPause)
		return err
	}
	if wait := g.breaker.wait(); wait > 0 {
		return g.explain(refused(wait))
	}
	return nil
}

// given is the time the creditor gets: its own timeout, or what the caller has
// left if that is less.
func (g *gate) given(ctx context.Context) (time.Duration, error) {
	given := min(g.traits.Timeout, g.left(ctx))
	if given <= 0 {
		g.meter.Shed(ShedLate)
		return 0, hub.Errorf(hub.CodeTimeout, "There was no time left to ask the creditor.")
	}
	return given, nil
}

// timed gives a call its time and the retry budget. Those that begin at nearly the
// same moment of a view share both, and get a moment more rather than less.
func (g *gate) timed(ctx context.Context, given time.Duration) (context.Context, context.CancelFunc) {
	spread := min(given/20, 50*time.Millisecond)
	if spell, ok := ctx.(*hub.Spell); ok && given == g.traits.Timeout && g.left(ctx) > given+spread {
		return g.spells.Begin(spell, given, spread), func() {}
	}
	return context.WithTimeout(g.retrying(ctx), given)
}

func (g *gate) retrying(ctx context.Context) context.Context { return hub.WithRetries(ctx, g.retry) }

// left is what the caller has left of its time, but for what is kept back.
func (g *gate) left(ctx context.Context) time.Duration {
	deadline, limited := ctx.Deadline()
	if !limited {
		return math.MaxInt64
	}
	return time.Until(deadline) - g.conf.Reserve
}

func (g *gate) patience(given time.Duration) time.Duration { return min(g.conf.Wait, given/4) }

// attempt is the call itself, and what follows from its outcome.
func (g *gate) attempt(ctx context.Context, op Operation, given time.Duration, call func(context.Context) error) (hub.Code, error) {
	began := time.Now()
	g.budget.called()
	err := g.safely(ctx, op, call)
	code := g.codeOf(ctx, err)
	g.meter.Called(op, code, time.Since(began))
	return code, g.judge(ctx, err, code, began, given)
}

// leave gives the slot back when the call has really ended: the creditor may
// still work on one that was cut off, so that slot stays taken a little longer.
func (g *gate) leave(code hub.Code) { g.share.leaveAfter(code, g.conf.Linger) }

// safely keeps one connector's defect from taking all others down. What it
// panicked with is not logged: it may name a person.
func (g *gate) safely(ctx context.Context, op Operation, call func(context.Context) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = g.broke(op, broken)
		}
	}()
	return call(ctx)
}

// broke notes what a connector panicked with while it still stands on the stack.
func (g *gate) broke(op Operation, broken any) error {
	g.log.Error("connector panicked", "connector", g.name, "operation", op,
		"type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
	return hub.Errorf(hub.CodeInternal, "Something went wrong on our side.")
}

// codeOf is the code of an attempt's outcome. An attempt whose time ran out is a
// timeout, whatever the connector made of it.
func (g *gate) codeOf(ctx context.Context, err error) hub.Code {
	code := hub.CodeOf(err)
	switch code {
	case hub.CodeUnavailable, hub.CodeInternal, hub.CodeCancelled, hub.CodeTimeout:
		if errors.Is(ctx.Err(), context.Canceled) {
			return hub.CodeCancelled
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return hub.CodeTimeout
		}
	}
	return code
}

// judge draws the consequences of an outcome and marks those failures that are
// not the creditor's.
func (g *gate) judge(ctx context.Context, err error, code hub.Code, began time.Time, given time.Duration) error {
	switch code {
	case hub.CodeForeignData:
		g.ward.Quarantine(g.name, "answered about somebody else")
	case hub.CodeCancelled:
		return notTheirs{err}
	case hub.CodeTimeout:
		if ctx.Err() != nil && hub.CodeOf(err) != code {
			err = hub.Wrap(code, err, "The creditor did not answer in time.")
		}
		if given < min(g.traits.Timeout/2, time.Second) {
			return notTheirs{err} // it never had a fair chance
		}
	case hub.CodeBusy:
		if errors.Is(err, errNoTurn) {
			return notTheirs{err}
		}
		g.share.slower(began, hub.RetryAfterOf(err))
	case hub.CodeMaintenance:
		g.share.closed(hub.RetryAfterOf(err), g.conf.Probing)
	case "":
		g.budget.answered()
		g.share.faster()
		if g.class != ClassPost && g.ward.Holds(g.name) { // another call's answer was somebody else's; a receipt is ours
			return quarantined()
		}
	}
	return err
}

// explain turns what came out of the breaker into the caller's error.
func (g *gate) explain(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := err.(notTheirs); ok {
		err = own.error
	}
	switch {
	case errors.Is(err, errFull):
		g.meter.Shed(ShedFull)
	case errors.Is(err, errOpen):
		g.meter.Shed(ShedBreaker)
	}
	return err
}

// notTheirs marks a failure that says nothing about the creditor.
type notTheirs struct{ error }

func (n notTheirs) Unwrap() error { return n.error }

func refusal(code hub.Code, message string, wait time.Duration) *hub.Error {
	return &hub.Error{Code: code, Message: message, RetryAfter: max(wait, 0)}
}

func quarantined() error {
	return hub.Errorf(hub.CodeForeignData, "The creditor's connection is stopped until the city has checked it.")
}
