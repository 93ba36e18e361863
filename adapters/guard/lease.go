package guard

import (
	"context"
	"time"

	"racord/hub"
)

// lease is an allowance and what the leaser knows about it. Its own fields are
// touched only by the leaser's loop.
type lease struct {
	*Allowance
	slots       int // as the store knows
	ttl         time.Duration
	renewAt     time.Time
	paceTTL     time.Duration
	paceRenewAt time.Time
	units       int // of rate, as the store knows

	next Limits // to be turned over to; the leaser's lock guards it
}

// now gives the limits that count, or will soon.
func (l *lease) now() Limits {
	if l.next != (Limits{}) {
		return l.next
	}
	return l.bounds()
}

// limit changes the limits. What is leased is brought in line with them next.
func (l *lease) limit(limits Limits, conf LeaseConf) {
	l.Allowance.limit(limits)
	l.live(conf)
	l.renewAt, l.paceRenewAt = time.Time{}, time.Time{}
}

// newLease chooses lives long enough that a renewal at half of them leaves time
// for the longest call.
func newLease(a *Allowance, conf LeaseConf) *lease {
	l := &lease{Allowance: a}
	l.live(conf)
	return l
}

func (l *lease) live(conf LeaseConf) {
	call := l.bounds().Timeout + time.Second
	l.ttl = max(conf.TTL, 2*(call+conf.Margin+2*conf.Every))
	l.paceTTL = max(conf.TTL, 2*(l.pace.span()+conf.Margin+2*conf.Every))
}

// rateName is under which the store shares the creditor's rate. It is no
// creditor's name.
func (l *lease) rateName() hub.Name { return l.name + ":rate" }

// Stop lets no more calls start, waits for those under way as long as ctx
// allows, and gives everything back. What cannot be given back runs out by
// itself.
func (l *Leaser) Stop(ctx context.Context) error {
	if l.stop == nil {
		return nil
	}
	l.stop()
	<-l.ended
	var quiet time.Time
	for _, one := range l.known() {
		if last := one.close(); last.After(quiet) {
			quiet = last
		}
	}
	for _, one := range l.known() {
		if err := one.drained(ctx); err != nil {
			return err
		}
	}
	if rest := time.Until(quiet); rest > 0 {
		return l.fade(ctx)
	}
	return l.slots.Leave(ctx, l.holder)
}

// fade gives the slots back at once and lets the rate run out when the calls
// just made have left everybody's last second.
func (l *Leaser) fade(ctx context.Context) error {
	var wishes []hub.SlotWish
	for _, one := range l.known() {
		wishes = append(wishes, hub.SlotWish{Creditor: one.name, Total: one.bounds().Inflight, TTL: one.ttl})
		if one.units > 0 {
			wishes = append(wishes, hub.SlotWish{Creditor: one.rateName(), Total: one.pace.most(), Want: one.units, TTL: one.pace.span()})
		}
	}
	if _, err := l.slots.Keep(ctx, l.holder, wishes...); err != nil {
		return err
	}
	_, _, err := l.slots.Beat(ctx, l.holder, time.Millisecond)
	return err
}

// close lets no more calls start, and tells when the last start is forgotten.
func (a *Allowance) close() time.Time {
	a.lend(0, time.Now())
	return a.pace.close()
}

// drained waits until no call is under way.
func (a *Allowance) drained(ctx context.Context) error {
	for a.Load().Inflight > 0 {
		if !hub.Sleep(ctx, 5*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}
