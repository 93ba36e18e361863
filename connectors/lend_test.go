package connectors_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"racord/connectors"
	"racord/hub"
)

// lent reads an answer about Ana in memory that it lends.
func lent(t testing.TB, m *connectors.Manifest, records ...string) hub.Answer {
	t.Helper()
	j, err := connectors.ParseJSON([]byte(anaOwes(records...)))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Release()
	r := m.Reading(m.Calls["obligations"], ana, noon)
	if _, err := r.Page(j.Root()); err != nil {
		t.Fatal(err)
	}
	return r.Lend()
}

func written(t testing.TB, a hub.Answer) string {
	t.Helper()
	a.Loan, a.Obligations = nil, append([]hub.Obligation{}, a.Obligations...)
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An answer in memory that others had before says what one in its own does, and
// stays as it is as long as it is not returned.
func TestALentAnswerIsItsOwnUntilItIsReturned(t *testing.T) {
	m := paperManifest(t, paperMap)
	answers := [][]string{{firstHalf, secondHalf, credit}, {credit}, {secondHalf, firstHalf}, {}, {`{"id":"?"}`, firstHalf}}
	want := make([]string, len(answers))
	for i, records := range answers {
		a, err := read(t, paperMap, anaOwes(records...), ana)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = written(t, a)
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			kept := make([]hub.Answer, len(answers))
			for range 100 {
				for i, records := range answers {
					kept[i] = lent(t, m, records...)
				}
				for i, a := range kept {
					if got := written(t, a); got != want[i] {
						t.Errorf("answer %d: got %s\nwant %s", i, got, want[i])
						return
					}
					a.Loan.Return()
				}
			}
		})
	}
	asking.Wait()
}

// Who watches what is read may keep it.
func TestAWatchedAnswerIsNotLent(t *testing.T) {
	var seen []connectors.Trace
	m := paperManifest(t, paperMap).Traced(
		func(*hub.Obligation, *hub.QualityEvent) bool { return true },
		func(trace connectors.Trace) { seen = append(seen, trace) })
	if a := lent(t, m, firstHalf); a.Loan != nil {
		t.Error("got a loan, want none")
	}
	if len(seen) != 1 || seen[0].Mapped == nil || len(seen[0].Mapped.Options) == 0 {
		t.Errorf("got %+v, want the record with its options", seen)
	}
}

// A lent answer's memory is used again: reading the next allocates next to nothing.
func BenchmarkALentAnswer(b *testing.B) {
	m := paperManifest(b, paperMap)
	for _, lend := range []bool{true, false} {
		b.Run(fmt.Sprintf("returned=%v", lend), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a := lent(b, m, firstHalf, secondHalf, credit)
				if lend {
					a.Loan.Return()
				}
			}
		})
	}
}
