package hubtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
)

// BenchmarkPayments measures what a payment asks of a store, sixteen at once on
// two processors: opening a basket of three lines, and a change of all of them
// with three pieces of work, a booking and an event. open gives an empty store.
func BenchmarkPayments(b *testing.B, open func(b *testing.B) hub.Store) {
	for name, bench := range map[string]func(*testing.B, hub.Store){
		"open": benchOpen, "change": benchChange, "read": benchRead, "work": benchWork,
	} {
		b.Run(name, func(b *testing.B) { bench(b, open(b)) })
	}
}

// parallel is how many goroutines a processor has in these benchmarks.
const parallel = 8

// BenchEach runs a benchmark by many goroutines at once, each of which is given
// a number of its own.
func BenchEach(b *testing.B, op func(goroutine int) func() error) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(parallel)
	var goroutines atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		do := op(int(goroutines.Add(1)))
		for pb.Next() {
			if err := do(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

func benchBasket() *hub.Payment {
	id := hub.NewID()
	p := Basket("", hub.ObligationID(id+"a"), hub.ObligationID(id+"b"), hub.ObligationID(id+"c"))
	p.ID = hub.PaymentID(id)
	return p
}

func benchOpened(b *testing.B, store hub.Payments) (*hub.Payment, error) {
	basket := benchBasket()
	p, _, err := store.OpenPayment(b.Context(), requestKey("", string(basket.ID)), opens(b, basket))
	return p, err
}

func benchOpen(b *testing.B, store hub.Store) {
	BenchEach(b, func(int) func() error {
		return func() error {
			_, err := benchOpened(b, store)
			return err
		}
	})
}

// benchDue opens a payment whose lines are due.
func benchDue(b *testing.B, store hub.Store) hub.PaymentID {
	b.Helper()
	p, err := benchOpened(b, store)
	if err != nil {
		b.Error(err)
		return ""
	}
	_, err = store.ChangePayment(b.Context(), p.ID, nil, func(_ hub.PaymentTx, p *hub.Payment) error {
		for i := range p.Lines {
			p.Lines[i].State = hub.LineDue
		}
		return errors.Join(p.Charges[0].Move(hub.ChargeStarting), p.Charges[0].Move(hub.ChargeCaptured))
	})
	if err != nil {
		b.Error(err)
	}
	return p.ID
}

func benchChange(b *testing.B, store hub.Store) {
	var n atomic.Int64
	BenchEach(b, func(int) func() error {
		id := benchDue(b, store)
		return func() error {
			booking := fmt.Sprint("b", n.Add(1))
			_, err := store.ChangePayment(b.Context(), id, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
				return benchStep(tx, p, booking)
			})
			return err
		}
	})
}

// benchStep sends the lines or takes them back.
func benchStep(tx hub.PaymentTx, p *hub.Payment, booking string) error {
	for i := range p.Lines {
		l := &p.Lines[i]
		to := hub.LinePosting
		if l.State == hub.LinePosting {
			to = hub.LineDue
		}
		if err := l.Move(to); err != nil {
			return err
		}
		l.Tries++
		tx.Schedule(hub.Work{Payment: p.ID, Kind: hub.WorkLine, No: l.No, Creditor: l.Creditor}, time.Minute)
	}
	tx.Book(hub.TransferBooking(booking, "posted", p.ID, hub.AccountLine(p.PostingID(1)), hub.AccountPayable("water"), p.Lines[0].Amount))
	tx.Emit(hub.Event{Type: "line.sent"})
	return nil
}

func benchRead(b *testing.B, store hub.Store) {
	id := benchDue(b, store)
	BenchEach(b, func(int) func() error {
		return func() error {
			_, err := store.Payment(b.Context(), id)
			return err
		}
	})
}

// benchWork leases one piece of work among a thousand and gives it back.
func benchWork(b *testing.B, store hub.Store) {
	for range 1000 {
		p, err := benchOpened(b, store)
		if err != nil {
			b.Fatal(err)
		}
		_, err = store.ChangePayment(b.Context(), p.ID, nil, func(tx hub.PaymentTx, p *hub.Payment) error {
			tx.Schedule(chargeWork(p), -time.Second)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	BenchEach(b, func(int) func() error {
		return func() error {
			leases, err := store.LeaseWork(b.Context(), hub.WorkQuery{Kind: hub.WorkCharge, Most: 1, TTL: time.Minute})
			if err != nil || len(leases) == 0 {
				return err
			}
			_, err = store.ChangePayment(b.Context(), leases[0].Payment, &leases[0], func(tx hub.PaymentTx, _ *hub.Payment) error {
				tx.Schedule(leases[0].Work, 0)
				return nil
			})
			return err
		}
	})
}
