package view_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"racord/hub"
)

// ledger is an answer's loan that is written to as soon as it comes back.
type ledger struct {
	answer   hub.Answer
	returned atomic.Int64
}

func (l *ledger) Return() {
	l.returned.Add(1)
	for i := range l.answer.Obligations {
		l.answer.Obligations[i] = hub.Obligation{ExternalID: "somebody-else", Outstanding: hub.Bani(99_999)}
	}
}

func (l *ledger) lend(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	a, err := owes(100, 200)(ctx, who)
	a.Loan = l
	l.answer = a
	return a, err
}

func TestAnAnswerIsGivenBackOnceItIsAPage(t *testing.T) {
	l := &ledger{}
	c := newCity(t, answers{"tax": l.lend})
	for range 2 { // from the creditor, and remembered
		v := c.view()
		if body := v.AppendJSON(nil); v.TotalConfirmed.Minor != 300 || bytes.Contains(body, []byte("somebody-else")) {
			t.Errorf("got %s", body)
		}
	}
	if got := l.returned.Load(); got != 1 {
		t.Errorf("got %d returns, want 1", got)
	}
}

// overtaken is a cache that says what it has, and while that travels something else
// happens.
type overtaken struct {
	*shelf
	meanwhile func()
}

func (o *overtaken) Get(ctx context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	loan, err := o.shelf.Get(ctx, keys, into)
	if then := o.meanwhile; then != nil {
		o.meanwhile = nil
		then()
	}
	return loan, err
}

// Who looked before another's answer came, and asks after it came, does not ask the
// creditor again.
func TestWhatAnotherViewJustFetchedIsNotAskedAgain(t *testing.T) {
	c := newCity(t, answers{"tax": owes(100), "water": owes(200)})
	cache := &overtaken{shelf: newShelf()}
	c.L1 = cache
	cache.meanwhile = func() { c.view() }
	if v := c.view(); v.TotalConfirmed.Minor != 300 || !v.Complete {
		t.Errorf("got %+v", v)
	}
	for name, creditor := range c.creditors {
		if got := creditor.calls.Load(); got != 1 {
			t.Errorf("%s: got %d calls, want 1", name, got)
		}
	}
}
