package gate

import (
	"context"
	"fmt"
	"math"
	"time"

	"racord/cmd/city/dice"
)

// Latency says how long a creditor thinks: log-normal, by its median and its
// 99th percentile. The zero value answers at once.
type Latency struct{ P50, P99 time.Duration }

// Profiles are the named sets of latencies, by creditor: none for tests of
// correctness, calm for demonstrations, real for a working day.
func Profiles(name string) (map[string]Latency, error) {
	const ms = time.Millisecond
	switch name {
	case "", "none":
		return map[string]Latency{}, nil
	case "calm":
		return map[string]Latency{
			"ditl": {60 * ms, 300 * ms}, "fines": {25 * ms, 90 * ms}, "water": {30 * ms, 120 * ms},
			"heating": {10 * ms, 40 * ms}, "waste": {5 * ms, 20 * ms}, "electricity": {40 * ms, 150 * ms},
			"parking":   {8 * ms, 30 * ms},
			"roadfines": {30 * ms, 110 * ms},
		}, nil
	case "real":
		return map[string]Latency{
			"ditl": {700 * ms, 9000 * ms}, "fines": {120 * ms, 600 * ms}, "water": {200 * ms, 1500 * ms},
			"heating": {100 * ms, 400 * ms}, "waste": {50 * ms, 250 * ms}, "electricity": {400 * ms, 2500 * ms},
			"parking":   {40 * ms, 200 * ms},
			"roadfines": {300 * ms, 1200 * ms},
		}, nil
	default:
		return nil, fmt.Errorf("gate: unknown latency profile %q (none, calm, real)", name)
	}
}

// draw is how long a call takes.
func (l Latency) draw(d *dice.Dice) time.Duration {
	const z99 = 2.326
	normal := math.Sqrt(-2*math.Log(1-d.Float())) * math.Cos(2*math.Pi*d.Float())
	sigma := math.Log(float64(l.P99)/float64(l.P50)) / z99
	return time.Duration(float64(l.P50) * math.Exp(sigma*normal))
}

// sleep waits for d or until ctx ends; it reports whether it slept through.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
