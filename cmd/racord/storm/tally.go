package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// tally counts what was done.
type tally struct {
	sync.Mutex
	kills, pgKills, redisKills   int
	begun                        int // baskets
	paid, refused, given, unpaid int // of them
	requests, failed             int
	starts                       []time.Duration // until ready
	outages                      []time.Duration // of PostgreSQL
	reasons                      map[string]int  // why baskets were held up
}

func (t *tally) add(count *int, n int) {
	t.Lock()
	defer t.Unlock()
	*count += n
}

// begunOf is the part of the baskets that was begun.
func (t *tally) begunOf(baskets int) float64 {
	t.Lock()
	defer t.Unlock()
	return float64(t.begun) / float64(baskets)
}

// started notes how long a start took until the replica was ready.
func (t *tally) started(took time.Duration) {
	t.Lock()
	defer t.Unlock()
	t.starts = append(t.starts, took)
}

// usualStart is how long a start takes on a machine that has not too much to do.
const usualStart = 300 * time.Millisecond

// behind is how much longer than usual the last starts took, on average.
func (t *tally) behind() time.Duration {
	t.Lock()
	defer t.Unlock()
	last, sum := t.starts[max(0, len(t.starts)-16):], time.Duration(0)
	for _, took := range last {
		sum += took
	}
	return max(0, sum/time.Duration(max(1, len(last)))-usualStart)
}

// away notes how long PostgreSQL took no connections.
func (t *tally) away(took time.Duration) {
	t.Lock()
	defer t.Unlock()
	t.pgKills++
	t.outages = append(t.outages, took)
}

// because counts what held a basket up.
func (t *tally) because(reason string) {
	t.Lock()
	defer t.Unlock()
	if t.reasons == nil {
		t.reasons = map[string]int{}
	}
	t.reasons[reason]++
}

func (t *tally) answered(yes bool) {
	t.Lock()
	defer t.Unlock()
	t.requests++
	if !yes {
		t.failed++
	}
}

func (t *tally) String() string {
	t.Lock()
	defer t.Unlock()
	return fmt.Sprintf("%d baskets paid, %d given up, %d refused, %d not paid in time; %d requests, %d without an answer; killed: %d hubs, %d PostgreSQL, %d Redis",
		t.paid, t.given, t.refused, t.unpaid, t.requests, t.failed, t.kills, t.pgKills, t.redisKills)
}

// tell says how long replicas took to be ready, how long PostgreSQL was away, and
// what held baskets up.
func (t *tally) tell(say func(string, ...any)) {
	t.Lock()
	defer t.Unlock()
	say("starts until ready: %s; PostgreSQL away: %s", spread(t.starts), spread(t.outages))
	for _, reason := range slices.Sorted(maps.Keys(t.reasons)) {
		say("held up: %d × %s", t.reasons[reason], reason)
	}
}

// spread tells of many lengths of time the middle and the end.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	all = slices.Sorted(slices.Values(all))
	return fmt.Sprintf("%d, median %s, 90 %% %s, longest %s", len(all), all[len(all)/2].Round(time.Millisecond),
		all[len(all)*9/10].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}
