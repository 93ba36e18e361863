package memo_test

import (
	"testing"

	"racord/cmd/city/memo"
)

func TestMemoForgetsWhatIsNoLongerTrue(t *testing.T) {
	var m memo.Memo[string]
	m.Size(2)
	today := memo.State{Day: 10, Payments: 1}
	if got := m.Keep(1, today, "owes"); got != "owes" {
		t.Errorf("Keep: got %q, want what was kept", got)
	}
	for name, tc := range map[string]struct {
		i     int
		state memo.State
		ok    bool
	}{
		"the same":        {1, today, true},
		"another thing":   {0, today, false},
		"another day":     {1, memo.State{Day: 11, Payments: 1}, false},
		"another payment": {1, memo.State{Day: 10, Payments: 2}, false},
		"beyond its size": {2, today, false},
	} {
		if _, ok := m.Get(tc.i, tc.state); ok != tc.ok {
			t.Errorf("%s: got %v, want %v", name, ok, tc.ok)
		}
	}
	m.Keep(9, today, "x") // has no room and must not mind
}
