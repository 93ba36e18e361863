package guard

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"racord/hub"
)

// LeaseConf sets how slots are shared. The zero value of a field takes its
// default.
type LeaseConf struct {
	Every  time.Duration // between two looks at the store; default 2 s
	TTL    time.Duration // of a lease, at least; default 10 s
	Margin time.Duration // a lease counts as ended so much earlier; default 250 ms
	Rotate time.Duration // how long a turn lasts where there are fewer slots than replicas; default 10 s
}

func (c LeaseConf) withDefaults() LeaseConf {
	c.Every = cmp.Or(c.Every, 2*time.Second)
	c.TTL = cmp.Or(c.TTL, 10*time.Second)
	c.Margin = cmp.Or(c.Margin, 250*time.Millisecond)
	c.Rotate = cmp.Or(c.Rotate, 10*time.Second)
	return c
}

// Leaser shares the allowances of all creditors between replicas, through the
// store and off the request path. A slot is used only while its lease is known
// to last until the call has ended, so that a replica that dies, hangs or loses
// the store can only make the sum smaller.
type Leaser struct {
	slots  hub.Slots
	holder hub.Holder
	conf   LeaseConf
	log    *slog.Logger
	wake   chan struct{}
	stop   context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	leases []*lease

	// Touched only by the loop.
	alive, place int
}

// NewLeaser makes a leaser for this replica.
func NewLeaser(slots hub.Slots, holder hub.Holder, conf LeaseConf, log *slog.Logger) *Leaser {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Leaser{slots: slots, holder: holder, conf: conf.withDefaults(), log: log,
		wake: make(chan struct{}, 1), alive: 1}
}

// Allowance gives a creditor's allowance, the same for the same name. It is
// empty until the next look at the store, which is soon.
func (l *Leaser) Allowance(name hub.Name, limits Limits) *Allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.leases {
		if known.name == name {
			return known.Allowance
		}
	}
	fresh := newLease(newAllowance(name, limits), l.conf)
	l.leases = append(l.leases, fresh)
	l.hurry()
	return fresh.Allowance
}

// Limit sets other limits for a creditor, from the next look at the store on,
// which is soon. What is under way ends as it began.
func (l *Leaser) Limit(name hub.Name, limits Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.leases {
		if known.name == name && known.now() != limits.withDefaults() {
			known.next = limits.withDefaults()
			l.hurry()
		}
	}
}

// Drop gives a creditor's allowance back when its lease runs out.
func (l *Leaser) Drop(name hub.Name) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leases = slices.DeleteFunc(l.leases, func(known *lease) bool {
		if known.name != name {
			return false
		}
		known.close()
		return true
	})
}

func (l *Leaser) hurry() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Start takes the first slots before it returns, and then keeps them. It fails
// with what the store fails with.
func (l *Leaser) Start(ctx context.Context) error {
	if _, err := l.round(ctx); err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.ended = make(chan struct{})
	go l.loop(ctx)
	return nil
}

func (l *Leaser) loop(ctx context.Context) {
	defer close(l.ended)
	for short := false; ; {
		hub.SleepOr(ctx, l.pauseAfter(short), l.wake)
		if ctx.Err() != nil {
			return
		}
		var err error
		if short, err = l.round(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("slots cannot be leased", "code", hub.CodeOf(err), "error", err)
		}
	}
}

// pauseAfter looks again soon when others still hold what is ours.
func (l *Leaser) pauseAfter(short bool) time.Duration {
	if short {
		return l.conf.Every / 8
	}
	return l.conf.Every
}

// round says that this replica lives and brings every lease in line with its
// fair share. It tells whether some lease is short of it.
func (l *Leaser) round(ctx context.Context) (short bool, err error) {
	beatErr := l.beat(ctx)
	var due []renewal
	for _, one := range l.known() {
		l.turnOver(one)
		for _, r := range [...]renewal{l.slotsOf(one), l.rateOf(one)} {
			short = short || r.waits
			if r.take != nil {
				due = append(due, r)
			}
		}
	}
	lacking, err := l.keep(ctx, due)
	return short || lacking, errors.Join(beatErr, err)
}

// turnOver lets other limits count.
func (l *Leaser) turnOver(one *lease) {
	l.mu.Lock()
	next := one.next
	one.next = Limits{}
	l.mu.Unlock()
	if next != (Limits{}) {
		one.limit(next, l.conf)
	}
}

func (l *Leaser) known() []*lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.leases)
}

func (l *Leaser) beat(ctx context.Context) error {
	ctx, cancel := l.within(ctx)
	defer cancel()
	alive, place, err := l.slots.Beat(ctx, l.holder, l.conf.TTL)
	if err == nil {
		l.alive, l.place = max(alive, 1), place
	}
	return err
}

// within bounds one call to the store, so that a hanging one cannot keep the
// other leases from being renewed.
func (l *Leaser) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.conf.Every)
}

// renewal is what a lease asks the store for.
type renewal struct {
	wish  hub.SlotWish
	take  func(got int, began time.Time) (short bool) // nil = nothing is due
	waits bool                                        // for calls to be forgotten, before it can be brought in line
}

// keep asks for all that is due at once.
func (l *Leaser) keep(ctx context.Context, due []renewal) (short bool, err error) {
	if len(due) == 0 {
		return false, nil
	}
	wishes := make([]hub.SlotWish, len(due))
	for i := range due {
		wishes[i] = due[i].wish
	}
	ctx, cancel := l.within(ctx)
	defer cancel()
	began := time.Now()
	got, err := l.slots.Keep(ctx, l.holder, wishes...)
	if err != nil {
		return true, err
	}
	for i := range due {
		short = due[i].take(got[i], began) || short
	}
	return short, nil
}

// slotsOf is the renewal of a lease's slots.
func (l *Leaser) slotsOf(one *lease) (r renewal) {
	total := one.bounds().Inflight
	fair := l.share(total)
	want := one.resize(one.slots, fair)
	if one.slots == want && time.Until(one.renewAt) > 0 {
		return r
	}
	r.wish = hub.SlotWish{Creditor: one.name, Total: max(total, want), Want: want, TTL: one.ttl}
	r.take = func(got int, began time.Time) (short bool) {
		one.slots, one.renewAt = got, began.Add(one.ttl/2)
		one.lend(min(got, fair), began.Add(one.ttl-l.conf.Margin))
		return got < want
	}
	return r
}

// rateOf is the renewal of a lease's part of the rate.
func (l *Leaser) rateOf(one *lease) (r renewal) {
	total := one.pace.total
	if total == 0 {
		return r
	}
	fair := l.share(total)
	want := fair
	if free := one.pace.resize(min(one.units, fair)); one.units > fair && time.Now().Before(free) {
		want = one.units // the calls just made still count
	}
	if one.units == want && time.Until(one.paceRenewAt) > 0 {
		return renewal{waits: want > fair}
	}
	r.wish = hub.SlotWish{Creditor: one.rateName(), Total: max(total, want), Want: want, TTL: one.paceTTL}
	r.take = func(got int, began time.Time) (short bool) {
		one.units, one.paceRenewAt = got, began.Add(one.paceTTL/2)
		one.pace.lend(min(got, fair), began.Add(one.paceTTL-one.pace.span()-l.conf.Margin))
		return got != fair
	}
	return r
}

// share is this replica's part of total. Where there are fewer slots than
// replicas they take turns, so that nobody is blind for ever.
func (l *Leaser) share(total int) int {
	place := l.place
	if total < l.alive {
		place = (place + int(time.Now().UnixNano()/int64(l.conf.Rotate))) % l.alive
	}
	fair := total / l.alive
	if place < total%l.alive {
		fair++
	}
	return fair
}
