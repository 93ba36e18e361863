package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/cmd/city/gate"
)

func TestBusiestSecondSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{Name: "x"})
		for _, step := range []struct {
			wait  time.Duration
			calls int
			want  int64
		}{
			{0, 3, 3},
			{500 * time.Millisecond, 2, 5},
			{500 * time.Millisecond, 4, 6}, // the first three are a second old
			{400 * time.Millisecond, 3, 9},
			{5 * time.Second, 100, 100}, // grows beyond the first ring
			{time.Second, 1, 100},
		} {
			time.Sleep(step.wait)
			for range step.calls {
				leave, _ := g.Enter()
				leave()
			}
			if got := g.Counter().MaxInAnySecond; got != step.want {
				t.Errorf("after %d more calls: got %d in the busiest second, want %d", step.calls, got, step.want)
			}
		}
	})
}
