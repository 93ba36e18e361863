package connectortest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"racord/hub"
)

// run is a suite being judged, and what was learned so far.
type run struct {
	suite     Suite
	connector *hub.Connector // the one nobody disturbs; nil when it did not open
	calm      *wire          // its wire
	openErr   error
	answer    hub.Answer // about Known
	answerErr error
	first     *exchange // that brought it; nil when it was not HTTP
	delivery  *delivery // what the feed brought
	feedErr   error
	debts     []hub.Obligation // of both
	unstable  bool             // answers differ by themselves: comparing them says nothing
	till      till             // what was posted

	mu    sync.Mutex
	wires []*wire
	errs  []error // everything any call failed with
}

// prepare opens the connector and asks it once, undisturbed.
func (r *run) prepare(ctx context.Context) {
	r.connector, r.calm, r.openErr = r.open(ctx, tamper{})
	if r.openErr != nil {
		r.connector = nil
		return
	}
	if r.connector.Source != nil && r.suite.Known != (hub.Asked{}) {
		r.answer, r.answerErr = r.ask(ctx, r.connector, r.suite.Known)
		r.debts, r.first = r.answer.Obligations, r.calm.last()
	}
	if r.connector.Feed != nil {
		if r.delivery, r.feedErr = r.pull(ctx, r.connector, ""); r.feedErr == nil {
			r.debts = append(r.debts[:len(r.debts):len(r.debts)], r.delivery.debts...)
		}
	}
}

// open makes a connector whose wire is disturbed.
func (r *run) open(ctx context.Context, t tamper) (*hub.Connector, *wire, error) {
	w := &wire{tamper: t}
	r.mu.Lock()
	r.wires = append(r.wires, w)
	r.mu.Unlock()
	var c *hub.Connector
	err := r.call(ctx, time.Minute, func(ctx context.Context) (err error) {
		c, err = r.suite.Open(ctx, w.wrap)
		return err
	})
	if err == nil && c == nil {
		err = errors.New("neither a connector nor an error")
	}
	return c, w, err
}

// errStuck is what a call gives that does not end with its context.
var errStuck = errors.New("the call went on after its context had ended")

// panicked is what a call gives that panics.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// call runs f within the limit, and gives up when it does not end with its
// context. Every error is remembered.
func (r *run) call(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- panicked{p}
			}
		}()
		done <- f(ctx)
	}()
	err := r.await(ctx, done)
	if err != nil {
		r.mu.Lock()
		r.errs = append(r.errs, err)
		r.mu.Unlock()
	}
	return err
}

func (r *run) await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(r.suite.Patience):
		return errStuck
	}
}

// patient is how long a question may take.
func (r *run) patient() time.Duration { return max(4*r.suite.Traits.Timeout, 10*time.Second) }

// ask puts a question to the Source.
func (r *run) ask(ctx context.Context, c *hub.Connector, who hub.Asked) (hub.Answer, error) {
	var a hub.Answer
	err := r.call(ctx, r.patient(), func(ctx context.Context) error {
		got, err := c.Source.Obligations(ctx, who)
		a = got
		return err
	})
	if errors.Is(err, errStuck) {
		return hub.Answer{}, err // a still belongs to the call
	}
	return a, err
}

// question asks whatever the connector can be asked: about Known, else for a
// delivery.
func (r *run) question(ctx context.Context, c *hub.Connector) (hub.Answer, error) {
	if c.Source != nil && r.suite.Known != (hub.Asked{}) {
		return r.ask(ctx, c, r.suite.Known)
	}
	if c.Feed == nil {
		return hub.Answer{}, errors.New("there is nothing it can be asked")
	}
	_, err := r.pull(ctx, c, "")
	return hub.Answer{}, err
}

// disturbed opens a connector on a disturbed wire and asks it.
func (r *run) disturbed(ctx context.Context, t tamper) (hub.Answer, *wire, error) {
	c, w, err := r.open(ctx, t)
	if err != nil {
		return hub.Answer{}, w, err
	}
	a, err := r.question(ctx, c)
	return a, w, err
}

// allWires is every wire so far.
func (r *run) allWires() []*wire {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wires[:len(r.wires):len(r.wires)]
}
