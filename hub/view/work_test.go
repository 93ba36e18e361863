package view_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"racord/hub"
	"racord/hub/view"
)

// lender is a shelf whose pages stand in memory that others write to as soon as it is
// given back.
type lender struct {
	*shelf
	mu    sync.Mutex
	given int // loans that were not returned
}

func (l *lender) Get(ctx context.Context, keys []hub.PageKey, into []*hub.Page) (hub.Loan, error) {
	_, err := l.shelf.Get(ctx, keys, into)
	loan := &loan{of: l}
	for i, page := range into {
		if page != nil {
			into[i] = page.Clone()
			loan.pages = append(loan.pages, into[i])
		}
	}
	l.count(1)
	return loan, err
}

func (l *lender) count(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given += n
	return l.given
}

type loan struct {
	of    *lender
	pages []*hub.Page
}

func (l *loan) Return() {
	l.of.count(-1)
	for _, page := range l.pages {
		for i := range page.Obligations {
			page.Obligations[i] = '!'
		}
		*page = hub.Page{Creditor: "somebody-else"}
	}
}

// borrowing gives a city whose creditors' answers another replica fetched.
func borrowing(t *testing.T, here answers) (*city, *lender) {
	shared := newShelf()
	other := newCity(t, answers{"tax": owes(100), "water": owes(200)})
	other.L2 = shared
	other.view()
	other.Close() // all is written
	c, from := newCity(t, here), &lender{shelf: shared}
	c.L2 = from
	return c, from
}

func TestAViewGivesBackWhatItBorrowed(t *testing.T) {
	c, from := borrowing(t, answers{"tax": fails(hub.CodeTimeout), "water": fails(hub.CodeTimeout)})
	for _, source := range []string{"the shared cache", "the shared cache, and is kept here", "this process's cache"} {
		v := c.view()
		body := v.AppendJSON(nil)
		if v.TotalConfirmed.Minor != 300 || strings.Contains(string(body), "!") || !bytes.Contains(body, []byte(`"total":{"amount":200,`)) {
			t.Errorf("from %s: got %s", source, body)
		}
		v.Release()
		if left := from.count(0); left != 0 {
			t.Errorf("from %s: got %d loans not returned", source, left)
		}
	}
}

// A view that waits for a creditor does not hold what others' pages stand in too.
func TestAViewThatWaitsHoldsNoLoan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, from := borrowing(t, answers{"tax": hangs, "water": hangs, "heat": hangs})
		done := make(chan []byte)
		go func() {
			v, err := c.Of(context.Background(), ana, anything)
			if err != nil {
				t.Error(err)
			}
			done <- v.AppendJSON(nil)
		}()
		synctest.Wait()
		if left := from.count(0); left != 0 {
			t.Errorf("got %d loans while a creditor is waited for, want none", left)
		}
		body := <-done
		if bytes.Contains(body, []byte("!")) || !bytes.Contains(body, []byte(`"total":{"amount":200,`)) {
			t.Errorf("got %s", body)
		}
		c.Close()
	})
}

// Nor does one whose pages are sent while it is made: who listens may be slow.
func TestAViewThatIsSentHoldsNoLoan(t *testing.T) {
	c, from := borrowing(t, answers{"tax": fails(hub.CodeTimeout), "water": fails(hub.CodeTimeout)})
	v, err := c.Stream(t.Context(), ana, anything, func(p *view.Page) error {
		if left := from.count(0); left != 0 {
			t.Errorf("%s: got %d loans while it is sent, want none", p.Creditor, left)
		}
		if body := p.AppendJSON(nil); bytes.Contains(body, []byte("!")) {
			t.Errorf("got %s", body)
		}
		return nil
	})
	if err != nil || v.TotalConfirmed.Minor != 300 {
		t.Errorf("got %+v (%v), want 300 bani", v, err)
	}
}
