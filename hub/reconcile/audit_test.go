package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/reconcile"
)

// ages are books of many payments, one of each second, that began long ago. Whoever
// lists them has time for one page.
type ages struct {
	reconcile.Store
	began  time.Time
	many   int
	listed bool
	stop   context.CancelFunc // of whoever lists
}

func (a *ages) ChangedSince(ctx context.Context, from hub.Changed, most int) (page []*hub.Payment, next hub.Changed, err error) {
	if a.listed {
		a.stop()
	}
	a.listed, next = true, from
	for n := range a.many {
		at := hub.Changed{At: a.began.Add(time.Duration(n) * time.Second), ID: hub.PaymentID(fmt.Sprintf("p%05d", n))}
		if !at.At.Before(from.At) && at.ID > from.ID && len(page) < most {
			page, next = append(page, &hub.Payment{ID: at.ID}), at
		}
	}
	return page, next, ctx.Err()
}

// TestAnAuditThatIsCutShortGoesOnWhereItWas, page by page, though something is found.
func TestAnAuditThatIsCutShortGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t, true)
	const many = 2500
	books := &ages{Store: w.store, began: time.Now().Add(-24 * time.Hour), many: many}
	w.Store = books
	times := map[hub.PaymentID]int{}
	w.Audit = func(_ context.Context, some []hub.PaymentID) (found []hub.Difference, _ string, _ error) {
		for _, id := range some {
			times[id]++
			if id == "p00007" {
				found = append(found, hub.Difference{Scope: string(id), Kind: "I2", Name: string(id)})
			}
		}
		return found, "", nil
	}
	turns := 0
	for err := error(context.Canceled); err != nil && turns < 10; turns++ {
		var ctx context.Context
		ctx, books.stop = context.WithCancel(t.Context())
		books.listed = false
		err = w.Do(ctx, hub.JobAudit, "", true)
		books.stop()
	}
	if turns != 3 || len(times) != many {
		t.Errorf("got %d of %d payments after %d turns", len(times), many, turns)
	}
	for id, n := range times {
		if n != 1 && id != "p00007" {
			t.Fatalf("%s was judged %d times", id, n)
		}
	}
	if open := w.open(); len(open) != 1 || open["audit I2 p00007"].Scope != "p00007" {
		t.Errorf("got %v, want one finding", open)
	}
}

// TestTheAuditGoesBackToWhatMayHaveBeenUnderWay has the newest payments change a
// moment ago.
func TestTheAuditGoesBackToWhatMayHaveBeenUnderWay(t *testing.T) {
	w := newWorld(t, true)
	old := w.take(1, hub.LinePosted)
	w.later(time.Hour)
	young := w.take(2, hub.LinePosted)
	var judged []hub.PaymentID
	w.Audit = func(_ context.Context, some []hub.PaymentID) ([]hub.Difference, string, error) {
		judged = append(judged, some...)
		return nil, "", nil
	}
	for _, want := range [][]hub.PaymentID{{old.ID, young.ID}, {young.ID}, {young.ID}} {
		judged = nil
		if w.do(hub.JobAudit); !slices.Equal(judged, want) {
			t.Errorf("got %v judged, want %v", judged, want)
		}
	}
}
