package pay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/judge"
	"racord/hub/pay"
)

// town is a scene with several replicas of the hub that die, with portals that
// ask whichever is alive, and with payers.
type town struct {
	*scene
	t        *testing.T
	conf     pay.Conf
	fate     atomic.Pointer[func(point) harm]
	bend     func(*town, *pay.Parts) // plants a defect in a replica
	mu       sync.Mutex
	replicas []*replica
	born     int
	errands  sync.WaitGroup
	promises map[string]*judge.Promise // by key
	quoted   map[string]time.Time      // by key
	gone     map[string]time.Time      // creditor/external id: last changed, cancelled or paid elsewhere
	least    time.Duration             // how long is waited before the judge is asked
	hours    bool                      // some payers pay hours late
	ended    bool
	memories map[hub.Name]*atomic.Pointer[hub.Answer] // of a defect
}

// replica is one process of the hub.
type replica struct {
	*pay.Service
	*gate
	stop context.CancelFunc
	ran  chan struct{}
}

// townConf makes payers hurry, and refunds as soon as the town's slowest provider
// tells, so that a day is short.
var townConf = pay.Conf{PageLife: 3 * time.Minute, RefundAgain: time.Minute}

// newTown opens a town with so many replicas.
func newTown(t *testing.T, seed uint64, share float64, replicas int, bend func(*town, *pay.Parts)) *town {
	tn := &town{
		least: 2 * longPause, scene: newScene(seed, share, townConf), t: t, conf: townConf, bend: bend, promises: map[string]*judge.Promise{},
		gone: map[string]time.Time{}, quoted: map[string]time.Time{},
	}
	tn.befall(spared)
	for range replicas {
		tn.birth()
	}
	return tn
}

// memory is what all replicas remember of a creditor, where a defect makes them.
// It is for the bending of a replica that is being born.
func (tn *town) memory(name hub.Name) *atomic.Pointer[hub.Answer] {
	if tn.memories == nil {
		tn.memories = map[hub.Name]*atomic.Pointer[hub.Answer]{}
	}
	if tn.memories[name] == nil {
		tn.memories[name] = &atomic.Pointer[hub.Answer]{}
	}
	return tn.memories[name]
}

// birth starts a replica.
func (tn *town) birth() {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	if tn.ended {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &replica{stop: stop, ran: make(chan struct{})}
	r.gate = newGate(tn.harm, func() { stop(); go tn.bury(r) })
	parts := tn.parts()
	if tn.bend != nil {
		tn.bend(tn, &parts)
	}
	r.Service = pay.New(gated(parts, r.gate), tn.conf)
	tn.replicas = append(tn.replicas, r)
	tn.born++
	go func() { defer close(r.ran); r.Run(ctx) }()
}

func (tn *town) harm(p point) harm { return (*tn.fate.Load())(p) }

// befall says what happens to replicas from now on.
func (tn *town) befall(fate func(point) harm) { tn.fate.Store(&fate) }

// spared is the fate of a replica to which nothing happens.
func spared(point) harm { return unharmed }

// books are the hub's, which a restored backup replaces.
func (tn *town) books() *hubtest.Ledger {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	return tn.ledger
}

// bury takes a dead replica away and starts another in its place.
func (tn *town) bury(dead *replica) {
	tn.mu.Lock()
	for i, r := range tn.replicas {
		if r == dead {
			tn.replicas = append(tn.replicas[:i:i], tn.replicas[i+1:]...)
			break
		}
	}
	tn.mu.Unlock()
	tn.birth()
}

// any gives a replica that is alive, a different one each time.
func (tn *town) any() *replica {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	if len(tn.replicas) == 0 {
		return nil
	}
	r := tn.replicas[0]
	tn.replicas = append(tn.replicas[1:], r)
	return r
}

// end stops everybody. What still runs ends at its next call.
func (tn *town) end() {
	tn.mu.Lock()
	tn.ended = true
	last := tn.replicas
	tn.replicas = nil
	tn.mu.Unlock()
	for _, r := range last {
		r.stop()
		<-r.ran
	}
	tn.errands.Wait()
}

// once sends one request to a replica that is alive.
func (tn *town) once(what func(*replica) error) (err error) {
	r := tn.any()
	if r == nil {
		return errGone
	}
	answered := make(chan error, 1)
	go func() {
		err := errGone // should the replica die
		defer func() { answered <- err }()
		err = what(r)
	}()
	return <-answered
}

// ask sends a request until it is answered, as a portal does: again after a
// while when nobody answers or the hub says so.
func (tn *town) ask(what func(*replica) error) (err error) {
	for range 200 {
		err = tn.once(what)
		wait := max(hub.RetryAfterOf(err), time.Second)
		switch code := hub.CodeOf(err); {
		case errors.Is(err, pay.ErrNotStarted):
			return err // and would be told so for ever
		case errors.Is(err, errGone), code == hub.CodeTimeout, code == hub.CodeUnavailable:
		case code == hub.CodeConflict && hub.RetryAfterOf(err) > 0 && wait < 10*time.Second:
		default:
			return err
		}
		time.Sleep(wait)
	}
	return err
}

// basket is what one payer does.
type basket struct {
	key       string
	items     []pay.Item
	policy    hub.Policy
	meanwhile func(*hub.Payment) // between opening and authorising
	late      time.Duration      // how long the payer takes on the page
	cancels   bool
	partly    bool // pays what can be paid
}

// pay is one payer from the quote to the provider's page. It gives the payment,
// or nil when the hub refused it.
func (tn *town) pay(b basket) *hub.Payment {
	var q *pay.Quote
	err := tn.ask(func(r *replica) (err error) {
		q, err = r.Quote(context.Background(), who, "portal", b.items)
		if err == nil && !whole(q) && (!b.partly || q.Total.Minor == 0) {
			err = hub.Errorf(hub.CodeUnavailable, "a line cannot be paid now")
		}
		return err
	})
	if err != nil {
		return nil
	}
	p := tn.opened(b, q)
	if p == nil {
		return nil
	}
	if b.meanwhile != nil {
		b.meanwhile(p)
	}
	time.Sleep(b.late)
	if b.cancels {
		_ = tn.ask(func(r *replica) error { _, err := r.Cancel(context.Background(), who, p.ID); return err })
	}
	for shown := p; shown != nil && tn.visit(shown); { // one page after the other
		shown = tn.resumed(p.ID)
	}
	return p
}

// resumed gives the payment with the payer's next page.
func (tn *town) resumed(id hub.PaymentID) (p *hub.Payment) {
	_ = tn.ask(func(r *replica) (err error) {
		p, err = r.Resume(context.Background(), who, id)
		return err
	})
	return p
}

// whole tells whether every line of a quote is confirmed.
func whole(q *pay.Quote) bool {
	for i := range q.Lines {
		if q.Lines[i].State != pay.Confirmed {
			return false
		}
	}
	return true
}

// opened opens a payment with every request sent twice, and remembers what the
// payer was shown.
func (tn *town) opened(b basket, q *pay.Quote) (p *hub.Payment) {
	promise := &judge.Promise{Key: b.key}
	for _, l := range q.Lines {
		if l.State == pay.Confirmed {
			promise.Lines = append(promise.Lines, judge.Promised{No: l.Line.No, Amount: l.Line.Amount.Minor})
		}
	}
	tn.mu.Lock()
	tn.quoted[b.key] = time.Now()
	tn.mu.Unlock()
	order := pay.Order{Key: b.key, Token: q.Token, Policy: b.policy, ReturnURL: "https://portal.invalid/"}
	open := func() {
		var got *hub.Payment
		err := tn.ask(func(r *replica) (err error) {
			got, err = r.Open(context.Background(), who, "portal", order)
			return err
		})
		tn.mu.Lock()
		defer tn.mu.Unlock()
		switch {
		case err == nil:
			p = got
			promise.Payments = append(promise.Payments, got.ID)
			tn.promises[b.key] = promise
		case p != nil:
			promise.Refused++ // what was granted before
		}
	}
	var both sync.WaitGroup
	both.Go(open)
	both.Go(open)
	both.Wait()
	if p != nil {
		open()
	}
	return p
}

// visit is the payer on the page he was shown, which may still be open when the
// hub has long given him up. It tells whether he paid.
func (tn *town) visit(shown *hub.Payment) (paid bool) {
	for i := range shown.Charges {
		c := &shown.Charges[i]
		if c.URL == "" || c.State != hub.ChargeAwaiting || !tn.bank(c.PSP).pay(c.Order, tn.clock.Now()) {
			continue
		}
		paid = true
		if now, err := tn.books().Payment(context.Background(), shown.ID); err == nil {
			tn.markGone(now)
		}
		tn.notify(c.PSP, c.Order, "authorised")
	}
	return paid
}

func (tn *town) bank(psp string) *provider {
	if psp == "auto" {
		return tn.auto
	}
	return tn.manual
}

// markGone notes which lines the payer cannot have meant any more when he
// authorised. A provider that captures at once is not asked about them.
func (tn *town) markGone(p *hub.Payment) {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	for _, promise := range tn.promises {
		if len(promise.Payments) == 0 || promise.Payments[0] != p.ID {
			continue
		}
		for i := range promise.Lines {
			l := p.Line(promise.Lines[i].No)
			manual := p.ChargeOf(l.No).PSP == "manual"
			changed := tn.gone[string(l.Creditor)+"/"+l.ExternalID].After(tn.quoted[promise.Key])
			promise.Lines[i].Gone = p.Cancelled || manual && changed
		}
	}
}

// notify sends a provider's notification twice.
func (tn *town) notify(psp, order, event string) {
	h := http.Header{"Event": {order + event}, "Order": {order}}
	for range 2 {
		tn.errands.Go(func() {
			_ = tn.ask(func(r *replica) error { return r.Notify(context.Background(), psp, h, []byte("1")) })
		})
	}
}

// change makes a debt cost something else; away makes it gone.
func (tn *town) change(creditor hub.Name, external string, to int64) {
	o := tn.offices[creditor]
	o.mu.Lock()
	o.debts[external] = to
	o.mu.Unlock()
	tn.mu.Lock()
	tn.gone[string(creditor)+"/"+external] = time.Now()
	tn.mu.Unlock()
}

// evidence reads all books.
func (tn *town) evidence() judge.Evidence {
	e := judge.Evidence{Hub: tn.ledger}
	for name, b := range map[string]*provider{"manual": tn.manual, "auto": tn.auto} {
		b.mu.Lock()
		for number, o := range b.orders {
			e.Orders = append(e.Orders, o.entry(name, number))
		}
		b.mu.Unlock()
	}
	for _, o := range tn.offices {
		o.mu.Lock()
		e.Entries = append(e.Entries, o.entries...)
		o.mu.Unlock()
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	for _, p := range tn.promises {
		e.Promises = append(e.Promises, *p)
	}
	return e
}

// entry is the order in the provider's book.
func (o *order) entry(psp, number string) judge.Order {
	f := o.facts
	return judge.Order{
		PSP: psp, Number: number, Payment: hub.PaymentID(strings.Split(o.manifest, ";")[1]), Captures: len(o.captures),
		Authorised: f.Authorised, Captured: f.Captured, Refunded: f.Refunded, Disputed: max(0, f.Disputed-f.Won),
		Open: f.Authorised > 0 && f.Captured == 0 && !f.Voided,
	}
}

// judged waits until all is final, at most so long, and gives the verdict. What
// only the next day brings, such as a statement, is waited for too.
func (tn *town) judged(most time.Duration) *judge.Verdict {
	v := tn.settled(most)
	if !v.Final() {
		tn.sleepOver()
		v = tn.settled(most)
	}
	return v
}

func (tn *town) settled(most time.Duration) (v *judge.Verdict) {
	time.Sleep(tn.least)
	for waited := tn.least; waited < most; waited += 20 * time.Second {
		time.Sleep(20 * time.Second)
		var err error
		if v, err = judge.Judge(context.Background(), tn.evidence()); err != nil {
			tn.t.Fatal(err)
		}
		if v.Final() {
			break
		}
	}
	tn.failed(v)
	return v
}

// failed adds refunds that failed to what was found: the town's providers refuse
// none that is right.
func (tn *town) failed(v *judge.Verdict) {
	err := tn.books().EachPayment(context.Background(), func(p *hub.Payment) error {
		for i := range p.Refunds {
			if r := &p.Refunds[i]; r.State == hub.RefundFailed {
				v.Wrong = append(v.Wrong, judge.Finding{Rule: "I8", Name: string(p.ID), Detail: "a refund failed: " + r.Failed})
			}
		}
		return nil
	})
	if err != nil {
		tn.t.Fatal(err)
	}
}

// sleepOver lets the days pass with every replica stopped, so that nobody looks
// for work meanwhile.
func (tn *town) sleepOver() {
	tn.mu.Lock()
	last := tn.replicas
	tn.replicas = nil
	tn.mu.Unlock()
	for _, r := range last {
		r.stop()
		<-r.ran
	}
	time.Sleep(3 * 24 * time.Hour)
	tn.clock.Advance(3 * 24 * time.Hour)
	tn.birth()
}

// follow lets a portal look at its payments now and then, and remembers what
// the payer was told.
func (tn *town) follow(key string, id hub.PaymentID, times int) {
	tn.errands.Go(func() {
		for range times {
			time.Sleep(5 * time.Second)
			var p *hub.Payment
			if tn.once(func(r *replica) (err error) { p, err = r.Payment(context.Background(), who, id); return err }) != nil {
				continue
			}
			tn.mu.Lock()
			for i := range tn.promises[key].Lines {
				tn.promises[key].Lines[i].Told = p.Line(tn.promises[key].Lines[i].No).State
			}
			tn.mu.Unlock()
		}
	})
}

// mustBeGood fails the test with all that the judge found.
func mustBeGood(t *testing.T, what string, v *judge.Verdict) {
	t.Helper()
	for _, f := range v.Findings() {
		t.Errorf("%s: %s", what, f)
	}
}

func external(n int) string { return fmt.Sprintf("D%d", n) }
