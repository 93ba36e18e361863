package guard

import (
	"time"

	"racord/hub"
)

// A creditor's Retry-After is obeyed within these limits.
const (
	pauseLeast = time.Second
	pauseMost  = time.Hour
)

// pause is a time in which the creditor does not want to be asked.
type pause struct {
	code  hub.Code
	until time.Time // no call before
	said  time.Time // when the creditor said to come back
}

// paused refuses while the creditor asked us to wait.
func (a *Allowance) paused() error {
	p := a.pause.Load()
	if p == nil {
		return nil
	}
	now := time.Now()
	if !now.Before(p.until) {
		a.pause.CompareAndSwap(p, nil)
		return nil
	}
	if p.code == hub.CodeMaintenance {
		return refusal(p.code, "The creditor's system is closed now.", p.said.Sub(now))
	}
	return refusal(p.code, "The creditor asks to come back later.", p.said.Sub(now))
}

// slower halves the usable slots after the creditor said "too many", once for
// all calls that were under way, and pauses for as long as it asked.
func (a *Allowance) slower(began time.Time, wait time.Duration) {
	a.mu.Lock()
	if began.After(a.lowered) {
		a.ceiling = max(1, float64(a.usable())/2)
		a.lowered = time.Now()
	}
	a.mu.Unlock()
	if wait > 0 {
		wait = min(max(wait, pauseLeast), pauseMost)
		a.hold(hub.CodeBusy, wait, wait)
	}
}

// faster gives one slot back for as many successes as there are slots.
func (a *Allowance) faster() {
	a.mu.Lock()
	if whole := float64(a.limits.Inflight); a.ceiling < whole {
		a.ceiling = min(whole, a.ceiling+1/a.ceiling)
		a.grant()
	}
	a.mu.Unlock()
}

// closed pauses for a maintenance that the creditor announced in an answer. It
// is asked again every probing, so that an early end is noticed.
func (a *Allowance) closed(wait, probing time.Duration) {
	if wait > 0 {
		wait = min(max(wait, pauseLeast), pauseMost)
		a.hold(hub.CodeMaintenance, min(wait, probing), wait)
	}
}

func (a *Allowance) hold(code hub.Code, until, said time.Duration) {
	now := time.Now()
	next := &pause{code: code, until: now.Add(until), said: now.Add(said)}
	for {
		p := a.pause.Load()
		if p != nil && p.until.After(next.until) {
			return
		}
		if a.pause.CompareAndSwap(p, next) {
			return
		}
	}
}
