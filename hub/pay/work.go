package pay

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"racord/hub"
)

// alter changes the payment and wakes the queues of this replica that have
// something to do now because of it.
func (s *Service) alter(ctx context.Context, id hub.PaymentID, under *hub.Lease, how func(hub.PaymentTx, *hub.Payment) error) (*hub.Payment, error) {
	var due []hub.Work
	p, err := s.Store.ChangePayment(ctx, id, under, func(tx hub.PaymentTx, p *hub.Payment) error {
		due = due[:0] // the database may want it twice
		return how(listening{tx, &due}, p)
	})
	for _, w := range due {
		s.bell.ring(w.Kind, w.Creditor)
	}
	return p, err
}

// listening is a transaction that notes which work it makes due at once.
type listening struct {
	hub.PaymentTx
	due *[]hub.Work
}

func (l listening) Schedule(w hub.Work, after time.Duration) {
	*l.due = slices.DeleteFunc(*l.due, func(d hub.Work) bool { return d == w }) // the last word counts
	if after <= 0 {
		*l.due = append(*l.due, w)
	}
	l.PaymentTx.Schedule(w, after)
}

// change alters the payment under a lease. A lease that somebody else has by now
// is no fault: the other one goes on.
func (s *Service) change(ctx context.Context, lease *hub.Lease, how func(hub.PaymentTx, *hub.Payment) error) error {
	_, err := s.alter(ctx, lease.Payment, lease, how)
	return err
}

// done ends the work of a lease.
func (s *Service) done(ctx context.Context, lease *hub.Lease) error {
	return s.change(ctx, lease, func(tx hub.PaymentTx, _ *hub.Payment) error { tx.Done(lease.Work); return nil })
}

// later gives the work back, to be done after a while.
func (s *Service) later(ctx context.Context, lease *hub.Lease, after time.Duration) error {
	return s.change(ctx, lease, func(tx hub.PaymentTx, p *hub.Payment) error {
		if c := p.Charge(lease.No); lease.Kind == hub.WorkCharge && c != nil {
			c.Tries++
		}
		tx.Schedule(lease.Work, after)
		return nil
	})
}

// Run does the work of this replica until ctx ends: charges, refunds and
// clearing, and the postings of each creditor in a queue of its own, so that a
// creditor that is down holds nobody else up. Other replicas do the same; a
// short lease keeps them apart, and what a dead one leaves is taken up when its
// lease ends.
func (s *Service) Run(ctx context.Context) {
	var running sync.WaitGroup
	for kind, do := range map[hub.WorkKind]func(context.Context, *hub.Lease) error{
		hub.WorkCharge: s.advance, hub.WorkRefund: s.refund, hub.WorkClear: s.clear,
	} {
		running.Go(func() { s.drain(ctx, hub.WorkQuery{Kind: kind, Most: s.conf.Workers, TTL: s.conf.Lease}, do) })
	}
	s.followRoster(ctx, &running)
	running.Wait()
}

// rosterEvery is how soon a creditor that came on duty is told of payments.
const rosterEvery = 2 * time.Second

// followRoster opens the queue of every creditor that takes postings, also of
// those that come later, and opens it anew for a version that is told in another
// way, until ctx ends. One that left keeps its queue: what it holds waits.
func (s *Service) followRoster(ctx context.Context, running *sync.WaitGroup) {
	open := map[hub.Name]*queue{}
	for ctx.Err() == nil {
		for _, c := range s.Roster.OnDuty() {
			if c.Sink == nil {
				continue
			}
			had, query := open[c.Creditor.Name], s.queryFor(c)
			if had != nil && had.query == query {
				continue
			}
			open[c.Creditor.Name] = s.reopen(ctx, running, had, query)
		}
		hub.Sleep(ctx, rosterEvery)
	}
}

// queue drains the postings of one creditor.
type queue struct {
	query hub.WorkQuery
	stop  context.CancelFunc
	ended chan struct{}
}

// queryFor asks for the postings that a creditor takes at once, as it takes them.
func (s *Service) queryFor(c *hub.Connector) hub.WorkQuery {
	query := hub.WorkQuery{Kind: hub.WorkLine, Creditor: c.Creditor.Name, TTL: s.underWayFor(c) + s.conf.Lease}
	if c.Traits.Paying.Class == hub.ClassF {
		query.Most, query.Lots = mostInLot, true
		return query
	}
	query.Most = min(max(c.Traits.Paying.MaxInflight, 1), s.conf.Workers)
	return query
}

// reopen opens a queue once the one in whose place it comes has ended.
func (s *Service) reopen(ctx context.Context, running *sync.WaitGroup, had *queue, query hub.WorkQuery) *queue {
	ctx, stop := context.WithCancel(ctx)
	q := &queue{query, stop, make(chan struct{})}
	if had != nil {
		had.stop()
	}
	running.Go(func() {
		defer close(q.ended)
		defer stop()
		if had != nil {
			<-had.ended
		}
		if query.Lots {
			s.drainLots(ctx, query)
			return
		}
		s.drain(ctx, query, s.post)
	})
	return q
}

// idle is how long a queue sleeps when nothing is due: what another replica made
// due meanwhile waits no longer than this.
const idle = 500 * time.Millisecond

// drain does due work of one queue, so many at once, until ctx ends.
func (s *Service) drain(ctx context.Context, q hub.WorkQuery, do func(context.Context, *hub.Lease) error) {
	called := s.bell.hear(q.Kind, q.Creditor)
	free := make(chan struct{}, q.Most)
	var under sync.WaitGroup
	defer under.Wait()
	for ctx.Err() == nil {
		room := s.room(ctx, free, q.Most)
		leases, err := s.lease(ctx, q, min(room, s.may(q)))
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("work cannot be leased", "kind", q.Kind, "code", hub.CodeOf(err))
		}
		for i := range room {
			if i >= len(leases) {
				<-free
				continue
			}
			under.Go(func() {
				defer func() { <-free }()
				s.oneOf(ctx, &leases[i], do)
			})
		}
		if len(leases) == 0 {
			hub.SleepOr(ctx, idle, called)
		}
	}
}

// room takes the places that are free now, at least one.
func (s *Service) room(ctx context.Context, free chan struct{}, most int) int {
	select {
	case free <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	taken := 1
	for taken < most {
		select {
		case free <- struct{}{}:
			taken++
		default:
			return taken
		}
	}
	return taken
}

// may tells how much of a queue this replica may do at once now. What it may not,
// another does.
func (s *Service) may(q hub.WorkQuery) int {
	if q.Kind != hub.WorkLine {
		return q.Most
	}
	if c := s.connector(q.Creditor); c != nil && c.Room != nil {
		return c.Room()
	}
	return q.Most
}

func (s *Service) lease(ctx context.Context, q hub.WorkQuery, room int) ([]hub.Lease, error) {
	if room == 0 || s.Stopped(hub.BarrierOpen) { // what old books say is due may have been done since
		return nil, ctx.Err()
	}
	q.Most = room
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.Store.LeaseWork(ctx, q)
}

// oneOf does one piece of work. A panic is one
// piece's own: the lease ends, and the state tells what happened.
func (s *Service) oneOf(ctx context.Context, lease *hub.Lease, do func(context.Context, *hub.Lease) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.workFor(lease))
	defer cancel()
	err := safely(ctx, lease, do)
	switch hub.CodeOf(err) {
	case "", hub.CodeConflict, hub.CodeTimeout, hub.CodeCancelled, hub.CodeUnavailable:
	default:
		s.Log.Error("work failed", "kind", lease.Kind, "payment", lease.Payment, "no", lease.No, "code", hub.CodeOf(err), "error", err)
	}
}

// workFor bounds one piece of work by its lease: what comes later is fenced off.
func (s *Service) workFor(lease *hub.Lease) time.Duration {
	if lease.Kind == hub.WorkLine {
		if c := s.connector(lease.Creditor); c != nil {
			return s.underWayFor(c) + s.conf.Lease
		}
	}
	return s.conf.Lease + s.conf.VerifyFor + s.conf.CallFor
}

func safely(ctx context.Context, lease *hub.Lease, do func(context.Context, *hub.Lease) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = errors.Join(err, hub.Wrap(hub.CodeInternal, fmt.Errorf("panic of type %T: %s", broken, debug.Stack()), hub.MessageOf(nil)))
		}
	}()
	return do(ctx, lease)
}

// bell wakes this replica's queues when it made work due itself.
type bell struct {
	mu   sync.Mutex
	ears map[ear]chan struct{}
}

type ear struct {
	kind     hub.WorkKind
	creditor hub.Name
}

func newBell() bell { return bell{ears: map[ear]chan struct{}{}} }

func (b *bell) hear(kind hub.WorkKind, creditor hub.Name) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	called := make(chan struct{}, 1)
	b.ears[ear{kind, creditor}] = called
	return called
}

func (b *bell) ring(kind hub.WorkKind, creditor hub.Name) {
	b.mu.Lock()
	defer b.mu.Unlock()
	call(b.ears[ear{kind, creditor}])
}

func call(called chan struct{}) {
	select {
	case called <- struct{}{}:
	default:
	}
}
