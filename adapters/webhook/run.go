package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"racord/adapters/errand"
	"racord/hub"
)

// Run tells receivers until ctx ends. Each has a queue of its own, so that one
// that is down holds nobody else up. Other replicas do the same; a short lease
// keeps them apart.
func (t *Teller) Run(ctx context.Context) {
	var running sync.WaitGroup
	calls := make([]chan struct{}, len(t.Endpoints))
	for i := range t.Endpoints {
		calls[i] = make(chan struct{}, 1)
		running.Go(func() { t.serve(ctx, &t.Endpoints[i], calls[i]) })
	}
	running.Go(func() { t.tidy(ctx) })
	t.watch(ctx, calls)
	running.Wait()
}

// watch looks at the outbox and wakes all queues when something is due.
func (t *Teller) watch(ctx context.Context, calls []chan struct{}) {
	for ctx.Err() == nil {
		in, err := t.Outbox.NextNotice(ctx)
		if err == nil && in <= 0 {
			for _, call := range calls {
				select {
				case call <- struct{}{}:
				default:
				}
			}
		}
		if err != nil || in <= 0 || in > t.conf.Idle {
			in = t.conf.Idle
		}
		hub.Sleep(ctx, in)
	}
}

// serve tells one receiver whenever it is called.
func (t *Teller) serve(ctx context.Context, e *Endpoint, called <-chan struct{}) {
	for {
		select {
		case <-called:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil && t.tellSome(ctx, e) > 0 {
		}
	}
}

// tellSome takes as many notices as are told at once, and tells them.
func (t *Teller) tellSome(ctx context.Context, e *Endpoint) int {
	notices, err := t.Outbox.LeaseNotices(ctx, hub.NoticeQuery{Receiver: e.Receiver, Most: t.conf.AtOnce, TTL: t.conf.Lease})
	if err != nil {
		t.complain(ctx, "webhooks cannot be leased", err)
		return 0
	}
	errand.Each(notices, func(n *hub.Notice) { t.tell(ctx, e, n) }, func(n *hub.Notice, where slog.Attr) {
		t.Log.Error("telling a webhook panicked", slog.String("operation", "webhook_tell"), slog.String("receiver", string(n.Receiver)), where)
	})
	return len(notices)
}

func (t *Teller) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		t.Log.Warn(what, slog.String("operation", "webhook_tell"), slog.String("code", string(hub.CodeOf(err))))
	}
}

const (
	tidyAfter = 2 * time.Second  // a replica that starts has more urgent work
	tidyEvery = 30 * time.Second // the outbox is cleared of what nobody listens to
	forget    = time.Hour
)

// tidy settles what is for receivers without an endpoint, and forgets what is
// old.
func (t *Teller) tidy(ctx context.Context) {
	last := time.Time{}
	hub.Sleep(ctx, tidyAfter)
	for ; ctx.Err() == nil; hub.Sleep(ctx, tidyEvery) {
		if err := t.settleUnheard(ctx); err != nil {
			t.complain(ctx, "webhooks of nobody cannot be settled", err)
		}
		if time.Since(last) < forget {
			continue
		}
		last = time.Now()
		if err := t.Outbox.Forget(ctx, last.Add(-t.conf.Keep), last.Add(-t.conf.KeepUnheard)); err != nil {
			t.complain(ctx, "old webhooks cannot be forgotten", err)
		}
	}
}

// settleUnheard settles what is for receivers without an endpoint, so that it does
// not stand before the others. For a while it can be replayed, should there be one:
// the outbox holds a few days of what nobody listens to, however much that is.
func (t *Teller) settleUnheard(ctx context.Context) error {
	waiting, err := t.Outbox.Waiting(ctx)
	if err != nil {
		return err
	}
	for i := range t.Endpoints {
		to := t.Endpoints[i].Receiver
		t.Meter.Waiting(to, waiting[to])
		delete(waiting, to)
	}
	for to := range waiting {
		if err := t.Outbox.Unheard(ctx, to, time.Now().Add(-t.conf.Rollout)); err != nil {
			return err
		}
	}
	return nil
}
