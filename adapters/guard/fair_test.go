package guard_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
)

// TestABusyReplicaGivesOthersTheirShare has the older one asked all the time, by
// more callers than there are slots.
func TestABusyReplicaGivesOthersTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traits := hub.Traits{MaxInflight: 16, RPS: 50, Timeout: time.Second}
		l, w := newLedger(), &witness{takes: func() time.Duration { return 150 * time.Millisecond }, by: map[hub.Holder]int{}}
		var all []*replica
		for _, who := range []hub.Holder{"a", "b"} {
			r := newReplica(t, l, w, who, traits)
			r.load(20, 2*time.Minute)
			all = append(all, r)
		}
		time.Sleep(10 * time.Second)
		for _, r := range all {
			if got := r.allow.Load().Held; got != 8 {
				t.Errorf("replica %s got %d slots after ten seconds, want its half of 16", r.holder, got)
			}
		}
		for _, r := range all {
			r.gone()
		}
		if w.most > 16 {
			t.Errorf("got %d calls at once, want at most 16", w.most)
		}
	})
}
