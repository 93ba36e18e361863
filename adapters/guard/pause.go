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
func (s *share) paused() error {
	p := s.pause.Load()
	if p == nil {
		return nil
	}
	now := time.Now()
	if !now.Before(p.until) {
		s.pause.CompareAndSwap(p, nil)
		return nil
	}
	if p.code == hub.CodeMaintenance {
		return refusal(p.code, "The creditor's system is closed now.", p.said.Sub(now))
	}
	return refusal(p.code, "The creditor asks to come back later.", p.said.Sub(now))
}

// slower leaves half of the slots after the creditor said "too many", and pauses
// for as long as it asked.
func (s *share) slower(began time.Time, wait time.Duration) {
	s.halve(began)
	if wait > 0 {
		wait = min(max(wait, pauseLeast), pauseMost)
		s.hold(hub.CodeBusy, wait, wait)
	}
}

// closed pauses for a maintenance that the creditor announced in an answer. It
// is asked again every probing, so that an early end is noticed.
func (s *share) closed(wait, probing time.Duration) {
	if wait > 0 {
		wait = min(max(wait, pauseLeast), pauseMost)
		s.hold(hub.CodeMaintenance, min(wait, probing), wait)
	}
}

func (s *share) hold(code hub.Code, until, said time.Duration) {
	now := time.Now()
	next := &pause{code: code, until: now.Add(until), said: now.Add(said)}
	for {
		p := s.pause.Load()
		if p != nil && p.until.After(next.until) {
			return
		}
		if s.pause.CompareAndSwap(p, next) {
			return
		}
	}
}
