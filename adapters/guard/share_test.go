package guard_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// version is one of a creditor's connectors on one allowance.
func version(c hub.Source, allowance *guard.Allowance) hub.Source {
	connector := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: traits, Source: c}
	return guard.Connector(connector, guard.Parts{Allowance: allowance, Clock: hub.ClockFunc(time.Now)}, guard.Conf{}).Source
}

func TestWhatOneVersionIsToldStopsNoOther(t *testing.T) {
	for name, code := range map[string]hub.Code{"too many": hub.CodeBusy, "closed": hub.CodeMaintenance} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shown, unproven := &creditor{}, &creditor{act: fails(&hub.Error{Code: code, Message: "later", RetryAfter: time.Hour})}
				allowance := guard.Fixed("water", guard.LimitsOf(traits))
				live, shadow := version(shown, allowance), version(unproven, allowance)
				for range 2 {
					if err := ask(shadow); hub.CodeOf(err) != code {
						t.Fatalf("the version in shadow: got %v, want %s", err, code)
					}
				}
				if err := ask(live); err != nil || shown.calls.Load() != 1 || unproven.calls.Load() != 1 {
					t.Errorf("got %v after %d calls of the live version and %d of the other, want an answer and one call each",
						err, shown.calls.Load(), unproven.calls.Load())
				}
			})
		})
	}
}

// TestASlowedVersionKeepsNobodyWaiting lets a version that heard "too many" wait
// for its own calls while the creditor has slots left.
func TestASlowedVersionKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown, unproven := &creditor{}, &creditor{act: fails(hub.Errorf(hub.CodeBusy, "429"))}
		allowance := guard.Fixed("water", guard.LimitsOf(traits))
		live, shadow := version(shown, allowance), version(unproven, allowance)
		for range 3 {
			_ = ask(shadow)
			time.Sleep(time.Millisecond)
		}
		for _, c := range []*creditor{shown, unproven} {
			c.act = func(context.Context) error { time.Sleep(50 * time.Millisecond); return nil }
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { _ = ask(shadow) })
		}
		synctest.Wait()
		for range 7 {
			all.Go(func() {
				if err := ask(live); err != nil {
					t.Errorf("the live version: got %v, want an answer", err)
				}
			})
		}
		synctest.Wait()
		load := allowance.Load()
		if load.Usable != 1 || load.Inflight != 8 || load.Waiting != 4 {
			t.Errorf("got %+v, want one slot left to the slowed version, all eight taken and its four others waiting", load)
		}
		all.Wait()
	})
}

func TestAVersionThatIsGoneLowersNothingForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowance := guard.Fixed("water", guard.LimitsOf(traits))
		_ = ask(version(&creditor{act: fails(hub.Errorf(hub.CodeBusy, "429"))}, allowance))
		if got := allowance.Load().Usable; got != 4 {
			t.Errorf("got %d slots, want 4", got)
		}
		time.Sleep(time.Hour + time.Second)
		if got := allowance.Load().Usable; got != 8 {
			t.Errorf("after an hour without a word: got %d slots, want 8", got)
		}
	})
}
