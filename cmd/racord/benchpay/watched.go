package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"racord/hub"
)

// watched is a store that tells when a payment is posted, and counts what it is
// asked and how long that takes.
type watched struct {
	hub.Store
	waiting sync.Map // hub.PaymentID → chan struct{}
	calls   [len(callNames)]struct{ count, nanos atomic.Int64 }
}

// The calls that are counted.
const (
	callOpen = iota
	callFact
	callChange
	callRead
	callLease
	callEmpty // leases that found nothing
)

var callNames = [...]string{"openings", "notifications", "changes", "readings", "leases", "leases of nothing"}

func (w *watched) count(call int, since time.Time) {
	w.calls[call].count.Add(1)
	w.calls[call].nanos.Add(int64(time.Since(since)))
}

// posted gives a channel that closes when every line of the payment is posted.
func (w *watched) posted(id hub.PaymentID) <-chan struct{} {
	ch := make(chan struct{})
	w.waiting.Store(id, ch)
	return ch
}

// OpenPayment counts.
func (w *watched) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	defer w.count(callOpen, time.Now())
	return w.Store.OpenPayment(ctx, key, build)
}

// ReceiveFact counts.
func (w *watched) ReceiveFact(ctx context.Context, f hub.Fact) (bool, error) {
	defer w.count(callFact, time.Now())
	return w.Store.ReceiveFact(ctx, f)
}

// Payment counts.
func (w *watched) Payment(ctx context.Context, id hub.PaymentID) (*hub.Payment, error) {
	defer w.count(callRead, time.Now())
	return w.Store.Payment(ctx, id)
}

// LeaseWork counts.
func (w *watched) LeaseWork(ctx context.Context, q hub.WorkQuery) ([]hub.Lease, error) {
	begun := time.Now()
	leases, err := w.Store.LeaseWork(ctx, q)
	if len(leases) == 0 {
		w.count(callEmpty, begun)
	} else {
		w.count(callLease, begun)
	}
	return leases, err
}

// ChangePayment counts, and tells whoever waits for the payment's end.
func (w *watched) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	begun := time.Now()
	p, err := w.Store.ChangePayment(ctx, id, under, change)
	w.count(callChange, begun)
	if err == nil && posted(p) {
		if ch, ok := w.waiting.LoadAndDelete(id); ok {
			close(ch.(chan struct{}))
		}
	}
	return p, err
}

func posted(p *hub.Payment) bool {
	for i := range p.Lines {
		if p.Lines[i].State != hub.LinePosted {
			return false
		}
	}
	return true
}

// tally is how often the store was asked, and for how long.
type tally [len(callNames)]struct {
	count int64
	took  time.Duration
}

func (w *watched) tally() (t tally) {
	for i := range w.calls {
		t[i].count, t[i].took = w.calls[i].count.Load(), time.Duration(w.calls[i].nanos.Load())
	}
	return t
}

func (t tally) since(before tally) tally {
	for i := range t {
		t[i].count -= before[i].count
		t[i].took -= before[i].took
	}
	return t
}
