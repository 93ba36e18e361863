package pay_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// moment is before a call is made, or after its effect and before its answer is
// known.
type moment string

const (
	beforeCall  moment = "before"
	afterEffect moment = "after"
)

// harm is what happens to a replica at a point.
type harm string

const (
	unharmed harm = ""
	crash    harm = "crash" // the replica is gone for good
	failure  harm = "error" // the call gives no answer
	stopped  harm = "pause" // the replica stands still for longer than any lease
)

// point is a place at which harm can be done: a method of a port, and a moment.
type point struct {
	method string
	moment moment
}

// gate stands at every port of one replica. fate says what happens at a point.
type gate struct {
	fate func(point) harm
	kill func()
	dead chan struct{}
	once sync.Once
}

func newGate(fate func(point) harm, kill func()) *gate {
	return &gate{fate: fate, kill: kill, dead: make(chan struct{})}
}

// die ends the replica: whatever of it still runs ends at its next call.
func (g *gate) die() {
	g.once.Do(func() { close(g.dead); g.kill() })
}

func (g *gate) alive() bool {
	select {
	case <-g.dead:
		return false
	default:
		return true
	}
}

// longPause is longer than a lease and any call under it.
const longPause = 90 * time.Second

var errNoAnswer = hub.Errorf(hub.CodeTimeout, "no answer")

// pass lets a call on, or does the harm that is due. A dead replica's calls end.
func (g *gate) pass(ctx context.Context, method string, at moment) error {
	if !g.alive() {
		runtime.Goexit()
	}
	switch g.fate(point{method, at}) {
	case crash:
		g.die()
		runtime.Goexit()
	case failure:
		return errNoAnswer
	case stopped:
		time.Sleep(longPause)
		if !g.alive() {
			runtime.Goexit()
		}
		return context.Cause(ctx) // as every transport asks before it sends, and after
	}
	return nil
}

// through makes a call through the gate.
func through[T any](ctx context.Context, g *gate, method string, call func() (T, error)) (T, error) {
	var none T
	if err := g.pass(ctx, method, beforeCall); err != nil {
		return none, err
	}
	answer, err := call()
	if lost := g.pass(ctx, method, afterEffect); lost != nil {
		return none, lost
	}
	return answer, err
}

func sent(ctx context.Context, g *gate, method string, call func() error) error {
	_, err := through(ctx, g, method, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// gated puts a gate at every port of the parts.
func gated(parts pay.Parts, g *gate) pay.Parts {
	parts.Store = gatedPayments{parts.Store, g}
	parts.Folders = gatedFolders{parts.Folders, g}
	if parts.Pages != nil {
		parts.Pages = gatedPages{parts.Pages, g}
	}
	if parts.Settlements != nil {
		parts.Settlements = gatedSettlements{parts.Settlements, g}
	}
	var fleet hub.Fleet
	for _, c := range parts.Roster.OnDuty() {
		fleet = append(fleet, gatedConnector(*c, g))
	}
	parts.Roster = fleet
	psps := make([]*hub.PSP, len(parts.PSPs))
	for i, p := range parts.PSPs {
		psps[i] = gatedPSP(*p, g)
	}
	parts.PSPs = psps
	return parts
}

func gatedConnector(c hub.Connector, g *gate) *hub.Connector {
	c.Source = gatedSource{c.Source, g}
	if c.Quoter != nil {
		c.Quoter = gatedQuoter{c.Quoter, g}
	}
	if c.Sink != nil {
		c.Sink = gatedSink{c.Sink, g}
	}
	if c.Finder != nil {
		c.Finder = gatedFinder{c.Finder, g}
	}
	if c.LotFinder != nil {
		c.LotFinder = gatedLotFinder{c.LotFinder, g}
	}
	if c.Reverser != nil {
		c.Reverser = gatedReverser{c.Reverser, g}
	}
	if c.Statement != nil {
		c.Statement = gatedStatement{c.Statement, g}
	}
	return &c
}

func gatedPSP(p hub.PSP, g *gate) *hub.PSP {
	p.Charger = gatedCharger{p.Charger, g}
	if p.Capturer != nil {
		p.Capturer = gatedCapturer{p.Capturer, g}
	}
	if p.Refunder != nil {
		p.Refunder = gatedRefunder{p.Refunder, g}
	}
	if p.Notifier != nil {
		p.Notifier = gatedNotifier{p.Notifier, g}
	}
	if p.Recaller != nil {
		p.Recaller = gatedRecaller{p.Recaller, g}
	}
	return &p
}

type gatedRecaller struct {
	hub.Recaller
	g *gate
}

func (c gatedRecaller) Recall(ctx context.Context, r hub.ChargeRef) (hub.ListedCharge, error) {
	return through(ctx, c.g, "Recaller.Recall", func() (hub.ListedCharge, error) { return c.Recaller.Recall(ctx, r) })
}

type gatedCharger struct {
	hub.Charger
	g *gate
}

func (c gatedCharger) Start(ctx context.Context, o hub.ChargeOrder) (hub.Session, error) {
	return through(ctx, c.g, "Charger.Start", func() (hub.Session, error) { return c.Charger.Start(ctx, o) })
}

func (c gatedCharger) Lookup(ctx context.Context, r hub.ChargeRef) (hub.ChargeFacts, error) {
	return through(ctx, c.g, "Charger.Lookup", func() (hub.ChargeFacts, error) { return c.Charger.Lookup(ctx, r) })
}

type gatedCapturer struct {
	hub.Capturer
	g *gate
}

func (c gatedCapturer) Capture(ctx context.Context, r hub.ChargeRef, amount hub.Money, key string) error {
	return sent(ctx, c.g, "Capturer.Capture", func() error { return c.Capturer.Capture(ctx, r, amount, key) })
}

func (c gatedCapturer) Void(ctx context.Context, r hub.ChargeRef, key string) error {
	return sent(ctx, c.g, "Capturer.Void", func() error { return c.Capturer.Void(ctx, r, key) })
}

type gatedRefunder struct {
	hub.Refunder
	g *gate
}

func (c gatedRefunder) Refund(ctx context.Context, r hub.ChargeRef, amount hub.Money, from []hub.Split, key string) error {
	return sent(ctx, c.g, "Refunder.Refund", func() error { return c.Refunder.Refund(ctx, r, amount, from, key) })
}

type gatedNotifier struct {
	hub.Notifier
	g *gate
}

func (c gatedNotifier) Read(ctx context.Context, h http.Header, body []byte) (hub.Fact, error) {
	return through(ctx, c.g, "Notifier.Read", func() (hub.Fact, error) { return c.Notifier.Read(ctx, h, body) })
}

type gatedSource struct {
	hub.Source
	g *gate
}

func (c gatedSource) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	return through(ctx, c.g, "Source.Obligations", func() (hub.Answer, error) { return c.Source.Obligations(ctx, who) })
}

type gatedQuoter struct {
	hub.Quoter
	g *gate
}

func (c gatedQuoter) Quote(ctx context.Context, who hub.Asked, wanted []hub.Wanted) ([]hub.Quoted, error) {
	return through(ctx, c.g, "Quoter.Quote", func() ([]hub.Quoted, error) { return c.Quoter.Quote(ctx, who, wanted) })
}

type gatedSink struct {
	hub.Sink
	g *gate
}

func (c gatedSink) Post(ctx context.Context, list []hub.Posting) ([]hub.Receipt, error) {
	return through(ctx, c.g, "Sink.Post", func() ([]hub.Receipt, error) { return c.Sink.Post(ctx, list) })
}

type gatedFinder struct {
	hub.Finder
	g *gate
}

func (c gatedFinder) Find(ctx context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	var receipt hub.Receipt
	found, err := through(ctx, c.g, "Finder.Find", func() (found hub.Found, err error) {
		found, receipt, err = c.Finder.Find(ctx, p)
		return found, err
	})
	return found, receipt, err
}

type gatedLotFinder struct {
	hub.LotFinder
	g *gate
}

func (c gatedLotFinder) FindLot(ctx context.Context, list []hub.Posting) ([]hub.Finding, error) {
	return through(ctx, c.g, "LotFinder.FindLot", func() ([]hub.Finding, error) { return c.LotFinder.FindLot(ctx, list) })
}

type gatedReverser struct {
	hub.Reverser
	g *gate
}

func (c gatedReverser) Reverse(ctx context.Context, p hub.Posting, receipt string) error {
	return sent(ctx, c.g, "Reverser.Reverse", func() error { return c.Reverser.Reverse(ctx, p, receipt) })
}

type gatedStatement struct {
	of hub.Statement
	g  *gate
}

func (c gatedStatement) Statement(ctx context.Context, day hub.Date) ([]hub.BookedPosting, error) {
	return through(ctx, c.g, "Statement.Statement", func() ([]hub.BookedPosting, error) { return c.of.Statement(ctx, day) })
}

type gatedSettlements struct {
	of pay.Settlements
	g  *gate
}

func (c gatedSettlements) Read(ctx context.Context, psp, merchant string, from, to hub.Date) (bool, error) {
	return through(ctx, c.g, "Settlements.Read", func() (bool, error) { return c.of.Read(ctx, psp, merchant, from, to) })
}

type gatedFolders struct {
	hub.Folders
	g *gate
}

func (c gatedFolders) Folder(ctx context.Context, who hub.Login) (hub.Folder, error) {
	return through(ctx, c.g, "Folders.Folder", func() (hub.Folder, error) { return c.Folders.Folder(ctx, who) })
}

type gatedPages struct {
	pay.Pages
	g *gate
}

func (c gatedPages) Forget(ctx context.Context, creditor hub.Name, asked hub.Asked) {
	_ = sent(ctx, c.g, "Pages.Forget", func() error { c.Pages.Forget(ctx, creditor, asked); return nil })
}

func (c gatedPages) Remembered(ctx context.Context, creditor hub.Name, asked hub.Asked) (answer hub.Answer, fetched time.Time, err error) {
	answer, err = through(ctx, c.g, "Pages.Remembered", func() (hub.Answer, error) {
		answer, at, err := c.Pages.Remembered(ctx, creditor, asked)
		fetched = at
		return answer, err
	})
	return answer, fetched, err
}

type gatedPayments struct {
	pay.Store
	g *gate
}

// unwound is how a transaction is left in which harm was done: a database rolls
// it back.
type unwound struct{ crashed bool }

// rolledBack turns a transaction that was left into what its caller sees.
func (c gatedPayments) rolledBack(call func() error) (err error) {
	defer func() {
		switch left := recover().(type) {
		case nil:
		case unwound:
			if left.crashed {
				c.g.die()
				runtime.Goexit()
			}
			err = errNoAnswer
		default:
			panic(left)
		}
	}()
	return call()
}

func (c gatedPayments) RoomToPay(ctx context.Context) error {
	return sent(ctx, c.g, "Store.RoomToPay", func() error { return c.Store.RoomToPay(ctx) })
}

func (c gatedPayments) Book(ctx context.Context, b ...hub.Booking) error {
	return sent(ctx, c.g, "Store.Book", func() error { return c.Store.Book(ctx, b...) })
}

func (c gatedPayments) OpenPayment(ctx context.Context, key hub.RequestKey, build func(hub.PaymentTx) (*hub.Payment, error)) (*hub.Payment, bool, error) {
	opened := false
	p, err := through(ctx, c.g, "Store.OpenPayment", func() (p *hub.Payment, err error) {
		err = c.rolledBack(func() error {
			p, opened, err = c.Store.OpenPayment(ctx, key, func(tx hub.PaymentTx) (*hub.Payment, error) { return build(gatedTx{tx, c.g}) })
			return err
		})
		return p, err
	})
	return p, opened, err
}

func (c gatedPayments) Payment(ctx context.Context, id hub.PaymentID) (*hub.Payment, error) {
	return through(ctx, c.g, "Store.Payment", func() (*hub.Payment, error) { return c.Store.Payment(ctx, id) })
}

func (c gatedPayments) ChangePayment(ctx context.Context, id hub.PaymentID, under *hub.Lease, change func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	return through(ctx, c.g, "Store.ChangePayment", func() (p *hub.Payment, err error) {
		err = c.rolledBack(func() error {
			p, err = c.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error { return change(gatedTx{tx, c.g}, p) })
			return err
		})
		return p, err
	})
}

func (c gatedPayments) LeaseWork(ctx context.Context, q hub.WorkQuery) (leases []hub.Lease, err error) {
	if err := c.g.pass(ctx, "Store.LeaseWork", beforeCall); err != nil {
		return nil, err
	}
	if leases, err = c.Store.LeaseWork(ctx, q); len(leases) == 0 {
		return leases, err // nothing happened
	}
	if lost := c.g.pass(ctx, "Store.LeaseWork", afterEffect); lost != nil {
		return nil, lost
	}
	return leases, err
}

func (c gatedPayments) Lot(ctx context.Context, lot hub.LotID) ([]hub.Work, error) {
	return through(ctx, c.g, "Store.Lot", func() ([]hub.Work, error) { return c.Store.Lot(ctx, lot) })
}

func (c gatedPayments) ReceiveFact(ctx context.Context, f hub.Fact) (bool, error) {
	return through(ctx, c.g, "Store.ReceiveFact", func() (bool, error) { return c.Store.ReceiveFact(ctx, f) })
}

func (c gatedPayments) TakenSince(ctx context.Context, creditor hub.Name, obligation hub.ObligationID, from time.Time) (bool, error) {
	return through(ctx, c.g, "Store.TakenSince", func() (bool, error) { return c.Store.TakenSince(ctx, creditor, obligation, from) })
}

func (c gatedPayments) PaidOf(ctx context.Context, debts []hub.Debt) ([]hub.Debt, error) {
	return through(ctx, c.g, "Store.PaidOf", func() ([]hub.Debt, error) { return c.Store.PaidOf(ctx, debts) })
}

func (c gatedPayments) Doubtful(ctx context.Context) ([]hub.PaymentID, error) {
	return through(ctx, c.g, "Store.Doubtful", func() ([]hub.PaymentID, error) { return c.Store.Doubtful(ctx) })
}

func (c gatedPayments) Bookings(ctx context.Context, id hub.PaymentID) ([]hub.Booking, error) {
	return through(ctx, c.g, "Store.Bookings", func() ([]hub.Booking, error) { return c.Store.Bookings(ctx, id) })
}

func (c gatedPayments) PaymentsOf(ctx context.Context, party hub.PartyID, most int, before hub.PaymentID) ([]*hub.Payment, error) {
	return through(ctx, c.g, "Store.PaymentsOf", func() ([]*hub.Payment, error) { return c.Store.PaymentsOf(ctx, party, most, before) })
}

// gatedTx harms a transaction between two of its steps. It is never paused: the
// ledger in memory holds its lock meanwhile.
type gatedTx struct {
	hub.PaymentTx
	g *gate
}

func (c gatedTx) pass(method string) {
	if !c.g.alive() {
		panic(unwound{crashed: true})
	}
	switch c.g.fate(point{"PaymentTx." + method, beforeCall}) {
	case crash:
		panic(unwound{crashed: true})
	case failure, stopped:
		panic(unwound{})
	}
}

func (c gatedTx) Hold(ctx context.Context, p hub.PaymentID, l *hub.Line, until time.Time) (bool, hub.PaymentID, time.Time, error) {
	c.pass("Hold")
	return c.PaymentTx.Hold(ctx, p, l, until)
}

func (c gatedTx) HoldAll(ctx context.Context, p hub.PaymentID, lines []*hub.Line, until time.Time) ([]hub.Held, error) {
	c.pass("HoldAll")
	return c.PaymentTx.HoldAll(ctx, p, lines, until)
}

func (c gatedTx) Release(l *hub.Line) { c.pass("Release"); c.PaymentTx.Release(l) }

func (c gatedTx) NextOrder(ctx context.Context, psp, merchant string) (string, error) {
	c.pass("NextOrder")
	return c.PaymentTx.NextOrder(ctx, psp, merchant)
}

func (c gatedTx) Book(b ...hub.Booking) { c.pass("Book"); c.PaymentTx.Book(b...) }

func (c gatedTx) Schedule(w hub.Work, after time.Duration) {
	c.pass("Schedule")
	c.PaymentTx.Schedule(w, after)
}

func (c gatedTx) Done(w hub.Work) { c.pass("Done"); c.PaymentTx.Done(w) }

func (c gatedTx) Emit(e ...hub.Event) { c.pass("Emit"); c.PaymentTx.Emit(e...) }

func (c gatedTx) Anomaly(kind, detail string) { c.pass("Anomaly"); c.PaymentTx.Anomaly(kind, detail) }

var errGone = errors.New("the replica is gone")
