package pay_test

import (
	"context"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// bentStore is a hub.Store through which a replica works wrongly. Each part
// may be nil.
type bentStore struct {
	pay.Store
	before func(hub.PaymentTx, *hub.Payment)       // what the replica believes when a change begins
	after  func(hub.PaymentTx, *hub.Payment) error // what it stores instead of what it decided
	shown  func(*hub.Payment)                      // what it believes afterwards
	tx     func(hub.PaymentTx) hub.PaymentTx
	lease  func(*hub.Lease) *hub.Lease
	key    func(hub.RequestKey) hub.RequestKey
	built  func(*hub.Payment)
	rests  func(hub.WorkQuery) bool // whether no such work is begun now
	leases func([]hub.Lease) []hub.Lease
	fact   func(ctx context.Context, f hub.Fact, keep func() (bool, error)) (bool, error)
}

func (b *bentStore) wrap(tx hub.PaymentTx) hub.PaymentTx {
	if b.tx != nil {
		return b.tx(tx)
	}
	return tx
}

func (b *bentStore) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	if b.key != nil {
		key = b.key(key)
	}
	return b.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) {
		p, err := build(b.wrap(tx))
		if err == nil && b.built != nil {
			b.built(p)
		}
		return p, err
	})
}

func (b *bentStore) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	if b.lease != nil {
		under = b.lease(under)
	}
	p, err := b.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error {
		tx = b.wrap(tx)
		if b.before != nil {
			b.before(tx, p)
		}
		if err := change(tx, p); err != nil || b.after == nil {
			return err
		}
		return b.after(tx, p)
	})
	if err == nil && b.shown != nil {
		b.shown(p)
	}
	return p, err
}

func (b *bentStore) LeaseWork(ctx context.Context, q hub.WorkQuery) ([]hub.Lease, error) {
	if b.rests != nil && b.rests(q) {
		return nil, nil
	}
	leases, err := b.Store.LeaseWork(ctx, q)
	if b.leases != nil {
		leases = b.leases(leases)
	}
	return leases, err
}

func (b *bentStore) ReceiveFact(ctx context.Context, f hub.Fact) (bool, error) {
	if b.fact != nil {
		return b.fact(ctx, f, func() (bool, error) { return b.Store.ReceiveFact(ctx, f) })
	}
	return b.Store.ReceiveFact(ctx, f)
}

// bentTx is a transaction in which some steps are done wrongly.
type bentTx struct {
	hub.PaymentTx
	hold     func(p hub.PaymentID, l *hub.Line) bool // whether the claim is believed to be had anyway
	book     func(hub.Booking) []hub.Booking
	schedule func(hub.Work) bool // whether it is done
}

func (b bentTx) Hold(ctx context.Context, p hub.PaymentID, l *hub.Line, until time.Time) (bool, hub.PaymentID, time.Time, error) {
	held, by, freeAt, err := b.PaymentTx.Hold(ctx, p, l, until)
	if b.hold != nil && b.hold(p, l) {
		held = true
	}
	return held, by, freeAt, err
}

func (b bentTx) HoldAll(ctx context.Context, p hub.PaymentID, lines []*hub.Line, until time.Time) ([]hub.Held, error) {
	held, err := b.PaymentTx.HoldAll(ctx, p, lines, until)
	for i := range held {
		if b.hold != nil && b.hold(p, lines[i]) {
			held[i].Held = true
		}
	}
	return held, err
}

func (b bentTx) Book(list ...hub.Booking) {
	for _, booking := range list {
		if b.book == nil {
			b.PaymentTx.Book(booking)
			continue
		}
		b.PaymentTx.Book(b.book(booking)...)
	}
}

func (b bentTx) Schedule(w hub.Work, after time.Duration) {
	if b.schedule == nil || b.schedule(w) {
		b.PaymentTx.Schedule(w, after)
	}
}

// bentCapturer, bentRefunder, bentCharger, bentSink, bentSource and bentReverser
// are providers and creditors as a wrong replica talks to them.
type bentCapturer struct {
	hub.Capturer
	capture func(r hub.ChargeRef, amount hub.Money, key string) (hub.Money, string)
	void    func() bool // whether it is asked for at all
}

func (b bentCapturer) Capture(ctx context.Context, r hub.ChargeRef, amount hub.Money, key string) error {
	if b.capture != nil {
		amount, key = b.capture(r, amount, key)
	}
	return b.Capturer.Capture(ctx, r, amount, key)
}

func (b bentCapturer) Void(ctx context.Context, r hub.ChargeRef, key string) error {
	if b.void != nil && !b.void() {
		return nil
	}
	return b.Capturer.Void(ctx, r, key)
}

type bentRefunder struct {
	hub.Refunder
	refund func(r hub.ChargeRef, amount hub.Money, key string) (hub.Money, string)
}

func (b bentRefunder) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	amount, key = b.refund(r, amount, key)
	return b.Refunder.Refund(ctx, r, amount, from, key)
}

type bentCharger struct {
	hub.Charger
	seen func(hub.ChargeFacts) hub.ChargeFacts
}

func (b bentCharger) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	facts, err := b.Charger.Lookup(ctx, r)
	return b.seen(facts), err
}

type bentSink struct {
	hub.Sink
	sent   func(hub.Posting) hub.Posting
	answer func(hub.Posting, []hub.Receipt, error) ([]hub.Receipt, error)
}

func (b bentSink) Post(ctx context.Context, list []hub.Posting) ([]hub.Receipt, error) {
	if b.sent != nil {
		list[0] = b.sent(list[0])
	}
	receipts, err := b.Sink.Post(ctx, list)
	if b.answer != nil {
		return b.answer(list[0], receipts, err)
	}
	return receipts, err
}

type bentSource struct {
	hub.Source
	answer func(hub.Answer, error) (hub.Answer, error)
}

func (b bentSource) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	return b.answer(b.Source.Obligations(ctx, who))
}

type bentReverser struct{}

func (bentReverser) Reverse(context.Context, hub.Posting, string) error { return nil }

// The ways to put a bent part into a replica.

func withStore(parts *pay.Parts, b *bentStore) { b.Store, parts.Store = parts.Store, b }

func withTx(parts *pay.Parts, bend func(hub.PaymentTx) hub.PaymentTx) {
	withStore(parts, &bentStore{tx: bend})
}

func withConnectors(parts *pay.Parts, bend func(*hub.Connector)) {
	var fleet hub.Fleet
	for _, c := range parts.Roster.OnDuty() {
		bent := *c
		bend(&bent)
		fleet = append(fleet, &bent)
	}
	parts.Roster = fleet
}

func withSinks(parts *pay.Parts, b bentSink, only ...hub.Class) {
	withConnectors(parts, func(c *hub.Connector) {
		for _, class := range only {
			if c.Traits.Paying.Class == class {
				c.Sink = bentSink{c.Sink, b.sent, b.answer}
			}
		}
	})
}

func withPSPs(parts *pay.Parts, bend func(*hub.PSP)) {
	for i, p := range parts.PSPs {
		bent := *p
		bend(&bent)
		parts.PSPs[i] = &bent
	}
}
