package guard_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// since forgets what the witness saw so far, but for the calls under way.
func (w *witness) since() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most, w.starts = w.inflight, nil
}

func (w *witness) atOnce() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

// TestACreditorThatDeclaresSomethingElseIsObeyedByAll lets two replicas hear of it
// one after the other, while they ask as fast as they may.
func TestACreditorThatDeclaresSomethingElseIsObeyedByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		declared := []hub.Traits{
			{MaxInflight: 16, RPS: 50, Timeout: time.Second},
			{MaxInflight: 4, RPS: 10, Timeout: time.Second},
			{MaxInflight: 2, RPS: 0.5, Timeout: time.Second},
			{MaxInflight: 8, RPS: 30, Timeout: 2 * time.Second},
		}
		l, w := newLedger(), &witness{takes: func() time.Duration { return 150 * time.Millisecond }, by: map[hub.Holder]int{}}
		var all []*replica
		for _, who := range []hub.Holder{"a", "b"} {
			r := newReplica(t, l, w, who, declared[0])
			r.load(20, 4*time.Minute)
			all = append(all, r)
		}
		for i, now := range declared {
			before := declared[max(i-1, 0)]
			w.since()
			for _, r := range all {
				r.leaser.Limit("water", guard.LimitsOf(now))
				time.Sleep(1500 * time.Millisecond)
			}
			time.Sleep(15 * time.Second) // the old leases have run out
			if most := max(before.MaxInflight, now.MaxInflight); w.atOnce() > most {
				t.Errorf("step %d: got %d at once on the way, want at most %d", i, w.atOnce(), most)
			}
			w.since()
			time.Sleep(20 * time.Second)
			if got := w.mostIn(time.Second); float64(got) > max(1, now.RPS) || w.atOnce() > now.MaxInflight {
				t.Errorf("step %d: got %d at once and %d a second, want at most %d and %v", i, w.atOnce(), got, now.MaxInflight, now.RPS)
			}
			for _, r := range all {
				if got := r.allow.Load().Held; got != now.MaxInflight/2 {
					t.Errorf("step %d: replica %s got %d slots, want its half of %d", i, r.holder, got, now.MaxInflight)
				}
			}
		}
		for _, r := range all {
			r.gone()
		}
	})
}
