package identity

import (
	"context"
	"errors"
	"sync"
	"time"

	"racord/hub"
)

// Codes change: an issuer shares one later than another, or corrects it. So a
// citizen's issuer is asked again now and then, with the token he brings. He does
// not wait long for that, and nothing of it fails his request: until the issuer
// answers, his last known codes serve.

// renewals bounds the questions about citizens who are known already.
type renewals struct {
	room chan struct{} // a place for each question under way
	mu   sync.Mutex
	last map[hub.Login]time.Time // when a question began that brought nothing yet
}

// The bounds of renewals.
const (
	renewalsAtOnce = 8
	mostRenewals   = 10_000 // are remembered; past it, all are forgotten
)

func newRenewals() *renewals {
	return &renewals{room: make(chan struct{}, renewalsAtOnce), last: map[hub.Login]time.Time{}}
}

// begin takes a place, unless there is none or somebody asked about the login a
// short while ago.
func (r *renewals) begin(who hub.Login, now time.Time, pause time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, asked := r.last[who]; asked && now.Sub(last) < pause {
		return false
	}
	select {
	case r.room <- struct{}{}:
	default:
		return false
	}
	if len(r.last) >= mostRenewals {
		clear(r.last)
	}
	r.last[who] = now
	return true
}

// end gives the place back.
func (r *renewals) end(who hub.Login, err error) {
	<-r.room
	if err != nil {
		return // the pause counts from when it began
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.last, who)
}

// renew asks the issuer about a citizen whom it was last asked about long ago. It
// returns when that is done, or goes on behind.
func (d *Doorman) renew(ctx context.Context, from *issuer, who hub.Login, bearer string, readAt time.Time) {
	now := d.now()
	if now.Sub(readAt) < d.conf.CodesFresh || !d.renewals.begin(who, now, d.conf.CodesPause) {
		return
	}
	done := make(chan struct{})
	d.running.Add(1)
	go func() {
		defer d.running.Done()
		defer close(done)
		err := d.ask(from, who, bearer)
		if d.renewals.end(who, err); err != nil && d.base.Err() == nil {
			d.log.Info("a citizen's codes could not be read again; the last known ones serve", "issuer", from.host(), "code", hub.CodeOf(err), "error", err)
		}
	}()
	soon := time.NewTimer(d.conf.CodesWait)
	defer soon.Stop()
	select {
	case <-done:
	case <-soon.C:
	case <-ctx.Done():
	}
}

// ask stores what the issuer says now. An answer without any code is a token that
// does not share them, not a citizen who has none.
func (d *Doorman) ask(from *issuer, who hub.Login, bearer string) (err error) {
	defer func() {
		if recover() != nil {
			err = unreachable(errors.New("the issuer's answer broke its reader"))
		}
	}()
	ctx, cancel := context.WithTimeout(d.base, 2*d.conf.Patience)
	defer cancel()
	name, ids, err := from.about(ctx, who.Subject, bearer)
	if err != nil {
		return err
	}
	changed, err := d.folders.Renew(ctx, who, name, ids)
	if changed {
		d.log.Info("a citizen's codes are others than before", "issuer", from.host())
	}
	return err
}
