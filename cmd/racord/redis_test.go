package main_test

import (
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/testserver"
	"racord/cmd/city/town"
)

// TestRedisHoldsNothingThatMatters stops, flushes, freezes and corrupts Redis
// under two replicas and reads every answer.
func TestRedisHoldsNothingThatMatters(t *testing.T) {
	city := startTown(t, town.Config{})
	redis := testserver.Redis(t)
	s := newSite(t, city, plan{More: raised + onPostgres(t) + fmt.Sprintf("redis:\n  addresses: [%s]\n", redis.Addr)})
	fleet := []*replica{s.start(), s.start()}
	awaitFeeds(t, fleet[0], city)
	people, doors := citizens(t, city, fleet[0].url, 30)
	var done atomic.Bool
	var right, wrong atomic.Int64
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; !done.Load(); i++ {
				person := people[i%len(people)]
				citizen := portal{fleet[i%2].url, doors[person.ID].token}
				a, err := citizen.view(t.Context(), []string{"", "?max_staleness=1"}[i/2%2])
				if err == nil {
					err = honestUnderFaults(city, person, a, nil)
				}
				if err == nil {
					right.Add(1)
				} else if wrong.Add(1) < 5 {
					t.Error(err)
				}
			}
		})
	}
	for _, harm := range []func(testing.TB){redis.Flush, redis.Corrupt, redis.Freeze, redis.Thaw, redis.Flush, redis.Stop, redis.Start, redis.Corrupt} {
		time.Sleep(1500 * time.Millisecond)
		harm(t)
	}
	time.Sleep(1500 * time.Millisecond)
	done.Store(true)
	wait.Wait()
	t.Logf("%d answers, %d wrong or failed", right.Load()+wrong.Load(), wrong.Load())
	if right.Load() < 200 {
		t.Errorf("got %d right answers, want at least 200", right.Load())
	}
	metrics, err := get(t.Context(), fleet[0].ops+"/metrics")
	if err != nil || !regexp.MustCompile(`racord_redis_events_total\{.*\} [1-9]`).MatchString(metrics) {
		t.Errorf("the replica did not use Redis (%v)", err)
	}
}
