package gauge_test

import (
	"testing"

	"racord/cmd/racord/gauge"
)

func TestFiguresAreMediansOfPairs(t *testing.T) {
	ours, peers := []float64{100, 300, 90}, []float64{50, 100, 100}
	f := gauge.Compare("m", "q", "peer", ours, peers).AtLeast(2)
	if f.Ratio != 2 || !*f.Reached || gauge.Median(f.Racord) != 100 {
		t.Errorf("got ratio %v, reached %t, median %v; want 2, true, 100", f.Ratio, *f.Reached, gauge.Median(f.Racord))
	}
	if f := gauge.Compare("m", "q", "peer", ours, peers).AtMost(1.9); *f.Reached {
		t.Errorf("got reached, want a ratio of 2 above a bar of 1.9")
	}
	if got := gauge.Median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("got median %v, want 2.5", got)
	}
}
