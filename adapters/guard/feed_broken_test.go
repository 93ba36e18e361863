package guard_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// defective is a delivery of two records whose connector has a defect in one place.
type defective struct {
	delivery
	in   string
	ward *guard.Ward // nil = nobody is in quarantine; else it is, once it was asked
}

func (d *defective) Pull(context.Context, hub.Cursor) (hub.Batch, error) {
	d.ward.Quarantine("heating", "a test")
	return d, nil
}

func (d *defective) breaks(in string) {
	if d.in == in {
		panic("of " + in)
	}
}

func (d *defective) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		defer d.breaks("what is tidied up")
		if yield(hub.Record{Account: "1"}, nil) {
			d.breaks("the second record")
			yield(hub.Record{Account: "2"}, nil)
		}
	}
}

func (d *defective) Control() hub.Control { d.breaks("Control"); return hub.Control{Rows: 2} }
func (d *defective) Next() hub.Cursor     { d.breaks("Next"); return "next" }
func (d *defective) Close() error         { d.breaks("Close"); return nil }

// TestADefectInADeliveryEndsTheDeliveryAlone reads one as feeds are read.
func TestADefectInADeliveryEndsTheDeliveryAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		want   hub.Code
		read   int
		closed hub.Code
	}{
		"nothing":           {"", 2, ""},
		"the second record": {hub.CodeInternal, 1, ""},
		"what is tidied up": {hub.CodeInternal, 2, ""},
		"Control":           {hub.CodeInternal, 2, ""},
		"Next":              {hub.CodeInternal, 2, ""},
		"Close":             {"", 2, hub.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				allowance := guard.Fixed("heating", guard.Limits{Inflight: 1})
				batch, err := fed(&defective{in: name}, allowance).Pull(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				read, failed := 0, error(nil)
				for _, err := range batch.Records() {
					if failed = err; err == nil {
						read++
					}
				}
				if read != tc.read || hub.CodeOf(failed) != tc.want {
					t.Errorf("got %d records and %v, want %d and %q", read, failed, tc.read, tc.want)
				}
				if failed == nil && (batch.Control().Rows != 2 || batch.Next() != "next") {
					t.Errorf("got %+v and %q, want what the delivery says", batch.Control(), batch.Next())
				}
				if err := batch.Close(); hub.CodeOf(err) != tc.closed {
					t.Errorf("Close: got %v, want %q", err, tc.closed)
				}
				time.Sleep(time.Second)
				if got := allowance.Load().Inflight; got != 0 {
					t.Errorf("got %d slots taken at the end, want 0", got)
				}
			})
		})
	}
}

// TestADeliveryThatIsLeftIsAskedSafely leaves after a record.
func TestADeliveryThatIsLeftIsAskedSafely(t *testing.T) {
	for _, in := range []string{"what is tidied up", "Control", "Next"} {
		synctest.Test(t, func(t *testing.T) {
			batch, err := fed(&defective{in: in}, guard.Fixed("heating", guard.Limits{Inflight: 1})).Pull(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			for range batch.Records() {
				break
			}
			if control, next := batch.Control(), batch.Next(); control.Rows != 2 && in != "Control" || next != "next" && in != "Next" {
				t.Errorf("%s is broken: got %+v and %q", in, control, next)
			}
			_ = batch.Close()
		})
	}
}

// TestADeliveryThatNobodyGetsIsClosedSafely: its creditor is quarantined meanwhile.
func TestADeliveryThatNobodyGetsIsClosedSafely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ward := guard.NewWard(nil, hub.ClockFunc(time.Now), nil, nil)
		c := &hub.Connector{Creditor: hub.Creditor{Name: "heating"}, Traits: traits, Feed: &defective{in: "Close", ward: ward}}
		parts := guard.Parts{Allowance: guard.Fixed("heating", guard.LimitsOf(traits)), Ward: ward, Clock: hub.ClockFunc(time.Now)}
		if _, err := guard.Connector(c, parts, guard.Conf{}).Feed.Pull(t.Context(), ""); hub.CodeOf(err) != hub.CodeForeignData {
			t.Errorf("got %v, want the quarantine", err)
		}
	})
}

// TestADefectOfWhoReadsIsItsOwn is no connector's, and nobody hides it.
func TestADefectOfWhoReadsIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch, err := fed(&defective{}, guard.Fixed("heating", guard.Limits{Inflight: 1})).Pull(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if got, _ := recover().(string); !strings.Contains(got, "the reader") {
				t.Errorf("got %q, want what the reader panicked with", got)
			}
			_ = batch.Close()
		}()
		for range batch.Records() {
			panic("of the reader")
		}
	})
}
